//! The graph of jobs and datasets around a node: walked by its frontier, one indexed statement a hop, within bounds.

use lakewarden_core::TenantId;
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::PgConnection;

use crate::store::graph::{self as store, DatasetNode, JobNode, Step};

/// Nodes after which a walk stops and says so.
pub const NODES_AT_MOST: usize = 2_000;
/// Edges of one hop: a job of 5,000 inputs still fits.
const EDGES_A_HOP: i64 = 20_000;
/// Hops a caller may ask for.
pub const DEPTH_AT_MOST: u32 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeId {
    /// Canonical id.
    Dataset(i32),
    Job(i32),
}

/// Which way data is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Upstream,
    Downstream,
    Both,
}

#[derive(Debug, Clone)]
pub enum Node {
    Dataset(DatasetNode),
    Job(JobNode),
    /// Somebody else's: it exists, and that is all the caller may know.
    Hidden(NodeId),
}

impl Node {
    pub fn id(&self) -> NodeId {
        match self {
            Self::Dataset(dataset) => NodeId::Dataset(dataset.canonical_id),
            Self::Job(job) => NodeId::Job(job.id),
            Self::Hidden(id) => *id,
        }
    }

    pub fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Dataset(dataset) => dataset.tenant_id,
            Self::Job(job) => job.tenant_id,
            Self::Hidden(_) => None,
        }
    }
}

/// Part of the graph. Edges point where data goes.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<(NodeId, NodeId)>,
    /// There is more than was walked.
    pub truncated: bool,
}

impl Graph {
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    pub fn datasets(&self) -> impl Iterator<Item = &DatasetNode> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Dataset(dataset) => Some(dataset),
            _ => None,
        })
    }
}

impl Graph {
    pub fn jobs(&self) -> impl Iterator<Item = &JobNode> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Job(job) => Some(job),
            _ => None,
        })
    }
}

/// Walks from the nodes to a depth, counted in jobs passed. What the transaction may not see is a hidden leaf.
pub async fn walk(
    connection: &mut PgConnection,
    starts: &[NodeId],
    way: Way,
    depth: u32,
) -> Result<Graph, sqlx::Error> {
    let mut seen: FxHashSet<NodeId> = starts.iter().copied().collect();
    let mut edges: FxHashSet<(NodeId, NodeId)> = FxHashSet::default();
    let mut truncated = false;
    let ways: &[bool] = match way {
        Way::Upstream => &[false],
        Way::Downstream => &[true],
        Way::Both => &[false, true],
    };
    for downstream in ways {
        let mut frontier: Vec<NodeId> = starts.to_vec();
        let mut walked: FxHashSet<NodeId> = frontier.iter().copied().collect();
        let mut hops = 0;
        while !frontier.is_empty() {
            if seen.len() >= NODES_AT_MOST {
                truncated = true;
                break;
            }
            let on_jobs = matches!(frontier[0], NodeId::Job(_));
            if !on_jobs && hops == depth.min(DEPTH_AT_MOST) {
                break;
            }
            let found = hop(connection, &frontier, *downstream).await?;
            truncated |= found.len() as i64 >= EDGES_A_HOP;
            let mut next = Vec::new();
            for (from, to) in found {
                edges.insert(if *downstream { (from, to) } else { (to, from) });
                if walked.insert(to) {
                    next.push(to);
                    seen.insert(to);
                }
            }
            hops += u32::from(!on_jobs);
            frontier = next;
        }
    }
    let nodes = load(connection, seen).await?;
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable();
    Ok(Graph { nodes, edges, truncated })
}

/// One step of the whole frontier, which is all jobs or all datasets; pairs of where from and where to.
async fn hop(
    connection: &mut PgConnection,
    frontier: &[NodeId],
    downstream: bool,
) -> Result<Vec<(NodeId, NodeId)>, sqlx::Error> {
    let ids: Vec<i32> = frontier
        .iter()
        .map(|node| match node {
            NodeId::Dataset(id) | NodeId::Job(id) => *id,
        })
        .collect();
    if matches!(frontier[0], NodeId::Dataset(_)) {
        // Downstream of a dataset are the jobs that read it, upstream those that write it.
        let direction = if downstream { "input" } else { "output" };
        let steps = store::list_steps_from_datasets(connection, &ids, direction, EDGES_A_HOP).await?;
        return Ok(steps
            .into_iter()
            .map(|Step { dataset_id, job_id }| (NodeId::Dataset(dataset_id), NodeId::Job(job_id)))
            .collect());
    }
    let direction = if downstream { "output" } else { "input" };
    let steps = store::list_steps_from_jobs(connection, &ids, direction, EDGES_A_HOP).await?;
    Ok(steps
        .into_iter()
        .map(|Step { dataset_id, job_id }| (NodeId::Job(job_id), NodeId::Dataset(dataset_id)))
        .collect())
}

async fn load(connection: &mut PgConnection, ids: FxHashSet<NodeId>) -> Result<Vec<Node>, sqlx::Error> {
    let (mut datasets, mut jobs) = (Vec::new(), Vec::new());
    for id in &ids {
        match id {
            NodeId::Dataset(id) => datasets.push(*id),
            NodeId::Job(id) => jobs.push(*id),
        }
    }
    let mut found: FxHashMap<NodeId, Node> = FxHashMap::default();
    for dataset in store::list_dataset_nodes(&mut *connection, &datasets).await? {
        found.insert(NodeId::Dataset(dataset.canonical_id), Node::Dataset(dataset));
    }
    for job in store::list_job_nodes(&mut *connection, &jobs).await? {
        found.insert(NodeId::Job(job.id), Node::Job(job));
    }
    let mut ids: Vec<NodeId> = ids.into_iter().collect();
    ids.sort_unstable();
    Ok(ids.into_iter().map(|id| found.remove(&id).unwrap_or(Node::Hidden(id))).collect())
}
