//! Judging costs: after each change, and daily even without one, because months begin and spikes grow old.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use lakewarden_db::{Job, JobError, Jobs};
use lakewarden_findings::{Fingerprint, fingerprint, record, resolve_absent};
use serde::{Deserialize, Serialize};

use crate::judge::{Facts, first_day, judge};
use crate::{CostError, Ctx, store};

const EVERY: Duration = Duration::from_mins(15);

/// Looks at all recent spend and brings the findings of the cost policies in line with it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct JudgeCosts;

impl Job for JudgeCosts {
    const KIND: &'static str = "judge_costs";

    fn key(&self) -> String {
        String::new()
    }
}

pub fn jobs(ctx: Ctx) -> Jobs {
    Jobs::new()
        .on(move |_: JudgeCosts| {
            let ctx = ctx.clone();
            async move { judge_costs(&ctx).await.map_err(|error| JobError::Retry(error.to_string())) }
        })
        .every(EVERY, JudgeCosts)
}

/// Judges everything that may still move, in one transaction.
pub async fn judge_costs(ctx: &Ctx) -> Result<(), CostError> {
    let policies = ctx.policies.get();
    let ownership = ctx.ownership.get();
    let today = ctx.clock.now().date_naive();
    let from = first_day(today, &policies);
    let to = today.checked_add_days(Days::new(1)).unwrap_or(today);
    let mut tx = ctx.db.begin().await?;
    let spend = store::list_daily_spend(&mut *tx, from, to).await?;
    let days: Vec<NaiveDate> = store::list_days(&mut *tx, from, to).await?.into_keys().collect();
    let fetch_ids: Vec<i64> = spend.iter().map(|spend| spend.fetch_id).collect::<BTreeSet<_>>().into_iter().collect();
    let fetches = store::list_fetches(&mut *tx, &fetch_ids).await?;
    let facts = Facts { today, ownership: &ownership, spend: &spend, days: &days, fetches: &fetches };
    let breaches = judge(&policies, &facts);
    record(&mut tx, &ctx.findings, &breaches).await?;
    let policy_ids: Vec<&str> = policies.policies.iter().map(|policy| policy.info.id.as_str()).collect();
    let still: Vec<Fingerprint> = breaches.iter().map(fingerprint).collect();
    resolve_absent(&mut tx, &ctx.findings, &policy_ids, &still).await?;
    tx.commit().await?;
    Ok(())
}
