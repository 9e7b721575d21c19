//! Days that cost far more than the days before them.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use lakewarden_core::{Currency, TenantId};
use lakewarden_findings::Breach;
use rust_decimal::Decimal;
use serde_json::json;

use super::{Draft, Facts, money, payer_key, payer_name};
use crate::policy::Rule;
use crate::store::DailySpend;

pub(super) fn judge(policy_id: &str, rule: Rule, facts: &Facts<'_>) -> Vec<Breach> {
    let Rule::Spike { times_median, of_days, at_least, recent_days } = rule else { return Vec::new() };
    let mut by_payer: BTreeMap<(Currency, Option<TenantId>), BTreeMap<NaiveDate, &DailySpend>> = BTreeMap::new();
    for spend in facts.spend.iter().filter(|spend| spend.payer.is_some()) {
        by_payer.entry((spend.currency, spend.payer)).or_default().insert(spend.day, spend);
    }
    let recent = facts.today.checked_sub_days(Days::new(recent_days.into())).unwrap_or(facts.today);
    let mut breaches = Vec::new();
    for ((currency, payer), spend_by_day) in &by_payer {
        for (&day, spend) in spend_by_day.range(recent..) {
            let Some(usual) = median_before(day, of_days, spend_by_day, facts.days) else { continue };
            if spend.amount <= usual * times_median || spend.amount - usual < at_least {
                continue;
            }
            let draft = Draft {
                policy_id: policy_id.to_owned(),
                subject: format!("spike of {} in {currency} on {day}", payer_key(*payer)),
                title: format!(
                    "{} cost {} on {day}; a usual day costs {}",
                    payer_name(facts.ownership, *payer),
                    money(spend.amount, *currency),
                    money(usual, *currency),
                ),
                payer: *payer,
                first: day,
                last: day,
                reference: format!("spike {day} {} {currency}", payer_key(*payer)),
                record: json!({
                    "day": day, "currency": currency, "amount": spend.amount.normalize(), "median": usual.normalize(),
                    "of_days": of_days, "estimated": spend.estimated,
                }),
            };
            breaches.push(draft.into_breach(facts, spend.fetch_id));
        }
    }
    breaches
}

/// The median of the collected days before `day`; a collected day without a line cost nothing. None where fewer than half
/// of `of_days` were collected: what is usual is then not known.
fn median_before(
    day: NaiveDate,
    of_days: u32,
    spend_by_day: &BTreeMap<NaiveDate, &DailySpend>,
    collected: &[NaiveDate],
) -> Option<Decimal> {
    let from = day.checked_sub_days(Days::new(of_days.into()))?;
    let mut before: Vec<Decimal> = collected
        .iter()
        .filter(|&&other| from <= other && other < day)
        .map(|other| spend_by_day.get(other).map_or(Decimal::ZERO, |spend| spend.amount))
        .collect();
    if before.is_empty() || before.len() * 2 < of_days as usize {
        return None;
    }
    before.sort_unstable();
    let middle = before.len() / 2;
    let even = before.len().is_multiple_of(2);
    Some(if even { (before[middle - 1] + before[middle]) / Decimal::TWO } else { before[middle] })
}
