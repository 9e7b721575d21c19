//! What is wrong in the demo lake, on purpose. Each stream makes its breaches from the entries here, so that the list cannot
//! promise what the data does not hold.

use serde::Serialize;

/// A breach that the demo's data contains and that must become a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// The policy that must find it.
    pub policy: &'static str,
    /// In one line for people.
    pub what: String,
    /// The asset, canonical where it has such a name, or the tenant.
    pub place: String,
    /// In which of the demo's streams the records lie.
    pub stream: Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Lineage,
    Trail,
    Catalog,
    Cost,
}

impl Planted {
    pub fn new(stream: Stream, policy: &'static str, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { policy, what: what.into(), place: place.into(), stream }
    }
}
