//! Databases, tables and their versions.

use aws_config::SdkConfig;
use aws_sdk_glue::Client;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::call::CallError;
use crate::listing::{Listing, drain, merge};
use crate::recorder::Recorder;

/// Versions are one call a table: at most so many tables in one round, the longest unasked first.
const VERSIONS_OF_TABLES: usize = 500;

/// What a round fetched, and what it could not.
#[derive(Debug, Default)]
pub struct Look {
    /// In the CLI's shape.
    pub documents: Vec<Value>,
    pub failures: Vec<CallError>,
    /// Tables that changed until then have had their versions fetched.
    pub versions_until: Option<DateTime<Utc>>,
}

impl Look {
    pub(crate) fn take(&mut self, listing: Listing) {
        self.documents.push(listing.answer);
        self.failures.extend(listing.failure);
    }
}

#[derive(Debug)]
pub struct Glue {
    client: Client,
    recorder: Recorder,
    account: String,
}

impl Glue {
    pub fn new(config: &SdkConfig, account: &str) -> Self {
        let recorder = Recorder::default();
        let with_recorder = aws_sdk_glue::config::Builder::from(config).interceptor(recorder.clone()).build();
        Self { client: Client::from_conf(with_recorder), recorder, account: account.to_owned() }
    }

    /// One round: every database, every table of each, and the versions of tables that changed after `versions_after`.
    pub async fn look(&self, versions_after: Option<DateTime<Utc>>) -> Look {
        let mut look = Look { versions_until: versions_after, ..Look::default() };
        let databases = self.databases().await;
        let names = names_in(&databases.answer, "DatabaseList");
        look.take(databases);
        let mut tables = Vec::new();
        for database in &names {
            let mut listing = self.tables(database).await;
            tables.extend(listing.answer["TableList"].as_array().into_iter().flatten().filter_map(ChangedTable::of));
            listing.answer["DatabaseName"] = json!(database);
            look.take(listing);
        }
        tables.retain(|table| versions_after.is_none_or(|after| table.changed_at > after));
        tables.sort_by_key(|table| table.changed_at);
        for table in tables.iter().take(VERSIONS_OF_TABLES) {
            let listing = self.versions(&table.database, &table.name).await;
            if listing.failure.is_some() {
                // What follows is fetched next time, from here on.
                look.take(listing);
                break;
            }
            look.take(listing);
            look.versions_until = Some(table.changed_at);
        }
        look
    }

    async fn databases(&self) -> Listing {
        let operation = "glue:GetDatabases";
        let mut pages = self.client.get_databases().catalog_id(&self.account).into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "DatabaseList", &self.recorder.take(), outcome)
    }

    async fn tables(&self, database: &str) -> Listing {
        let operation = "glue:GetTables";
        let request = self.client.get_tables().catalog_id(&self.account).database_name(database);
        let mut pages = request.into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "TableList", &self.recorder.take(), outcome)
    }

    async fn versions(&self, database: &str, table: &str) -> Listing {
        let operation = "glue:GetTableVersions";
        let request =
            self.client.get_table_versions().catalog_id(&self.account).database_name(database).table_name(table);
        let mut pages = request.into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "TableVersions", &self.recorder.take(), outcome)
    }
}

struct ChangedTable {
    database: String,
    name: String,
    changed_at: DateTime<Utc>,
}

impl ChangedTable {
    fn of(table: &Value) -> Option<Self> {
        let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let seconds = table.get("UpdateTime").or_else(|| table.get("CreateTime"))?.as_f64()?;
        let changed_at = DateTime::from_timestamp_micros((seconds * 1e6) as i64)?;
        Some(Self { database: text("DatabaseName")?, name: text("Name")?, changed_at })
    }
}

pub(crate) fn names_in(answer: &Value, key: &str) -> Vec<String> {
    let entries = answer[key].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.get("Name")?.as_str().map(str::to_owned)).collect()
}
