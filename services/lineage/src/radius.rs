//! Blast radius: everything downstream of an asset, for whoever has to tell people.

use std::collections::BTreeSet;

use lakewarden_alerts::Radius;
use lakewarden_tenancy::Owner;

use crate::graph::{Node, NodeId, Way, walk};
use crate::identity::asset_and_ancestors;
use crate::store::graph as store;
use crate::{Ctx, LineageError};

/// Datasets under one prefix from which a walk starts.
const STARTS_AT_MOST: i64 = 200;
/// Names that are worth reading; the counts are in the graph.
const NAMES_AT_MOST: usize = 50;

/// What lies downstream of an asset (`s3://bucket/key`, `glue:account/db.table`, `dataset:namespace|name`), `depth` jobs
/// deep. `None` where no dataset is the asset, contains it, or lies below it.
pub async fn radius(ctx: &Ctx, asset: &str, depth: u32) -> Result<Option<Radius>, LineageError> {
    let mut tx = ctx.db.begin().await?;
    let prefix = format!("{}/", asset.trim_end_matches('/'));
    let starts = store::list_canonical_by_asset(&mut *tx, &asset_and_ancestors(asset), &prefix, STARTS_AT_MOST).await?;
    if starts.is_empty() {
        return Ok(None);
    }
    let nodes: Vec<NodeId> = starts.iter().map(|id| NodeId::Dataset(*id)).collect();
    let graph = walk(&mut tx, &nodes, Way::Downstream, depth).await?;
    let downstream: Vec<i32> = graph.datasets().map(|dataset| dataset.canonical_id).collect();
    let owners = store::list_named_owners(&mut *tx, &downstream).await?;
    tx.commit().await?;

    let ownership = ctx.ownership.get();
    let affected = graph.datasets().filter(|dataset| !starts.contains(&dataset.canonical_id));
    let mut datasets: Vec<String> = affected.map(|dataset| dataset.asset.clone()).collect();
    datasets.sort_unstable();
    let truncated = graph.truncated || datasets.len() > NAMES_AT_MOST;
    datasets.truncate(NAMES_AT_MOST);
    let tenants: BTreeSet<String> = graph
        .datasets()
        .filter_map(|dataset| match Owner::from_tenant_id(dataset.tenant_id) {
            Owner::Tenant(id) => ownership.tenant(id).map(|tenant| tenant.name.clone()),
            Owner::Platform | Owner::Unowned => None,
        })
        .collect();
    let jobs = graph.nodes.iter().filter(|node| matches!(node, Node::Job(_))).count();
    Ok(Some(Radius { datasets, jobs: jobs as i64, tenants: tenants.into_iter().collect(), owners, truncated }))
}
