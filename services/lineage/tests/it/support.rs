//! A slice with a database of its own, and small events to post.

use axum::body::Body;
use axum::http::{Request, header};
use lakewarden_core::{Clock, Live, Sha256};
use lakewarden_identity::Reach;
use lakewarden_isolation::{Judge, Pack};
use lakewarden_lineage::{Ctx, routes};
use lakewarden_tenancy::Ownership;
use lakewarden_testkit::{Answer, TestClient, TestDb, clock};
use serde_json::{Value, json};

pub struct World {
    pub ctx: Ctx,
    pub clock: Clock,
    pub test_db: TestDb,
    pub anonymous: TestClient,
    pub producer: TestClient,
}

pub async fn world() -> World {
    world_with(Ownership::default()).await
}

pub async fn world_with(ownership: Ownership) -> World {
    let test_db = TestDb::new().await;
    let clock = clock();
    let ctx = context(&test_db, &clock, ownership);
    let anonymous = TestClient::anonymous(&test_db.db, &clock, routes(ctx.clone()));
    let producer = anonymous.with_reach(&test_db.db, &clock, "airflow", Reach::Ingest).await;
    World { ctx, clock, test_db, anonymous, producer }
}

pub fn context(test_db: &TestDb, clock: &Clock, ownership: Ownership) -> Ctx {
    let now = clock.now();
    let live = Live::new(ownership, Sha256::of("tenants"), now);
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let pack = lakewarden_isolation::load_pack(std::path::Path::new(policies)).expect("the pack compiles");
    let mut infos: Vec<_> = Pack::policies(&pack).iter().map(|policy| (**policy).clone()).collect();
    infos.extend(lakewarden_findings::service_policies());
    let registry = Live::new(registry_of(infos), Sha256::of("registry"), now);
    let pack = Live::new(pack, Sha256::of("pack"), now);
    let judge = Judge::new(pack, live.clone());
    let alerts = lakewarden_alerts::Ctx::new(
        test_db.db.clone(),
        clock.clone(),
        Live::new(lakewarden_alerts::AlertPolicy::default(), Sha256::of("alerts"), now),
        live.clone(),
        std::sync::Arc::new(lakewarden_alerts::NoRadius),
        "http://localhost:3000",
    );
    let findings = lakewarden_findings::Ctx {
        db: test_db.db.clone(),
        clock: clock.clone(),
        registry,
        ownership: live.clone(),
        alerts,
    };
    Ctx::new(test_db.db.clone(), clock.clone(), live, findings, judge)
}

fn registry_of(infos: Vec<lakewarden_findings::PolicyInfo>) -> lakewarden_findings::Registry {
    lakewarden_findings::Registry::new(infos).expect("no policy is there twice")
}

pub fn event(event_type: &str, second: i64, run: &str, job: &str) -> Value {
    let at = lakewarden_testkit::noon() + chrono::TimeDelta::seconds(second);
    json!({
        "eventTime": at.to_rfc3339(), "eventType": event_type, "producer": "https://example.org/test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": {}}, "job": {"namespace": "etl", "name": job, "facets": {}},
        "inputs": [], "outputs": [],
    })
}

pub fn dataset(namespace: &str, name: &str) -> Value {
    json!({"namespace": namespace, "name": name, "facets": {}})
}

pub async fn post(client: &TestClient, event: &Value) -> Answer {
    client.post("/api/v1/lineage", event.to_string()).await
}

pub async fn post_gzip(client: &TestClient, path: &str, body: &[u8]) -> Answer {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("a Vec takes everything");
    let request = Request::post(path).header(header::CONTENT_ENCODING, "gzip");
    client.send(request, Body::from(encoder.finish().expect("a Vec takes everything"))).await
}
