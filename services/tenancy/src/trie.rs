//! Patterns of one kind of asset, found by walking an asset's segments.

use rustc_hash::FxHashMap;

use crate::RuleId;
use crate::pattern::Pattern;
use crate::template::{Captures, Fit, Template};
use crate::words::Words;

type NodeIndex = u32;

#[derive(Debug, Default)]
pub(crate) struct Trie {
    /// Texts of literal segments, as small numbers: an unknown text can only fit templates.
    symbols: FxHashMap<Box<str>, u32>,
    literals: FxHashMap<(NodeIndex, u32), NodeIndex>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    templates: Vec<(Template, NodeIndex)>,
    exact: Option<RuleId>,
    open: Option<RuleId>,
}

/// The deepest rule that fits so far.
#[derive(Debug, Clone, Copy)]
struct Best {
    depth: usize,
    rule: RuleId,
    captures: Captures,
}

struct Walk<'a> {
    segments: &'a [&'a str],
    words: &'a Words,
    best: Option<Best>,
}

impl Trie {
    /// Adds a pattern; `Err` with the rule that has exactly this pattern already.
    pub(crate) fn insert(&mut self, pattern: &Pattern, rule: RuleId) -> Result<(), RuleId> {
        let mut node = self.root();
        for segment in &pattern.segments {
            node = match segment.as_literal() {
                Some(text) => self.literal_child(node, text),
                None => self.template_child(node, segment),
            };
        }
        let node = &mut self.nodes[node as usize];
        let slot = if pattern.open { &mut node.open } else { &mut node.exact };
        if let Some(other) = slot {
            return Err(*other);
        }
        *slot = Some(rule);
        Ok(())
    }

    /// The deepest rule that fits, with what its captures stand for.
    pub(crate) fn find(&self, segments: &[&str], words: &Words) -> Option<(RuleId, Captures)> {
        if self.nodes.is_empty() {
            return None;
        }
        let mut walk = Walk { segments, words, best: None };
        self.walk(0, 0, Captures::default(), &mut walk);
        walk.best.map(|best| (best.rule, best.captures))
    }

    fn walk(&self, at: NodeIndex, depth: usize, captures: Captures, walk: &mut Walk<'_>) {
        let node = &self.nodes[at as usize];
        let ends_here = depth == walk.segments.len();
        let rule = node.exact.filter(|_| ends_here).or(node.open);
        if let Some(rule) = rule
            && walk
                .best
                .is_none_or(|best| (depth, std::cmp::Reverse(rule)) > (best.depth, std::cmp::Reverse(best.rule)))
        {
            walk.best = Some(Best { depth, rule, captures });
        }
        if ends_here {
            return;
        }
        let segment = walk.segments[depth];
        if let Some(symbol) = self.symbols.get(segment)
            && let Some(child) = self.literals.get(&(at, *symbol))
        {
            self.walk(*child, depth + 1, captures, walk);
        }
        for (template, child) in &node.templates {
            if let Fit::One(found) = template.fit(segment, walk.words)
                && let Some(captures) = join(captures, found)
            {
                self.walk(*child, depth + 1, captures, walk);
            }
        }
    }

    fn root(&mut self) -> NodeIndex {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        0
    }

    fn literal_child(&mut self, node: NodeIndex, text: &str) -> NodeIndex {
        let next_symbol = self.symbols.len() as u32;
        let symbol = match self.symbols.get(text) {
            Some(symbol) => *symbol,
            None => *self.symbols.entry(text.into()).or_insert(next_symbol),
        };
        let next = self.nodes.len() as NodeIndex;
        let child = *self.literals.entry((node, symbol)).or_insert(next);
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    fn template_child(&mut self, node: NodeIndex, template: &Template) -> NodeIndex {
        let known = self.nodes[node as usize].templates.iter().find(|(known, _)| known == template);
        if let Some((_, child)) = known {
            return *child;
        }
        let child = self.nodes.len() as NodeIndex;
        self.nodes[node as usize].templates.push((template.clone(), child));
        self.nodes.push(Node::default());
        child
    }
}

/// A pattern that names `{tenant}` or `{layer}` twice fits only where both stand for the same.
fn join(left: Captures, right: Captures) -> Option<Captures> {
    if let (Some(left), Some(right)) = (left.tenant, right.tenant)
        && left != right
    {
        return None;
    }
    if let (Some(left), Some(right)) = (left.layer, right.layer)
        && left != right
    {
        return None;
    }
    Some(Captures { tenant: left.tenant.or(right.tenant), layer: left.layer.or(right.layer) })
}
