//! Finds two conventions that fit the same asset and disagree about it, before anyone relies on either.

use std::collections::BTreeSet;

use lakewarden_core::Layer;
use rustc_hash::FxHashMap;

use crate::RuleId;
use crate::pattern::Pattern;
use crate::template::{Captures, Fit, Part, Template};
use crate::words::{TenantIndex, Words};

/// A convention as far as its answers go: what is not fixed is captured by the pattern.
#[derive(Debug, Clone)]
pub(crate) struct Convention {
    pub(crate) rule: RuleId,
    pub(crate) pattern: Pattern,
    pub(crate) owner: Option<TenantIndex>,
    pub(crate) layer: Option<Layer>,
}

/// What two conventions disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disagreement {
    Owner,
    Layer,
}

/// The first pair of conventions of one kind that can fit the same asset and give different answers.
pub(crate) fn find_disagreement(conventions: &[Convention], words: &Words) -> Option<(RuleId, RuleId, Disagreement)> {
    // Two literal first segments overlap only where they are equal: most pairs are never looked at.
    let mut by_literal: FxHashMap<&str, Vec<&Convention>> = FxHashMap::default();
    let mut templated: Vec<&Convention> = Vec::new();
    for (index, new) in conventions.iter().enumerate() {
        let literal = new.pattern.segments.first().and_then(Template::as_literal);
        let against: Box<dyn Iterator<Item = &Convention>> = match literal {
            Some(text) => {
                let same = by_literal.get(text).into_iter().flatten().copied();
                Box::new(same.chain(templated.iter().copied()))
            }
            None => Box::new(conventions[..index].iter()),
        };
        for old in against {
            if let Some(about) = disagree(old, new, words) {
                return Some((old.rule, new.rule, about));
            }
        }
        match literal {
            Some(text) => by_literal.entry(text).or_default().push(new),
            None => templated.push(new),
        }
    }
    None
}

/// How the captures of two templates go together, over all texts that fit both.
enum Joint {
    /// The templates are equal, so their captures are.
    Same,
    Pairs(Vec<(Captures, Captures)>),
    /// Both have a `*`: texts cannot be enumerated, so anything may be.
    Unknown,
}

fn disagree(a: &Convention, b: &Convention, words: &Words) -> Option<Disagreement> {
    let (a_segments, b_segments) = (&a.pattern.segments, &b.pattern.segments);
    let shared = a_segments.len().min(b_segments.len());
    let apart = (a_segments.len() > shared && !b.pattern.open) || (b_segments.len() > shared && !a.pattern.open);
    if apart {
        return None;
    }
    let mut joints = Vec::with_capacity(shared);
    for (a, b) in a_segments.iter().zip(b_segments) {
        joints.push(joint(a, b, words)?);
    }
    let all_tenants = || words.tenants().map(|(_, tenant)| tenant).collect();
    let a_owner = Answer { fixed: a.owner, segment: a.pattern.captures(&Part::Tenant) };
    let b_owner = Answer { fixed: b.owner, segment: b.pattern.captures(&Part::Tenant) };
    if differ(a_owner, b_owner, &joints, |captures| captures.tenant, &all_tenants) {
        return Some(Disagreement::Owner);
    }
    let all_layers = || Layer::ALL.iter().copied().collect();
    let a_layer = Answer { fixed: a.layer, segment: a.pattern.captures(&Part::Layer) };
    let b_layer = Answer { fixed: b.layer, segment: b.pattern.captures(&Part::Layer) };
    differ(a_layer, b_layer, &joints, |captures| captures.layer, &all_layers).then_some(Disagreement::Layer)
}

/// One side's answer: fixed, captured in a segment, or none at all.
#[derive(Clone, Copy)]
struct Answer<T> {
    fixed: Option<T>,
    segment: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

fn differ<T: Copy + Ord>(
    a: Answer<T>,
    b: Answer<T>,
    joints: &[Joint],
    captured: impl Fn(Captures) -> Option<T>,
    all: &dyn Fn() -> BTreeSet<T>,
) -> bool {
    let captured_together = match (a, b) {
        (Answer { fixed: None, segment: Some(left) }, Answer { fixed: None, segment: Some(right) })
            if left == right =>
        {
            joints.get(left)
        }
        _ => None,
    };
    match captured_together {
        Some(Joint::Same) => false,
        Some(Joint::Unknown) => true,
        Some(Joint::Pairs(pairs)) => pairs.iter().any(|(a, b)| captured(*a) != captured(*b)),
        None => {
            let possible = |answer: Answer<T>, side: Side| -> BTreeSet<Option<T>> {
                match (answer.fixed, answer.segment) {
                    (None, Some(segment)) => match joints.get(segment) {
                        Some(Joint::Pairs(pairs)) => pairs
                            .iter()
                            .map(|(left, right)| captured(if side == Side::Left { *left } else { *right }))
                            .collect(),
                        _ => all().into_iter().map(Some).collect(),
                    },
                    (fixed, _) => BTreeSet::from([fixed]),
                }
            };
            let (a, b) = (possible(a, Side::Left), possible(b, Side::Right));
            a.len() != 1 || a != b
        }
    }
}

/// `None` where no text fits both.
fn joint(a: &Template, b: &Template, words: &Words) -> Option<Joint> {
    if a == b {
        return Some(Joint::Same);
    }
    let within = |one: &str, other: &str, fits: fn(&str, &str) -> bool| fits(one, other) || fits(other, one);
    if !within(a.literal_prefix(), b.literal_prefix(), |one, other| one.starts_with(other))
        || !within(a.literal_suffix(), b.literal_suffix(), |one, other| one.ends_with(other))
    {
        return None;
    }
    if a.has(&Part::Any) && b.has(&Part::Any) {
        return Some(Joint::Unknown);
    }
    // One side's texts are tried on the other; a literal side has a single one.
    let expand_left = !a.has(&Part::Any) && (a.as_literal().is_some() || b.as_literal().is_none());
    let (texts, template) = if expand_left { (a.expand(words), b) } else { (b.expand(words), a) };
    let mut pairs = Vec::new();
    for (text, expanded) in texts {
        match template.fit(&text, words) {
            Fit::One(fitted) if expand_left => pairs.push((expanded, fitted)),
            Fit::One(fitted) => pairs.push((fitted, expanded)),
            // A text that fits one template in two ways matches nothing at run time.
            Fit::No | Fit::Many => {}
        }
    }
    (!pairs.is_empty()).then_some(Joint::Pairs(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let mut words = Words::default();
        for (index, tenant) in ["acme", "globex", "shared_raw"].iter().enumerate() {
            words.add_tenant(tenant, TenantIndex(index as u32)).unwrap();
        }
        for layer in Layer::ALL {
            words.add_layer(layer.as_str(), *layer).unwrap();
        }
        words
    }

    fn s3(index: u32, text: &str, owner: Option<TenantIndex>, layer: Option<Layer>) -> Convention {
        Convention { rule: RuleId(index), pattern: Pattern::s3(text).unwrap(), owner, layer }
    }

    #[test]
    fn conventions_that_disagree_are_found_and_others_are_not() {
        let (platform, globex) = (Some(TenantIndex::PLATFORM), Some(TenantIndex(1)));
        let lake = s3(0, "s3://lake-{layer}/{tenant}/", None, None);
        for (text, owner, layer, expected) in [
            // Not a tenant's name, so no asset fits both.
            ("s3://lake-raw/shared/", platform, None, None),
            ("s3://lake-raw/acme/legacy/", globex, Some(Layer::Raw), Some(Disagreement::Owner)),
            ("s3://lake-raw/{tenant}/landing/", None, Some(Layer::Processed), Some(Disagreement::Layer)),
            ("s3://lake-raw/{tenant}/landing/", None, None, Some(Disagreement::Layer)),
            ("s3://lake-raw/{tenant}/landing/", None, Some(Layer::Raw), None),
            ("s3://lake-{layer}/{tenant}/sub/", None, None, None),
            ("s3://lake-*/{tenant}/", None, Some(Layer::Raw), Some(Disagreement::Layer)),
            ("s3://lake-{layer}/*/{tenant}/", None, None, Some(Disagreement::Owner)),
            ("s3://other-{layer}/{tenant}/", None, None, None),
            ("s3://lake-raw", platform, None, None),
            ("s3://lake-raw/", platform, None, Some(Disagreement::Owner)),
        ] {
            let found = find_disagreement(&[lake.clone(), s3(1, text, owner, layer)], &words());
            assert_eq!(found.map(|(_, _, about)| about), expected, "{text}");
        }
    }

    #[test]
    fn names_of_one_segment_overlap_only_where_a_text_fits_both() {
        let role = |index, text, owner| Convention {
            rule: RuleId(index),
            pattern: Pattern::name(text).unwrap(),
            owner,
            layer: None,
        };
        let platform = Some(TenantIndex::PLATFORM);
        let disjoint =
            [role(0, "{tenant}-etl", None), role(1, "{tenant}-reader", None), role(2, "platform-*", platform)];
        assert_eq!(find_disagreement(&disjoint, &words()), None);
        let overlapping = [role(0, "{tenant}-etl", None), role(1, "acme-*", platform)];
        assert_eq!(find_disagreement(&overlapping, &words()), Some((RuleId(0), RuleId(1), Disagreement::Owner)));
    }
}
