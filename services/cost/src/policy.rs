//! `policies/cost/*.toml`: budgets, the share nobody pays for, and daily spikes, as people write them.

use std::collections::{BTreeMap, BTreeSet};

use lakewarden_core::{Currency, LoadError, Severity, Sha256};
use lakewarden_findings::{PolicyInfo, PolicyKind};
use rust_decimal::Decimal;
use serde::Deserialize;
use toml::Spanned;

use crate::amount::parse_amount;
use lakewarden_findings::policy_file::{at_offset, from_toml, policy_texts};

/// The cost policies in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    pub budgets: Budgets,
    pub policies: Vec<Policy>,
}

/// Monthly budgets, in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budgets {
    pub currency: Option<Currency>,
    pub default_monthly: Option<Decimal>,
    /// By tenant slug.
    pub monthly: BTreeMap<String, Decimal>,
}

impl Budgets {
    /// What the tenant may cost in a month.
    pub fn of(&self, slug: &str) -> Option<Decimal> {
        self.monthly.get(slug).copied().or(self.default_monthly)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub info: PolicyInfo,
    pub rule: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The highest threshold a tenant has reached is the one that is breached.
    Budget {
        at_percent: u32,
    },
    Unallocated {
        max_percent: u32,
        ignore_below: Decimal,
    },
    Spike {
        times_median: Decimal,
        of_days: u32,
        at_least: Decimal,
        recent_days: u32,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    budgets: Option<BudgetsToml>,
    #[serde(default)]
    policy: Vec<PolicyToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsToml {
    currency: Spanned<String>,
    default_monthly: Option<Spanned<String>>,
    #[serde(default)]
    monthly: BTreeMap<String, Spanned<String>>,
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
    budget: Option<BudgetToml>,
    unallocated: Option<UnallocatedToml>,
    spike: Option<SpikeToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetToml {
    at_percent: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnallocatedToml {
    max_percent: u32,
    ignore_below: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpikeToml {
    times_median: u32,
    of_days: u32,
    at_least: Spanned<String>,
    recent_days: u32,
}

impl Policies {
    /// Compiles the files of `policies/cost`, each with its name and text. `[budgets]` may stand in one of them.
    pub fn parse(files: &[(String, String)]) -> Result<Self, LoadError> {
        let mut all = Self::default();
        let mut ids = BTreeSet::new();
        for (name, text) in files {
            let file = File { name, text };
            let parsed: FileToml = toml::from_str(text).map_err(|error| from_toml(name, text, &error))?;
            if let Some(budgets) = parsed.budgets {
                if all.budgets.currency.is_some() {
                    let offset = budgets.currency.span().start;
                    return Err(file.error(offset, "`[budgets]` stands in two files; keep one"));
                }
                all.budgets = file.budgets(&budgets)?;
            }
            for (policy, text) in parsed.policy.into_iter().zip(policy_texts(text)) {
                if !ids.insert(policy.id.get_ref().clone()) {
                    let message = format!("the policy id `{}` is used twice", policy.id.get_ref());
                    return Err(file.error(policy.id.span().start, message));
                }
                all.policies.push(file.policy(policy, text)?);
            }
        }
        let judges_budgets = all.policies.iter().find(|policy| matches!(policy.rule, Rule::Budget { .. }));
        if let Some(policy) = judges_budgets.filter(|_| all.budgets.currency.is_none()) {
            let message = format!("policy `{}` judges budgets, but no file has `[budgets]`", policy.info.id);
            return Err(LoadError { file: policy.info.file.clone(), line: None, message });
        }
        Ok(all)
    }

    /// For the registry that findings look their policies up in.
    pub fn infos(&self) -> Vec<PolicyInfo> {
        self.policies.iter().map(|policy| policy.info.clone()).collect()
    }
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn error(&self, offset: usize, message: impl Into<String>) -> LoadError {
        at_offset(self.name, self.text, offset, message)
    }

    fn amount(&self, text: &Spanned<String>) -> Result<Decimal, LoadError> {
        match parse_amount(text.get_ref()) {
            Ok(amount) if amount.is_sign_negative() => {
                Err(self.error(text.span().start, "an amount cannot be negative here"))
            }
            Ok(amount) => Ok(amount),
            Err(error) => Err(self.error(text.span().start, error.to_string())),
        }
    }

    fn budgets(&self, toml: &BudgetsToml) -> Result<Budgets, LoadError> {
        let currency = Currency::parse(toml.currency.get_ref())
            .map_err(|error| self.error(toml.currency.span().start, error.to_string()))?;
        let monthly = toml.monthly.iter().map(|(slug, amount)| Ok((slug.clone(), self.amount(amount)?)));
        Ok(Budgets {
            currency: Some(currency),
            default_monthly: toml.default_monthly.as_ref().map(|amount| self.amount(amount)).transpose()?,
            monthly: monthly.collect::<Result<_, LoadError>>()?,
        })
    }

    fn policy(&self, toml: PolicyToml, text: &str) -> Result<Policy, LoadError> {
        let rule = self.rule(&toml)?;
        let info = PolicyInfo {
            id: toml.id.into_inner(),
            title: toml.title,
            severity: toml.severity,
            kind: PolicyKind::Cost,
            plane: None,
            controls: toml.controls,
            remediation: toml.remediation,
            text: text.to_owned(),
            file: self.name.to_owned(),
            version: Sha256::of(self.text),
        };
        Ok(Policy { info, rule })
    }

    fn rule(&self, toml: &PolicyToml) -> Result<Rule, LoadError> {
        let error = |message: &str| self.error(toml.id.span().start, message);
        match (&toml.budget, &toml.unallocated, &toml.spike) {
            (Some(budget), None, None) if budget.at_percent > 0 => Ok(Rule::Budget { at_percent: budget.at_percent }),
            (Some(_), None, None) => Err(error("`at_percent` must be above 0")),
            (None, Some(unallocated), None) => {
                let ignore_below = self.amount(&unallocated.ignore_below)?;
                Ok(Rule::Unallocated { max_percent: unallocated.max_percent, ignore_below })
            }
            (None, None, Some(spike)) if spike.of_days > 0 && spike.times_median > 0 => Ok(Rule::Spike {
                times_median: spike.times_median.into(),
                of_days: spike.of_days,
                at_least: self.amount(&spike.at_least)?,
                recent_days: spike.recent_days,
            }),
            (None, None, Some(_)) => Err(error("`of_days` and `times_median` must be above 0")),
            _ => {
                Err(error("a cost policy has exactly one of [policy.budget], [policy.unallocated] and [policy.spike]"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../policies/cost/budgets.toml");

    fn parse(text: &str) -> Result<Policies, LoadError> {
        Policies::parse(&[("cost/budgets.toml".to_owned(), text.to_owned())])
    }

    #[test]
    fn the_shipped_policies_load_and_carry_what_pages_show() {
        let policies = parse(SHIPPED).unwrap();
        assert_eq!(policies.policies.len(), 5);
        for info in policies.infos() {
            assert!(!info.title.is_empty() && !info.remediation.is_empty() && !info.controls.is_empty(), "{info:?}");
            assert!(info.text.starts_with("[[policy]]") && info.text.contains(&info.id), "{}", info.text);
        }
        assert_eq!(policies.budgets.of("anyone"), Some("1500".parse().unwrap()));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let head = "id = \"a\"\ntitle = \"t\"\nseverity = \"low\"\nremediation = \"r\"\n";
        for (text, expected) in [
            ("[budgets]\ncurrency = \"US\"\n".to_owned(), "cost/budgets.toml:2: `US` is not a currency"),
            (
                "[budgets]\ncurrency = \"USD\"\n[budgets.monthly]\nacme = \"12,5\"\n".to_owned(),
                "cost/budgets.toml:4: `12,5`",
            ),
            ("[budgets]\ncurrency = \"USD\"\nlimit = 3\n".to_owned(), "cost/budgets.toml:3: unknown field `limit`"),
            (format!("[[policy]]\n{head}"), "cost/budgets.toml:2: a cost policy has exactly one"),
            (format!("[[policy]]\n{head}[policy.budget]\nat_percent = 50\n"), "no file has `[budgets]`"),
            (format!("[[policy]]\n{}", head.replace("low", "bad")), "cost/budgets.toml:4: unknown variant `bad`"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should contain {expected}");
        }
    }
}
