//! Where data of one owner ends up with another: paths through jobs and datasets of no tenant, judged by the flow plane's
//! policies after every change of an edge.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, Plane, Sha256, TimeWindow};
use lakewarden_db::{Job, enqueue};
use lakewarden_findings::{Breach, EVALUATION_ERROR, Evidence, UNOWNED_ASSET};
use lakewarden_isolation::{AssetFacts, FlowFact, Judge, Verdict};
use lakewarden_tenancy::Owner;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;

use crate::graph::{Graph, Node, NodeId, Way, walk};
use crate::store::flows::{self as store, FlowRow};
use crate::store::graph::DatasetNode;
use crate::{Ctx, LineageError};

/// Datasets judged in one go.
const MARKED_AT_ONCE: i64 = 200;
/// A path of more jobs than this is not followed further.
const HOPS_AT_MOST: u32 = 30;

/// Judges the flows through datasets whose edges changed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct JudgeFlows;

impl Job for JudgeFlows {
    const KIND: &'static str = "judge_flows";

    fn key(&self) -> String {
        String::new()
    }
}

/// Marks datasets for judging, in the transaction that changed their edges.
pub(crate) async fn enqueue_judging(
    connection: &mut PgConnection,
    datasets: &[i32],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if datasets.is_empty() {
        return Ok(());
    }
    store::mark_to_judge(&mut *connection, datasets).await?;
    enqueue(connection, &JudgeFlows, now).await
}

/// The job: judges what is marked until nothing is; returns how many flows were judged.
pub async fn judge_flows(ctx: &Ctx) -> Result<usize, LineageError> {
    let mut judged = 0;
    loop {
        let mut tx = ctx.db.begin().await?;
        let marked = store::list_marked(&mut *tx, MARKED_AT_ONCE).await?;
        if marked.is_empty() {
            return Ok(judged);
        }
        let starts: Vec<NodeId> = marked.iter().map(|mark| NodeId::Dataset(mark.canonical_id)).collect();
        judged += judge_around(ctx, &mut tx, &starts).await?;
        let (ids, marks): (Vec<i32>, Vec<i64>) = marked.iter().map(|mark| (mark.dataset_id, mark.marks)).unzip();
        store::delete_marks(&mut *tx, &ids, &marks).await?;
        tx.commit().await?;
    }
}

async fn judge_around(ctx: &Ctx, connection: &mut PgConnection, starts: &[NodeId]) -> Result<usize, LineageError> {
    // A changed edge matters to whatever lies upstream of it: the sources, and from there everything they reach.
    let upstream = walk(connection, starts, Way::Upstream, HOPS_AT_MOST).await?;
    let sources: Vec<NodeId> = upstream.datasets().map(|dataset| NodeId::Dataset(dataset.canonical_id)).collect();
    let graph = walk(connection, &sources, Way::Downstream, HOPS_AT_MOST).await?;
    let hops = hops_of(connection, &graph).await?;
    let datasets: FxHashMap<i32, &DatasetNode> = graph.datasets().map(|node| (node.canonical_id, node)).collect();
    let changed: FxHashSet<i32> = marked_ids(starts);
    let jobs: FxHashMap<i32, String> =
        graph.jobs().map(|job| (job.id, format!("{} {}", job.namespace, job.name))).collect();
    let judging = Judging { judge: &ctx.judge, datasets: &datasets, jobs: &jobs, now: ctx.clock.now() };
    let mut breaches = judging.unowned(&changed, &graph);
    let mut judged = 0;
    for source in datasets.values().filter(|node| is_tenants(node)) {
        for path in paths_from(source.canonical_id, &hops, &|id| datasets.get(&id).is_none_or(|node| is_tenants(node)))
        {
            judged += 1;
            breaches.extend(judging.judge_path(connection, source, &path).await?);
        }
    }
    if !breaches.is_empty() {
        lakewarden_findings::record(connection, &ctx.findings, &breaches).await?;
    }
    Ok(judged)
}

fn marked_ids(starts: &[NodeId]) -> FxHashSet<i32> {
    let id_of = |node: &NodeId| match node {
        NodeId::Dataset(id) | NodeId::Job(id) => *id,
    };
    starts.iter().map(id_of).collect()
}

/// Dataset to dataset through one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hop {
    to: i32,
    job: i32,
    aggregated: bool,
    masked: bool,
}

async fn hops_of(connection: &mut PgConnection, graph: &Graph) -> Result<FxHashMap<i32, Vec<Hop>>, sqlx::Error> {
    let mut outputs: FxHashMap<i32, Vec<i32>> = FxHashMap::default();
    for edge in &graph.edges {
        if let (NodeId::Job(job), NodeId::Dataset(dataset)) = edge {
            outputs.entry(*job).or_default().push(*dataset);
        }
    }
    let jobs: Vec<i32> = outputs.keys().copied().collect();
    let aggregating: FxHashSet<i32> =
        store::list_aggregating_jobs(&mut *connection, &jobs).await?.into_iter().collect();
    let written: Vec<i32> = graph.datasets().map(|dataset| dataset.canonical_id).collect();
    let proofs: FxHashMap<(i32, i32), (bool, bool)> = store::list_column_proofs(connection, &written)
        .await?
        .into_iter()
        .map(|proof| ((proof.input_id, proof.output_id), (proof.aggregated, proof.masked)))
        .collect();
    let mut hops: FxHashMap<i32, Vec<Hop>> = FxHashMap::default();
    for edge in &graph.edges {
        let (NodeId::Dataset(from), NodeId::Job(job)) = *edge else { continue };
        for to in outputs.get(&job).into_iter().flatten().copied().filter(|to| *to != from) {
            let (aggregated, masked) = proofs.get(&(from, to)).copied().unwrap_or_default();
            let aggregated = aggregated || aggregating.contains(&job);
            hops.entry(from).or_default().push(Hop { to, job, aggregated, masked });
        }
    }
    Ok(hops)
}

/// A way from a source to an owner's dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path {
    to: i32,
    hops: u32,
    aggregated: bool,
    masked: bool,
    nodes: Vec<NodeId>,
}

/// The shortest path to every dataset that is reached before passing through an owner's, for each of plain, aggregated and
/// masked: a way round the aggregation must not hide behind it.
fn paths_from(source: i32, hops: &FxHashMap<i32, Vec<Hop>>, ends_at: &impl Fn(i32) -> bool) -> Vec<Path> {
    let start = Path { to: source, hops: 0, aggregated: false, masked: false, nodes: vec![NodeId::Dataset(source)] };
    let mut seen: FxHashSet<(i32, bool, bool)> = FxHashSet::default();
    let mut waiting = VecDeque::from([start]);
    let mut found = Vec::new();
    while let Some(path) = waiting.pop_front() {
        for hop in hops.get(&path.to).into_iter().flatten() {
            let (aggregated, masked) = (path.aggregated || hop.aggregated, path.masked || hop.masked);
            if hop.to == source || path.hops >= HOPS_AT_MOST || !seen.insert((hop.to, aggregated, masked)) {
                continue;
            }
            let mut nodes = path.nodes.clone();
            nodes.extend([NodeId::Job(hop.job), NodeId::Dataset(hop.to)]);
            let next = Path { to: hop.to, hops: path.hops + 1, aggregated, masked, nodes };
            if !ends_at(hop.to) {
                waiting.push_back(next.clone());
            }
            found.push(next);
        }
    }
    found
}

struct Judging<'a> {
    judge: &'a Judge,
    jobs: &'a FxHashMap<i32, String>,
    datasets: &'a FxHashMap<i32, &'a DatasetNode>,
    now: DateTime<Utc>,
}

impl Judging<'_> {
    async fn judge_path(
        &self,
        connection: &mut PgConnection,
        from: &DatasetNode,
        path: &Path,
    ) -> Result<Vec<Breach>, LineageError> {
        let Some(to) = self.datasets.get(&path.to) else { return Ok(Vec::new()) };
        let verdict = self.judge.flow(FlowFact {
            from: facts_of(from),
            to: facts_of(to),
            hops: u16::try_from(path.hops).unwrap_or(u16::MAX),
            aggregated: path.aggregated,
            masked: path.masked,
        });
        let breached: Vec<String> = verdict.breached.iter().map(|policy| policy.id.clone()).collect();
        let row = FlowRow {
            from: from.canonical_id,
            to: to.canonical_id,
            aggregated: path.aggregated,
            masked: path.masked,
            hops: i32::try_from(path.hops).unwrap_or(i32::MAX),
            breached: &breached,
            tenant: to.tenant_id,
            from_tenant: from.tenant_id,
        };
        let known = store::find_flow(&mut *connection, &row).await?;
        // Flows that stay with their owner and harm nobody are not worth a row.
        if breached.is_empty() && known.is_none() && from.tenant_id == to.tenant_id {
            return Ok(Vec::new());
        }
        store::upsert_flow(connection, &row, self.now).await?;
        Ok(self.breaches(from, to, path, &verdict, known.as_deref().unwrap_or_default()))
    }

    fn breaches(
        &self,
        from: &DatasetNode,
        to: &DatasetNode,
        path: &Path,
        verdict: &Verdict,
        known: &[String],
    ) -> Vec<Breach> {
        let words = self.words(path);
        let subject = format!("{} flows into {}", from.asset, to.asset);
        // Whose data is hit is whose it was at the source; the other side is where it arrived.
        let actor = to.tenant_id.filter(|actor| Some(*actor) != from.tenant_id);
        let evidence = Evidence {
            source: "openlineage".to_owned(),
            reference: subject.clone(),
            hash: Sha256::of(words.join("\n")),
            occurred_at: self.now,
            summary: format!("{} jobs lead from one to the other", path.hops),
            record: json!({"path": words, "aggregated": path.aggregated, "masked": path.masked}),
        };
        let breach = |policy_id: &str, title: String| Breach {
            policy_id: policy_id.to_owned(),
            subject: subject.clone(),
            title,
            owner: Owner::from_tenant_id(from.tenant_id),
            actor,
            plane: Some(Plane::Flow),
            asset: Some(from.asset.clone()),
            window: TimeWindow::at(self.now),
            count: 1,
            path: words.clone(),
            evidence: vec![evidence.clone()],
        };
        let mut breaches: Vec<Breach> = verdict
            .breached
            .iter()
            .map(|policy| {
                let title = format!("{}: {} → {}", policy.title, short(from), short_end(from, to));
                let is_known = known.contains(&policy.id);
                Breach { count: i64::from(!is_known), ..breach(&policy.id, title) }
            })
            .collect();
        breaches.extend(
            verdict.errors.iter().map(|error| breach(EVALUATION_ERROR, format!("A flow could not be judged: {error}"))),
        );
        breaches
    }

    fn words(&self, path: &Path) -> Vec<String> {
        path.nodes
            .iter()
            .map(|node| match node {
                NodeId::Dataset(id) => {
                    self.datasets.get(id).map_or_else(|| format!("dataset {id}"), |node| node.asset.clone())
                }
                NodeId::Job(id) => format!("job {}", self.jobs.get(id).map_or("", String::as_str)),
            })
            .collect()
    }

    /// A dataset that jobs touch and no rule gives to anybody.
    fn unowned(&self, changed: &FxHashSet<i32>, graph: &Graph) -> Vec<Breach> {
        let touched: FxHashSet<i32> = graph
            .edges
            .iter()
            .flat_map(|(from, to)| [*from, *to])
            .filter_map(|node| match node {
                NodeId::Dataset(id) => Some(id),
                NodeId::Job(_) => None,
            })
            .collect();
        self.datasets
            .values()
            .filter(|node| {
                node.tenant_id.is_none() && changed.contains(&node.canonical_id) && touched.contains(&node.canonical_id)
            })
            .map(|node| Breach {
                policy_id: UNOWNED_ASSET.to_owned(),
                subject: node.asset.clone(),
                title: format!("Jobs use a dataset that nobody owns: {}", short(node)),
                owner: Owner::Unowned,
                actor: None,
                plane: Some(Plane::Flow),
                asset: Some(node.asset.clone()),
                window: TimeWindow::at(self.now),
                count: 1,
                path: Vec::new(),
                evidence: Vec::new(),
            })
            .collect()
    }
}

fn is_tenants(node: &DatasetNode) -> bool {
    matches!(Owner::from_tenant_id(node.tenant_id), Owner::Tenant(_))
}

/// Titles are read by the tenant whose data it is: the other tenant's names are in the path, which is masked for them.
fn short_end(from: &DatasetNode, to: &DatasetNode) -> String {
    match Owner::from_tenant_id(to.tenant_id) {
        Owner::Tenant(tenant) if Some(tenant) != from.tenant_id => "another tenant".to_owned(),
        _ => short(to),
    }
}

fn facts_of(node: &DatasetNode) -> AssetFacts {
    let layer = node.layer.as_deref().and_then(|layer| layer.parse::<Layer>().ok());
    AssetFacts { layer, ..AssetFacts::owned_by(Owner::from_tenant_id(node.tenant_id)) }
}

fn short(node: &DatasetNode) -> String {
    node.asset.strip_prefix("dataset:").unwrap_or(&node.asset).to_owned()
}

/// Edges of a drawing that lie on a flow which breaches a policy.
pub(crate) async fn crossing_edges(
    connection: &mut PgConnection,
    graph: &Graph,
) -> Result<FxHashSet<(NodeId, NodeId)>, sqlx::Error> {
    let ids: Vec<i32> = graph.datasets().map(|dataset| dataset.canonical_id).collect();
    let pairs: FxHashSet<(i32, i32)> = store::list_breaching_flows(connection, &ids).await?.into_iter().collect();
    let mut crossing = FxHashSet::default();
    if pairs.is_empty() {
        return Ok(crossing);
    }
    let mut hops: FxHashMap<i32, Vec<Hop>> = FxHashMap::default();
    let mut outputs: FxHashMap<i32, Vec<i32>> = FxHashMap::default();
    for edge in &graph.edges {
        if let (NodeId::Job(job), NodeId::Dataset(to)) = *edge {
            outputs.entry(job).or_default().push(to);
        }
    }
    for edge in &graph.edges {
        let (NodeId::Dataset(from), NodeId::Job(job)) = *edge else { continue };
        for to in outputs.get(&job).into_iter().flatten() {
            hops.entry(from).or_default().push(Hop { to: *to, job, aggregated: false, masked: false });
        }
    }
    let tenants: FxHashSet<i32> = graph
        .nodes
        .iter()
        .filter(|node| !matches!(node, Node::Dataset(dataset) if !matches!(Owner::from_tenant_id(dataset.tenant_id), Owner::Tenant(_))))
        .filter_map(|node| match node.id() {
            NodeId::Dataset(id) => Some(id),
            NodeId::Job(_) => None,
        })
        .collect();
    for source in pairs.iter().map(|(from, _)| *from).collect::<FxHashSet<i32>>() {
        for path in paths_from(source, &hops, &|id| tenants.contains(&id)) {
            if pairs.contains(&(source, path.to)) {
                crossing.extend(path.nodes.windows(2).map(|pair| (pair[0], pair[1])));
            }
        }
    }
    Ok(crossing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(to: i32, job: i32, aggregated: bool) -> Hop {
        Hop { to, job, aggregated, masked: false }
    }

    #[test]
    fn a_plain_way_round_an_aggregation_is_found() {
        let hops = FxHashMap::from_iter([
            (1, vec![hop(2, 10, true), hop(3, 11, false)]),
            (3, vec![hop(2, 12, false), hop(1, 13, false)]),
            (2, vec![hop(4, 14, false)]),
        ]);
        let found = paths_from(1, &hops, &|id| id == 2);
        let to_two: Vec<(u32, bool)> =
            found.iter().filter(|path| path.to == 2).map(|path| (path.hops, path.aggregated)).collect();
        assert_eq!(to_two, [(1, true), (2, false)]);
        assert!(!found.iter().any(|path| path.to == 4), "what lies behind an owner's dataset is that owner's flow");
        let plain = found.iter().find(|path| path.to == 2 && !path.aggregated).unwrap();
        let nodes = [NodeId::Dataset(1), NodeId::Job(11), NodeId::Dataset(3), NodeId::Job(12), NodeId::Dataset(2)];
        assert_eq!(plain.nodes, nodes);
    }
}
