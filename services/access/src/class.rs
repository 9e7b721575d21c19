//! Classes: what many records have in common and is judged once, whoever many they are.

use lakewarden_core::Sha256;
use serde_json::Value;

use crate::identity::Actor;
use crate::resource::Resource;
use crate::touched::Action;

/// Circumstances of an access that policies ask about, as bits of one integer column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Bits(pub i32);

impl Bits {
    pub const NONE: Self = Self(0);
    pub const DENIED: Self = Self(1);
    /// Refused for another reason than permission.
    pub const FAILED: Self = Self(1 << 1);
    pub const NO_TLS: Self = Self(1 << 2);
    pub const PRESIGNED: Self = Self(1 << 3);
    pub const SIGV2: Self = Self(1 << 4);
    pub const CROSS_ACCOUNT: Self = Self(1 << 5);
    /// By credentials that Lake Formation vended.
    pub const VIA_LAKE_FORMATION: Self = Self(1 << 6);
    /// AWS delivering logs: set apart from access, never judged.
    pub const LOG_DELIVERY: Self = Self(1 << 7);
    pub const VIA_ENDPOINT: Self = Self(1 << 8);
    pub const LONG_LIVED_KEY: Self = Self(1 << 9);
    pub const SOURCE_IDENTITY: Self = Self(1 << 10);
    /// A vend of a location instead of a table.
    pub const BY_LOCATION: Self = Self(1 << 11);
    /// A vend without column or cell filters.
    pub const FULL_TABLE: Self = Self(1 << 12);
    pub const EXTERNAL_ID: Self = Self(1 << 13);
    /// A service acted for the principal.
    pub const BY_SERVICE: Self = Self(1 << 14);

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn with_if(self, condition: bool, other: Self) -> Self {
        if condition { self.with(other) } else { self }
    }

    /// What a page shows beside an access.
    pub fn words(self) -> Vec<&'static str> {
        [
            (Self::DENIED, "denied"),
            (Self::FAILED, "failed"),
            (Self::NO_TLS, "without TLS"),
            (Self::PRESIGNED, "presigned URL"),
            (Self::SIGV2, "signature v2"),
            (Self::CROSS_ACCOUNT, "other account"),
            (Self::VIA_LAKE_FORMATION, "via Lake Formation"),
            (Self::LOG_DELIVERY, "log delivery"),
            (Self::LONG_LIVED_KEY, "long-lived key"),
            (Self::BY_LOCATION, "by location"),
            (Self::FULL_TABLE, "full table"),
            (Self::BY_SERVICE, "through a service"),
        ]
        .into_iter()
        .filter(|(bit, _)| self.has(*bit))
        .map(|(_, word)| word)
        .collect()
    }
}

/// A class as one file shows it: the actor may still turn out to be a tagged session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeenClass {
    /// Index into [`ReadFile::actors`].
    pub actor: u32,
    pub action: Action,
    /// `s3:GetObject`
    pub operation: String,
    pub resource: Resource,
    pub second: Option<Resource>,
    pub bits: Bits,
}

/// One record, reduced to what is stored of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// First half of a SHA-256 over recipient account and event id, or over the content of a record without an id.
    pub key: uuid::Uuid,
    pub at: chrono::DateTime<chrono::Utc>,
    /// Index into [`ReadFile::classes`].
    pub class: u32,
    pub bytes_out: i64,
    /// Place in the file, from 0.
    pub position: u32,
}

/// A record kept whole for a while, in case its class needs an example or a finding its evidence.
#[derive(Debug, Clone)]
pub struct Sample {
    pub observation: Observation,
    /// As written: may hold secrets, so it leaves memory only by [`Sample::evidence`].
    raw: Box<str>,
}

impl Sample {
    pub fn new(observation: Observation, raw: &str) -> Self {
        Self { observation, raw: raw.into() }
    }

    pub fn size_bytes(&self) -> usize {
        self.raw.len()
    }

    /// The record without its secrets, and the hash of the record as delivered.
    pub fn evidence(&self) -> (Value, Sha256) {
        (crate::redact::redacted(&self.raw), Sha256::of(self.raw.as_bytes()))
    }
}

/// A record that could not be read, or a part of a file that could not be cut into records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Place in the file, from 0; `None` for the file as a whole.
    pub position: Option<u32>,
    pub reason: String,
    pub excerpt: String,
    pub hash: Sha256,
}

/// A trail file, read: everything that is stored of it, and nothing of its text.
#[derive(Debug)]
pub struct ReadFile {
    pub name: String,
    pub hash: Sha256,
    pub size_bytes: i64,
    pub actors: Vec<Actor<'static>>,
    pub classes: Vec<SeenClass>,
    pub observations: Vec<Observation>,
    pub samples: Vec<Sample>,
    pub sessions: Vec<crate::touched::TaggedSession>,
    pub rejects: Vec<Reject>,
}
