//! Every SQL statement of the catalog, by table. Rows go in as one JSON document a statement.

pub mod breaches;
pub mod changes;
pub mod databases;
pub mod grants;
pub mod locations;
pub mod pages;
pub mod snapshots;
pub mod tables;
pub mod tags;

use lakewarden_core::Sha256;
use serde::Serialize;
use serde_json::Value;

/// A digest as `decode(…, 'hex')` reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hex(pub Sha256);

/// Rows for `jsonb_to_recordset`.
fn rows<T: Serialize>(rows: &[T]) -> Result<Value, sqlx::Error> {
    serde_json::to_value(rows).map_err(|error| sqlx::Error::Encode(error.into()))
}
