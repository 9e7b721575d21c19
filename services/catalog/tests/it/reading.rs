//! Pages and JSON: everything for the operator, one's own and no foreign name for a tenant.

use axum::http::StatusCode;
use chrono::TimeDelta;
use lakewarden_identity::Reach;
use serde_json::json;

use crate::lake::{Lake, databases, grant, grants, role, table, tables};

async fn two_tenants() -> Lake {
    let lake = Lake::new().await;
    let orders = |columns: &[(&str, &str)]| table("acme_raw", "orders", "s3://lake-raw/globex/orders/", columns);
    let secrets = table("globex_raw", "secrets", "s3://lake-raw/globex/secrets/", &[]);
    let granted = || {
        grants(&[
            grant(&role("globex-etl"), "acme_raw", "orders", &["SELECT"]),
            grant(&role("acme-etl"), "globex_raw", "secrets", &["SELECT"]),
        ])
    };
    lake.import(&json!([databases(&["acme_raw", "globex_raw"]), tables(&[orders(&[]), secrets]), granted()])).await;
    lake.clock.advance(TimeDelta::hours(1));
    lake.import(&tables(&[orders(&[("email", "string")])])).await;
    lake.import(&json!([
        grants(&[grant(&role("acme-etl"), "globex_raw", "secrets", &["SELECT"])]),
        {"Resource": {"Table": {"DatabaseName": "acme_raw", "Name": "orders"}},
         "LFTagsOnTable": [{"TagKey": "tenant", "TagValues": ["globex"]}]},
    ]))
    .await;
    lake
}

#[tokio::test]
async fn the_operator_sees_tables_versions_grants_and_changes() {
    let lake = two_tenants().await;
    let operator = lake.client("ops", Reach::All).await;
    let page = operator.get("/catalog").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    for text in ["acme_raw.orders", "globex_raw.secrets", "columns.email", "revoked", "lies with"] {
        assert!(page.text().contains(text), "{text}");
    }
    let id = lake.number("select id from glue_tables where name = 'orders'").await;
    let page = operator.get(&format!("/catalog/tables/{id}")).await;
    for text in
        ["s3://lake-raw/globex/orders/", "globex-etl", "Revoked: 1", "email", "The first version seen", "tenant=globex"]
    {
        assert!(page.text().contains(text), "{text}");
    }
    let page = operator.get("/catalog/grants?show=crossing&holder=acme").await;
    assert!(page.text().contains("acme-etl") && page.text().contains("crossing"));
    let tables = operator.get("/api/v1/catalog/tables?tenant=globex").await.json();
    assert_eq!(tables["tables"].as_array().unwrap().len(), 1);
    assert_eq!(tables["tables"][0]["owner"], "globex");
    assert_eq!(operator.get("/catalog?tenant=nobody").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(operator.get("/catalog/tables/999999").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_and_never_another_tenants_name() {
    let lake = two_tenants().await;
    let acme = lake.client("acme auditor", Reach::Tenant(lake.tenant("acme"))).await;
    let id = lake.number("select id from glue_tables where name = 'orders'").await;
    let foreign = lake.number("select id from glue_tables where name = 'secrets'").await;
    for path in [
        "/catalog".to_owned(),
        format!("/catalog/tables/{id}"),
        "/catalog/grants?show=all".to_owned(),
        "/api/v1/catalog/tables".to_owned(),
        "/api/v1/catalog/grants?show=all".to_owned(),
    ] {
        let answer = acme.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        assert!(text.contains("orders"), "{path} shows its own");
        assert!(!text.to_lowercase().contains("globex") && !text.contains("secrets"), "{path} names the other: {text}");
    }
    assert_eq!(acme.get(&format!("/catalog/tables/{foreign}")).await.status, StatusCode::NOT_FOUND);
    let probed = acme.get("/api/v1/catalog/grants?show=all&principal=globex").await.json();
    assert_eq!(probed["grants"], json!([]), "a search must not confirm a hidden name");
}

#[tokio::test]
async fn a_producer_pushes_what_the_cli_prints_and_reads_nothing() {
    let lake = Lake::new().await;
    let producer = lake.client("exporter", Reach::Ingest).await;
    let body = json!({
        "account": "111122223333", "region": "eu-west-1", "taken_at": "2026-11-22T11:00:00Z",
        "documents": [databases(&["acme_raw"]), {"Nonsense": 1}],
    });
    let answer = producer.post("/api/v1/catalog", body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!((answer.json()["created"].clone(), answer.json()["quarantined"].clone()), (json!(1), json!(1)));
    for (body, expected) in [
        ("{", StatusCode::UNPROCESSABLE_ENTITY),
        ("[]", StatusCode::OK),
        ("{\"a\": \"\\u0000\"}", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(producer.post("/api/v1/catalog", body).await.status, expected, "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(producer.post("/api/v1/catalog", deep).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(producer.get("/api/v1/catalog/tables").await.status, StatusCode::FORBIDDEN);
}
