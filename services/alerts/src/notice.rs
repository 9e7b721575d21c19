//! What a finding tells the outbox: everything a message will need, as it was when the finding changed.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use lakewarden_core::{FindingId, Plane, Severity, TenantId};
use serde::{Deserialize, Serialize};

/// What a policy watches over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum PolicyKind {
    /// Keeping tenants apart: Cedar.
    Isolation,
    /// Data as it should be.
    Quality,
    /// Budgets and allocation.
    Cost,
    /// The watcher itself: built in, without a file.
    Service,
}

impl PolicyKind {
    pub const ALL: &[Self] = &[Self::Isolation, Self::Quality, Self::Cost, Self::Service];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Isolation => "isolation",
            Self::Quality => "quality",
            Self::Cost => "cost",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of the policy kinds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of isolation, quality, cost, service")]
pub struct UnknownKind(pub String);

impl FromStr for PolicyKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// What happened to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Opened,
    Reopened,
    Resolved,
}

impl Event {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Resolved => "resolved",
        }
    }
}

/// A change of one finding that people may want to be told about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub finding: FindingId,
    /// Hex of the finding's fingerprint.
    pub fingerprint: String,
    pub event: Event,
    pub at: DateTime<Utc>,
    pub policy_id: String,
    pub policy_title: String,
    pub kind: PolicyKind,
    pub severity: Severity,
    pub plane: Option<Plane>,
    pub title: String,
    pub subject: String,
    /// Whose data is hit: a tenant, the platform (0), or nobody known.
    pub tenant: Option<TenantId>,
    /// The other side of a crossing.
    pub actor: Option<TenantId>,
    pub asset: Option<String>,
    /// The nodes of a flow, from source to sink.
    pub path: Vec<String>,
    pub count: i64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Summaries of the newest evidence.
    pub evidence: Vec<String>,
    pub remediation: String,
    /// Why it was resolved, in the words of whoever did.
    pub note: Option<String>,
}
