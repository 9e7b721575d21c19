//! The share of a month's bill that nobody pays for.

use std::collections::BTreeMap;

use lakewarden_core::Currency;
use lakewarden_findings::Breach;
use rust_decimal::Decimal;
use serde_json::json;

use super::{Draft, Facts, by_payer, judged_months, money, percent_of};
use crate::month;

pub(super) fn judge(policy_id: &str, max_percent: u32, ignore_below: Decimal, facts: &Facts<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for of_month in judged_months(facts.today) {
        let spend = by_payer(facts, of_month);
        let mut totals: BTreeMap<Currency, Decimal> = BTreeMap::new();
        for ((currency, _), spend) in &spend {
            *totals.entry(*currency).or_default() += spend.amount;
        }
        for (&(currency, _), nobodys) in spend.iter().filter(|((_, payer), _)| payer.is_none()) {
            let total = totals[&currency];
            let too_much = nobodys.amount * Decimal::ONE_HUNDRED > total * Decimal::from(max_percent);
            if total < ignore_below || !too_much {
                continue;
            }
            let slug = month::slug(of_month);
            let draft = Draft {
                policy_id: policy_id.to_owned(),
                subject: format!("unallocated {currency} of {slug}"),
                title: format!(
                    "{}% of the bill for {} belongs to nobody: {} of {}",
                    percent_of(nobodys.amount, total),
                    month::name(of_month),
                    money(nobodys.amount, currency),
                    money(total, currency),
                ),
                payer: None,
                first: of_month,
                last: nobodys.last.day,
                reference: format!("unallocated {slug} {currency}"),
                record: json!({
                    "month": slug, "currency": currency, "unallocated": nobodys.amount.normalize(),
                    "total": total.normalize(), "max_percent": max_percent, "estimated": nobodys.estimated,
                }),
            };
            breaches.push(draft.into_breach(facts, nobodys.last.fetch_id));
        }
    }
    breaches
}
