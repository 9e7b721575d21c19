//! How many OpenLineage events a second go from HTTP to committed rows: real socket, real tokens, a Postgres with its
//! durability untouched, client, server and Postgres on the same cores.
//!
//! `BENCH_DATABASE_URL` names an empty database; without it a private cluster is started in a temporary folder.
//! `BENCH_CONNECTIONS` (64), `BENCH_SECONDS` (20) and `BENCH_BATCH` (events a request, 1) change the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lakewarden_core::{Clock, Live, Sha256};
use lakewarden_db::embedded::Cluster;
use lakewarden_db::{Db, DbConfig};
use lakewarden_http::{AuthState, authenticate};
use lakewarden_identity::{Reach, create_token};
use lakewarden_isolation::Judge;
use lakewarden_lineage::{Ctx, get_summary, routes};
use lakewarden_tenancy::Ownership;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
/// Jobs the events speak of.
const JOBS: u64 = 500;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (cluster, url) = if let Ok(url) = std::env::var("BENCH_DATABASE_URL") {
        (None, url)
    } else {
        let cluster = Cluster::start(folder.path(), None).await.expect("a private Postgres");
        let url = cluster.url().to_owned();
        (Some(cluster), url)
    };
    let db = Db::open(&DbConfig::new(url)).await.expect("connect and migrate");
    let clock = Clock::system();
    let token = create_token(db.system(), "bench", Reach::Ingest, None, clock.now()).await.expect("a token");
    let ctx = context(&db, &clock);
    let state = AuthState::new(db.clone(), clock.clone());
    let router = routes(ctx.clone()).into_router().layer(axum::middleware::from_fn_with_state(state, authenticate));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });

    let (connections, batch) = (setting("BENCH_CONNECTIONS", 64), setting("BENCH_BATCH", 1));
    let until = Instant::now() + Duration::from_secs(setting("BENCH_SECONDS", 20));
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(client(address, token.reveal().to_owned(), Arc::clone(&next), until, batch)))
        .collect();
    let mut latencies: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for client in clients {
        let (mut took, sent) = client.await.expect("a client");
        latencies.append(&mut took);
        bytes += sent;
    }
    let elapsed = began.elapsed().as_secs_f64();
    report(&db, &mut latencies, elapsed, connections, batch, bytes).await;
    db.close().await;
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
}

async fn report(db: &Db, latencies: &mut [Duration], elapsed: f64, connections: u64, batch: u64, bytes: u64) {
    let stored = get_summary(db.system()).await.expect("count").events;
    let size: i64 =
        sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(db.system()).await.expect("size");
    latencies.sort_unstable();
    let percentile = |part: f64| {
        let index = ((latencies.len() as f64 - 1.0) * part) as usize;
        latencies.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    println!(
        "lineage ingest over HTTP: {:.0} events/s committed ({stored} events, {connections} connections, {batch} a request, \
         {:.1} KB an event), p50 {:.1} ms, p99 {:.1} ms, resident {} MB, {:.1} KB of database an event",
        stored as f64 / elapsed,
        bytes as f64 / stored.max(1) as f64 / 1000.0,
        percentile(0.5),
        percentile(0.99),
        resident_mb(),
        size as f64 / stored.max(1) as f64 / 1000.0,
    );
}

/// Posts until the time is up; answers with the latency of each request and the bytes of events sent.
async fn client(
    address: std::net::SocketAddr,
    token: String,
    next: Arc<AtomicU64>,
    until: Instant,
    batch: u64,
) -> (Vec<Duration>, u64) {
    let mut stream = TcpStream::connect(address).await.expect("connect");
    stream.set_nodelay(true).expect("set an option");
    let (mut latencies, mut bytes) = (Vec::new(), 0);
    let path = if batch > 1 { "/api/v1/lineage/batch" } else { "/api/v1/lineage" };
    while Instant::now() < until {
        let events: Vec<String> = (0..batch).map(|_| event(next.fetch_add(1, Ordering::Relaxed)).to_string()).collect();
        let body = events.join("\n");
        bytes += body.len() as u64;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("send");
        let status = read_answer(&mut stream).await;
        latencies.push(began.elapsed());
        assert!(matches!(status, 200 | 201), "answered {status}");
    }
    (latencies, bytes)
}

async fn read_answer(stream: &mut TcpStream) -> u16 {
    let mut answer = Vec::with_capacity(512);
    let mut chunk = [0; 2048];
    loop {
        let read = stream.read(&mut chunk).await.expect("an answer");
        assert!(read > 0, "the server hung up");
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text[..end]
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .unwrap_or(0);
        if answer.len() >= end + 4 + length {
            return text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        }
    }
}

/// Every run has a START, now and then a RUNNING, and a COMPLETE or FAIL; in size and kind like what dbt, Spark and Airflow send.
fn event(number: u64) -> Value {
    let (run, step) = (number / 3, number % 3);
    let job = run % JOBS;
    let at = chrono::DateTime::from_timestamp(1_790_000_000 + number as i64 / 50, (number % 50) as u32 * 20_000_000)
        .expect("a valid instant");
    let tenant = ["acme", "globex", "initech"][(job % 3) as usize];
    let producer = "https://github.com/OpenLineage/OpenLineage/tree/1.33.0/integration/spark";
    let facet = |name: &str, mut body: Value| {
        body["_producer"] = json!(producer);
        body["_schemaURL"] = json!(format!("https://openlineage.io/spec/facets/1-0-0/{name}.json"));
        body
    };
    let fields: Vec<Value> =
        (0..8).map(|column| json!({"name": format!("column_{column}"), "type": "string", "description": ""})).collect();
    let dataset = |layer: &str, number: u64| {
        json!({
            "namespace": format!("s3://lake-{layer}"), "name": format!("{tenant}/table_{number}"),
            "facets": {
                "schema": facet("SchemaDatasetFacet", json!({"fields": fields})),
                "dataSource": facet("DatasourceDatasetFacet", json!({"name": "s3", "uri": "s3://lake"})),
            },
        })
    };
    let event_type = match step {
        0 => "START",
        1 => "RUNNING",
        _ if run.is_multiple_of(20) => "FAIL",
        _ => "COMPLETE",
    };
    let mut output = dataset("processed", job);
    if step == 2 {
        output["outputFacets"] = json!({"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", json!({"rowCount": run, "size": run * 100}))});
    }
    json!({
        "eventTime": at.to_rfc3339(), "eventType": event_type, "producer": producer,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": uuid::Uuid::from_u128(0x0190_a000_0000_7000_8000_0000_0000_0000 + u128::from(run)), "facets": {
            "processing_engine": facet("ProcessingEngineRunFacet", json!({"version": "3.5.1", "name": "spark", "openlineageAdapterVersion": "1.33.0"})),
            "nominalTime": facet("NominalTimeRunFacet", json!({"nominalStartTime": at.to_rfc3339()})),
            "parent": facet("ParentRunFacet", json!({"run": {"runId": uuid::Uuid::from_u128(u128::from(run / 50))}, "job": {"namespace": "airflow-prod", "name": format!("{tenant}.daily")}})),
        }},
        "job": {"namespace": "airflow-prod", "name": format!("{tenant}.job_{job}"), "facets": {
            "jobType": facet("JobTypeJobFacet", json!({"processingType": "BATCH", "integration": "SPARK", "jobType": "SQL_JOB"})),
            "sql": facet("SQLJobFacet", json!({"query": format!("insert into table_{job} select * from table_{job} join other using (id) where day = current_date")})),
        }},
        "inputs": if step == 1 { json!([]) } else { json!([dataset("raw", job), dataset("raw", job + 1)]) },
        "outputs": if step == 1 { json!([]) } else { json!([output]) },
    })
}

fn resident_mb() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn context(db: &Db, clock: &Clock) -> Ctx {
    let now = clock.now();
    let tenants = std::fs::read_to_string(format!("{POLICIES}/tenants.toml")).expect("policies/tenants.toml");
    let ownership = Live::new(Ownership::parse(&tenants).expect("it compiles"), Sha256::of(&tenants), now);
    let pack = lakewarden_isolation::load_pack(std::path::Path::new(POLICIES)).expect("the pack compiles");
    let judge = Judge::new(Live::new(pack, Sha256::of("pack"), now), ownership.clone());
    let alerts = lakewarden_alerts::Ctx::new(
        db.clone(),
        clock.clone(),
        Live::new(lakewarden_alerts::AlertPolicy::default(), Sha256::of("alerts"), now),
        ownership.clone(),
        Arc::new(lakewarden_alerts::NoRadius),
        "http://localhost",
    );
    let registry = Live::new(lakewarden_findings::Registry::default(), Sha256::of("registry"), now);
    let findings = lakewarden_findings::Ctx {
        db: db.clone(),
        clock: clock.clone(),
        registry,
        ownership: ownership.clone(),
        alerts,
    };
    Ctx::new(db.clone(), clock.clone(), ownership, findings, judge)
}
