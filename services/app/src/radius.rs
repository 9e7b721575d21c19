//! Blast radius for alerts, answered from the lineage graph.

use std::sync::OnceLock;

use futures::future::BoxFuture;
use lakewarden_alerts::{BlastRadius, Radius};

/// How many jobs a message looks ahead.
const DEPTH: u32 = 20;

/// Asks lineage what lies downstream of an asset. Lineage itself reports findings, which send alerts, which ask this: so
/// lineage is told to it last.
#[derive(Default)]
pub(crate) struct LineageRadius(OnceLock<lakewarden_lineage::Ctx>);

impl LineageRadius {
    pub(crate) fn answer_from(&self, lineage: lakewarden_lineage::Ctx) {
        let told_twice = self.0.set(lineage).is_err();
        debug_assert!(!told_twice, "the assembly tells it once");
    }
}

impl BlastRadius for LineageRadius {
    fn of<'a>(&'a self, asset: &'a str) -> BoxFuture<'a, Option<Radius>> {
        Box::pin(async move {
            lakewarden_lineage::radius(self.0.get()?, asset, DEPTH)
                .await
                .inspect_err(|error| tracing::warn!(%error, "a message goes out without its blast radius"))
                .ok()
                .flatten()
        })
    }
}
