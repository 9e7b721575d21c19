//! What a slice hands over when a policy is breached, and the fingerprint that makes a million breaches one finding.

use std::fmt;

use chrono::{DateTime, Utc};
use lakewarden_core::{Plane, Sha256, TenantId, TimeWindow};
use lakewarden_tenancy::Owner;
use serde::{Deserialize, Serialize};

/// A source record that shows a breach.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The source's name, as the sources page shows it.
    pub source: String,
    /// Where in the source: event id, file and index, request id.
    pub reference: String,
    /// Of the record as received.
    pub hash: Sha256,
    pub occurred_at: DateTime<Utc>,
    /// One line for people.
    pub summary: String,
    /// Redacted by whoever read it.
    pub record: serde_json::Value,
}

/// One subject's breach of one policy, as seen in one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Must be in the [`crate::Registry`].
    pub policy_id: String,
    /// Stable text of what breaches, part of the fingerprint: `role/acme-etl read s3://lake-raw/globex`.
    pub subject: String,
    /// One line for people.
    pub title: String,
    /// Whose data is hit.
    pub owner: Owner,
    /// The other side of a crossing, if there is one.
    pub actor: Option<TenantId>,
    pub plane: Option<Plane>,
    /// Canonical: `s3://bucket/prefix`, `glue:account/db.table`, `dataset:namespace|name`.
    pub asset: Option<String>,
    /// First and last occurrence in this batch.
    pub window: TimeWindow,
    /// Occurrences in this batch, never counted twice by the caller. Zero for a state that merely still stands.
    pub count: i64,
    /// Flow plane: the nodes from source to sink.
    pub path: Vec<String>,
    /// A few; the newest 20 of a finding are kept.
    pub evidence: Vec<Evidence>,
}

/// What makes two breaches the same finding: policy, subject and owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Sha256);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0.short())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub fn fingerprint(breach: &Breach) -> Fingerprint {
    let owner = breach.owner.tenant_id().map_or_else(|| "unowned".to_owned(), |tenant| tenant.to_string());
    Fingerprint(Sha256::of_parts([breach.policy_id.as_bytes(), breach.subject.as_bytes(), owner.as_bytes()]))
}
