//! Findings that open with what lineage observed and resolve themselves.

use chrono::TimeDelta;
use lakewarden_core::{Live, Sha256};
use lakewarden_quality::{Ctx, reassign_owners};
use lakewarden_testkit::noon;

use crate::lake::Lake;

const OPEN: &str = "select coalesce(string_agg(policy_id || ': ' || title, '; ' order by policy_id, title), 'none')
                    from findings where status = 'open'";

#[tokio::test]
async fn a_failed_check_is_a_finding_until_it_passes() {
    let lake = Lake::new().await;
    lake.dataset(1, Some(lake.tenant("acme")), "raw", "acme/orders").await;
    lake.check(1, "not_null", true, noon() - TimeDelta::hours(3)).await;
    lake.check(1, "not_null", false, noon() - TimeDelta::hours(2)).await;
    lake.judge().await;
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "quality-assertion-failed: not_null failed on acme/orders");
    let shown = "select asset || ' ' || tenant_id || ' ' || (select count(*) from evidence) from findings";
    assert_eq!(lake.text(shown).await, format!("s3://lake/acme/orders {} 1", lake.tenant("acme")));
    lake.check(1, "not_null", true, noon() - TimeDelta::hours(1)).await;
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "none");
}

#[tokio::test]
async fn a_dataset_goes_stale_by_itself_and_a_write_freshens_it() {
    let lake = Lake::new().await;
    lake.dataset(1, Some(lake.tenant("acme")), "analytics", "acme/revenue").await;
    lake.write(1, 100, noon()).await;
    lake.clock.advance(TimeDelta::hours(48));
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "none");
    lake.clock.advance(TimeDelta::minutes(1));
    lake.judge().await;
    let stale = "quality-stale: acme/revenue was last written 2026-11-22 12:00 UTC, more than 48 h ago";
    assert_eq!(lake.text(OPEN).await, stale);
    lake.write(1, 100, lake.clock.now()).await;
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "none");
}

#[tokio::test]
async fn a_write_with_far_fewer_rows_is_a_finding() {
    let lake = Lake::new().await;
    lake.dataset(1, None, "raw", "orders").await;
    for (rows, hours_ago) in
        [1000, 1100, 900, 1000, 950, 1000, 1050, 1000, 990, 1000, 499].into_iter().zip((1..=11).rev())
    {
        lake.write(1, rows, noon() - TimeDelta::hours(hours_ago)).await;
    }
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "quality-rows-dropped: orders was written with 499 rows; usually it has 1000");
}

#[tokio::test]
async fn spellings_of_one_dataset_are_judged_as_one() {
    let lake = Lake::new().await;
    lake.dataset(1, None, "raw", "orders").await;
    lake.dataset(2, None, "raw", "db.orders").await;
    sqlx::query("update datasets set canonical_id = 1").execute(lake.ctx.db.system()).await.unwrap();
    lake.check(1, "not_null", false, noon() - TimeDelta::hours(2)).await;
    lake.judge().await;
    assert_ne!(lake.text(OPEN).await, "none");
    lake.check(2, "not_null", true, noon() - TimeDelta::hours(1)).await;
    lake.judge().await;
    assert_eq!(lake.text(OPEN).await, "none");
}

#[tokio::test]
async fn findings_follow_a_dataset_to_its_new_owner() {
    let lake = Lake::new().await;
    lake.dataset(1, None, "raw", "orders").await;
    lake.check(1, "not_null", false, noon()).await;
    lake.judge().await;
    sqlx::query("update datasets set tenant_id = $1")
        .bind(lake.tenant("acme"))
        .execute(lake.ctx.db.system())
        .await
        .unwrap();
    let version = Sha256::of("again");
    let ctx = Ctx { policies: Live::new((*lake.ctx.policies.get()).clone(), version, noon()), ..lake.ctx.clone() };
    reassign_owners(&ctx).await.unwrap();
    lake.judge().await;
    let owners = "select string_agg(coalesce(tenant_id::text, '-') || ' ' || status, ', ' order by id) from findings";
    assert_eq!(lake.text(owners).await, format!("- resolved, {} open", lake.tenant("acme")));
}
