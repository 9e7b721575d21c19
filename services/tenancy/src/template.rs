//! One segment of a pattern: literal text, `{tenant}`, `{layer}` and `*`.

use lakewarden_core::Layer;

use crate::words::{TenantIndex, Words};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Box<str>),
    Tenant,
    Layer,
    /// `*`: one character or more.
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

/// What a pattern's captures stand for in one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Captures {
    pub(crate) tenant: Option<TenantIndex>,
    pub(crate) layer: Option<Layer>,
}

/// All the ways a text fits a template, as far as they matter: more than one is not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    No,
    One(Captures),
    Many,
}

impl Fit {
    fn add(&mut self, captures: Captures) {
        *self = match *self {
            Self::No => Self::One(captures),
            Self::One(known) if known == captures => Self::One(known),
            _ => Self::Many,
        };
    }
}

impl Template {
    /// `*`.
    pub(crate) fn anything() -> Self {
        Self(vec![Part::Any])
    }

    pub(crate) fn literal(text: &str) -> Self {
        Self(vec![Part::Literal(text.into())])
    }

    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let part;
            (part, rest) = match first {
                '{' => {
                    let (name, after) =
                        rest[1..].split_once('}').ok_or_else(|| format!("`{{` is not closed in `{text}`"))?;
                    (capture(name)?, after)
                }
                '}' => return Err(format!("`}}` without `{{` in `{text}`")),
                '*' => (Part::Any, &rest[1..]),
                _ => {
                    let end = rest.find(['{', '}', '*']).unwrap_or(rest.len());
                    (Part::Literal(rest[..end].into()), &rest[end..])
                }
            };
            let after_a_capture = !matches!(parts.last(), None | Some(Part::Literal(_)));
            if after_a_capture && !matches!(part, Part::Literal(_)) {
                return Err(format!(
                    "two captures side by side in `{text}`: put text between them, or nobody can tell where one ends"
                ));
            }
            parts.push(part);
        }
        if parts.iter().filter(|part| **part == Part::Any).count() > 1 {
            return Err(format!("more than one `*` in the segment `{text}`"));
        }
        if parts.is_empty() {
            return Err("a segment is empty".to_owned());
        }
        Ok(Self(parts))
    }

    pub(crate) fn as_literal(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn has(&self, part: &Part) -> bool {
        self.0.contains(part)
    }

    pub(crate) fn fit(&self, text: &str, words: &Words) -> Fit {
        let mut fit = Fit::No;
        if text.starts_with(self.literal_prefix()) && text.ends_with(self.literal_suffix()) {
            fit_parts(&self.0, text, Captures::default(), words, &mut fit);
        }
        fit
    }

    pub(crate) fn literal_prefix(&self) -> &str {
        match self.0.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn literal_suffix(&self) -> &str {
        match self.0.last() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// Every text the template fits; only for one without `*`.
    pub(crate) fn expand(&self, words: &Words) -> Vec<(String, Captures)> {
        let mut texts = vec![(String::new(), Captures::default())];
        for part in &self.0 {
            texts = texts
                .into_iter()
                .flat_map(|(text, captures)| -> Vec<(String, Captures)> {
                    match part {
                        Part::Literal(literal) => vec![(text + literal, captures)],
                        Part::Any => Vec::new(),
                        Part::Layer => words
                            .layers()
                            .map(|(word, layer)| (format!("{text}{word}"), Captures { layer: Some(layer), ..captures }))
                            .collect(),
                        Part::Tenant => words
                            .tenants()
                            .map(|(word, tenant)| {
                                (format!("{text}{word}"), Captures { tenant: Some(tenant), ..captures })
                            })
                            .collect(),
                    }
                })
                .collect();
        }
        texts
    }

    /// Two tenants the template cannot tell apart: with `{tenant}_*`, is `acme_eu_x` of `acme` or of `acme_eu`?
    pub(crate) fn confused_tenants<'w>(&self, words: &'w Words) -> Option<(&'w str, &'w str)> {
        let tenant = self.0.iter().position(|part| *part == Part::Tenant)?;
        let any = self.0.iter().position(|part| *part == Part::Any)?;
        let neighbour = if any > tenant { self.0.get(tenant + 1) } else { self.0.get(tenant - 1) };
        let Some(Part::Literal(literal)) = neighbour else { return None };
        words.tenants().find_map(|(longer, owner)| {
            longer.match_indices(&**literal).find_map(|(at, _)| {
                let shorter = if any > tenant { &longer[..at] } else { &longer[at + literal.len()..] };
                let (shorter, other) = words.tenants_entry(shorter)?;
                (other != owner).then_some((shorter, longer))
            })
        })
    }
}

fn capture(name: &str) -> Result<Part, String> {
    match name {
        "tenant" => Ok(Part::Tenant),
        "layer" => Ok(Part::Layer),
        "rest" => Err("`{rest}` stands for whole segments and only at the end".to_owned()),
        other => Err(format!(
            "unknown capture `{{{other}}}`: there are {{tenant}}, {{layer}} and {{rest}}; for any text write *"
        )),
    }
}

fn fit_parts(parts: &[Part], text: &str, captures: Captures, words: &Words, fit: &mut Fit) {
    let Some((part, rest)) = parts.split_first() else {
        if text.is_empty() {
            fit.add(captures);
        }
        return;
    };
    match part {
        Part::Literal(literal) => {
            if let Some(text) = text.strip_prefix(&**literal) {
                fit_parts(rest, text, captures, words, fit);
            }
        }
        Part::Any => each_end(rest, text, |end| {
            if end > 0 {
                fit_parts(rest, &text[end..], captures, words, fit);
            }
        }),
        Part::Tenant => each_end(rest, text, |end| {
            let Some(tenant) = words.tenant(&text[..end]) else { return };
            if captures.tenant.is_none_or(|known| known == tenant) {
                fit_parts(rest, &text[end..], Captures { tenant: Some(tenant), ..captures }, words, fit);
            }
        }),
        Part::Layer => {
            for (word, layer) in words.layers() {
                if let Some(text) = text.strip_prefix(word) {
                    fit_parts(rest, text, Captures { layer: Some(layer), ..captures }, words, fit);
                }
            }
        }
    }
}

/// Where a capture may end: at the end of the text, or wherever the literal that follows it begins.
fn each_end(rest: &[Part], text: &str, mut at: impl FnMut(usize)) {
    match rest.first() {
        Some(Part::Literal(literal)) => {
            // A suffix may begin inside an earlier occurrence of itself, so every byte offset counts.
            for end in 0..text.len() {
                if text.is_char_boundary(end) && text[end..].starts_with(&**literal) {
                    at(end);
                }
            }
        }
        _ => at(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tenants: &[&str]) -> Words {
        let mut words = Words::default();
        for (index, tenant) in tenants.iter().enumerate() {
            words.add_tenant(tenant, TenantIndex(index as u32)).unwrap();
        }
        for layer in Layer::ALL {
            words.add_layer(layer.as_str(), *layer).unwrap();
        }
        words
    }

    fn fit(template: &str, text: &str) -> Option<(u32, Option<Layer>)> {
        match Template::parse(template).unwrap().fit(text, &words(&["acme", "acme_eu", "tenant1", "tenant10"])) {
            Fit::One(captures) => Some((captures.tenant.map_or(99, |tenant| tenant.0), captures.layer)),
            _ => None,
        }
    }

    #[test]
    fn captures_stand_for_known_words_only() {
        for (template, text, expected) in [
            ("{tenant}", "acme", Some((0, None))),
            ("{tenant}", "acme2", None),
            ("{tenant}", "tenant10", Some((3, None))),
            ("{tenant}_{layer}", "acme_raw", Some((0, Some(Layer::Raw)))),
            ("{tenant}_{layer}", "acme_eu_raw", Some((1, Some(Layer::Raw)))),
            ("{tenant}_{layer}", "acme_row", None),
            ("lake-{layer}", "lake-analytics", Some((99, Some(Layer::Analytics)))),
            ("platform-*", "platform-etl", Some((99, None))),
            ("platform-*", "platform-", None),
            ("*-{tenant}-x", "a-b-tenant1-x", Some((2, None))),
        ] {
            assert_eq!(fit(template, text), expected, "{template} {text}");
        }
    }

    #[test]
    fn a_text_that_fits_in_two_ways_is_not_decided() {
        assert_eq!(fit("{tenant}_*", "acme_eu_orders"), None);
        let template = Template::parse("{tenant}_*").unwrap();
        assert_eq!(template.confused_tenants(&words(&["acme", "acme_eu"])), Some(("acme", "acme_eu")));
        assert_eq!(template.confused_tenants(&words(&["acme", "acmeeu"])), None);
    }

    #[test]
    fn a_template_that_cannot_be_read_says_why() {
        for (template, reason) in [
            ("{tennant}", "unknown capture `{tennant}`"),
            ("{tenant}{layer}", "side by side"),
            ("{tenant", "not closed"),
            ("tenant}", "without"),
            ("*a*", "more than one `*`"),
            ("", "empty"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
