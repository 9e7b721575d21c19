//! Monthly budgets: of all thresholds a tenant has reached, the highest is the one that is breached.

use lakewarden_core::TenantId;
use lakewarden_findings::Breach;
use rust_decimal::Decimal;
use serde_json::json;

use super::{Draft, Facts, by_payer, judged_months, money, payer_key, payer_name, percent_of};
use crate::month;
use crate::policy::{Policies, Rule};

pub(super) fn judge(policies: &Policies, facts: &Facts<'_>) -> Vec<Breach> {
    let Some(currency) = policies.budgets.currency else { return Vec::new() };
    let mut thresholds: Vec<(u32, &str)> = policies
        .policies
        .iter()
        .filter_map(|policy| match policy.rule {
            Rule::Budget { at_percent } => Some((at_percent, policy.info.id.as_str())),
            Rule::Unallocated { .. } | Rule::Spike { .. } => None,
        })
        .collect();
    thresholds.sort_unstable();
    let mut breaches = Vec::new();
    for of_month in judged_months(facts.today) {
        for ((spent_in, payer), spend) in by_payer(facts, of_month) {
            let Some(tenant) = payer.filter(|_| spent_in == currency) else { continue };
            let Some(limit) = limit_of(policies, facts, tenant) else { continue };
            let reached = |&&(at_percent, _): &&(u32, &str)| {
                spend.amount * Decimal::ONE_HUNDRED >= limit * Decimal::from(at_percent)
            };
            let Some(&(at_percent, policy_id)) = thresholds.iter().rev().find(reached) else { continue };
            let (spent, of) = (money(spend.amount, currency), money(limit, currency));
            let name = payer_name(facts.ownership, payer);
            let draft = Draft {
                policy_id: policy_id.to_owned(),
                subject: format!("budget of {} for {}", payer_key(payer), month::slug(of_month)),
                title: format!(
                    "{name} has spent {}% of its budget for {}: {spent} of {of}",
                    percent_of(spend.amount, limit),
                    month::name(of_month)
                ),
                payer,
                first: of_month,
                last: spend.last.day,
                reference: format!("budget {} {}", month::slug(of_month), payer_key(payer)),
                record: json!({
                    "month": month::slug(of_month), "currency": currency, "spent": spend.amount.normalize(), "budget": limit,
                    "threshold_percent": at_percent, "last_day": spend.last.day, "estimated": spend.estimated,
                }),
            };
            breaches.push(draft.into_breach(facts, spend.last.fetch_id));
        }
    }
    breaches
}

/// A tenant's budget. The platform has none, nor has a tenant that is no longer configured; a budget of nothing is none.
fn limit_of(policies: &Policies, facts: &Facts<'_>, tenant: TenantId) -> Option<Decimal> {
    let slug = &facts.ownership.tenant(tenant)?.slug;
    policies.budgets.of(slug).filter(|limit| !tenant.is_platform() && !limit.is_zero())
}
