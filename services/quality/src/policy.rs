//! `policies/quality/*.toml`: failed checks, freshness and row counts, bound to datasets by pattern.

use std::collections::BTreeSet;

use lakewarden_core::{Layer, LoadError, Severity, Sha256};
use lakewarden_findings::policy_file::{at_offset, from_toml, policy_texts};
use lakewarden_findings::{PolicyInfo, PolicyKind};
use serde::Deserialize;
use toml::Spanned;

use crate::facts::Dataset;

/// The quality policies in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    pub policies: Vec<Policy>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub info: PolicyInfo,
    pub binding: Binding,
    pub rule: Rule,
}

/// Which datasets a policy is about; what is not given is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// A tenant's slug, or `platform`.
    pub tenant: Option<String>,
    pub layer: Option<Vec<Layer>>,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl Binding {
    pub fn covers(&self, dataset: &Dataset, tenant_slug: Option<&str>) -> bool {
        let matches =
            |pattern: &Option<String>, text: &str| pattern.as_deref().is_none_or(|p| matches_pattern(p, text));
        self.tenant.as_deref().is_none_or(|tenant| tenant_slug == Some(tenant))
            && self.layer.as_ref().is_none_or(|layers| dataset.layer.is_some_and(|layer| layers.contains(&layer)))
            && matches(&self.namespace, &dataset.namespace)
            && matches(&self.name, &dataset.name)
    }
}

/// `*` stands for any text, also none.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    true
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The newest outcome of a check whose name matches is a failure.
    Assertion { names: String },
    /// The last write is older than this.
    Freshness { max_age_hours: u32 },
    /// The newest write has this much fewer rows than the median of the writes before it.
    RowCount { of_writes: u32, drop_percent: u32 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    #[serde(default)]
    policy: Vec<PolicyToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyToml {
    id: Spanned<String>,
    title: String,
    severity: Severity,
    #[serde(default)]
    controls: Vec<String>,
    remediation: String,
    #[serde(default)]
    datasets: Binding,
    assertion: Option<AssertionToml>,
    freshness: Option<FreshnessToml>,
    row_count: Option<RowCountToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssertionToml {
    #[serde(default = "any")]
    names: String,
}

fn any() -> String {
    "*".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FreshnessToml {
    max_age_hours: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowCountToml {
    of_writes: u32,
    drop_percent: u32,
}

impl Policies {
    /// Compiles the TOML files of `policies/quality`, each with its name and text.
    pub fn parse(files: &[(String, String)]) -> Result<Self, LoadError> {
        let mut policies = Vec::new();
        let mut ids = BTreeSet::new();
        for (name, text) in files {
            let parsed: FileToml = toml::from_str(text).map_err(|error| from_toml(name, text, &error))?;
            for (policy, own_text) in parsed.policy.into_iter().zip(policy_texts(text)) {
                let error = |message: String| at_offset(name, text, policy.id.span().start, message);
                if !ids.insert(policy.id.get_ref().clone()) {
                    return Err(error(format!("the policy id `{}` is used twice", policy.id.get_ref())));
                }
                let rule = policy.rule().map_err(|message| error(message.to_owned()))?;
                policies.push(policy.compile(rule, name, own_text, Sha256::of(text)));
            }
        }
        Ok(Self { policies })
    }

    /// For the registry that findings look their policies up in.
    pub fn infos(&self) -> Vec<PolicyInfo> {
        self.policies.iter().map(|policy| policy.info.clone()).collect()
    }

    /// How many writes the longest row count rule looks back at, the newest included.
    pub fn writes_needed(&self) -> i64 {
        let of_writes = |policy: &Policy| match policy.rule {
            Rule::RowCount { of_writes, .. } => i64::from(of_writes),
            Rule::Assertion { .. } | Rule::Freshness { .. } => 0,
        };
        self.policies.iter().map(of_writes).max().unwrap_or(0) + 1
    }
}

impl PolicyToml {
    fn rule(&self) -> Result<Rule, &'static str> {
        match (&self.assertion, &self.freshness, &self.row_count) {
            (Some(assertion), None, None) => Ok(Rule::Assertion { names: assertion.names.clone() }),
            (None, Some(freshness), None) => Ok(Rule::Freshness { max_age_hours: freshness.max_age_hours }),
            (None, None, Some(rows)) if rows.of_writes == 0 || !(1..=100).contains(&rows.drop_percent) => {
                Err("`of_writes` must be above 0 and `drop_percent` between 1 and 100")
            }
            (None, None, Some(rows)) => {
                Ok(Rule::RowCount { of_writes: rows.of_writes, drop_percent: rows.drop_percent })
            }
            _ => {
                Err("a quality policy has exactly one of [policy.assertion], [policy.freshness] and [policy.row_count]")
            }
        }
    }

    fn compile(self, rule: Rule, file: &str, text: &str, version: Sha256) -> Policy {
        let info = PolicyInfo {
            id: self.id.into_inner(),
            title: self.title,
            severity: self.severity,
            kind: PolicyKind::Quality,
            plane: None,
            controls: self.controls,
            remediation: self.remediation,
            text: text.to_owned(),
            file: file.to_owned(),
            version,
        };
        Policy { info, binding: self.datasets, rule }
    }
}

/// Whether a check of this name is meant by a rule's `names`.
pub fn is_named(names: &str, assertion: &str) -> bool {
    matches_pattern(names, assertion)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../policies/quality/lake.toml");

    fn parse(text: &str) -> Result<Policies, LoadError> {
        Policies::parse(&[("quality/lake.toml".to_owned(), text.to_owned())])
    }

    #[test]
    fn the_shipped_policies_load_and_carry_what_pages_show() {
        let policies = parse(SHIPPED).unwrap();
        assert_eq!((policies.policies.len(), policies.writes_needed()), (3, 21));
        for info in policies.infos() {
            assert!(!info.title.is_empty() && !info.remediation.is_empty() && !info.controls.is_empty(), "{info:?}");
            assert!(info.text.starts_with("[[policy]]") && info.text.contains(&info.id), "{}", info.text);
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let head = "[[policy]]\nid = \"a\"\ntitle = \"t\"\nseverity = \"low\"\nremediation = \"r\"\n";
        for (text, expected) in [
            (head.to_owned(), "quality/lake.toml:2: a quality policy has exactly one"),
            (format!("{head}[policy.freshness]\nmax_age = 3\n"), "quality/lake.toml:7: unknown field `max_age`"),
            (
                format!("{head}[policy.row_count]\nof_writes = 0\ndrop_percent = 50\n"),
                "quality/lake.toml:2: `of_writes`",
            ),
            (format!("{head}[policy.assertion]\n{head}[policy.assertion]\n"), "quality/lake.toml:8: the policy id `a`"),
            (format!("{head}[policy.datasets]\nlayer = [\"gold\"]\n"), "quality/lake.toml:7: unknown variant `gold`"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should contain {expected}");
        }
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("s3://lake-*", "s3://lake-raw", true),
            ("*ab", "aab", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_binding_covers_what_all_its_parts_cover() {
        let dataset = Dataset {
            id: crate::facts::DatasetId(1),
            namespace: "s3://lake-raw".into(),
            name: "acme/orders".into(),
            asset: "s3://lake-raw/acme/orders".into(),
            tenant: None,
            layer: Some(Layer::Raw),
        };
        let binding = |tenant: Option<&str>, layer, name: Option<&str>| Binding {
            tenant: tenant.map(Into::into),
            layer,
            namespace: None,
            name: name.map(Into::into),
        };
        assert!(Binding::default().covers(&dataset, None));
        assert!(binding(Some("acme"), Some(vec![Layer::Raw]), Some("*/orders")).covers(&dataset, Some("acme")));
        assert!(!binding(Some("acme"), None, None).covers(&dataset, Some("globex")));
        assert!(!binding(None, Some(vec![Layer::Analytics]), None).covers(&dataset, None));
        assert!(!binding(None, None, Some("*/customers")).covers(&dataset, None));
    }
}
