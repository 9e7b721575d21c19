//! What records become: classes, facts, attributed principals, findings with evidence.

use lakewarden_access::Ingested;
use lakewarden_core::TenantId;
use serde_json::json;

use crate::lake::{ACCOUNT, Lake, read, with};

#[tokio::test]
async fn a_crossing_opens_one_finding_and_counts_every_record() {
    let lake = Lake::new().await;
    let records: Vec<_> =
        (0..50).map(|n| read(&format!("c{n}"), "acme-etl", "lake-raw", "globex/orders/o.csv")).collect();
    lake.ingest("1.json.gz", &records[..20]).await;
    lake.ingest("2.json.gz", &records[20..]).await;
    let globex = lake.tenant("globex");
    assert_eq!(lake.findings().await, [format!("access-cross-tenant-read|{globex}|50")]);
    assert_eq!(lake.count("select count(*) from access_classes").await, 1);
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 50);
    assert_eq!(lake.count("select sum(bytes_out)::bigint from access_facts").await, 5_000);
}

#[tokio::test]
async fn own_data_and_the_platforms_principals_are_no_breach() {
    let lake = Lake::new().await;
    lake.ingest(
        "1.json.gz",
        &[
            read("a", "acme-etl", "lake-raw", "acme/orders/o.csv"),
            read("b", "platform-ingest", "lake-raw", "globex/orders/o.csv"),
        ],
    )
    .await;
    assert!(lake.findings().await.is_empty(), "{:?}", lake.findings().await);
}

#[tokio::test]
async fn the_same_record_in_two_files_counts_once() {
    let lake = Lake::new().await;
    let shared = read("same", "acme-etl", "lake-raw", "globex/o.csv");
    let other = read("other", "acme-etl", "lake-raw", "globex/o.csv");
    let without_id = with(shared.clone(), &[("/eventID", json!(null))]);
    let first = lake.ingest("us-east-1.json.gz", &[shared.clone(), without_id.clone()]).await;
    let second = lake.ingest("us-west-1.json.gz", &[shared, without_id, other]).await;
    assert_eq!(first, Ingested { accepted: 2, duplicates: 0, quarantined: 0 });
    assert_eq!(second, Ingested { accepted: 1, duplicates: 2, quarantined: 0 });
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 3);
    assert_eq!(lake.count("select sum(count)::bigint from findings").await, 3);
}

#[tokio::test]
async fn a_session_tag_says_whose_session_it_is() {
    let lake = Lake::new().await;
    let assume = json!({
        "eventTime": "2026-11-22T10:00:00Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventID": "sts",
        "recipientAccountId": ACCOUNT,
        "userIdentity": { "type": "AWSService", "invokedBy": "glue.amazonaws.com" },
        "requestParameters": {
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/pooled"), "tags": [{ "key": "tenant", "value": "globex" }]
        },
        "responseElements": { "credentials": { "accessKeyId": "ASIATAGGED", "sessionToken": "S3CRETTOKEN" } }
    });
    let tagged =
        with(read("x", "pooled", "lake-raw", "globex/o.csv"), &[("/userIdentity/accessKeyId", json!("ASIATAGGED"))]);
    let crossing =
        with(read("y", "pooled", "lake-raw", "acme/o.csv"), &[("/userIdentity/accessKeyId", json!("ASIATAGGED"))]);
    lake.ingest("1.json.gz", &[assume, tagged]).await;
    lake.ingest("2.json.gz", &[crossing]).await;
    let owner: (Option<TenantId>, String) =
        sqlx::query_as("select tenant_id, resolved_by from access_principals where session_tag = 'tenant=globex'")
            .fetch_one(lake.db.system())
            .await
            .unwrap();
    assert_eq!(owner, (Some(lake.tenant("globex")), "session-tag".to_owned()));
    assert_eq!(lake.findings().await, [format!("access-cross-tenant-read|{}|1", lake.tenant("acme"))]);
}

#[tokio::test]
async fn credentials_are_nowhere_in_the_database() {
    let lake = Lake::new().await;
    let leak = with(
        read("leak", "acme-etl", "lake-raw", "globex/o.csv"),
        &[(
            "/responseElements",
            json!({ "credentials": { "secretAccessKey": "S3CRETVALUE", "sessionToken": "S3CRETVALUE" } }),
        )],
    );
    let broken = with(leak.clone(), &[("/eventTime", json!("never"))]);
    lake.ingest("1.json.gz", &[leak, broken]).await;
    for statement in [
        "select count(*) from access_samples where record::text like '%S3CRETVALUE%'",
        "select count(*) from evidence where record::text like '%S3CRETVALUE%'",
        "select count(*) from quarantine where excerpt like '%S3CRETVALUE%'",
    ] {
        assert_eq!(lake.count(statement).await, 0, "{statement}");
    }
    assert_eq!(lake.count("select count(*) from evidence where record::text like '%REDACTED%'").await, 1);
    assert_eq!(lake.count("select count(*) from quarantine").await, 1);
}

#[tokio::test]
async fn log_delivery_is_set_apart_and_not_judged() {
    let lake = Lake::new().await;
    let delivery = with(
        read("d", "x", "lake-raw", "globex/AWSLogs/o.json.gz"),
        &[
            ("/userIdentity", json!({ "type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com" })),
            ("/eventName", json!("PutObject")),
        ],
    );
    assert_eq!(lake.ingest("1.json.gz", &[delivery]).await.accepted, 1);
    assert_eq!(lake.count("select count(*) from access_classes where bits & 128 = 128").await, 1);
    assert!(lake.findings().await.is_empty());
}

#[tokio::test]
async fn a_copy_reads_its_source_and_writes_its_target() {
    let lake = Lake::new().await;
    let copy = with(
        read("c", "acme-etl", "lake-raw", "acme/in/o.csv"),
        &[
            ("/eventName", json!("CopyObject")),
            ("/requestParameters/x-amz-copy-source", json!("lake-raw/globex/out/o.csv")),
        ],
    );
    lake.ingest("1.json.gz", &[copy]).await;
    assert_eq!(lake.findings().await, [format!("access-cross-tenant-read|{}|1", lake.tenant("globex"))]);
}

#[tokio::test]
async fn every_kind_of_event_finds_its_resource() {
    let lake = Lake::new().await;
    let event = |id: &str, source: &str, name: &str, parameters: serde_json::Value| {
        with(
            read(id, "acme-etl", "", ""),
            &[
                ("/eventSource", format!("{source}.amazonaws.com").into()),
                ("/eventName", name.into()),
                ("/requestParameters", parameters),
            ],
        )
    };
    let table = format!("arn:aws:glue:eu-west-1:{ACCOUNT}:table/globex_raw/orders");
    let key = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/k");
    lake.ingest(
        "1.json.gz",
        &[
            event("1", "athena", "StartQueryExecution", json!({ "workGroup": "acme", "resultConfiguration": { "outputLocation": "s3://lake-raw/globex/out/" } })),
            event("2", "glue", "GetTable", json!({ "databaseName": "acme_raw", "name": "orders" })),
            event("3", "lakeformation", "GetDataAccess", json!({ "tableArn": table })),
            event("4", "kms", "Decrypt", json!({ "keyId": key })),
            event("5", "sts", "AssumeRole", json!({ "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/globex-etl") })),
            event("6", "cloudtrail", "StopLogging", json!({ "name": "main" })),
            event("7", "ec2", "DescribeRegions", json!(null)),
        ],
    )
    .await;
    let names: Vec<String> = sqlx::query_scalar("select kind || ' ' || name from access_resources order by 1")
        .fetch_all(lake.db.system())
        .await
        .unwrap();
    assert_eq!(
        names,
        [
            format!("athena athena:{ACCOUNT}/acme"),
            format!("control arn:aws:cloudtrail::{ACCOUNT}:trail/main"),
            format!("glue glue:{ACCOUNT}/acme_raw.orders"),
            format!("glue glue:{ACCOUNT}/globex_raw.orders"),
            format!("key {key}"),
            format!("role arn:aws:iam::{ACCOUNT}:role/globex-etl"),
            "s3 s3://lake-raw/globex/out".to_owned(),
            format!("service service:ec2/{ACCOUNT}"),
        ]
    );
    let policies: Vec<String> =
        lake.findings().await.iter().map(|finding| finding.split('|').next().unwrap().to_owned()).collect();
    for expected in ["access-cross-tenant-assume", "access-cross-tenant-vend", "access-query-output-elsewhere"] {
        assert!(policies.iter().any(|policy| policy == expected), "{expected} is not in {policies:?}");
    }
}

#[tokio::test]
async fn data_that_nobody_owns_is_a_finding() {
    let lake = Lake::new().await;
    lake.ingest("1.json.gz", &[read("u", "platform-x", "lake-raw", "unknown/o.csv")]).await;
    assert_eq!(lake.findings().await, ["service-unowned-asset|-|1"]);
}
