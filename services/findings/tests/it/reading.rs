//! What each viewer may read: the operator everything, a tenant's auditor their own, and nobody another tenant's name.

use chrono::TimeDelta;
use lakewarden_core::{Scope, TenantId, TimeWindow};
use lakewarden_findings::{Breach, summarize};
use lakewarden_identity::{Reach, Viewer};
use lakewarden_tenancy::Owner;
use lakewarden_testkit::noon;

use crate::lake::{ACME, CROSS_READ, GLOBEX, Lake, STALE, crossing, stale};

/// Everything a tenant's auditor can ask this slice.
const ASKED: [&str; 9] = [
    "/findings",
    "/findings?status=all",
    "/findings?policy=access-cross-tenant-read",
    "/findings/1",
    "/api/v1/findings",
    "/api/v1/findings/1",
    "/policies",
    "/policies/access-cross-tenant-read",
    "/api/v1/policies",
];

#[tokio::test]
async fn a_tenants_auditor_reads_what_was_done_to_their_data_but_not_by_whom() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1)]).await;
    let auditor = lake.reader(Reach::Tenant(GLOBEX)).await;
    for path in ASKED {
        let answer = auditor.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(!answer.text().to_lowercase().contains("acme"), "{path} names the other tenant: {}", answer.text());
    }
    let finding = auditor.get("/api/v1/findings/1").await.json();
    assert_eq!(finding["finding"]["actor"]["is"], "another_tenant");
    assert_eq!(finding["finding"]["asset"], "s3://lake-raw/globex/orders");
    assert_eq!(finding["evidence"][0]["source"], "trail main");
    assert!(finding["evidence"][0]["hash"].is_string() && finding["evidence"][0]["record"].is_null());
    let page = auditor.get("/findings/1").await.text();
    assert!(page.contains("another tenant") && page.contains("Globex Inc") && page.contains("withheld"), "{page}");
}

#[tokio::test]
async fn another_tenants_finding_does_not_exist_for_the_auditor() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1), stale("orders")]).await;
    let auditor = lake.reader(Reach::Tenant(ACME)).await;
    let listed = auditor.get("/api/v1/findings?status=all").await.json();
    assert_eq!(listed["findings"].as_array().unwrap().len(), 1, "the other tenant's is not counted either: {listed}");
    assert_eq!(listed["findings"][0]["policy_id"], STALE);
    let id = |policy: &'static str| format!("select id from findings where policy_id = '{policy}'");
    let foreign: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(id(CROSS_READ))).fetch_one(lake.ctx.db.system()).await.unwrap();
    assert_eq!(auditor.get(&format!("/findings/{foreign}")).await.status, 404);
    assert_eq!(auditor.get(&format!("/api/v1/findings/{foreign}")).await.status, 404);
    assert_eq!(auditor.get("/api/v1/audit/verdict").await.status, 403);
}

#[tokio::test]
async fn searching_does_not_tell_an_auditor_what_is_withheld() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1)]).await;
    let auditor = lake.reader(Reach::Tenant(GLOBEX)).await;
    let found = async |query: &str| {
        let answer = auditor.get(&format!("/api/v1/findings?{query}")).await.json();
        answer["findings"].as_array().unwrap().len()
    };
    assert_eq!(found("q=acme").await, 0, "a hit would tell the name");
    assert_eq!(found("q=globex").await, 1, "their own asset is theirs to find");
    assert_eq!((found("actor=acme").await, found("actor=initech").await), (1, 1), "the actor is not theirs to ask for");
    let operator = lake.reader(Reach::All).await;
    assert_eq!(operator.get("/api/v1/findings?q=acme-etl").await.json()["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_operator_filters_by_every_side() {
    let lake = Lake::new().await;
    let unowned = Breach { owner: Owner::Unowned, ..stale("lost_100%") };
    lake.record(&[crossing(1), stale("orders"), unowned]).await;
    let operator = lake.reader(Reach::All).await;
    for (query, expected) in [
        ("", 3),
        ("severity=critical", 1),
        ("severity=low", 0),
        ("plane=access", 1),
        ("kind=quality", 2),
        ("policy=quality-stale", 2),
        ("tenant=globex", 1),
        ("tenant=unowned", 1),
        ("tenant=nobody", 0),
        ("actor=acme", 1),
        ("actor=globex", 0),
        ("status=resolved", 0),
        ("status=all", 3),
        ("asset=s3://lake-raw/globex/orders", 1),
        ("q=100%25", 1),
        ("q=100_", 0),
        ("q=ORDERS&kind=quality", 1),
    ] {
        let answer = operator.get(&format!("/api/v1/findings?{query}")).await.json();
        assert_eq!(answer["findings"].as_array().unwrap().len(), expected, "{query}: {answer}");
        assert_eq!(operator.get(&format!("/findings?{query}")).await.status, 200, "{query}");
    }
    assert_eq!(operator.get("/findings?severity=dire").await.status, 400);
    assert_eq!(operator.get("/findings/none").await.status, 404);
    assert_eq!(operator.get("/policies/none").await.status, 404);
}

#[tokio::test]
async fn pages_of_the_list_neither_repeat_nor_skip() {
    let lake = Lake::new().await;
    let at = |n: i64| TimeWindow::at(noon() + TimeDelta::minutes(n / 3));
    let breaches: Vec<Breach> = (0..120).map(|n| Breach { window: at(n), ..stale(&format!("t{n}")) }).collect();
    lake.record(&breaches).await;
    let operator = lake.reader(Reach::All).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&format!("/api/v1/findings?cursor={cursor}")).await.json();
        seen.extend(page["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 120);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 120);
    assert_eq!(operator.get("/api/v1/findings?cursor=garbage").await.status, 400);
}

#[tokio::test]
async fn the_summary_says_what_is_wrong_since_when_and_for_whom() {
    let lake = Lake::new().await;
    let viewer = |scope| Viewer { name: "v".into(), scope, is_administrator: false };
    let nothing = summarize(&lake.ctx, &viewer(Scope::All), 5).await.unwrap();
    assert_eq!((nothing.since, nothing.newest.len()), (None, 0));
    lake.record(&[stale("orders"), stale("items")]).await;
    lake.clock.advance(TimeDelta::hours(1));
    lake.record(&[crossing(1)]).await;
    let all = summarize(&lake.ctx, &viewer(Scope::All), 5).await.unwrap();
    assert_eq!(all.since, Some(noon()));
    assert_eq!(all.by_severity.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 0, 2, 0, 0]);
    assert_eq!(all.by_owner.iter().map(|(_, _, count)| *count).collect::<Vec<_>>(), [1, 2], "the worst hit first");
    let own = summarize(&lake.ctx, &viewer(Scope::Tenant(GLOBEX)), 5).await.unwrap();
    assert_eq!((own.by_owner.len(), own.newest.len()), (1, 1));
    let stranger = summarize(&lake.ctx, &viewer(Scope::Tenant(TenantId(77))), 5).await.unwrap();
    assert_eq!((stranger.by_owner.len(), stranger.since), (0, None));
}
