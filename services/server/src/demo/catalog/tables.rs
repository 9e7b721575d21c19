//! Tables of the catalog, and what is wrong with a few of them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{State, of};
use crate::demo::lake::{ACCOUNT, Dataset, Lake, Layer, OFFBOARDED};
use crate::demo::planted::{Planted, Stream};

/// Databases of this layer's name were forgotten when tags were given out.
pub const UNTAGGED_LAYER: &str = "landing";

/// A table as far as the demo's tables differ.
#[derive(Debug, Clone)]
pub struct Table {
    pub database: String,
    name: String,
    location: String,
    columns: Vec<(&'static str, &'static str)>,
    is_encrypted: bool,
    /// A tag of its own, over that of the database.
    own_tag: Option<&'static str>,
    rows: u64,
}

impl Table {
    fn of_dataset(set: &Dataset) -> Self {
        Self {
            database: set.database(),
            name: set.name.to_owned(),
            location: format!("{}/", set.location()),
            columns: set.columns().to_vec(),
            is_encrypted: true,
            own_tag: None,
            rows: set.rows * 30,
        }
    }

    fn canonical(&self) -> String {
        format!("glue:{ACCOUNT}/{}.{}", self.database, self.name)
    }

    pub fn record(&self, taken_at: DateTime<Utc>) -> Value {
        let is_raw = self.location.contains("lake-raw");
        let columns: Vec<Value> = self.columns.iter().map(|(name, kind)| json!({"Name": name, "Type": kind})).collect();
        let (format, class) = if is_raw {
            ("csv", "org.apache.hadoop.hive.serde2.OpenCSVSerde")
        } else {
            ("parquet", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
        };
        json!({
            "Name": self.name,
            "DatabaseName": self.database,
            "CatalogId": ACCOUNT,
            "Owner": "hadoop",
            "CreateTime": "2025-03-04T09:20:00Z",
            "UpdateTime": (taken_at - TimeDelta::hours(7)).to_rfc3339_opts(SecondsFormat::Secs, true),
            "Retention": 0,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": "dt", "Type": "date"}],
            "StorageDescriptor": {
                "Columns": columns, "Location": self.location, "Compressed": !is_raw, "NumberOfBuckets": -1,
                "SerdeInfo": {"SerializationLibrary": class},
            },
            "Parameters": {
                "classification": format, "EXTERNAL": "TRUE", "has_encrypted_data": self.is_encrypted.to_string(),
                "recordCount": self.rows.to_string(),
            },
        })
    }

    /// An entry of `search-tables-by-lf-tags`, for tables with a tag of their own.
    pub fn tags(&self) -> Option<Value> {
        let tag = self.own_tag?;
        Some(json!({
            "Table": {"CatalogId": ACCOUNT, "DatabaseName": self.database, "Name": self.name},
            "LFTagsOnTable": [{"CatalogId": ACCOUNT, "TagKey": "tenant", "TagValues": [tag]}],
        }))
    }
}

/// All tables of a state: the lake's datasets, changed and added to by what happened and by what is planted.
pub fn all(lake: &Lake, state: State) -> Vec<Table> {
    let mut tables: Vec<Table> = lake.datasets.iter().map(Table::of_dataset).collect();
    tables.extend(planted_tables().into_iter().map(|(table, _)| table));
    // Faults of tables that are otherwise as they should be.
    for table in &mut tables {
        match (table.database.as_str(), table.name.as_str()) {
            ("acme_raw", "stores") => table.is_encrypted = false,
            ("hooli_analytics", "funnel") => table.own_tag = Some("stark"),
            _ => {}
        }
    }
    if state == State::Earlier {
        rewind(&mut tables);
    }
    // The answer of search-tables-by-lf-tags must hold an entry, or it could not be told from that of get-tables.
    debug_assert!(tables.iter().any(|table| table.own_tag.is_some()));
    tables
}

/// Undoes what changed in the last days: new tables, a new column, a wider type, a moved location.
fn rewind(tables: &mut Vec<Table>) {
    tables.retain(|table| {
        !matches!(table.name.as_str(), "regional_sales" | "saved_results" | "tmp_orders" | "joint_venture")
    });
    for table in tables {
        match (table.database.as_str(), table.name.as_str()) {
            ("hooli_processed", "customers") => table.columns.retain(|(name, _)| *name != "email"),
            ("globex_analytics", "sales_daily") => table.columns[2] = ("orders", "int"),
            ("initech_raw", "shipments") => "s3://lake-raw/initech/deliveries/".clone_into(&mut table.location),
            ("acme_raw", "stores") => table.is_encrypted = true,
            _ => {}
        }
    }
}

/// Tables that stand in the catalog only because they breach something: the policy and what to say of it.
fn planted_tables() -> Vec<(Table, (&'static str, &'static str))> {
    let table =
        |set: &Dataset, location: &str| Table { location: location.to_owned(), rows: 1_000, ..Table::of_dataset(set) };
    let named =
        |database: &str, set: &Dataset, location: &str| Table { database: database.to_owned(), ..table(set, location) };
    let joint = Table {
        own_tag: Some("wayne"),
        ..table(&of("stark", Layer::Analytics, "joint_venture"), "s3://lake-analytics/wayne/joint_venture/")
    };
    vec![
        (
            table(&of("globex", Layer::Analytics, "regional_sales"), "s3://lake-analytics/acme/regional_sales/"),
            ("catalog-location-cross-tenant", "globex's table regional_sales points into acme's area"),
        ),
        (joint, ("catalog-database-cross-tenant", "wayne's table joint_venture stands in stark's database")),
        (
            named("wayne_landing", &of("wayne", Layer::Raw, "file_drops"), "s3://lake-raw/wayne/file_drops/"),
            ("catalog-owner-tag-missing", "wayne's landing database and its table carry no owner tag"),
        ),
        (
            table(&of("initech", Layer::Analytics, "saved_results"), "s3://lake-athena-results/initech/saved/"),
            ("catalog-not-registered", "initech's saved_results lie where Lake Formation does not look"),
        ),
        (
            named("scratch", &of("initech", Layer::Raw, "tmp_orders"), "s3://lake-scratch/tmp/orders/"),
            ("catalog-unowned", "the database scratch and its table belong to nobody"),
        ),
        (
            table(&of(OFFBOARDED, Layer::Raw, "orders"), "s3://lake-raw/wonka/orders/"),
            ("catalog-offboarded-data", "wonka has left, its raw orders have not"),
        ),
    ]
}

pub fn planted(lake: &Lake) -> Vec<Planted> {
    let plant = |policy, place: String, what: &str| Planted::new(Stream::Catalog, policy, place, what);
    let canonical = |tenant, layer, name| Table::of_dataset(&lake.dataset(tenant, layer, name)).canonical();
    let own = planted_tables().into_iter().map(|(table, (policy, what))| plant(policy, table.canonical(), what));
    let mut planted: Vec<Planted> = own.collect();
    planted.push(plant(
        "catalog-not-encrypted",
        canonical("acme", Layer::Raw, "stores"),
        "acme's raw stores lie unencrypted",
    ));
    planted.push(plant(
        "catalog-offboarded-data",
        format!("glue:{ACCOUNT}/{OFFBOARDED}_raw"),
        "wonka's raw database is still there",
    ));
    planted.push(plant(
        "catalog-offboarded-data",
        format!("s3://lake-raw/{OFFBOARDED}"),
        "wonka's raw area is still registered",
    ));
    planted.push(plant(
        "catalog-owner-tag-mismatch",
        canonical("hooli", Layer::Analytics, "funnel"),
        "hooli's funnel carries the owner tag of stark",
    ));
    planted
}
