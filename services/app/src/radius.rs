//! Blast radius for alerts, answered from the lineage graph.

use futures::future::BoxFuture;
use lakewarden_alerts::{BlastRadius, Radius};
use lakewarden_core::Live;
use lakewarden_db::Db;
use lakewarden_tenancy::Ownership;

/// How many jobs a message looks ahead.
const DEPTH: u16 = 20;

/// Asks lineage what lies downstream of an asset.
pub(crate) struct LineageRadius {
    db: Db,
    ownership: Live<Ownership>,
}

impl LineageRadius {
    pub(crate) fn new(db: Db, ownership: Live<Ownership>) -> Self {
        Self { db, ownership }
    }
}

impl BlastRadius for LineageRadius {
    fn of<'a>(&'a self, asset: &'a str) -> BoxFuture<'a, Option<Radius>> {
        Box::pin(async move {
            let found = lakewarden_lineage::radius(&self.db, &self.ownership.get(), asset, DEPTH).await;
            match found {
                Ok(found) => found.map(|found| Radius {
                    datasets: found.datasets,
                    jobs: found.jobs,
                    tenants: found.tenants,
                    owners: found.owners,
                    truncated: found.truncated,
                }),
                Err(error) => {
                    tracing::warn!(%error, "a message goes out without its blast radius: lineage could not be asked");
                    None
                }
            }
        })
    }
}
