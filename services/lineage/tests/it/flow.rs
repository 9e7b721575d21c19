//! Flows between tenants: judged, found, and hidden from whom they do not concern.

use lakewarden_lineage::{judge_flows, radius};
use lakewarden_tenancy::Ownership;
use serde_json::json;

use crate::support::{World, dataset, event, post, world_with};

const TENANTS: &str = include_str!("../../../../policies/tenants.toml");

pub async fn lake() -> World {
    world_with(Ownership::parse(TENANTS).expect("the shipped tenants.toml")).await
}

/// acme's raw orders through a platform table into globex's mart.
pub async fn crossing(world: &World) {
    for (second, job, from, to) in [
        (0, "stage", ("s3://lake-raw", "acme/orders"), ("s3://lake-processed", "_shared/orders")),
        (10, "publish", ("s3://lake-processed", "_shared/orders"), ("s3://lake-analytics", "globex/orders_mart")),
    ] {
        let mut run = event("COMPLETE", second, &format!("run-{job}"), job);
        run["inputs"] = json!([dataset(from.0, from.1)]);
        run["outputs"] = json!([dataset(to.0, to.1)]);
        assert_eq!(post(&world.producer, &run).await.status, 201);
    }
}

async fn findings(world: &World) -> Vec<(String, String)> {
    sqlx::query_as("select policy_id, subject from findings order by 1, 2")
        .fetch_all(world.ctx.db.system())
        .await
        .expect("findings can be read")
}

#[tokio::test]
async fn data_that_reaches_another_tenant_over_two_jobs_is_a_finding_once() {
    let world = lake().await;
    crossing(&world).await;
    judge_flows(&world.ctx).await.unwrap();
    let found = findings(&world).await;
    let crossing = (
        "flow-cross-tenant".to_owned(),
        "s3://lake-raw/acme/orders flows into s3://lake-analytics/globex/orders_mart".to_owned(),
    );
    assert!(found.contains(&crossing), "{found:?}");
    assert_eq!(judge_flows(&world.ctx).await.unwrap(), 0, "nothing is marked any more");
    lakewarden_lineage::reassign_owners(&world.ctx).await.unwrap();
    judge_flows(&world.ctx).await.unwrap();
    assert_eq!(findings(&world).await, found, "judging again finds the same");
    let count: i64 = sqlx::query_scalar("select count from findings where policy_id = 'flow-cross-tenant'")
        .fetch_one(world.ctx.db.system())
        .await
        .unwrap();
    assert_eq!(count, 1, "a flow that merely still stands is not counted again");
}

#[tokio::test]
async fn the_blast_radius_of_an_object_is_everything_downstream_of_its_dataset() {
    let world = lake().await;
    crossing(&world).await;
    let radius = |asset: &'static str| radius(&world.ctx, asset, 20);
    let found = radius("s3://lake-raw/acme/orders/2026/11/part-0.parquet").await.unwrap().expect("in the graph");
    assert_eq!(found.datasets, ["s3://lake-analytics/globex/orders_mart", "s3://lake-processed/_shared/orders"]);
    assert_eq!(found.jobs, 2);
    assert!(found.tenants.iter().any(|name| name == "Globex"), "{found:?}");
    assert_eq!(radius("s3://elsewhere/x").await.unwrap(), None);
}
