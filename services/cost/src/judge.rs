//! Judges spend against the cost policies: facts and policies in, breaches out.

mod budget;
mod spike;
mod unallocated;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use lakewarden_core::{Currency, Money, TenantId, TimeWindow};
use lakewarden_findings::{Breach, Evidence};
use lakewarden_tenancy::{Owner, Ownership};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::month;
use crate::policy::{Policies, Rule};
use crate::store::{DailySpend, Fetch};

/// Until this day of a month the one before is judged too: support and late credits arrive by the tenth.
const MONTH_SETTLES_ON: u32 = 10;

/// Everything that is judged at once: a complete look, so that what is no longer breached resolves itself.
#[derive(Debug)]
pub struct Facts<'a> {
    pub today: NaiveDate,
    pub ownership: &'a Ownership,
    pub spend: &'a [DailySpend],
    /// Days that were collected: a payer without a line on one of them spent nothing.
    pub days: &'a [NaiveDate],
    pub fetches: &'a BTreeMap<i64, Fetch>,
}

/// The first day that [`judge`] looks at.
pub fn first_day(today: NaiveDate, policies: &Policies) -> NaiveDate {
    let oldest_month = judged_months(today).into_iter().min().unwrap_or(today);
    let days_back = |rule: Rule| match rule {
        Rule::Spike { of_days, recent_days, .. } => u64::from(of_days) + u64::from(recent_days),
        Rule::Budget { .. } | Rule::Unallocated { .. } => 0,
    };
    let longest = policies.policies.iter().map(|policy| days_back(policy.rule)).max().unwrap_or(0);
    oldest_month.min(today.checked_sub_days(chrono::Days::new(longest)).unwrap_or(today))
}

/// The months whose bill may still move.
fn judged_months(today: NaiveDate) -> Vec<NaiveDate> {
    use chrono::Datelike as _;
    let current = month::first_of(today);
    if today.day() <= MONTH_SETTLES_ON { vec![month::previous(current), current] } else { vec![current] }
}

pub fn judge(policies: &Policies, facts: &Facts<'_>) -> Vec<Breach> {
    let mut breaches = budget::judge(policies, facts);
    for policy in &policies.policies {
        match policy.rule {
            Rule::Budget { .. } => {}
            Rule::Unallocated { max_percent, ignore_below } => {
                breaches.extend(unallocated::judge(&policy.info.id, max_percent, ignore_below, facts));
            }
            Rule::Spike { .. } => breaches.extend(spike::judge(&policy.info.id, policy.rule, facts)),
        }
    }
    breaches
}

/// A payer's month in one currency.
#[derive(Debug, Clone, Copy)]
struct MonthSpend<'a> {
    amount: Decimal,
    /// The last day with a line.
    last: &'a DailySpend,
    estimated: bool,
}

fn by_payer<'a>(facts: &'a Facts<'_>, of_month: NaiveDate) -> BTreeMap<(Currency, Option<TenantId>), MonthSpend<'a>> {
    let mut months: BTreeMap<_, MonthSpend<'a>> = BTreeMap::new();
    for spend in facts.spend.iter().filter(|spend| month::first_of(spend.day) == of_month) {
        let entry = months.entry((spend.currency, spend.payer));
        let of_month = entry.or_insert(MonthSpend { amount: Decimal::ZERO, last: spend, estimated: false });
        of_month.amount += spend.amount;
        of_month.last = spend;
        of_month.estimated |= spend.estimated;
    }
    months
}

/// How a payer is called in titles.
fn payer_name(ownership: &Ownership, payer: Option<TenantId>) -> String {
    match payer {
        None => "Unallocated".to_owned(),
        Some(TenantId::PLATFORM) => "The platform".to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| format!("tenant {id}"), |tenant| tenant.name.clone()),
    }
}

/// How a payer is called where the name must never change.
fn payer_key(payer: Option<TenantId>) -> String {
    payer.map_or_else(|| "unallocated".to_owned(), |tenant| format!("tenant {tenant}"))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn money(amount: Decimal, currency: Currency) -> Money {
    Money::new(amount, currency)
}

/// `83`, cut not rounded: 99.9 % of a budget is not all of it.
fn percent_of(part: Decimal, whole: Decimal) -> Decimal {
    if whole.is_zero() { Decimal::ZERO } else { (part * Decimal::ONE_HUNDRED / whole).trunc() }
}

/// What a cost breach is made of.
struct Draft {
    policy_id: String,
    subject: String,
    title: String,
    payer: Option<TenantId>,
    first: NaiveDate,
    last: NaiveDate,
    reference: String,
    record: Value,
}

impl Draft {
    fn into_breach(self, facts: &Facts<'_>, fetch_id: i64) -> Breach {
        let evidence = facts.fetches.get(&fetch_id).map(|fetch| Evidence {
            source: fetch.source.clone(),
            reference: self.reference,
            hash: fetch.pages_sha256,
            occurred_at: midnight(self.last),
            summary: self.title.clone(),
            record: self.record,
        });
        let window = TimeWindow { from: midnight(self.first), to: midnight(self.last) };
        Breach {
            policy_id: self.policy_id,
            subject: self.subject,
            title: self.title,
            // What nobody pays for is the platform's to sort out, not an unowned asset.
            owner: Owner::from_tenant_id(Some(self.payer.unwrap_or(TenantId::PLATFORM))),
            actor: None,
            plane: None,
            asset: None,
            window,
            count: 0,
            path: Vec::new(),
            evidence: evidence.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
