//! A graph as it is drawn: boxes with links, edges bent around them, crossings marked.

use std::fmt::Write as _;

use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::eyes::{Shown, series_of};
use crate::graph::{Graph, Node, NodeId};
use crate::layout::layout;

const BOX_WIDTH: f64 = 230.0;
const BOX_HEIGHT: f64 = 44.0;
/// Letters that fit a box.
const LABEL_CHARS: usize = 30;
/// Boxes that are still legible; past this the page asks for a narrower view.
pub const DRAWN_AT_MOST: usize = 600;

/// What the template shows.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    pub box_width: f64,
    pub box_height: f64,
    pub boxes: Vec<DrawnBox>,
    pub edges: Vec<DrawnEdge>,
    pub legend: Vec<(String, String)>,
    pub crossings: usize,
    pub truncated: bool,
    /// More than can be drawn legibly: nothing is.
    pub too_large: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct DrawnBox {
    pub x: f64,
    pub y: f64,
    /// Empty where the viewer may not open it.
    pub href: String,
    pub label: String,
    pub title: String,
    pub note: String,
    pub kind: &'static str,
    pub series: String,
    pub focus: bool,
}

impl DrawnBox {
    pub fn is_job(&self) -> bool {
        self.kind == "job"
    }

    pub fn text_x(&self) -> f64 {
        self.x + 14.0
    }

    pub fn label_y(&self) -> f64 {
        self.y + 19.0
    }

    pub fn note_y(&self) -> f64 {
        self.y + 35.0
    }
}

#[derive(Debug, Clone)]
pub struct DrawnEdge {
    pub path: String,
    pub crossing: bool,
}

/// Lays the graph out for a viewer. `crossing` are edges on flows that breach a policy.
pub fn draw(
    graph: &Graph,
    focus: &[NodeId],
    crossing: &FxHashSet<(NodeId, NodeId)>,
    viewer: &Viewer,
    ownership: &Ownership,
) -> Drawing {
    if graph.nodes.len() > DRAWN_AT_MOST {
        return Drawing { too_large: Some(graph.nodes.len()), truncated: graph.truncated, ..Drawing::default() };
    }
    let index: FxHashMap<NodeId, usize> = graph.nodes.iter().enumerate().map(|(at, node)| (node.id(), at)).collect();
    let edges: Vec<(usize, usize)> = graph.edges.iter().map(|(from, to)| (index[from], index[to])).collect();
    let laid = layout(graph.nodes.len(), &edges, BOX_WIDTH, BOX_HEIGHT);
    let boxes: Vec<DrawnBox> = graph
        .nodes
        .iter()
        .zip(&laid.places)
        .map(|(node, place)| drawn_box(node, *place, focus.contains(&node.id()), viewer, ownership))
        .collect();
    let edges: Vec<DrawnEdge> = graph
        .edges
        .iter()
        .zip(&laid.routes)
        .map(|(edge, route)| DrawnEdge { path: curve(route), crossing: crossing.contains(edge) })
        .collect();
    let mut legend: Vec<(String, String)> = boxes
        .iter()
        .filter(|drawn| !drawn.series.is_empty())
        .map(|drawn| (drawn.series.clone(), drawn.note.clone()))
        .collect();
    legend.sort_unstable();
    legend.dedup();
    Drawing {
        width: laid.width.ceil(),
        height: laid.height.ceil(),
        box_width: BOX_WIDTH,
        box_height: BOX_HEIGHT,
        crossings: edges.iter().filter(|edge| edge.crossing).count(),
        boxes,
        edges,
        legend,
        truncated: graph.truncated,
        too_large: None,
    }
}

fn drawn_box(node: &Node, place: (f64, f64), focus: bool, viewer: &Viewer, ownership: &Ownership) -> DrawnBox {
    let (x, y) = place;
    let owner = Shown::of(viewer, ownership, node.tenant());
    let blank = DrawnBox {
        x,
        y,
        href: String::new(),
        label: String::new(),
        title: String::new(),
        note: owner.word().to_owned(),
        kind: "dataset",
        series: series_of(ownership, node.tenant()),
        focus,
    };
    match node {
        Node::Dataset(dataset) => DrawnBox {
            href: format!("/lineage?node=dataset-{}", dataset.id),
            label: shorten(&dataset.name),
            title: format!("{} {}", dataset.namespace, dataset.name),
            ..blank
        },
        Node::Job(job) => DrawnBox {
            href: format!("/lineage?node=job-{}", job.id),
            label: shorten(&job.name),
            title: format!("{} {}", job.namespace, job.name),
            kind: "job",
            ..blank
        },
        Node::Hidden(id) => DrawnBox {
            label: if matches!(id, NodeId::Job(_)) { "a job".to_owned() } else { "a dataset".to_owned() },
            title: "not yours to see".to_owned(),
            note: "not yours to see".to_owned(),
            kind: if matches!(id, NodeId::Job(_)) { "job" } else { "dataset" },
            series: "series-rest".to_owned(),
            ..blank
        },
    }
}

/// The end of a name says more than its beginning.
fn shorten(name: &str) -> String {
    let count = name.chars().count();
    if count <= LABEL_CHARS {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(count - LABEL_CHARS + 1).collect();
    format!("…{tail}")
}

/// Horizontal at both ends of every stretch.
fn curve(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let Some((first, rest)) = points.split_first() else { return path };
    write!(path, "M{:.1} {:.1}", first.0, first.1).expect("a String takes everything");
    let mut at = *first;
    for point in rest {
        let middle = f64::midpoint(at.0, point.0);
        let (x, y) = *point;
        write!(path, "C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}", at.1).expect("a String takes everything");
        at = *point;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shorten("orders"), "orders");
        let long = shorten("warehouse/processed/globex/very/long/path/orders");
        assert!(long.starts_with('…') && long.ends_with("/orders") && long.chars().count() == LABEL_CHARS, "{long}");
    }
}
