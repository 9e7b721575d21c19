//! Judges facts against the quality policies: what stands broken now. Pure, so that pages and the job get one answer.

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::TenantId;
use lakewarden_tenancy::Ownership;

use crate::facts::{AssertionState, Dataset, Facts, RowCount, Said};
use crate::policy::{Policies, Policy, Rule, is_named};

/// A policy that a dataset breaches now.
#[derive(Debug, Clone)]
pub struct Broken<'a> {
    pub policy: &'a Policy,
    pub dataset: &'a Dataset,
    /// Stable text of what is broken.
    pub subject: String,
    /// One line for people.
    pub title: String,
    pub kind: Kind,
    /// The event that shows it.
    pub said: Said,
    /// Since when it may be said: the failed check, the moment the age was exceeded, the small write.
    pub since: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FailedAssertion,
    Stale,
    RowCountDrop,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::FailedAssertion, Self::Stale, Self::RowCountDrop];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedAssertion => "failed_assertion",
            Self::Stale => "stale",
            Self::RowCountDrop => "row_count_drop",
        }
    }
}

/// How a tenant is called in policies.
fn slug_of(ownership: &Ownership, tenant: Option<TenantId>) -> Option<String> {
    match tenant? {
        TenantId::PLATFORM => Some("platform".to_owned()),
        id => ownership.tenant(id).map(|tenant| tenant.slug.clone()),
    }
}

pub fn judge<'a>(
    policies: &'a Policies,
    facts: &'a Facts,
    ownership: &Ownership,
    now: DateTime<Utc>,
) -> Vec<Broken<'a>> {
    let mut broken = Vec::new();
    for dataset in facts.datasets.values() {
        let slug = slug_of(ownership, dataset.tenant);
        for policy in policies.policies.iter().filter(|policy| policy.binding.covers(dataset, slug.as_deref())) {
            match &policy.rule {
                Rule::Assertion { names } => {
                    let own = facts.assertions.iter().filter(|state| state.dataset == dataset.id);
                    broken.extend(own.filter_map(|state| failed(policy, dataset, names, state)));
                }
                Rule::Freshness { max_age_hours } => {
                    let last = facts.last_writes.get(&dataset.id);
                    broken.extend(last.and_then(|last| stale(policy, dataset, *max_age_hours, last, now)));
                }
                Rule::RowCount { of_writes, drop_percent } => {
                    let counts = facts.row_counts.get(&dataset.id).map_or(&[][..], Vec::as_slice);
                    broken.extend(dropped(policy, dataset, *of_writes as usize, *drop_percent, counts));
                }
            }
        }
    }
    broken
}

fn failed<'a>(policy: &'a Policy, dataset: &'a Dataset, names: &str, state: &AssertionState) -> Option<Broken<'a>> {
    (!state.success && is_named(names, &state.assertion)).then(|| Broken {
        policy,
        dataset,
        subject: format!("{} of {}", state.label(), dataset.asset),
        title: format!("{} failed on {}", state.label(), dataset.name),
        kind: Kind::FailedAssertion,
        said: state.said,
        since: state.said.at,
    })
}

fn stale<'a>(
    policy: &'a Policy,
    dataset: &'a Dataset,
    max_age_hours: u32,
    last: &Said,
    now: DateTime<Utc>,
) -> Option<Broken<'a>> {
    let due = last.at + TimeDelta::hours(max_age_hours.into());
    (now > due).then(|| Broken {
        policy,
        dataset,
        subject: format!("freshness of {}", dataset.asset),
        title: format!(
            "{} was last written {}, more than {max_age_hours} h ago",
            dataset.name,
            last.at.format("%Y-%m-%d %H:%M UTC")
        ),
        kind: Kind::Stale,
        said: *last,
        since: due,
    })
}

fn dropped<'a>(
    policy: &'a Policy,
    dataset: &'a Dataset,
    of_writes: usize,
    drop_percent: u32,
    counts: &[RowCount],
) -> Option<Broken<'a>> {
    let (newest, before) = counts.split_first()?;
    let usual = usual_rows(before, of_writes)?;
    let limit = i128::from(usual) * i128::from(100 - drop_percent);
    (i128::from(newest.rows) * 100 < limit).then(|| Broken {
        policy,
        dataset,
        subject: format!("rows of {}", dataset.asset),
        title: format!("{} was written with {} rows; usually it has {usual}", dataset.name, newest.rows),
        kind: Kind::RowCountDrop,
        said: newest.said,
        since: newest.said.at,
    })
}

/// The median of the writes before; None where fewer than half of them are known.
pub fn usual_rows(before: &[RowCount], of_writes: usize) -> Option<i64> {
    let mut rows: Vec<i64> = before.iter().take(of_writes).map(|count| count.rows).collect();
    if rows.is_empty() || rows.len() * 2 < of_writes {
        return None;
    }
    rows.sort_unstable();
    let middle = rows.len() / 2;
    Some(if rows.len().is_multiple_of(2) { i64::midpoint(rows[middle - 1], rows[middle]) } else { rows[middle] })
}

#[cfg(test)]
mod tests;
