//! Pages and JSON through the router, as those who see everything and as one tenant's auditor.

use axum::http::StatusCode;
use chrono::TimeDelta;
use lakewarden_identity::Reach;
use lakewarden_testkit::noon;
use serde_json::json;

use crate::lake::Lake;

async fn observed() -> Lake {
    let lake = Lake::new().await;
    lake.dataset(1, Some(lake.tenant("acme")), "raw", "acme/orders").await;
    lake.dataset(2, Some(lake.tenant("globex")), "analytics", "globex/revenue").await;
    for hours_ago in [1, 25, 49] {
        lake.check(1, "not_null", true, noon() - TimeDelta::hours(hours_ago)).await;
    }
    lake.check(1, "unique", false, noon() - TimeDelta::hours(1)).await;
    lake.write(2, 100, noon() - TimeDelta::days(4)).await;
    lake.write(2, 90, noon() - TimeDelta::days(3)).await;
    lake.judge().await;
    lake
}

#[tokio::test]
async fn the_page_shows_scores_and_what_is_broken_and_opens_each_dataset() {
    let lake = observed().await;
    let client = lake.client("officer", Reach::All).await;
    let page = client.get("/quality").await;
    assert_eq!(page.status, StatusCode::OK);
    for text in
        ["75%", "unique failed on acme/orders", "globex/revenue was last written", "/quality/datasets/2", "Acme Inc"]
    {
        assert!(page.text().contains(text), "{text} is missing in {}", page.text());
    }
    let dataset = client.get("/quality/datasets/2").await.text();
    assert!(dataset.contains("Rows written") && dataset.contains("more than 48 h ago"), "{dataset}");
    let json = client.get("/api/v1/quality").await.json();
    assert_eq!(json["groups"][0]["tenant"], "acme");
    assert_eq!(json["groups"][0]["passed"], 3);
    let kinds: Vec<_> = json["broken"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, [json!("failed_assertion"), json!("stale")]);
    for path in ["/quality/datasets/99", "/quality/datasets/x"] {
        assert_eq!(client.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_tenants_auditor_sees_nothing_of_others() {
    let lake = observed().await;
    let auditor = lake.client("auditor", Reach::Tenant(lake.tenant("globex"))).await;
    for path in ["/quality", "/quality/datasets/2", "/api/v1/quality"] {
        let answer = auditor.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text().contains("globex"), "{path}");
        for foreign in ["acme", "Acme"] {
            assert!(!answer.text().contains(foreign), "{path} shows {foreign}: {}", answer.text());
        }
    }
    assert_eq!(auditor.get("/quality/datasets/1").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_empty_service_says_what_to_do() {
    let lake = Lake::new().await;
    let page = lake.client("officer", Reach::All).await.get("/quality").await;
    assert!(page.text().contains("POST /api/v1/lineage"), "{}", page.text());
}
