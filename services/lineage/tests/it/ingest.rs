//! What producers post, well and badly formed, and what they are answered.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use lakewarden_lineage::get_summary;
use serde_json::json;

use crate::support::{dataset, event, post, post_gzip, world};

#[tokio::test]
async fn an_event_is_answered_201_with_an_empty_body_once_it_is_committed() {
    let world = world().await;
    let mut start = event("START", 0, "0190a000-0000-7000-8000-000000000001", "load");
    start["outputs"] = json!([dataset("s3://lake", "acme/orders")]);
    let answer = post(&world.producer, &start).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.headers[header::CONTENT_LENGTH], "0");
    assert!(answer.body.is_empty());
    let summary = get_summary(world.ctx.db.system()).await.unwrap();
    assert_eq!((summary.events, summary.jobs, summary.runs, summary.datasets, summary.output_edges), (1, 1, 1, 1, 1));
    assert_eq!(summary.runs_running, 1);

    let again = world.producer.post("/api/v1/lineage/", start.to_string()).await;
    assert_eq!(
        again.status,
        StatusCode::CREATED,
        "a client that retries is not told off, and a slash behind is accepted"
    );
    assert_eq!(get_summary(world.ctx.db.system()).await.unwrap(), summary);
}

#[tokio::test]
async fn gzip_is_inflated_and_a_bomb_is_refused() {
    let world = world().await;
    let start = event("START", 0, "r1", "load");
    let answer = post_gzip(&world.producer, "/api/v1/lineage", start.to_string().as_bytes()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let bomb = vec![b' '; 70 << 20];
    let answer = post_gzip(&world.producer, "/api/v1/lineage", &bomb).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = world.producer.post("/api/v1/lineage", vec![b' '; 17 << 20]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = Request::post("/api/v1/lineage").header(header::CONTENT_ENCODING, "gzip");
    let truncated = world.producer.send(request, Body::from(&b"\x1f\x8b\x08\x00\x00"[..])).await;
    assert_eq!(truncated.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_bad_event_is_answered_with_the_place_of_its_fault() {
    let world = world().await;
    for (body, pointer) in [
        (json!({"eventTime": "2026-01-01T00:00:00Z"}), "/run"),
        (
            json!({"eventTime": "2026-02-30T00:00:00Z", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}}),
            "/eventTime",
        ),
        (
            json!({"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": null}, "job": {"namespace": "n", "name": "j"}}),
            "/run/runId",
        ),
        (
            json!({"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r", "facets": {"parent": {"run": {}}}}, "job": {"namespace": "n", "name": "j"}}),
            "/run/facets/parent/run/runId",
        ),
        (
            json!({"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}, "outputs": [{"namespace": "n", "name": "d", "outputFacets": {"outputStatistics": {"rowCount": "many"}}}]}),
            "/outputs/0/outputFacets/outputStatistics/rowCount",
        ),
        (json!([]), ""),
    ] {
        let answer = post(&world.producer, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for garbage in ["", "{", "nul", &"[".repeat(100_000)] {
        let answer = world.producer.post("/api/v1/lineage", garbage.to_owned()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
    }
    assert_eq!(get_summary(world.ctx.db.system()).await.unwrap().events, 0);
}

#[tokio::test]
async fn odd_text_is_kept_and_credentials_are_not() {
    let world = world().await;
    let mut odd = event("COMPLETE", 0, "run \u{1F600}:#?&", "load\\\"';--");
    odd["inputs"] = json!([dataset("postgres://etl:hunter2@db:5432", "shop.öffentlich.\u{202e}orders")]);
    odd["run"]["facets"] =
        json!({"debezium_config": {"database.password": "hunter2"}, "big": {"text": "x".repeat(1_000_000)}});
    let body = odd.to_string().replace("etl\",\"name\"", "et\\u0000l\",\"name\"");
    let answer = world.producer.post("/api/v1/lineage", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let state = lakewarden_lineage::describe_state(world.ctx.db.system()).await.unwrap().join("\n");
    assert!(!state.contains("hunter2"), "{state}");
    assert!(state.contains("postgres://etl:[redacted]@db:5432") && state.contains("\u{202e}orders"), "{state}");
}

#[tokio::test]
async fn a_batch_is_answered_event_by_event() {
    let world = world().await;
    let good = event("START", 0, "r1", "load");
    let body = json!([good, {"eventTime": "never"}, event("COMPLETE", 5, "r1", "load")]);
    let answer = world.producer.post("/api/v1/lineage/batch", body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["status"], "partial_success");
    assert_eq!(
        answer["summary"],
        json!({"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1})
    );
    assert_eq!(answer["failed_events"][0]["index"], 1);
    let lines = format!("{}\nnot json\n{good}\n", event("START", 9, "r2", "load"));
    let answer = post_gzip(&world.producer, "/api/v1/lineage/batch/", lines.as_bytes()).await.json();
    assert_eq!(answer["summary"]["successful"], 2, "{answer}");
    let summary = get_summary(world.ctx.db.system()).await.unwrap();
    assert_eq!((summary.events, summary.runs, summary.runs_complete), (3, 2, 1));
}

#[tokio::test]
async fn only_producers_may_post() {
    let world = world().await;
    assert_eq!(post(&world.anonymous, &event("START", 0, "r", "j")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn postgres_going_away_loses_and_doubles_nothing() {
    let world = world().await;
    for round in 0..4 {
        let events: Vec<_> = (0..40).map(|n| event("START", n, &format!("r{round}-{n}"), "load")).collect();
        let kill = sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
        let posts = futures::future::join_all(events.iter().map(|event| post(&world.producer, event)));
        let admin = sqlx::PgPool::connect(&world.test_db.url).await.unwrap();
        let (answers, _) = tokio::join!(posts, kill.execute(&admin));
        for (event, answer) in events.iter().zip(answers) {
            if answer.status != StatusCode::CREATED {
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
                assert_eq!(answer.headers[header::RETRY_AFTER], "1");
                // As clients do: again, until it is taken.
                let mut again = post(&world.producer, event).await;
                for _ in 0..5 {
                    if again.status == StatusCode::CREATED {
                        break;
                    }
                    again = post(&world.producer, event).await;
                }
                assert_eq!(again.status, StatusCode::CREATED, "{}", again.text());
            }
        }
    }
    let summary = get_summary(world.ctx.db.system()).await.unwrap();
    assert_eq!((summary.events, summary.runs), (160, 160));
}
