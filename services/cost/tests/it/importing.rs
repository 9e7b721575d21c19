//! Whole windows in, restated as AWS restates them, and nothing written twice.

use chrono::TimeDelta;
use lakewarden_core::{Live, Sha256};
use lakewarden_cost::{CostError, Ctx, PageFile, ingest, reassign_owners};
use lakewarden_tenancy::Ownership;
use lakewarden_testkit::noon;

use crate::lake::{Lake, answer, day};

const IN_FORCE: &str =
    "select coalesce(string_agg(day || ' ' || service || ' ' || allocation_key || ' ' || trim_scale(amount), ', '
                        order by day, service, allocation_key), '') from cost_lines where seen_to is null";
/// Changes with every row that is written.
const ROW_VERSIONS: &str = "select count(*) || ' ' || sum(xmin::text::bigint) from cost_lines";

#[tokio::test]
async fn the_same_pages_twice_write_nothing() {
    let lake = Lake::new().await;
    let pages = answer(&[day(1, false, &[("AWS Glue", "acme", "1.5"), ("AWS Glue", "", "0.25")])]);
    let first = lake.import(&pages).await;
    assert_eq!((first.days, first.written, first.restated, first.unchanged), (1, 2, 0, 0));
    let before = (lake.number("select count(*) from cost_fetches").await, lake.text(ROW_VERSIONS).await);
    lake.clock.advance(TimeDelta::hours(8));
    let again = lake.import(&pages).await;
    assert_eq!((again.written, again.closed, again.restated, again.unchanged), (0, 0, 0, 2));
    let after = (lake.number("select count(*) from cost_fetches").await, lake.text(ROW_VERSIONS).await);
    assert_eq!(before, after, "no row was touched");
}

#[tokio::test]
async fn a_restatement_closes_what_changed_and_what_vanished_and_remembers_both() {
    let lake = Lake::new().await;
    lake.import(&answer(&[
        day(1, false, &[("AWS Glue", "acme", "1.5"), ("Amazon S3", "globex", "2")]),
        day(2, true, &[("AWS Glue", "acme", "3")]),
    ]))
    .await;
    lake.clock.advance(TimeDelta::days(1));
    let second = lake
        .import(&answer(&[
            day(1, false, &[("AWS Glue", "acme", "1.75"), ("Tax", "", "0.1")]),
            day(2, false, &[("AWS Glue", "acme", "3")]),
            day(3, true, &[("AWS Glue", "acme", "4")]),
        ]))
        .await;
    assert_eq!((second.written, second.closed, second.restated), (4, 3, 3));
    assert_eq!(
        lake.text(IN_FORCE).await,
        "2026-11-01 AWS Glue acme 1.75, 2026-11-01 Tax  0.1, 2026-11-02 AWS Glue acme 3, 2026-11-03 AWS Glue acme 4"
    );
    let restated = "select string_agg(service || ' ' || coalesce(trim_scale(old_amount)::text, '-') || ' ' ||
                    coalesce(trim_scale(new_amount)::text, '-'), ', ' order by service) from cost_restatements";
    assert_eq!(lake.text(restated).await, "AWS Glue 1.5 1.75, Amazon S3 2 -, Tax - 0.1");
    let as_first_known = "select sum(amount)::text from cost_lines where seen_from <= '2026-11-22 12:00Z'
                          and coalesce(seen_to, 'infinity') > '2026-11-22 12:00Z'";
    assert_eq!(lake.text(as_first_known).await, "6.500000000000", "what was known then can still be read");
    assert_eq!(lake.number("select count(*) from cost_cells where tenant_id is null").await, 1);
}

#[tokio::test]
async fn an_incomplete_answer_changes_nothing_and_a_bad_cell_holds_back_its_day() {
    let lake = Lake::new().await;
    lake.import(&answer(&[day(1, false, &[("AWS Glue", "acme", "1")])])).await;
    let mut open = answer(&[day(1, false, &[("AWS Glue", "acme", "9")])]);
    open["NextPageToken"] = "more".into();
    let text = open.to_string();
    let refused = ingest(&lake.ctx, "payer", &[PageFile { name: "a.json", bytes: text.as_bytes() }]).await.unwrap_err();
    assert!(matches!(&refused, CostError::Refused { reason, .. } if reason.contains("NextPageToken")), "{refused}");
    let bad =
        answer(&[day(1, false, &[("AWS Glue", "acme", "not a number")]), day(2, false, &[("AWS Glue", "acme", "2")])]);
    let ingested = lake.import(&bad).await;
    assert_eq!((ingested.written, ingested.quarantined), (1, 1));
    assert_eq!(lake.text(IN_FORCE).await, "2026-11-01 AWS Glue acme 1, 2026-11-02 AWS Glue acme 2");
    let place = lake.text("select place from quarantine").await;
    assert_eq!(place, "answer.json#/ResultsByTime/0/Groups/0/Metrics/UnblendedCost/Amount");
}

#[tokio::test]
async fn a_tenant_added_later_gets_its_lines_and_the_months_follow() {
    let lake = Lake::new().await;
    lake.import(&answer(&[day(1, false, &[("AWS Glue", " Initech ", "1.5"), ("AWS Glue", "ACME", "2")])])).await;
    let paid =
        "select string_agg(coalesce(tenant_id::text, '-') || ' ' || cents, ', ' order by tenant_id) from cost_cells";
    let acme = lake.tenant("acme");
    assert_eq!(lake.text(paid).await, format!("{acme} 200, - 150"), "spelt otherwise is still acme's");
    let text = "[[tenant]]\nslug = \"acme\"\nname = \"Acme Inc\"\n[[tenant]]\nslug = \"initech\"\nname = \"Initech\"\n\
                [[convention.cost_tag]]\nkey = \"tenant\"\n";
    let ownership = lakewarden_tenancy::sync(&lake.ctx.db, Ownership::parse(text).unwrap(), noon()).await.unwrap();
    let ctx = Ctx { ownership: Live::new(ownership, Sha256::of("new"), noon()), ..lake.ctx.clone() };
    assert_eq!(reassign_owners(&ctx).await.unwrap(), 1);
    assert_eq!(lake.number("select count(*) from cost_cells where tenant_id is null").await, 0);
    assert_eq!(reassign_owners(&ctx).await.unwrap(), 0, "once is enough");
}
