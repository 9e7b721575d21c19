//! The blast radius of an asset, asked of whoever knows the lineage.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Everything downstream of an asset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radius {
    pub datasets: Vec<String>,
    pub jobs: i64,
    /// Names of the tenants whose data lies downstream.
    pub tenants: Vec<String>,
    pub owners: Vec<String>,
    /// There is more than the walk's limit let through.
    pub truncated: bool,
}

/// Port: `app` answers from the lineage graph, which this crate cannot see.
pub trait BlastRadius: Send + Sync {
    /// `None` where the asset is not in the graph.
    fn of<'a>(&'a self, asset: &'a str) -> BoxFuture<'a, Option<Radius>>;
}

/// Knows of nothing downstream: for tests and for commands that deliver nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRadius;

impl BlastRadius for NoRadius {
    fn of<'a>(&'a self, _asset: &'a str) -> BoxFuture<'a, Option<Radius>> {
        Box::pin(async { None })
    }
}
