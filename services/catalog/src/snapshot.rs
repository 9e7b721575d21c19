//! One look at a catalog: what Glue and Lake Formation answered, and how much of it was answered to the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::Resource;

/// What one account's catalog in one region looked like at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct GlueSnapshot {
    pub account: String,
    pub region: String,
    pub taken_at: DateTime<Utc>,
    pub databases: Vec<Database>,
    pub tables: Vec<Table>,
    /// Earlier states of tables, oldest or newest first.
    pub table_versions: Vec<Table>,
    pub grants: Vec<Grant>,
    pub tags: Vec<Tagged>,
    pub locations: Vec<RegisteredLocation>,
    /// `DataLakeSettings`, verbatim.
    pub settings: Option<Value>,
    pub complete: Complete,
}

/// Which listings ended. Only what a complete listing leaves out is gone; what nobody looked at stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complete {
    pub databases: bool,
    /// Databases whose tables were listed to the end.
    pub tables_of: BTreeSet<String>,
    /// Kinds of resources (see [`Resource::kind`]) whose permissions were listed to the end.
    pub grants_on: BTreeSet<&'static str>,
    /// All tags of all resources were asked for: a resource without a row has none.
    pub tags: bool,
    pub locations: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    pub name: String,
    pub location: Option<String>,
    pub description: String,
    pub parameters: BTreeMap<String, String>,
    /// As AWS gave it.
    pub record: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub database: String,
    pub name: String,
    pub content: TableContent,
    /// Glue's number of this state.
    pub version: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    pub record: Value,
}

/// What a version of a table shows; equal content is the same version, whatever else AWS counts up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContent {
    pub location: Option<String>,
    /// `parquet`, `csv`, `iceberg`, `view`, … or `unknown`.
    pub format: String,
    pub columns: Vec<Column>,
    pub partition_keys: Vec<Column>,
    pub parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// Glue's type in its own spelling: `decimal(10,2)`, `array<string>`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// One permission of one principal on one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub principal: String,
    pub resource: Resource,
    pub permission: String,
    pub grantable: bool,
    /// `Principal`, `Resource` and `Condition` as AWS gave them.
    pub record: Value,
}

/// All LF-tags of one database or table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Canonical name: `glue:account/database.table`.
    pub resource: String,
    pub tags: BTreeMap<String, Vec<String>>,
}

/// An S3 location registered with Lake Formation.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredLocation {
    /// `s3://bucket/prefix`
    pub location: String,
    pub role_arn: Option<String>,
    pub hybrid: bool,
    pub record: Value,
}

/// What changed in one field of an asset, for the feed and the version pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Parameters that engines and crawlers count up on every run: no change of the table itself.
const VOLATILE_PARAMETERS: &[&str] = &[
    "averageRecordSize",
    "compressionRatio",
    "CRAWL_RUN_ID",
    "last_modified_by",
    "last_modified_time",
    "metadata_location",
    "numFiles",
    "numRows",
    "objectCount",
    "previous_metadata_location",
    "rawDataSize",
    "recordCount",
    "sizeKey",
    "totalSize",
    "transient_lastDdlTime",
    "UPDATED_BY_CRAWLER",
];

impl GlueSnapshot {
    /// Nothing looked at yet.
    pub fn empty(account: impl Into<String>, region: impl Into<String>, taken_at: DateTime<Utc>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            taken_at,
            databases: Vec::new(),
            tables: Vec::new(),
            table_versions: Vec::new(),
            grants: Vec::new(),
            tags: Vec::new(),
            locations: Vec::new(),
            settings: None,
            complete: Complete::default(),
        }
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.databases.len()
            + self.tables.len()
            + self.table_versions.len()
            + self.grants.len()
            + self.tags.len()
            + self.locations.len()
            + usize::from(self.settings.is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Database {
    /// What a change of a database is measured by.
    pub fn facets(&self) -> BTreeMap<String, String> {
        let mut facets = BTreeMap::new();
        facets.extend(self.location.clone().map(|location| ("location".to_owned(), location)));
        if !self.description.is_empty() {
            facets.insert("description".to_owned(), self.description.clone());
        }
        facets.extend(steady(&self.parameters));
        facets
    }
}

impl TableContent {
    /// What a change of a table is measured by: one entry for each column, partition key and lasting parameter.
    pub fn facets(&self) -> BTreeMap<String, String> {
        let mut facets = BTreeMap::new();
        facets.extend(self.location.clone().map(|location| ("location".to_owned(), location)));
        facets.insert("format".to_owned(), self.format.clone());
        for (place, columns) in [("columns", &self.columns), ("partition_keys", &self.partition_keys)] {
            facets.extend(columns.iter().map(|column| (format!("{place}.{}", column.name), column.kind.clone())));
        }
        facets.extend(steady(&self.parameters));
        // Formats without names in the data are read by position: the order is content.
        let order: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        facets.insert(COLUMN_ORDER.to_owned(), order.join(", "));
        facets
    }
}

const COLUMN_ORDER: &str = "column order";

fn steady(parameters: &BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> + '_ {
    parameters
        .iter()
        .filter(|(key, _)| !VOLATILE_PARAMETERS.contains(&key.as_str()))
        .map(|(key, value)| (format!("parameters.{key}"), value.clone()))
}

/// Equal facets, equal hash.
pub fn hash_of(facets: &BTreeMap<String, String>) -> Sha256 {
    Sha256::of_parts(facets.iter().flat_map(|(field, value)| [field.as_bytes(), value.as_bytes()]))
}

/// Field by field, what one state has and the other has not.
pub fn changed_fields(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<FieldChange> {
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes: Vec<FieldChange> = fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| FieldChange {
            field: field.clone(),
            before: before.get(field).cloned(),
            after: after.get(field).cloned(),
        })
        .collect();
    // A column that came or went moves the others: the order is worth a line only where nothing else explains it.
    if changes.iter().any(|change| change.field.starts_with("columns.")) {
        changes.retain(|change| change.field != COLUMN_ORDER);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(columns: &[(&str, &str)], parameters: &[(&str, &str)]) -> TableContent {
        TableContent {
            location: Some("s3://lake-raw/acme/orders/".into()),
            format: "csv".into(),
            columns: columns
                .iter()
                .map(|(name, kind)| Column { name: (*name).into(), kind: (*kind).into(), comment: String::new() })
                .collect(),
            partition_keys: Vec::new(),
            parameters: parameters.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        }
    }

    #[test]
    fn counters_of_engines_are_no_change_of_the_table() {
        let before = content(&[("id", "int")], &[("recordCount", "1"), ("metadata_location", "s3://a/1")]);
        let after = content(&[("id", "int")], &[("recordCount", "2"), ("metadata_location", "s3://a/2")]);
        assert_eq!(hash_of(&before.facets()), hash_of(&after.facets()));
    }

    #[test]
    fn a_changed_column_is_named_with_its_types_and_a_new_one_does_not_report_the_order() {
        let before = content(&[("id", "int"), ("email", "string")], &[]);
        let after = content(&[("id", "bigint"), ("name", "string"), ("email", "string")], &[]);
        let changes: Vec<String> = changed_fields(&before.facets(), &after.facets())
            .iter()
            .map(|change| format!("{}: {:?} -> {:?}", change.field, change.before.as_deref(), change.after.as_deref()))
            .collect();
        assert_eq!(
            changes,
            [r#"columns.id: Some("int") -> Some("bigint")"#, r#"columns.name: None -> Some("string")"#]
        );
    }

    #[test]
    fn columns_that_change_places_are_a_change() {
        let before = content(&[("id", "int"), ("email", "string")], &[]).facets();
        let after = content(&[("email", "string"), ("id", "int")], &[]).facets();
        assert_ne!(hash_of(&before), hash_of(&after));
        assert_eq!(changed_fields(&before, &after)[0].field, "column order");
    }
}
