//! Budgets and the unallocated share as findings that open and resolve themselves.

use crate::lake::{Lake, answer, day};

const OPEN: &str = "select coalesce(string_agg(policy_id || ': ' || title, '; ' order by policy_id), 'none')
                    from findings where status = 'open'";

#[tokio::test]
async fn a_budget_exceeded_is_a_finding_until_a_credit_takes_it_back() {
    let lake = Lake::new().await;
    lake.import(&answer(&[day(20, true, &[("AWS Glue", "acme", "1600")])])).await;
    lake.run_jobs().await;
    assert_eq!(
        lake.text(OPEN).await,
        "cost-budget-exceeded: Acme Inc has spent 106% of its budget for November 2026: $1,600.00 of $1,500.00"
    );
    lake.run_jobs().await;
    assert_eq!(lake.number("select count(*) from evidence").await, 1);
    lake.import(&answer(&[day(20, false, &[("AWS Glue", "acme", "1600"), ("Credit", "acme", "-1000")])])).await;
    lake.run_jobs().await;
    assert_eq!(lake.text(OPEN).await, "none");
}

#[tokio::test]
async fn what_nobody_pays_for_is_the_platforms_finding() {
    let lake = Lake::new().await;
    lake.import(&answer(&[day(20, false, &[("AWS Glue", "acme", "80"), ("AWS Glue", "", "20")])])).await;
    lake.run_jobs().await;
    assert_eq!(
        lake.text(OPEN).await,
        "cost-unallocated-share: 20% of the bill for November 2026 belongs to nobody: $20.00 of $100.00"
    );
    assert_eq!(lake.number("select tenant_id::bigint from findings").await, 0);
}
