//! Pages, throttling and answers that are none: nothing is lost, and nothing unknown reads as absent.

use chrono::TimeDelta;
use lakewarden_aws::round::What;
use serde_json::{Value, json};

use crate::lake::{ACCOUNT, Lake};
use crate::stub::{Reply, Stub};

fn databases(names: &[&str], next: Option<&str>) -> Reply {
    let list: Vec<Value> =
        names.iter().map(|name| json!({"Name": name, "CatalogId": ACCOUNT, "FutureKey": 1})).collect();
    Reply::Json(json!({ "DatabaseList": list, "NextToken": next }))
}

fn tables(names: &[&str], next: Option<&str>) -> Reply {
    let list: Vec<Value> = names.iter().map(|name| json!({"Name": name, "DatabaseName": "acme_raw"})).collect();
    Reply::Json(json!({ "TableList": list, "NextToken": next }))
}

fn nothing(key: &str) -> Vec<Reply> {
    vec![Reply::Json(json!({ key: [] }))]
}

#[tokio::test]
async fn every_page_is_read_and_throttling_is_waited_out() {
    let stub = Stub::default()
        .on(
            "GetDatabases",
            vec![databases(&["acme_raw"], Some("2")), Reply::Throttled, databases(&["globex_raw"], None)],
        )
        .on("GetTables", vec![tables(&["a"], Some("2")), tables(&["b"], Some("3")), tables(&["c"], None)]);
    let lake = Lake::new(&stub.start().await).await;
    assert_eq!(lake.collectors.collect_once(&[What::Glue]).await, 0, "{:?}", lake.said("glue").await);
    assert_eq!(lake.number("select count(*) from glue_databases").await, 2);
    assert_eq!(lake.number("select count(*) from glue_tables").await, 3);
    assert_eq!(stub.calls("GetDatabases").len(), 3);
    let unknown = "select count(*) from glue_databases where record ->> 'FutureKey' = '1'";
    assert_eq!(lake.number(unknown).await, 2, "keys this version does not know are kept");
}

#[tokio::test]
async fn an_html_error_is_unavailable_and_drops_nothing() {
    let stub = Stub::default()
        .on("GetDatabases", vec![databases(&["acme_raw"], None)])
        .on("GetTables", vec![tables(&["a", "b"], None)]);
    let lake = Lake::new(&stub.start().await).await;
    lake.collectors.collect_once(&[What::Glue]).await;
    for broken in [vec![Reply::Html], vec![tables(&["a"], Some("2")), Reply::Html], vec![Reply::Json(json!({}))]] {
        lake.collectors.app.clock.advance(TimeDelta::minutes(15));
        stub.now("GetTables", broken);
        assert_eq!(lake.collectors.collect_once(&[What::Glue]).await, 1);
        let (succeeded, message) = lake.said("glue").await;
        assert!(!succeeded && message.contains("glue:GetTables is unavailable"), "{message}");
        assert_eq!(lake.number("select count(*) from glue_tables where dropped_at is null").await, 2);
    }
    stub.now("GetDatabases", vec![Reply::Html]);
    assert_eq!(lake.collectors.collect_once(&[What::Glue]).await, 1);
    assert_eq!(lake.number("select count(*) from glue_databases where valid_to is null").await, 1);
}

#[tokio::test]
async fn tags_are_found_by_search_and_their_absence_counts_only_when_all_were_asked_for() {
    let tagged = json!({"TableList": [{"Table": {"DatabaseName": "acme_raw", "Name": "a", "CatalogId": ACCOUNT},
        "LFTagsOnTable": [{"TagKey": "tenant", "TagValues": ["acme"]}]}]});
    let stub = Stub::default()
        .on("ListPermissions", nothing("PrincipalResourcePermissions"))
        .on("ListResources", nothing("ResourceInfoList"))
        .on("GetDataLakeSettings", vec![Reply::Json(json!({"DataLakeSettings": {"DataLakeAdmins": []}}))])
        .on("ListLFTags", vec![Reply::Json(json!({"LFTags": [{"TagKey": "tenant", "TagValues": ["acme", "globex"]}]}))])
        .on("SearchDatabasesByLFTags", vec![Reply::Html])
        .on("SearchTablesByLFTags", vec![Reply::Json(tagged)]);
    let lake = Lake::new(&stub.start().await).await;
    assert_eq!(lake.collectors.collect_once(&[What::LakeFormation]).await, 1);
    assert_eq!(lake.number("select count(*) from lf_tags where valid_to is null").await, 1);
    let complete = "select count(*) from catalog_snapshots where tags_seen_at is not null";
    assert_eq!(lake.number(complete).await, 0, "databases could not be searched");
    stub.now("SearchDatabasesByLFTags", nothing("DatabaseList"));
    assert_eq!(
        lake.collectors.collect_once(&[What::LakeFormation]).await,
        0,
        "{:?}",
        lake.said("lake_formation").await
    );
    assert_eq!(lake.number(complete).await, 1);
    assert_eq!(stub.calls("SearchTablesByLFTags")[0]["Expression"][0]["TagKey"], "tenant");
}

#[tokio::test]
async fn a_catalog_that_cannot_be_read_stops_no_other() {
    let well = Stub::default()
        .on("GetDatabases", vec![Reply::Html, Reply::Html, Reply::Html, Reply::Html, databases(&["acme_raw"], None)])
        .on("GetTables", vec![tables(&["a"], None)]);
    let mut lake = Lake::new(&well.start().await).await;
    lake.collectors.config.regions = vec!["eu-central-1".into(), "eu-west-1".into()];
    assert_eq!(lake.collectors.collect_once(&[What::Glue]).await, 1, "the first region, after four attempts");
    assert_eq!(lake.number("select count(*) from glue_tables where region = 'eu-west-1'").await, 1);
    assert_eq!(lake.number("select count(*) from collector_runs where succeeded").await, 1);
}

fn cost_page(day: &str, amount: &str, next: Option<&str>) -> Value {
    json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "tenant"}],
        "ResultsByTime": [{
            "TimePeriod": {"Start": day, "End": "2026-11-22"}, "Total": {}, "Estimated": true,
            "Groups": [{"Keys": ["AWS Glue", "tenant$acme"], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}],
        }],
        "DimensionValueAttributes": [], "NextPageToken": next,
    })
}

#[tokio::test]
async fn costs_are_published_with_all_their_pages_or_not_at_all() {
    let first = || Reply::Json(cost_page("2026-11-20", "1.10", Some("2")));
    let mut second = cost_page("2026-11-21", "2.25", None);
    second["ResultsByTime"][0]["TimePeriod"]["Start"] = json!("2026-11-21");
    let mut one = cost_page("2026-11-20", "1.10", Some("2"));
    one["ResultsByTime"][0]["TimePeriod"]["End"] = json!("2026-11-21");
    let stub = Stub::default().on("GetCostAndUsage", vec![first(), Reply::Html]);
    let lake = Lake::new(&stub.start().await).await;
    assert_eq!(lake.collectors.collect_once(&[What::Cost]).await, 1);
    assert_eq!(lake.number("select count(*) from cost_lines").await, 0);
    stub.now("GetCostAndUsage", vec![Reply::Json(one), Reply::Json(second)]);
    assert_eq!(lake.collectors.collect_once(&[What::Cost]).await, 0, "{:?}", lake.said("cost_explorer").await);
    assert_eq!(lake.number("select count(*) from cost_lines").await, 2);
    let calls = stub.calls("GetCostAndUsage");
    let last = calls.last().unwrap();
    assert_eq!((&last["NextPageToken"], &last["TimePeriod"]["Start"]), (&json!("2"), &json!("2026-08-01")));
}
