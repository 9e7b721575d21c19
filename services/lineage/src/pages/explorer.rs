//! `/lineage`: find a dataset or a job, and see what lies upstream and downstream of it.

use askama::Template;
use axum::extract::{Query, State};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use serde::Deserialize;

use super::pattern_of;
use crate::Ctx;
use crate::drawing::{Drawing, draw};
use crate::eyes::Shown;
use crate::flows::crossing_edges;
use crate::graph::{Graph, NodeId, Way, walk};
use crate::store::read;

const HITS: i64 = 50;
const DEPTH: u32 = 3;

/// `?q=` to search; `?node=dataset-7&way=both&depth=3` to look.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ExplorerQuery {
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub node: String,
    #[serde(default)]
    pub way: String,
    pub depth: Option<u32>,
}

impl ExplorerQuery {
    fn way(&self) -> Result<Way, Problem> {
        match self.way.as_str() {
            "" | "both" => Ok(Way::Both),
            "upstream" => Ok(Way::Upstream),
            "downstream" => Ok(Way::Downstream),
            other => Err(Problem::bad_request(format!("way: `{other}` is none of upstream, downstream, both"))),
        }
    }

    fn depth(&self) -> u32 {
        self.depth.unwrap_or(DEPTH).clamp(1, crate::graph::DEPTH_AT_MOST)
    }
}

struct Hit {
    href: String,
    kind: String,
    namespace: String,
    name: String,
    owner: Shown,
}

/// The node in the middle.
struct Focus {
    node: String,
    href: String,
    kind: &'static str,
    namespace: String,
    name: String,
    owner: Shown,
}

#[derive(Template)]
#[template(path = "lineage/explorer.html")]
struct ExplorerPage {
    shell: Shell,
    query: ExplorerQuery,
    way: String,
    depth: String,
    ways: [&'static str; 3],
    depths: [u32; 7],
    hits: Vec<Hit>,
    focus: Option<Focus>,
    drawing: Drawing,
    datasets: usize,
    jobs: usize,
}

pub async fn show_explorer(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<ExplorerQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let way = query.way()?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let mut page = ExplorerPage {
        shell: Shell::new("Lineage", Section::Lineage, &viewer)
            .with_lead("Where data comes from, where it goes, and where it crosses from one owner to another."),
        way: if query.way.is_empty() { "both".to_owned() } else { query.way.clone() },
        depth: query.depth().to_string(),
        ways: ["both", "upstream", "downstream"],
        depths: [1, 2, 3, 5, 8, 12, 20],
        hits: Vec::new(),
        focus: None,
        drawing: Drawing::default(),
        datasets: 0,
        jobs: 0,
        query: query.clone(),
    };
    if query.node.is_empty() {
        let hits = read::search(&mut *tx, pattern_of(&query.q).as_deref(), HITS).await?;
        page.hits = hits
            .into_iter()
            .map(|hit| Hit {
                href: format!("/lineage?node={}-{}", hit.kind, hit.id),
                owner: Shown::of(&viewer, &ownership, hit.tenant_id),
                kind: hit.kind,
                namespace: hit.namespace,
                name: hit.name,
            })
            .collect();
    } else {
        let (start, focus) = find_focus(&mut tx, &query.node, |tenant| Shown::of(&viewer, &ownership, tenant)).await?;
        let graph = walk(&mut tx, &[start], way, query.depth()).await?;
        let crossing = crossing_edges(&mut tx, &graph).await?;
        page.drawing = draw(&graph, &[start], &crossing, &viewer, &ownership);
        (page.datasets, page.jobs) = count(&graph);
        page.focus = Some(focus);
    }
    tx.commit().await?;
    page.render_page()
}

fn count(graph: &Graph) -> (usize, usize) {
    let jobs = graph.nodes.iter().filter(|node| matches!(node.id(), NodeId::Job(_))).count();
    (graph.nodes.len() - jobs, jobs)
}

async fn find_focus(
    connection: &mut sqlx::PgConnection,
    node: &str,
    shown: impl Fn(Option<lakewarden_core::TenantId>) -> Shown,
) -> Result<(NodeId, Focus), Problem> {
    let number = |text: &str| text.parse::<i32>().map_err(|_| Problem::not_found("such node"));
    if let Some(id) = node.strip_prefix("dataset-") {
        let row =
            read::find_dataset(&mut *connection, number(id)?).await?.ok_or_else(|| Problem::not_found("dataset"))?;
        let focus = Focus {
            node: node.to_owned(),
            href: format!("/datasets/{}", row.id),
            kind: "dataset",
            owner: shown(row.tenant_id),
            namespace: row.namespace,
            name: row.name,
        };
        return Ok((NodeId::Dataset(row.canonical_id), focus));
    }
    if let Some(id) = node.strip_prefix("job-") {
        let row = read::find_job(&mut *connection, number(id)?).await?.ok_or_else(|| Problem::not_found("job"))?;
        let focus = Focus {
            node: node.to_owned(),
            href: format!("/jobs/{}", row.id),
            kind: "job",
            owner: shown(row.tenant_id),
            namespace: row.namespace,
            name: row.name,
        };
        return Ok((NodeId::Job(row.id), focus));
    }
    Err(Problem::not_found("such node"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::{DrawnBox, DrawnEdge};

    impl ExplorerPage {
        fn sample() -> Self {
            let drawn = DrawnBox {
                x: 16.0,
                y: 16.0,
                href: "/lineage?node=dataset-1".into(),
                label: "acme/orders".into(),
                title: "s3://lake-raw acme/orders".into(),
                note: "acme".into(),
                kind: "dataset",
                series: "series-1".into(),
                focus: true,
            };
            let drawing = Drawing {
                width: 300.0,
                height: 100.0,
                box_width: 230.0,
                box_height: 44.0,
                boxes: vec![drawn],
                edges: vec![DrawnEdge { path: "M0 0C1 1 2 2 3 3".into(), crossing: true }],
                legend: vec![("series-1".into(), "acme".into())],
                crossings: 1,
                truncated: true,
                too_large: None,
            };
            Self {
                shell: Shell::sample(Section::Lineage),
                query: ExplorerQuery { node: "dataset-1".into(), ..ExplorerQuery::default() },
                way: "both".into(),
                depth: "3".into(),
                ways: ["both", "upstream", "downstream"],
                depths: [1, 2, 3, 5, 8, 12, 20],
                hits: Vec::new(),
                focus: Some(Focus {
                    node: "dataset-1".into(),
                    href: "/datasets/1".into(),
                    kind: "dataset",
                    namespace: "s3://lake-raw".into(),
                    name: "acme/orders".into(),
                    owner: Shown::Tenant("acme".into()),
                }),
                drawing,
                datasets: 1,
                jobs: 0,
            }
        }
    }

    #[test]
    fn the_explorer_draws_boxes_that_link_and_marks_crossings() {
        let html = ExplorerPage::sample().render().unwrap();
        assert!(html.contains("edge-crossing") && html.contains("/lineage?node=dataset-1"), "{html}");
        let empty = ExplorerPage { focus: None, ..ExplorerPage::sample() };
        assert!(empty.render().unwrap().contains("/api/v1/lineage"));
    }
}
