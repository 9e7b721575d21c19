//! The same events give the same state whatever their order, copies and batches.

use lakewarden_lineage::{describe_state, ingest};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{dataset, event, world};

/// Late starts, several ends, silence about datasets, changing facets, symlinks, parents, columns, ties.
fn events() -> Vec<Value> {
    let mut all = Vec::new();
    for run in 0..6 {
        let id = format!("run-{run}");
        let job = ["load", "clean", "report"][run % 3];
        let base = run as i64 * 30;
        let mut start = event("START", base, &id, job);
        start["inputs"] = json!([dataset("s3://raw", "acme/orders"), dataset("s3a://raw", "/acme/orders/")]);
        start["run"]["facets"]["parent"] = json!({"run": {"runId": "dag"}, "job": {"namespace": "etl", "name": "dag"}});
        all.push(start);
        let silent = event("RUNNING", base + 5, &id, job);
        all.push(silent);
        let mut end = event(["COMPLETE", "FAIL", "ABORT"][run % 3], base + 10, &id, job);
        let mut output = dataset("arn:aws:glue:eu-west-1:111122223333", "table/clean/orders");
        output["facets"] = json!({
            "schema": {"fields": [{"name": "id", "type": "int"}, {"name": format!("v{}", run % 2), "type": "text"}]},
            "symlinks": {"identifiers": [{"namespace": "s3://clean", "name": "orders", "type": "LOCATION"}]},
            "columnLineage": {"fields": {"id": {"inputFields": [{"namespace": "s3://raw", "name": "acme/orders", "field": format!("id{run}")}]}}},
            "documentation": {"description": format!("version {run}")},
        });
        output["outputFacets"] = json!({"outputStatistics": {"rowCount": run * 10}});
        end["outputs"] = json!([output]);
        end["inputs"] = json!([{"namespace": "s3://raw", "name": "acme/orders", "inputFacets": {"dataQualityAssertions": {"assertions": [{"assertion": "not_null", "success": run != 1, "column": "id"}]}}}]);
        end["run"]["facets"]["nominalTime"] = json!({"nominalStartTime": "2026-11-22T00:00:00Z"});
        all.push(end);
        all.push(event("START", base + 20, &id, job));
    }
    // Two ends at one instant, and two facets at one instant.
    all.push(event("FAIL", 10, "run-0", "load"));
    for text in ["one", "other"] {
        let mut definition = json!({"eventTime": "2026-11-22T13:00:00Z", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"});
        definition["dataset"] = dataset("s3://clean", "orders");
        definition["dataset"]["facets"] =
            json!({"documentation": {"description": text}, "old": {"_deleted": text == "one"}});
        all.push(definition);
    }
    all
}

async fn state_after(seed: u64) -> Vec<String> {
    let world = world().await;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<Vec<u8>> = events().iter().map(|event| event.to_string().into_bytes()).collect();
    if seed > 0 {
        let copies: Vec<Vec<u8>> = order.iter().filter(|_| random.random_bool(0.4)).cloned().collect();
        order.extend(copies);
        order.shuffle(&mut random);
    }
    let mut rest = &order[..];
    while !rest.is_empty() {
        let count = if seed == 0 { 1 } else { random.random_range(1..=rest.len().min(12)) };
        let (batch, later) = rest.split_at(count);
        for outcome in ingest(&world.ctx, "test", batch).await {
            outcome.expect("stored");
        }
        rest = later;
    }
    describe_state(world.ctx.db.system()).await.expect("the state can be read")
}

#[tokio::test]
async fn order_copies_and_batches_do_not_change_the_state() {
    let expected = state_after(0).await;
    assert!(expected.iter().any(|line| line.starts_with("run ") && line.contains("etl|load 4")), "{expected:#?}");
    for seed in 1..8 {
        let state = state_after(seed).await;
        let missing: Vec<_> = expected.iter().filter(|line| !state.contains(line)).collect();
        let extra: Vec<_> = state.iter().filter(|line| !expected.contains(line)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "seed {seed}: missing {missing:#?}, extra {extra:#?}");
    }
}
