//! Pages, JSON and CSV through the router, as those who see everything and as one tenant's auditor.

use axum::http::StatusCode;
use lakewarden_identity::Reach;
use serde_json::json;

use crate::lake::{Lake, answer, day};

async fn with_costs() -> Lake {
    let lake = Lake::new().await;
    lake.import(&answer(&[
        day(1, false, &[("AWS Glue", "acme", "10.005"), ("AWS Glue", "globex", "20.005"), ("=Amazon S3", "", "1")]),
        day(2, true, &[("AWS Glue", "acme", "-1"), ("Amazon Athena", "globex", "0.004")]),
    ]))
    .await;
    lake
}

#[tokio::test]
async fn the_month_adds_up_to_the_cent_on_the_page_in_json_and_in_csv() {
    let lake = with_costs().await;
    let client = lake.client("finance", Reach::All).await;
    let page = client.get("/cost").await;
    assert_eq!(page.status, StatusCode::OK);
    for text in ["Acme Inc", "Globex", "Unallocated", "$30.01", "30.014", "1 day is estimated", "November 2026"] {
        assert!(page.text().contains(text), "{text} is missing in {}", page.text());
    }
    let json = client.get("/api/v1/cost?month=2026-11").await.json();
    let cells = json["cells"].as_array().unwrap();
    let cents: i64 =
        cells.iter().map(|cell| cell["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap()).sum();
    assert_eq!(cents, 3001, "{json}");
    assert_eq!(json["estimated_days"], json!(["2026-11-02"]));
    let csv = client.get("/cost.csv").await.text();
    assert!(csv.contains("2026-11,unallocated,'=Amazon S3,USD,1.00,1\r\n"), "{csv}");
}

#[tokio::test]
async fn every_page_opens_and_every_amount_leads_to_its_lines() {
    let lake = with_costs().await;
    let client = lake.client("finance", Reach::All).await;
    let acme = client.get("/cost/acme?month=2026-11").await.text();
    assert!(acme.contains("$9.00") || acme.contains("$9.01"), "{acme}");
    let lines = client.get("/cost/lines?month=2026-11&payer=acme&service=AWS%20Glue").await.text();
    assert!(lines.contains("10.005 USD") && lines.contains("tag tenant=acme") && !lines.contains("20.005"), "{lines}");
    let day = client.get("/cost/lines?day=2026-11-02").await.text();
    assert!(day.contains("0.004 USD") && !day.contains("10.005"), "{day}");
    for (path, status) in [
        ("/cost/platform", StatusCode::OK),
        ("/cost/unallocated", StatusCode::OK),
        ("/cost/restatements", StatusCode::OK),
        ("/cost?month=2020-01", StatusCode::OK),
        ("/cost?month=x", StatusCode::BAD_REQUEST),
        ("/cost/nobody", StatusCode::NOT_FOUND),
        ("/cost/lines?cursor=x", StatusCode::BAD_REQUEST),
        ("/cost/lines?day=2026-13-01", StatusCode::BAD_REQUEST),
        ("/cost/lines?payer=nobody", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_tenants_auditor_sees_the_same_cents_and_nothing_of_others() {
    let lake = with_costs().await;
    let all = lake.client("finance", Reach::All).await;
    let auditor = lake.client("auditor", Reach::Tenant(lake.tenant("globex"))).await;
    let redirect = auditor.get("/cost").await;
    assert_eq!(
        (redirect.status, redirect.headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/cost/globex")
    );
    let mine = auditor.get("/api/v1/cost").await.json();
    let everyones = all.get("/api/v1/cost").await.json();
    let of_globex: Vec<_> =
        everyones["cells"].as_array().unwrap().iter().filter(|cell| cell["payer"] == "globex").cloned().collect();
    assert_eq!(mine["cells"].as_array().unwrap(), &of_globex, "the same cents whoever looks");
    for path in
        ["/cost/globex", "/cost/lines?month=2026-11", "/cost/restatements?month=2026-11", "/cost.csv", "/api/v1/cost"]
    {
        let text = auditor.get(path).await.text();
        for foreign in ["Acme", "acme", "10.005", "=Amazon S3"] {
            assert!(!text.contains(foreign), "{path} shows {foreign}: {text}");
        }
    }
    for path in ["/cost/acme", "/cost/platform", "/cost/unallocated", "/cost/lines?payer=acme"] {
        assert_eq!(auditor.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn costs_are_posted_by_producers_and_a_bad_body_is_named() {
    let lake = Lake::new().await;
    let producer = lake.client("collector", Reach::Ingest).await;
    let body = answer(&[day(1, false, &[("AWS Glue", "acme", "1")])]).to_string();
    let answer = producer.post("/api/v1/cost?source=payer-2", body).await;
    assert_eq!((answer.status, answer.json()["written"].as_i64()), (StatusCode::OK, Some(1)));
    assert_eq!(lake.text("select name from sources").await, "payer-2");
    let refused = producer.post("/api/v1/cost", "[{}").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["pointer"], "body#byte 0");
    assert_eq!(producer.get("/cost").await.status, StatusCode::FORBIDDEN);
    let auditor = lake.client("auditor", Reach::Tenant(lake.tenant("acme"))).await;
    assert_eq!(auditor.post("/api/v1/cost", "{}").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_empty_service_says_what_to_do() {
    let lake = Lake::new().await;
    let page = lake.client("finance", Reach::All).await.get("/cost").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("import cost"), "{}", page.text());
}
