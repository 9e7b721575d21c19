//! Uploads that are wrong in every way: each gets a clear answer or a quarantine row, and none a panic.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use lakewarden_identity::Reach;
use serde_json::{Value, json};

use crate::lake::{Lake, gzip, read, trail, with};

const UPLOAD: &str = "/api/v1/cloudtrail";

#[tokio::test]
async fn a_file_is_taken_once_and_a_second_time_changes_nothing() {
    let lake = Lake::new().await;
    let producer = lake.client("shipper", Reach::Ingest).await;
    let file = trail(&[read("1", "acme-etl", "lake-raw", "acme/x"), read("2", "acme-etl", "lake-raw", "acme/x")]);
    let first = producer.post(UPLOAD, file.clone()).await;
    assert_eq!(
        (first.status, first.json()),
        (StatusCode::CREATED, json!({ "accepted": 2, "duplicates": 0, "quarantined": 0 }))
    );
    let second = producer.post(UPLOAD, file.clone()).await;
    assert_eq!(
        (second.status, second.json()),
        (StatusCode::OK, json!({ "accepted": 0, "duplicates": 2, "quarantined": 0 }))
    );
    let encoded = Request::post(UPLOAD).header("content-encoding", "gzip");
    assert_eq!(producer.send(encoded, Body::from(file)).await.status, StatusCode::OK);
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 2);
}

#[tokio::test]
async fn only_producers_may_upload_and_only_viewers_may_read() {
    let lake = Lake::new().await;
    let producer = lake.client("shipper", Reach::Ingest).await;
    let auditor = lake.client("auditor", Reach::Tenant(lake.tenant("acme"))).await;
    assert_eq!(producer.get("/api/v1/access").await.status, StatusCode::FORBIDDEN);
    assert_eq!(auditor.post(UPLOAD, trail(&[])).await.status, StatusCode::FORBIDDEN);
    assert_eq!(auditor.get("/access").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_trail_is_refused_with_a_reason() {
    let lake = Lake::new().await;
    let producer = lake.client("shipper", Reach::Ingest).await;
    let deep = format!("{{\"Records\":[{}", "[".repeat(100_000));
    let bodies: [(&str, Vec<u8>); 8] = [
        ("empty", Vec::new()),
        ("not json", b"hello".to_vec()),
        ("wrong type", br#"{"Records":{"a":1}}"#.to_vec()),
        ("deep", deep.into_bytes()),
        ("not gzip after all", b"\x1f\x8bnonsense".to_vec()),
        ("cut in the header", trail(&[])[..12].to_vec()),
        (
            "no record readable",
            trail(&[json!({ "eventTime": "0001-01-01T00:00:00Z" }), json!(7), json!(null), json!("x")]),
        ),
        ("binary", vec![0; 1000]),
    ];
    for (what, body) in bodies {
        let answer = producer.post(UPLOAD, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", answer.text());
    }
    let bomb = gzip(&vec![b' '; 70_000_000]);
    assert!(bomb.len() < 100_000);
    assert_eq!(producer.post(UPLOAD, bomb).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let unknown = Request::post(UPLOAD).header("content-encoding", "br");
    assert_eq!(producer.send(unknown, Body::from("x")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(lake.count("select count(*) from access_events").await, 0);
}

#[tokio::test]
async fn a_truncated_file_keeps_the_records_before_the_cut() {
    let lake = Lake::new().await;
    let records: Vec<Value> =
        (0..500).map(|n| read(&format!("id-{n}"), "acme-etl", "lake-raw", &format!("acme/{n}/{n}"))).collect();
    let whole = trail(&records);
    let producer = lake.client("shipper", Reach::Ingest).await;
    let answer = producer.post(UPLOAD, whole[..whole.len() / 2].to_vec()).await;
    let counts = answer.json();
    assert_eq!(answer.status, StatusCode::CREATED, "{counts}");
    assert!(counts["accepted"].as_i64().unwrap() > 50 && counts["quarantined"] == 1, "{counts}");
    let reason: String = sqlx::query_scalar("select reason from quarantine").fetch_one(lake.db.system()).await.unwrap();
    assert!(reason.contains("the rest of the file is missing"), "{reason}");
    let rest = producer.post(UPLOAD, whole).await.json();
    assert_eq!(rest["accepted"].as_i64().unwrap() + counts["accepted"].as_i64().unwrap(), 500);
}

#[tokio::test]
async fn bad_records_are_quarantined_with_their_place_and_good_ones_go_on() {
    let lake = Lake::new().await;
    let records = [
        read("good", "acme-etl", "lake-raw", "acme/x"),
        json!("not an object"),
        with(read("t", "acme-etl", "lake-raw", "acme/x"), &[("/eventTime", json!("2026-13-01T00:00:00Z"))]),
        with(read("f", "acme-etl", "lake-raw", "acme/x"), &[("/eventTime", json!("2027-01-01T00:00:00Z"))]),
        read("also good", "acme-etl", "lake-raw", "acme/x"),
    ];
    let done = lake.ingest("bad.json.gz", &records).await;
    assert_eq!((done.accepted, done.quarantined), (2, 3));
    let places: Vec<String> =
        sqlx::query_scalar("select place from quarantine order by place").fetch_all(lake.db.system()).await.unwrap();
    assert_eq!(places, ["bad.json.gz#1", "bad.json.gz#2", "bad.json.gz#3"]);
}

#[tokio::test]
async fn strange_records_are_stored_and_not_lost() {
    let lake = Lake::new().await;
    let plain = |id: &str| read(id, "acme-etl", "lake-raw", "acme/x");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let records = [
        with(plain("no identity"), &[("/userIdentity", json!(null))]),
        with(plain("identity is text"), &[("/userIdentity", json!("root"))]),
        with(plain("no name"), &[("/eventName", json!(null))]),
        with(plain("name is a list"), &[("/eventName", json!(["x"]))]),
        with(
            plain("nul"),
            &[("/requestParameters/key", json!("acme/a\u{0}b/x")), ("/userIdentity/arn", json!("a\u{0}"))],
        ),
        with(plain("no parameters"), &[("/requestParameters", json!(null))]),
        with(plain("malformed arn"), &[("/userIdentity", json!({ "type": "AssumedRole", "arn": "arn:aws:::::" }))]),
        with(plain("bytes as text"), &[("/additionalEventData/bytesTransferredOut", json!("many"))]),
        with(plain("bytes absurd"), &[("/additionalEventData/bytesTransferredOut", json!(1e300))]),
        with(plain("deep"), &[("/requestParameters/deep", deep)]),
        with(plain("long"), &[("/requestParameters/key", json!("x".repeat(1_000_000)))]),
        with(plain("unknown tenant"), &[("/requestParameters/key", json!("nobody/x"))]),
        with(plain("anonymous"), &[("/userIdentity", json!({ "type": "AWSAccount", "accountId": "anonymous" }))]),
        with(
            plain("arn prefix"),
            &[("/resources", json!([{ "type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::b/" }]))],
        ),
        json!({ "eventTime": "2026-11-22 10:00:00" }),
    ];
    let done = lake.ingest("strange.json.gz", &records).await;
    assert_eq!((done.accepted, done.quarantined), (records.len() as i64, 0));
    assert_eq!(lake.count("select count(*) from access_samples where record::text like '%\u{fffd}%'").await, 1);
}

#[tokio::test]
async fn surrogates_and_bytes_that_are_no_text_lose_no_other_record() {
    let lake = Lake::new().await;
    let good = read("good", "acme-etl", "lake-raw", "acme/x").to_string();
    let mut body =
        format!(r#"{{"Records":[{{"eventTime":"2026-11-22T10:00:00Z","eventName":"\ud800"}},{good},{{"eventTime":""#)
            .into_bytes();
    body.extend_from_slice(b"\xff\xfe\"}]}");
    let producer = lake.client("shipper", Reach::Ingest).await;
    let answer = producer.post(UPLOAD, body).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::CREATED, json!({ "accepted": 1, "duplicates": 0, "quarantined": 2 }))
    );
}

#[tokio::test]
async fn while_postgres_is_away_the_sender_is_asked_to_come_again() {
    let lake = Lake::new().await;
    let producer = lake.client("shipper", Reach::Ingest).await;
    let file = trail(&[read("1", "acme-etl", "lake-raw", "acme/x")]);
    assert_eq!(producer.post(UPLOAD, trail(&[])).await.status, StatusCode::OK, "the token is known from here on");
    sqlx::query(
        "do $$ begin
            execute format('alter database %I connection limit 0', current_database());
            perform pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid();
        end $$",
    )
    .execute(lake.db.system())
    .await
    .unwrap();
    sqlx::query("select pg_terminate_backend(pg_backend_pid())").execute(lake.db.system()).await.unwrap_err();
    let answer = producer.post(UPLOAD, file).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert!(answer.headers.contains_key("retry-after"));
}
