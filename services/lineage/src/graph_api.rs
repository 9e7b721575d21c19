//! `GET /api/v1/lineage`: the graph around a node, in the shape the reference backend's clients know.

use axum::Json;
use axum::extract::{Query, State};
use lakewarden_http::{CurrentViewer, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::Ctx;
use crate::facts::Name;
use crate::graph::{Graph, Node, NodeId, Way, walk};
use crate::store::graph as store;

const DEPTH: u32 = 20;

/// `?nodeId=dataset:ns:name&depth=20`, or `?type=dataset&namespace=…&name=…` where a name holds colons.
#[derive(Debug, Deserialize)]
pub struct LineageQuery {
    #[serde(default, rename = "nodeId")]
    node_id: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    /// `upstream`, `downstream` or both.
    #[serde(default)]
    direction: String,
    depth: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphAnswer {
    graph: Vec<GraphNode>,
    /// Present where there is more than the walk's limit let through.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphNode {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Value,
    in_edges: Vec<GraphEdge>,
    out_edges: Vec<GraphEdge>,
}

#[derive(Debug, Serialize)]
struct GraphEdge {
    origin: String,
    destination: String,
}

pub async fn get_lineage(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<LineageQuery>,
) -> Result<Json<GraphAnswer>, Problem> {
    let way = match query.direction.as_str() {
        "" | "both" => Way::Both,
        "upstream" => Way::Upstream,
        "downstream" => Way::Downstream,
        other => {
            return Err(Problem::bad_request(format!("direction: `{other}` is none of upstream, downstream, both")));
        }
    };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let start = find_start(&mut tx, &query).await?;
    let graph = walk(&mut tx, &[start], way, query.depth.unwrap_or(DEPTH)).await?;
    tx.commit().await?;
    Ok(Json(answer(&graph)))
}

/// Namespaces hold colons (`s3://bucket`, `postgres://host:5432`) and so may names: every split is tried.
async fn find_start(connection: &mut PgConnection, query: &LineageQuery) -> Result<NodeId, Problem> {
    if query.node_id.is_empty() {
        if query.name.is_empty() {
            return Err(Problem::bad_request("give nodeId=dataset:NAMESPACE:NAME, or type, namespace and name"));
        }
        let name = Name::new(&query.namespace, &query.name);
        return find(connection, &query.kind, &name).await?.ok_or_else(|| Problem::not_found("such node"));
    }
    let (kind, rest) = query.node_id.split_once(':').unwrap_or((&query.node_id, ""));
    for (at, _) in rest.match_indices(':').take(64) {
        if let Some(found) = find(connection, kind, &Name::new(&rest[..at], &rest[at + 1..])).await? {
            return Ok(found);
        }
    }
    Err(Problem::not_found("such node"))
}

async fn find(connection: &mut PgConnection, kind: &str, name: &Name) -> Result<Option<NodeId>, Problem> {
    let hash = name.hash();
    match kind {
        "dataset" | "" => Ok(store::find_dataset_id(connection, hash.as_bytes()).await?.map(NodeId::Dataset)),
        "job" => Ok(store::find_job_id(connection, hash.as_bytes()).await?.map(NodeId::Job)),
        other => Err(Problem::bad_request(format!("`{other}` is neither dataset nor job"))),
    }
}

fn id_of(node: &Node) -> String {
    match node {
        Node::Dataset(dataset) => format!("dataset:{}:{}", dataset.namespace, dataset.name),
        Node::Job(job) => format!("job:{}:{}", job.namespace, job.name),
        Node::Hidden(NodeId::Dataset(id)) => format!("hidden:dataset:{id}"),
        Node::Hidden(NodeId::Job(id)) => format!("hidden:job:{id}"),
    }
}

fn answer(graph: &Graph) -> GraphAnswer {
    let ids: rustc_hash::FxHashMap<NodeId, String> = graph.nodes.iter().map(|node| (node.id(), id_of(node))).collect();
    let edge = |(from, to): &(NodeId, NodeId)| GraphEdge { origin: ids[from].clone(), destination: ids[to].clone() };
    let mut nodes: Vec<GraphNode> = graph
        .nodes
        .iter()
        .map(|node| {
            let id = node.id();
            GraphNode {
                id: ids[&id].clone(),
                kind: if matches!(id, NodeId::Dataset(_)) { "DATASET" } else { "JOB" },
                data: data_of(node),
                in_edges: graph.edges.iter().filter(|(_, to)| *to == id).map(edge).collect(),
                out_edges: graph.edges.iter().filter(|(from, _)| *from == id).map(edge).collect(),
            }
        })
        .collect();
    nodes.sort_by(|one, other| one.id.cmp(&other.id));
    GraphAnswer { graph: nodes, truncated: graph.truncated }
}

fn data_of(node: &Node) -> Value {
    match node {
        Node::Dataset(dataset) => json!({
            "id": {"namespace": dataset.namespace, "name": dataset.name},
            "namespace": dataset.namespace, "name": dataset.name, "asset": dataset.asset, "layer": dataset.layer,
        }),
        Node::Job(job) => json!({
            "id": {"namespace": job.namespace, "name": job.name}, "namespace": job.namespace, "name": job.name,
        }),
        Node::Hidden(_) => json!({"name": "another tenant"}),
    }
}
