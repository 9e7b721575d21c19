//! Pages and JSON, and what a tenant's auditor sees of others.

use axum::http::StatusCode;
use lakewarden_identity::Reach;
use serde_json::json;

use crate::lake::{Lake, read, with};

async fn crossed() -> Lake {
    let lake = Lake::new().await;
    let denied =
        with(read("d", "acme-etl", "lake-raw", "globex/secret/o.csv"), &[("/errorCode", json!("AccessDenied"))]);
    lake.ingest(
        "1.json.gz",
        &[
            read("1", "acme-etl", "lake-raw", "globex/orders/o.csv"),
            read("2", "globex-etl", "lake-raw", "globex/orders/o.csv"),
            read("3", "acme-etl", "lake-raw", "acme/orders/o.csv"),
            read("4", "platform-ingest", "lake-raw", "globex/orders/o.csv"),
            denied,
        ],
    )
    .await;
    lake
}

#[tokio::test]
async fn an_officer_sees_who_touched_what() {
    let lake = crossed().await;
    let officer = lake.client("officer", Reach::All).await;
    for path in
        ["/access", "/access?by=principals", "/access?since=all&action=read&outcome=denied&tenant=globex&q=secret"]
    {
        let page = officer.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
    }
    let asset = officer.get("/access?asset=s3://lake-raw/globex/orders").await.text();
    assert!(asset.contains("acme-etl") && asset.contains("globex-etl") && asset.contains("convention s3[0]"));
    let items = officer.get("/api/v1/access?tenant=globex&outcome=denied").await.json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    assert_eq!(items[0]["principal"]["name"], "acme-etl");
    let principal = officer.get(&format!("/access/principals/{}", items[0]["principal"]["id"])).await.text();
    assert!(principal.contains("convention role[0]") && principal.contains("s3://lake-raw/acme/orders"));
    let class = officer.get(&format!("/access/classes/{}", items[0]["id"])).await.text();
    assert!(class.contains("1.json.gz#4") && class.contains("203.0.113.7"));
}

#[tokio::test]
async fn a_tenant_sees_its_own_data_and_no_other_tenants_name() {
    let lake = crossed().await;
    let auditor = lake.client("auditor", Reach::Tenant(lake.tenant("globex"))).await;
    let items = auditor.get("/api/v1/access").await.json()["items"].clone();
    let items = items.as_array().unwrap().clone();
    assert_eq!(items.len(), 4, "the three reads of its own data and the refused one");
    let mut pages = vec![serde_json::to_string(&items).unwrap()];
    for item in &items {
        pages.push(auditor.get(&format!("/access/classes/{}", item["id"])).await.text());
    }
    for path in ["/access", "/access?by=principals", "/access?asset=s3://lake-raw/globex/orders"] {
        let page = auditor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        pages.push(page.text());
    }
    assert!(pages.iter().all(|page| !page.contains("acme") && !page.contains("platform-ingest")), "{pages:#?}");
    assert!(
        pages.iter().any(|page| page.contains("another tenant"))
            && pages.iter().any(|page| page.contains("globex-etl"))
    );
    for hidden in ["/access?asset=s3://lake-raw/acme/orders", "/access/principals/99999", "/access/classes/99999"] {
        assert_eq!(auditor.get(hidden).await.status, StatusCode::NOT_FOUND, "{hidden}");
    }
    let acme: i32 = sqlx::query_scalar("select id from access_principals where name = 'acme-etl'")
        .fetch_one(lake.db.system())
        .await
        .unwrap();
    assert_eq!(auditor.get(&format!("/access/principals/{acme}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn long_lists_are_paged_without_gap_or_overlap() {
    let lake = Lake::new().await;
    let records: Vec<_> =
        (0..120).map(|n| read(&format!("p{n}"), "acme-etl", "lake-raw", &format!("acme/t{n}/o.csv"))).collect();
    lake.ingest("1.json.gz", &records).await;
    let officer = lake.client("officer", Reach::All).await;
    let (mut assets, mut path) = (Vec::new(), "/api/v1/access".to_owned());
    loop {
        let page = officer.get(&path).await.json();
        assets.extend(page["items"].as_array().unwrap().iter().map(|item| item["asset"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(cursor) => path = format!("/api/v1/access?cursor={cursor}"),
            None => break,
        }
    }
    assets.sort();
    assets.dedup();
    assert_eq!(assets.len(), 120);
    assert!(officer.get("/access").await.text().contains("Next page"));
    assert_eq!(officer.get("/access?cursor=nonsense").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_empty_explorer_says_what_to_do_next() {
    let lake = Lake::new().await;
    let officer = lake.client("officer", Reach::All).await;
    assert!(officer.get("/access").await.text().contains("lakewarden import cloudtrail"));
}
