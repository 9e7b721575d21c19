//! Admission, problems and bodies through a router.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use lakewarden_core::TenantId;
use lakewarden_http::*;
use lakewarden_identity::{Reach, Who};
use lakewarden_testkit::{TestClient, TestDb, clock};

const LIMITS: BodyLimits = BodyLimits { received: 1_000, inflated: 10_000 };

async fn echo(State(limits): State<BodyLimits>, headers: HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    Ok(read_body(&headers, body, limits).await?.to_vec())
}

async fn name(CurrentViewer(viewer): CurrentViewer) -> String {
    viewer.name
}

fn routes() -> Routes {
    Routes::new()
        .post("/ingest", Who::Producer, LIMITS, echo)
        .get("/read", Who::Viewer, (), name)
        .get("/operate", Who::Operator, (), name)
        .get("/administer", Who::Administrator, (), name)
}

#[tokio::test]
async fn a_route_admits_its_callers_and_tells_the_others_why_not() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    let anonymous = TestClient::anonymous(&db, &clock, routes());
    let producer = anonymous.with_reach(&db, &clock, "airflow", Reach::Ingest).await;
    let tenant = anonymous.with_reach(&db, &clock, "auditor", Reach::Tenant(TenantId(1))).await;
    let all = anonymous.with_reach(&db, &clock, "officer", Reach::All).await;
    for (path, expected) in
        [("/read", [401, 403, 200, 200]), ("/operate", [401, 403, 403, 200]), ("/administer", [401, 403, 403, 403])]
    {
        for (client, status) in [&anonymous, &producer, &tenant, &all].into_iter().zip(expected) {
            let answer = client.get(path).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
            if status != 200 {
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                assert!(answer.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
            }
        }
    }
}

#[tokio::test]
async fn a_body_is_limited_as_received_and_as_inflated() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    let client = TestClient::anonymous(&db, &clock, routes()).with_reach(&db, &clock, "airflow", Reach::Ingest).await;
    assert_eq!(client.post("/ingest", "hello").await.text(), "hello");
    assert_eq!(client.post("/ingest", vec![b'x'; 1_001]).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    let gzip = |bytes: &[u8]| {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let post = |body: Vec<u8>, encoding: &'static str| {
        let request = Request::post("/ingest").header("content-encoding", encoding);
        let client = client.clone();
        async move { client.send(request, body.into()).await }
    };
    assert_eq!(post(gzip(b"inflated"), "gzip").await.text(), "inflated");
    let bomb = post(gzip(&vec![0; 100_000]), "gzip").await;
    assert_eq!(bomb.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(bomb.text().contains("inflated"), "{}", bomb.text());
    assert_eq!(post(b"not gzip".to_vec(), "gzip").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(b"x".to_vec(), "br").await.status, StatusCode::BAD_REQUEST);
}
