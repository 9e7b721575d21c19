//! One finding for each policy and subject, however often and in whatever order it is breached.

use chrono::TimeDelta;
use lakewarden_findings::{AuditVerdict, FindingsError, fingerprint, record, resolve_absent, verify_audit};
use lakewarden_testkit::noon;

use crate::lake::{Lake, STALE, crossing, evidence, stale};

#[tokio::test]
async fn a_breach_seen_many_times_is_one_finding_with_a_count() {
    let lake = Lake::new().await;
    let first = lake.record(&[crossing(0), crossing(1)]).await;
    assert_eq!((first.opened.len(), first.reopened.len(), first.refreshed), (1, 0, 0));
    for n in 2..30 {
        let again = lake.record(&[crossing(n)]).await;
        assert_eq!((again.opened.len(), again.reopened.len(), again.refreshed), (0, 0, 1));
    }
    assert_eq!(lake.number("select count(*) from findings").await, 1);
    assert_eq!(lake.number("select count from findings").await, 30);
    let (first, last): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("select first_seen, last_seen from findings").fetch_one(lake.ctx.db.system()).await.unwrap();
    assert_eq!((first, last), (noon(), noon() + TimeDelta::minutes(29)));
    assert_eq!(lake.number("select count(*) from evidence").await, 20);
    assert_eq!(lake.number("select count(*) from evidence where reference = 'event-9'").await, 0, "the oldest went");
    assert_eq!(lake.number("select count(*) from finding_history").await, 1, "refreshing is not a change of status");
}

#[tokio::test]
async fn the_same_record_is_evidence_once() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1)]).await;
    let mut again = crossing(1);
    again.evidence.push(evidence(1));
    lake.record(&[again]).await;
    assert_eq!(lake.number("select count(*) from evidence").await, 1);
}

#[tokio::test]
async fn ten_thousand_breaches_in_one_call_are_ten_thousand_findings() {
    let lake = Lake::new().await;
    let breaches: Vec<_> = (0..10_000).map(|n| stale(&format!("orders_{n}"))).collect();
    assert_eq!(lake.record(&breaches).await.opened.len(), 10_000);
    assert_eq!(lake.record(&breaches).await.refreshed, 10_000);
    let mut connection = lake.ctx.db.system().acquire().await.unwrap();
    assert!(matches!(verify_audit(&mut connection).await.unwrap(), AuditVerdict::Intact { rows: 10_000, .. }));
}

#[tokio::test]
async fn a_state_that_is_gone_resolves_itself_and_reopens_when_it_returns() {
    let lake = Lake::new().await;
    lake.record(&[stale("orders"), stale("items"), crossing(1)]).await;
    lake.clock.advance(TimeDelta::hours(1));
    let mut tx = lake.ctx.db.begin().await.unwrap();
    let resolved = resolve_absent(&mut tx, &lake.ctx, &[STALE], &[fingerprint(&stale("items"))]).await.unwrap();
    assert_eq!(resolved, 1);
    assert_eq!(resolve_absent(&mut tx, &lake.ctx, &[STALE], &[fingerprint(&stale("items"))]).await.unwrap(), 0);
    tx.commit().await.unwrap();
    let open = "select count(*) from findings where status = 'open'";
    assert_eq!(lake.number(open).await, 2, "the other policy's finding and the table still late stay open");

    let again = lake.record(&[stale("orders")]).await;
    assert_eq!((again.opened.len(), again.reopened.len()), (0, 1));
    assert_eq!(lake.number(open).await, 3);
    let events: Vec<String> = sqlx::query_scalar(
        "select event from finding_history h join findings f on f.id = h.finding_id where subject = 'orders' order by h.id",
    )
    .fetch_all(lake.ctx.db.system())
    .await
    .unwrap();
    assert_eq!(events, ["opened", "resolved", "reopened"]);
}

#[tokio::test]
async fn a_policy_that_is_not_registered_stores_nothing() {
    let lake = Lake::new().await;
    let unknown = lakewarden_findings::Breach { policy_id: "made-up".into(), ..crossing(1) };
    let mut tx = lake.ctx.db.begin().await.unwrap();
    let error = record(&mut tx, &lake.ctx, &[crossing(1), unknown]).await.unwrap_err();
    assert!(matches!(error, FindingsError::UnknownPolicy(id) if id == "made-up"));
}

#[tokio::test]
async fn a_state_that_merely_stands_is_not_counted_up() {
    let lake = Lake::new().await;
    let stands = lakewarden_findings::Breach { count: 0, ..stale("orders") };
    lake.record(std::slice::from_ref(&stands)).await;
    lake.record(&[stands]).await;
    assert_eq!(lake.number("select count from findings").await, 1);
}

#[tokio::test]
async fn a_row_of_the_audit_log_cannot_be_changed_and_a_forced_change_shows() {
    let lake = Lake::new().await;
    lake.record(&[stale("a"), stale("b"), stale("c")]).await;
    let db = lake.ctx.db.system();
    let refused = sqlx::query("update audit_log set who = 'nobody' where seq = 2").execute(db).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");

    sqlx::query("alter table audit_log disable trigger audit_log_append_only").execute(db).await.unwrap();
    sqlx::query("update audit_log set who = 'nobody' where seq = 2").execute(db).await.unwrap();
    let mut connection = db.acquire().await.unwrap();
    let verdict = verify_audit(&mut connection).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Broken { seq: 2, .. }), "{verdict:?}");
    sqlx::query("delete from audit_log where seq = 2").execute(db).await.unwrap();
    let verdict = verify_audit(&mut connection).await.unwrap();
    assert_eq!(verdict, AuditVerdict::Broken { seq: 3, reason: "row 2 is missing".into() });
}

#[tokio::test]
async fn many_writers_of_the_same_breach_lose_no_occurrence_and_open_it_once() {
    let lake = Lake::new().await;
    let writers = (0..5).map(|writer| {
        let ctx = lake.ctx.clone();
        tokio::spawn(async move {
            let mut opened = 0;
            for n in 0..20 {
                let breaches = [stale("orders"), stale("items"), crossing(writer * 100 + n)];
                let mut tx = ctx.db.begin().await.unwrap();
                opened += record(&mut tx, &ctx, &breaches).await.unwrap().opened.len();
                tx.commit().await.unwrap();
            }
            opened
        })
    });
    let mut opened = 0;
    for writer in writers.collect::<Vec<_>>() {
        opened += writer.await.unwrap();
    }
    assert_eq!(opened, 3);
    assert_eq!(lake.number("select sum(count)::bigint from findings").await, 300);
    assert_eq!(lake.number("select count(*) from finding_history").await, 3);
    let mut connection = lake.ctx.db.system().acquire().await.unwrap();
    assert!(matches!(verify_audit(&mut connection).await.unwrap(), AuditVerdict::Intact { rows: 3, .. }));
}
