//! A layered drawing of a directed graph: layers by longest path, crossings reduced by barycentres, long edges bent around
//! what lies between. Pure: sizes in, coordinates out.

use std::collections::VecDeque;

/// Distance between layers, left edge to left edge, beyond the width of a node.
const LAYER_GAP: f64 = 70.0;
const ROW_GAP: f64 = 16.0;
const MARGIN: f64 = 16.0;
/// An edge over many layers takes a place of its own in each; past this many places edges run straight.
const BENDS_AT_MOST: usize = 20_000;
const SWEEPS: usize = 8;
/// Height an edge's bend takes in its layer.
const BEND_HEIGHT: f64 = 6.0;

/// Where everything is.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Left upper corners, one a node.
    pub places: Vec<(f64, f64)>,
    /// Points of each edge, from source to target.
    pub routes: Vec<Vec<(f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

/// Lays out `nodes` equal boxes joined by `edges`; an edge from a node to itself is not drawn.
pub fn layout(nodes: usize, edges: &[(usize, usize)], box_width: f64, box_height: f64) -> Layout {
    let forward = without_cycles(nodes, edges);
    let layers_of = longest_paths(nodes, &forward);
    let mut grid = Grid::new(nodes, &forward, &layers_of);
    grid.order();
    let ys = grid.rows(nodes, box_height);
    let x_of = |layer: usize| MARGIN + layer as f64 * (box_width + LAYER_GAP);
    let places: Vec<(f64, f64)> = (0..nodes).map(|node| (x_of(layers_of[node]), ys[node])).collect();
    let routes = edges
        .iter()
        .zip(&forward)
        .zip(&grid.chains)
        .map(|((given, used), chain)| {
            let mut points: Vec<(f64, f64)> = Vec::with_capacity(chain.len() + 2);
            let (from, to) = *used;
            points.push((places[from].0 + box_width, places[from].1 + box_height / 2.0));
            for (bend, layer) in chain {
                let y = ys[*bend] + BEND_HEIGHT / 2.0;
                points.push((x_of(*layer), y));
                points.push((x_of(*layer) + box_width, y));
            }
            points.push((places[to].0, places[to].1 + box_height / 2.0));
            if given != used {
                points.reverse();
            }
            points
        })
        .collect();
    let layers = layers_of.iter().copied().max().map_or(0, |last| last + 1);
    let width = 2.0 * MARGIN + layers as f64 * box_width + layers.saturating_sub(1) as f64 * LAYER_GAP;
    let lowest = ys.iter().copied().fold(0.0, f64::max);
    Layout { places, routes, width, height: lowest + box_height + MARGIN }
}

/// The edges with those turned round that close a cycle.
fn without_cycles(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for (index, (from, _)) in edges.iter().enumerate() {
        out[*from].push(index);
    }
    let mut used = edges.to_vec();
    // 0 new, 1 on the path, 2 done. An explicit stack: a chain of thousands must not overflow ours.
    let mut state = vec![0_u8; nodes];
    for root in 0..nodes {
        if state[root] != 0 {
            continue;
        }
        let mut stack = vec![(root, 0)];
        state[root] = 1;
        while let Some((node, next)) = stack.pop() {
            let Some(index) = out[node].get(next).copied() else {
                state[node] = 2;
                continue;
            };
            stack.push((node, next + 1));
            let to = edges[index].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    stack.push((to, 0));
                }
                1 => used[index] = (to, node),
                _ => {}
            }
        }
    }
    used
}

fn longest_paths(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut waiting = vec![0_usize; nodes];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        out[*from].push(*to);
        waiting[*to] += 1;
    }
    let mut layers = vec![0; nodes];
    let mut ready: VecDeque<usize> = (0..nodes).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop_front() {
        for to in &out[node] {
            layers[*to] = layers[*to].max(layers[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push_back(*to);
            }
        }
    }
    layers
}

/// Nodes and bends of edges by layer, in drawing order. Bends are numbered after the nodes.
struct Grid {
    layers: Vec<Vec<usize>>,
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// For each edge its bends, with their layers.
    chains: Vec<Vec<(usize, usize)>>,
}

impl Grid {
    fn new(nodes: usize, edges: &[(usize, usize)], layer_of: &[usize]) -> Self {
        let count = layer_of.iter().copied().max().map_or(0, |last| last + 1);
        let mut layers: Vec<Vec<usize>> = vec![Vec::new(); count];
        for node in 0..nodes {
            layers[layer_of[node]].push(node);
        }
        let span = |(from, to): (usize, usize)| layer_of[to].saturating_sub(layer_of[from] + 1);
        let bends: usize = edges.iter().map(|edge| span(*edge)).sum();
        let total = if bends > BENDS_AT_MOST { nodes } else { nodes + bends };
        let (mut left, mut right) = (vec![Vec::new(); total], vec![Vec::new(); total]);
        let mut chains = Vec::with_capacity(edges.len());
        let mut next = nodes;
        for (from, to) in edges {
            let mut chain = Vec::new();
            let mut at = *from;
            if bends <= BENDS_AT_MOST && from != to {
                for (layer, row) in layers.iter_mut().enumerate().take(layer_of[*to]).skip(layer_of[*from] + 1) {
                    row.push(next);
                    right[at].push(next);
                    left[next].push(at);
                    chain.push((next, layer));
                    at = next;
                    next += 1;
                }
            }
            if from != to {
                right[at].push(*to);
                left[*to].push(at);
            }
            chains.push(chain);
        }
        Self { layers, left, right, chains }
    }

    /// Sweeps back and forth, putting everything at the mean place of its neighbours.
    fn order(&mut self) {
        let mut place = vec![0.0_f64; self.left.len()];
        let number = |row: &[usize], place: &mut [f64]| {
            for (index, item) in row.iter().enumerate() {
                place[*item] = index as f64;
            }
        };
        self.layers.iter().for_each(|row| number(row, &mut place));
        for sweep in 0..SWEEPS {
            let rightwards = sweep % 2 == 0;
            let neighbours = if rightwards { &self.left } else { &self.right };
            let count = self.layers.len();
            for step in 0..count {
                let layer = if rightwards { step } else { count - 1 - step };
                let row = &mut self.layers[layer];
                let mut keyed: Vec<(f64, usize)> =
                    row.iter().map(|item| (mean(&neighbours[*item], &place).unwrap_or(place[*item]), *item)).collect();
                keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
                row.clear();
                row.extend(keyed.into_iter().map(|(_, item)| item));
                number(row, &mut place);
            }
        }
    }

    /// Upper edges: each as near to the middle of its neighbours as its layer's order and its own height allow.
    fn rows(&self, nodes: usize, box_height: f64) -> Vec<f64> {
        let height = |item: usize| if item < nodes { box_height } else { BEND_HEIGHT };
        let mut y = vec![MARGIN; self.left.len()];
        for row in &self.layers {
            let mut at = MARGIN;
            for item in row {
                y[*item] = at;
                at += height(*item) + ROW_GAP;
            }
        }
        let centre = |item: usize, y: &[f64]| y[item] + height(item) / 2.0;
        for sweep in 0..SWEEPS {
            let rightwards = sweep % 2 == 0;
            let neighbours = if rightwards { &self.left } else { &self.right };
            for step in 0..self.layers.len() {
                let row = &self.layers[if rightwards { step } else { self.layers.len() - 1 - step }];
                let wanted: Vec<f64> = row
                    .iter()
                    .map(|item| {
                        let near = &neighbours[*item];
                        let sum: f64 = near.iter().map(|other| centre(*other, &y)).sum();
                        if near.is_empty() { y[*item] } else { sum / near.len() as f64 - height(*item) / 2.0 }
                    })
                    .collect();
                place_row(row, &wanted, &height, &mut y);
            }
        }
        let top = y.iter().copied().fold(f64::INFINITY, f64::min);
        for at in &mut y {
            *at += MARGIN - top;
        }
        y
    }
}

/// Wishes from above and from below, met half way: overlaps are pushed down, then up, and the mean of both has none.
fn place_row(row: &[usize], wanted: &[f64], height: &impl Fn(usize) -> f64, y: &mut [f64]) {
    let mut down = Vec::with_capacity(row.len());
    let mut free = f64::NEG_INFINITY;
    for (item, wish) in row.iter().zip(wanted) {
        let at = wish.max(free);
        down.push(at);
        free = at + height(*item) + ROW_GAP;
    }
    let mut limit = f64::INFINITY;
    for ((item, wish), down) in row.iter().zip(wanted).zip(down).rev() {
        let up = wish.min(limit - height(*item) - ROW_GAP);
        limit = up;
        y[*item] = f64::midpoint(up, down);
    }
}

fn mean(items: &[usize], place: &[f64]) -> Option<f64> {
    if items.is_empty() {
        return None;
    }
    Some(items.iter().map(|item| place[*item]).sum::<f64>() / items.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_flows_to_the_right_and_nothing_overlaps() {
        let edges = [(0, 1), (1, 2), (0, 2), (3, 1), (1, 4), (4, 5), (0, 5)];
        let drawn = layout(6, &edges, 200.0, 40.0);
        for (from, to) in edges {
            assert!(drawn.places[from].0 + 200.0 < drawn.places[to].0, "{from} is left of {to}");
        }
        no_overlaps(&drawn);
        assert_eq!(drawn.routes[6].len(), 6, "an edge over three layers bends around them");
    }

    fn no_overlaps(drawn: &Layout) {
        for (index, one) in drawn.places.iter().enumerate() {
            assert!(one.0 >= 0.0 && one.1 >= 0.0 && one.0 < drawn.width && one.1 < drawn.height);
            for other in &drawn.places[index + 1..] {
                let apart = (one.0 - other.0).abs() >= 200.0 || (one.1 - other.1).abs() >= 40.0;
                assert!(apart, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn cycles_and_loops_are_drawn_too() {
        let drawn = layout(3, &[(0, 1), (1, 2), (2, 0), (1, 1)], 200.0, 40.0);
        assert_eq!(drawn.routes.len(), 4);
        no_overlaps(&drawn);
        let back = &drawn.routes[2];
        assert!(back[0].0 > back[back.len() - 1].0, "the edge that closes the cycle runs to the left");
        assert_eq!(layout(0, &[], 200.0, 40.0).places, []);
    }

    #[test]
    fn five_hundred_nodes_have_their_places_and_none_overlaps() {
        let edges: Vec<(usize, usize)> =
            (1..500).flat_map(|node| [(node / 2, node), ((node * 7) % node.max(1), node)]).collect();
        no_overlaps(&layout(500, &edges, 200.0, 40.0));
        let chain: Vec<(usize, usize)> = (0..4999).map(|node| (node, node + 1)).collect();
        assert_eq!(layout(5000, &chain, 200.0, 40.0).places.len(), 5000);
    }
}
