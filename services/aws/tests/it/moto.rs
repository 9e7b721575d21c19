//! Every collector against moto: what is written by the SDK's own calls arrives as rows, once.

use std::io::Write as _;

use aws_sdk_glue::types::{Column, DatabaseInput, StorageDescriptor, TableInput};
use aws_sdk_lakeformation::types::{DataLakePrincipal, Permission, Resource, TableResource};
use lakewarden_aws::round::What;
use serde_json::json;

use crate::emulator::Moto;
use crate::lake::{ACCOUNT, Lake, connection};

async fn seed_catalog(sdk: &aws_config::SdkConfig) {
    let glue = aws_sdk_glue::Client::new(sdk);
    for name in ["acme_raw", "globex_raw"] {
        let input = DatabaseInput::builder().name(name).build().unwrap();
        glue.create_database().database_input(input).send().await.unwrap();
    }
    let table = |kind: &str| {
        let column = Column::builder().name("id").r#type(kind).build().unwrap();
        let storage = StorageDescriptor::builder().location("s3://lake-raw/globex/orders/").columns(column).build();
        TableInput::builder()
            .name("orders")
            .storage_descriptor(storage)
            .parameters("classification", "parquet")
            .build()
            .unwrap()
    };
    glue.create_table().database_name("globex_raw").table_input(table("int")).send().await.unwrap();
    let lake_formation = aws_sdk_lakeformation::Client::new(sdk);
    let principal = format!("arn:aws:iam::{ACCOUNT}:role/acme-etl");
    let orders = TableResource::builder().database_name("globex_raw").name("orders").build().unwrap();
    lake_formation
        .grant_permissions()
        .principal(DataLakePrincipal::builder().data_lake_principal_identifier(principal).build())
        .resource(Resource::builder().table(orders).build())
        .permissions(Permission::Select)
        .send()
        .await
        .unwrap();
    lake_formation.register_resource().resource_arn("arn:aws:s3:::lake-raw/globex").send().await.unwrap();
}

fn trail_file(event: &str) -> Vec<u8> {
    let record = json!({
        "eventVersion": "1.11", "eventID": event, "eventTime": "2026-11-22T10:00:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject", "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "readOnly": true,
        "sourceIPAddress": "10.0.0.1", "userAgent": "aws-cli", "eventType": "AwsApiCall", "eventCategory": "Data",
        "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:s", "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/acme-etl/s"),
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/acme-etl"), "userName": "acme-etl"}}},
        "requestParameters": {"bucketName": "lake-raw", "key": "globex/orders/1.parquet"},
    });
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json!({ "Records": [record] }).to_string().as_bytes()).unwrap();
    gzip.finish().unwrap()
}

async fn seed_trail(sdk: &aws_config::SdkConfig, time: &str, event: &str) {
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
        .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
        .build();
    // There already the second time.
    let _ = s3.create_bucket().bucket("lake-logs").create_bucket_configuration(place).send().await;
    let folder = format!("AWSLogs/{ACCOUNT}");
    let file = format!("{ACCOUNT}_CloudTrail_eu-west-1_{time}_abcdefghijklmnop.json.gz");
    for key in [
        format!("{folder}/CloudTrail/eu-west-1/2026/11/22/{file}"),
        format!("{folder}/CloudTrail-Digest/eu-west-1/2026/11/22/{file}"),
        format!("{folder}/CloudTrail/eu-west-1/2026/11/22/notes.txt"),
    ] {
        s3.put_object().bucket("lake-logs").key(key).body(trail_file(event).into()).send().await.unwrap();
    }
}

#[tokio::test]
async fn glue_and_lake_formation_become_tables_and_grants_once() {
    let moto = Moto::start();
    let sdk = connection(&moto.url).open("eu-west-1").await;
    seed_catalog(&sdk).await;
    let lake = Lake::new(&moto.url).await;
    let collectors = &lake.collectors;
    assert_eq!(collectors.collect_once(&[What::Glue]).await, 0, "{:?}", lake.said("glue").await);
    // moto has no search by tag: that part is unavailable, says so, and takes nothing else with it.
    collectors.collect_once(&[What::LakeFormation]).await;
    for (sql, expected) in [
        ("select count(*) from glue_databases where valid_to is null", 2),
        ("select count(*) from glue_tables where dropped_at is null and format = 'parquet'", 1),
        ("select count(*) from lf_grants where valid_to is null and permission = 'SELECT'", 1),
        ("select count(*) from registered_locations where valid_to is null", 1),
        ("select count(*) from lf_settings", 1),
    ] {
        assert_eq!(lake.number(sql).await, expected, "{sql}");
    }
    let versions = "select count(*) from glue_table_versions";
    let before = lake.number(versions).await;
    collectors.collect_once(&[What::Glue, What::LakeFormation]).await;
    assert_eq!(lake.number(versions).await, before, "nothing changed, nothing written");
    assert_eq!(lake.number("select count(*) from lf_grants").await, 1);

    let glue = aws_sdk_glue::Client::new(&sdk);
    glue.delete_table().database_name("globex_raw").name("orders").send().await.unwrap();
    collectors.collect_once(&[What::Glue]).await;
    assert_eq!(lake.number("select count(*) from glue_tables where dropped_at is not null").await, 1);
}

#[tokio::test]
async fn trail_files_are_read_once_and_later_ones_behind_the_watermark() {
    let moto = Moto::start();
    let sdk = connection(&moto.url).open("eu-west-1").await;
    seed_trail(&sdk, "20261122T1010Z", "11111111-1111-1111-1111-111111111111").await;
    let lake = Lake::new(&moto.url).await;
    assert_eq!(lake.collectors.collect_once(&[What::CloudTrail]).await, 0, "{:?}", lake.said("cloudtrail").await);
    assert_eq!(lake.said("cloudtrail").await, (true, "1 files, 1 records, 0 quarantined".to_owned()));
    seed_trail(&sdk, "20261122T1015Z", "22222222-2222-2222-2222-222222222222").await;
    lake.collectors.collect_once(&[What::CloudTrail]).await;
    // A new process lists the lateness window again; what it reads twice is known.
    assert_eq!(lake.said("cloudtrail").await, (true, "2 files, 1 records, 0 quarantined".to_owned()));
    let mark: String =
        sqlx::query_scalar("select value from watermarks").fetch_one(lake.collectors.app.db.system()).await.unwrap();
    assert!(mark.contains("20261122T1015Z"), "{mark}");
}

#[tokio::test]
async fn what_moto_cannot_answer_is_unavailable_and_not_empty() {
    let moto = Moto::start();
    let lake = Lake::new(&moto.url).await;
    assert_eq!(lake.collectors.collect_once(&[What::CloudTrail]).await, 1, "there is no such bucket");
    let (succeeded, message) = lake.said("cloudtrail").await;
    assert!(!succeeded && message.contains("NoSuchBucket"), "{message}");
}
