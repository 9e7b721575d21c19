//! What this process knows to be in the database already, so that a batch of known things asks for little.
//!
//! Everything in here was committed and can only have moved on since: a stale entry costs a needless statement, never a
//! wrong row.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use lakewarden_core::{Sha256, SourceId, TenantId};
use rustc_hash::FxHashMap;

use crate::facts::{Direction, Name};

/// Entries of one kind after which it is forgotten and learnt anew.
const AT_MOST: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    Job,
    Dataset,
}

impl Entity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Dataset => "dataset",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub id: i32,
    pub tenant: Option<TenantId>,
    pub observed: bool,
    pub seen_at: DateTime<Utc>,
}

pub type EdgeKey = (i32, i32, Direction);
pub type Span = (DateTime<Utc>, DateTime<Utc>);
pub type FacetKey = (Entity, i32, String);

#[derive(Debug, Default)]
pub struct Knowledge {
    pub names: FxHashMap<(Entity, Name), Known>,
    pub edges: FxHashMap<EdgeKey, Span>,
    pub schemas: FxHashMap<(i32, Sha256), Span>,
    pub facets: FxHashMap<FacetKey, (Sha256, DateTime<Utc>)>,
    pub sources: FxHashMap<String, SourceId>,
}

/// The memory of one process; tenants in it are those of one version of `tenants.toml`.
#[derive(Debug, Default)]
pub struct Remembered {
    inner: Mutex<(Option<Sha256>, Knowledge)>,
}

impl Remembered {
    /// Reads or writes the memory as of a version of the ownership rules.
    pub fn with<R>(&self, version: Sha256, work: impl FnOnce(&mut Knowledge) -> R) -> R {
        let mut inner = self.inner.lock().expect("no holder of the ingest memory panics");
        if inner.0 != Some(version) {
            *inner = (Some(version), Knowledge::default());
        }
        work(&mut inner.1)
    }

    pub fn forget(&self) {
        *self.inner.lock().expect("no holder of the ingest memory panics") = (None, Knowledge::default());
    }
}

impl Knowledge {
    /// Takes in what a batch learnt, once it is committed.
    pub fn learn(&mut self, learnt: Knowledge) {
        merge(&mut self.names, learnt.names);
        merge(&mut self.edges, learnt.edges);
        merge(&mut self.schemas, learnt.schemas);
        merge(&mut self.facets, learnt.facets);
        merge(&mut self.sources, learnt.sources);
    }
}

fn merge<K: std::hash::Hash + Eq, V>(known: &mut FxHashMap<K, V>, learnt: FxHashMap<K, V>) {
    if known.len() + learnt.len() > AT_MOST {
        known.clear();
    }
    known.extend(learnt);
}
