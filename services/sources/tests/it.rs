//! Deliveries, coverage and quarantine in Postgres, and the operator's pages over them.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its ground has failed")]

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Sha256, SourceId, TenantId};
use lakewarden_identity::Reach;
use lakewarden_sources::{
    Ctx, Delivery, Rejected, SourceKind, find_or_create, find_watermark, finish_run, quarantine, record_delivery,
    routes, set_watermark, start_run,
};
use lakewarden_testkit::{TestClient, TestDb, clock, noon};

fn hours_ago(hours: i64) -> DateTime<Utc> {
    noon() - TimeDelta::hours(hours)
}

fn rejected(place: &str) -> Rejected {
    Rejected {
        place: place.to_owned(),
        reason: "eventTime is missing".to_owned(),
        excerpt: "{\"eventName\":\"Get\0Object\"}".to_owned(),
        hash: Sha256::of("record"),
    }
}

async fn source(db: &TestDb, kind: SourceKind, name: &str) -> SourceId {
    find_or_create(&mut db.db.begin().await.unwrap(), kind, name, noon()).await.unwrap()
}

async fn deliver(db: &TestDb, source: SourceId, delivery: &Delivery) {
    let mut tx = db.db.begin().await.unwrap();
    record_delivery(&mut tx, source, delivery, noon()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn kept_source(db: &TestDb, kind: SourceKind, name: &str) -> SourceId {
    let mut tx = db.db.begin().await.unwrap();
    let id = find_or_create(&mut tx, kind, name, noon()).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn operator(db: &TestDb) -> TestClient {
    let ctx = Ctx { db: db.db.clone(), clock: clock() };
    TestClient::anonymous(&db.db, &clock(), routes(ctx)).with_reach(&db.db, &clock(), "operator", Reach::All).await
}

#[tokio::test]
async fn a_source_is_made_once() {
    let db = TestDb::new().await;
    let first = kept_source(&db, SourceKind::Glue, "111122223333").await;
    assert_eq!(source(&db, SourceKind::Glue, "111122223333").await, first);
    assert_ne!(source(&db, SourceKind::LakeFormation, "111122223333").await, first);
}

#[tokio::test]
async fn deliveries_add_up_and_cover_their_hours() {
    let db = TestDb::new().await;
    let trail = kept_source(&db, SourceKind::CloudTrail, "111122223333").await;
    let half_past = TimeDelta::minutes(30);
    for hours in [vec![(hours_ago(6), 2), (hours_ago(6) + half_past, 3)], vec![(hours_ago(6), 5), (hours_ago(2), 1)]] {
        let delivery = Delivery { accepted: 5, duplicates: 1, quarantined: 0, bytes: 100, hours };
        deliver(&db, trail, &delivery).await;
    }
    let answer = operator(&db).await.get("/api/v1/sources").await.json();
    let source = &answer["sources"][0];
    assert_eq!((&source["accepted"], &source["duplicates"], &source["bytes"]), (&10.into(), &2.into(), &200.into()));
    assert_eq!((&source["covered_hours"], &source["state"]), (&2.into(), &"ok".into()));
    assert_eq!(source["gaps"], serde_json::json!([{ "from": "2026-11-22T07:00:00Z", "to": "2026-11-22T10:00:00Z" }]));
}

#[tokio::test]
async fn a_delivery_that_is_rolled_back_never_happened() {
    let db = TestDb::new().await;
    let trail = kept_source(&db, SourceKind::CloudTrail, "t").await;
    let delivery = Delivery { accepted: 5, hours: vec![(noon(), 5)], ..Delivery::default() };
    let mut tx = db.db.begin().await.unwrap();
    record_delivery(&mut tx, trail, &delivery, noon()).await.unwrap();
    quarantine(&mut tx, trail, &[rejected("f#1")], noon()).await.unwrap();
    tx.rollback().await.unwrap();
    let answer = operator(&db).await.get("/api/v1/sources").await.json();
    assert_eq!(answer["sources"][0]["state"], "never");
}

#[tokio::test]
async fn the_same_bad_record_is_kept_once() {
    let db = TestDb::new().await;
    let trail = kept_source(&db, SourceKind::CloudTrail, "t").await;
    let mut tx = db.db.begin().await.unwrap();
    let batch = [rejected("f#1"), rejected("f#1"), rejected("f#2")];
    assert_eq!(quarantine(&mut tx, trail, &batch, noon()).await.unwrap(), 2);
    assert_eq!(quarantine(&mut tx, trail, &batch, noon()).await.unwrap(), 0);
    assert_eq!(quarantine(&mut tx, trail, &[], noon()).await.unwrap(), 0);
    tx.commit().await.unwrap();
    let page = operator(&db).await.get(&format!("/sources/{trail}")).await.text();
    assert_eq!(page.matches("eventTime is missing").count(), 2, "{page}");
    assert!(page.contains("Get\u{fffd}Object"));
}

#[tokio::test]
async fn quarantine_is_paged_without_losing_or_repeating_a_row() {
    let db = TestDb::new().await;
    let trail = kept_source(&db, SourceKind::CloudTrail, "t").await;
    let batch: Vec<Rejected> = (0..120).map(|index| rejected(&format!("file#{index}."))).collect();
    let mut tx = db.db.begin().await.unwrap();
    quarantine(&mut tx, trail, &batch, noon()).await.unwrap();
    tx.commit().await.unwrap();
    let operator = operator(&db).await;
    let mut next = format!("/sources/{trail}");
    let mut seen = String::new();
    for _ in 0..3 {
        let page = operator.get(next.split('#').next().unwrap()).await.text();
        next = page
            .split("href=\"")
            .find(|part| part.contains("cursor="))
            .map_or_else(String::new, |part| part.split('"').next().unwrap_or_default().to_owned());
        seen.push_str(&page);
    }
    assert_eq!(next, "", "three pages of 50 hold 120 rows");
    for index in 0..120 {
        assert_eq!(seen.matches(&format!("file#{index}.")).count(), 1, "{index}");
    }
    assert_eq!(operator.get(&format!("/sources/{trail}?cursor=junk")).await.status, 400);
}

#[tokio::test]
async fn a_watermark_moves_with_its_transaction() {
    let db = TestDb::new().await;
    let trail = kept_source(&db, SourceKind::CloudTrail, "t").await;
    let mut tx = db.db.begin().await.unwrap();
    assert_eq!(find_watermark(&mut tx, trail, "eu-west-1").await.unwrap(), None);
    set_watermark(&mut tx, trail, "eu-west-1", "a", noon()).await.unwrap();
    set_watermark(&mut tx, trail, "eu-west-1", "b", noon()).await.unwrap();
    set_watermark(&mut tx, trail, "us-east-1", "c", noon()).await.unwrap();
    assert_eq!(find_watermark(&mut tx, trail, "eu-west-1").await.unwrap().as_deref(), Some("b"));
    tx.rollback().await.unwrap();
    let mut tx = db.db.begin().await.unwrap();
    assert_eq!(find_watermark(&mut tx, trail, "eu-west-1").await.unwrap(), None);
}

#[tokio::test]
async fn the_page_shows_state_runs_and_refused_posts() {
    let db = TestDb::new().await;
    let glue = kept_source(&db, SourceKind::Glue, "111122223333").await;
    let airflow = kept_source(&db, SourceKind::OpenLineage, "airflow").await;
    deliver(&db, glue, &Delivery { accepted: 1, hours: vec![(hours_ago(100), 1)], ..Delivery::default() }).await;
    deliver(&db, airflow, &Delivery { quarantined: 1, hours: vec![(hours_ago(1), 1)], ..Delivery::default() }).await;
    let mut tx = db.db.begin().await.unwrap();
    quarantine(&mut tx, airflow, &[rejected("/eventTime")], noon()).await.unwrap();
    tx.commit().await.unwrap();
    let run = start_run(db.db.system(), glue, noon()).await.unwrap();
    finish_run(db.db.system(), run, Err("AccessDenied: glue:GetTables"), noon() + TimeDelta::seconds(3)).await.unwrap();
    start_run(db.db.system(), glue, noon()).await.unwrap();

    let operator = operator(&db).await;
    let page = operator.get("/sources").await.text();
    for part in
        ["Glue 111122223333", "silent", "AccessDenied: glue:GetTables", "running", "OpenLineage airflow", "/eventTime"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(operator.get("/sources/999").await.status, 404);
}

#[tokio::test]
async fn only_the_operator_reads_sources() {
    let db = TestDb::new().await;
    let routes = routes(Ctx { db: db.db.clone(), clock: clock() });
    let nobody = TestClient::anonymous(&db.db, &clock(), routes);
    let auditor = nobody.with_reach(&db.db, &clock(), "auditor", Reach::Tenant(TenantId(1))).await;
    for path in ["/sources", "/sources/1", "/api/v1/sources"] {
        assert_eq!(nobody.get(path).await.status, 401, "{path}");
        assert_eq!(auditor.get(path).await.status, 403, "{path}");
    }
}
