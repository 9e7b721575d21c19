//! Pages and the graph through the routes, as an officer and as a tenant's own auditor see them.

use axum::http::StatusCode;
use lakewarden_identity::Reach;
use lakewarden_lineage::judge_flows;
use lakewarden_testkit::{Answer, TestClient};

use crate::flow::{crossing, lake};
use crate::support::World;

async fn clients(world: &World) -> (TestClient, TestClient) {
    let ownership = world.ctx.ownership.get();
    let acme = ownership.tenant_by_slug("acme").expect("a tenant of the shipped file").id;
    let (db, clock) = (&world.ctx.db, &world.clock);
    let officer = world.anonymous.with_reach(db, clock, "officer", Reach::All).await;
    let auditor = world.anonymous.with_reach(db, clock, "acme-audit", Reach::Tenant(acme)).await;
    (officer, auditor)
}

async fn open(client: &TestClient, path: &str) -> Answer {
    let answer = client.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer
}

async fn id_of(world: &World, name: &str) -> i32 {
    sqlx::query_scalar("select id from datasets where name = $1")
        .bind(name)
        .fetch_one(world.ctx.db.system())
        .await
        .expect("the dataset is there")
}

#[tokio::test]
async fn an_officer_walks_from_the_list_to_the_crossing() {
    let world = lake().await;
    let (officer, _) = clients(&world).await;
    assert!(open(&officer, "/datasets").await.text().contains("import openlineage"), "an empty list says what to do");
    crossing(&world).await;
    judge_flows(&world.ctx).await.unwrap();
    let id = id_of(&world, "acme/orders").await;
    let list = open(&officer, "/datasets?q=orders&tenant=acme&layer=raw").await.text();
    assert!(list.contains(&format!("/datasets/{id}")) && !list.contains("orders_mart"), "{list}");
    let dataset = open(&officer, &format!("/datasets/{id}")).await.text();
    assert!(dataset.contains("s3://lake-{layer}/{tenant}/"), "the page says by which rule: {dataset}");
    let graph = open(&officer, &format!("/lineage?node=dataset-{id}&way=downstream&depth=5")).await.text();
    assert!(graph.contains("globex/orders_mart") && graph.matches("edge-crossing").count() == 4, "{graph}");
    let hits = open(&officer, "/lineage?q=mart").await.text();
    assert!(hits.contains("globex/orders_mart") && !hits.contains("acme/orders"), "{hits}");
    for path in ["/jobs", "/jobs?q=stage", "/jobs/1", "/runs/run-stage", "/lineage", "/lineage?node=job-1"] {
        open(&officer, path).await;
    }
    let run = open(&officer, "/runs/run-stage").await.text();
    assert!(run.contains("COMPLETE") && run.contains("acme/orders"), "{run}");
    for path in [
        "/datasets/999999",
        "/datasets/x",
        "/jobs/999999",
        "/runs/nobody",
        "/lineage?node=dataset-0",
        "/lineage?node=x",
    ] {
        assert_eq!(officer.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        "/datasets?older=x",
        "/datasets?tenant=nobody",
        "/datasets?layer=x",
        "/lineage?way=x&node=job-1",
        "/jobs/1?older=x",
    ] {
        assert_eq!(officer.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_tenant_sees_that_data_leaves_but_not_to_whom() {
    let world = lake().await;
    let (_, auditor) = clients(&world).await;
    crossing(&world).await;
    judge_flows(&world.ctx).await.unwrap();
    let (own, other) = (id_of(&world, "acme/orders").await, id_of(&world, "globex/orders_mart").await);
    let mut seen = String::new();
    for path in [
        "/datasets".to_owned(),
        "/jobs".to_owned(),
        "/lineage".to_owned(),
        "/lineage?q=o".to_owned(),
        format!("/datasets/{own}"),
        format!("/lineage?node=dataset-{own}&depth=9"),
        "/api/v1/lineage?nodeId=dataset:s3://lake-raw:acme/orders".to_owned(),
    ] {
        seen.push_str(&open(&auditor, &path).await.text());
    }
    assert!(seen.contains("acme/orders"));
    assert!(!seen.to_lowercase().contains("globex"), "{seen}");
    assert_eq!(auditor.get(&format!("/datasets/{other}")).await.status, StatusCode::NOT_FOUND);
    assert!(!auditor.get("/datasets?tenant=globex").await.text().contains("orders_mart"));
}

#[tokio::test]
async fn the_graph_api_has_the_shape_clients_know() {
    let world = lake().await;
    let (officer, _) = clients(&world).await;
    crossing(&world).await;
    let answer = open(&officer, "/api/v1/lineage?nodeId=dataset:s3://lake-raw:acme/orders&depth=1").await.json();
    let ids: Vec<&str> = answer["graph"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        ["dataset:s3://lake-processed:_shared/orders", "dataset:s3://lake-raw:acme/orders", "job:etl:stage"]
    );
    assert_eq!(answer["graph"][2]["inEdges"][0]["origin"], "dataset:s3://lake-raw:acme/orders");
    assert_eq!(answer["graph"][2]["type"], "JOB");
    let by_parts = "/api/v1/lineage?type=job&namespace=etl&name=publish&direction=upstream";
    assert_eq!(open(&officer, by_parts).await.json()["graph"].as_array().unwrap().len(), 4);
    assert_eq!(officer.get("/api/v1/lineage?nodeId=dataset:no:such").await.status, StatusCode::NOT_FOUND);
    assert_eq!(officer.get("/api/v1/lineage").await.status, StatusCode::BAD_REQUEST);
}
