//! Snapshots become state and history; nothing that was not looked at is lost.

use chrono::TimeDelta;
use lakewarden_catalog::Stored;
use serde_json::json;

use crate::lake::{Lake, databases, grant, grants, role, table, tables};

const ORDERS: &str = "s3://lake-raw/acme/orders/";

#[tokio::test]
async fn the_same_snapshot_twice_changes_nothing() {
    let lake = Lake::new().await;
    let look = json!([
        databases(&["acme_raw", "globex_raw"]),
        tables(&[table("acme_raw", "orders", ORDERS, &[("id", "int")])]),
        grants(&[grant(&role("acme-etl"), "acme_raw", "orders", &["SELECT", "DESCRIBE"])]),
        {"DataLakeSettings": {"DataLakeAdmins": []}},
        {"ResourceInfoList": [{"ResourceArn": "arn:aws:s3:::lake-raw/acme"}]},
        {"Resource": {"Database": {"Name": "acme_raw"}}, "LFTagOnDatabase": [{"TagKey": "tenant", "TagValues": ["acme"]}]},
    ]);
    let first = lake.import(&look).await;
    assert_eq!(
        (first.created, first.altered, first.dropped),
        (8, 0, 0),
        "2 databases, a table, 2 permissions, and one each"
    );
    lake.clock.advance(TimeDelta::hours(1));
    let again = lake.import(&look).await;
    assert_eq!((again.created, again.altered, again.dropped, again.unchanged), (0, 0, 0, 8));
    assert_eq!(lake.number("select count(*) from glue_table_versions").await, 1);
    assert_eq!(lake.number("select count(*) from catalog_changes").await, 0, "a first look is no news");
}

#[tokio::test]
async fn a_changed_column_becomes_a_version_and_a_line_of_the_feed() {
    let lake = Lake::new().await;
    lake.import(&tables(&[table("acme_raw", "orders", ORDERS, &[("id", "int")])])).await;
    lake.clock.advance(TimeDelta::hours(1));
    let changed =
        lake.import(&tables(&[table("acme_raw", "orders", ORDERS, &[("id", "bigint"), ("email", "string")])])).await;
    assert_eq!(changed.altered, 1);
    let fields: serde_json::Value = sqlx::query_scalar("select fields from catalog_changes where action = 'altered'")
        .fetch_one(lake.db.system())
        .await
        .unwrap();
    assert_eq!(
        fields,
        json!([
            {"field": "columns.email", "before": null, "after": "string"},
            {"field": "columns.id", "before": "int", "after": "bigint"},
        ])
    );
    assert_eq!(lake.number("select count(*) from glue_table_versions where valid_to is null").await, 1);
    assert_eq!(
        lake.number(
            "select count(*) from glue_table_versions a join glue_table_versions b on a.table_id = b.table_id
             where a.valid_to = b.valid_from"
        )
        .await,
        1,
        "one state ends where the next begins"
    );
}

#[tokio::test]
async fn what_a_failed_listing_did_not_see_is_not_dropped() {
    let lake = Lake::new().await;
    let all = json!([
        databases(&["acme_raw", "globex_raw"]),
        tables(&[table("acme_raw", "orders", ORDERS, &[]), table("acme_raw", "items", ORDERS, &[])]),
        grants(&[grant(&role("acme-etl"), "acme_raw", "orders", &["SELECT"])]),
    ]);
    lake.import(&all).await;
    lake.clock.advance(TimeDelta::hours(1));
    // Listings that broke off: the token says that there was more.
    let part = json!([
        {"DatabaseList": [{"Name": "acme_raw"}], "NextToken": "more"},
        {"TableList": [table("acme_raw", "orders", ORDERS, &[])], "NextToken": "more"},
        {"PrincipalResourcePermissions": [], "NextToken": "more"},
    ]);
    let stored = lake.import(&part).await;
    assert_eq!(stored.dropped, 0);
    // An entry that cannot be read makes its listing incomplete too, and goes to quarantine.
    let broken = json!({"TableList": [table("acme_raw", "orders", ORDERS, &[]), {"DatabaseName": "acme_raw"}]});
    let stored = lake.import(&broken).await;
    assert_eq!((stored.dropped, stored.quarantined), (0, 1));
    let place: String = sqlx::query_scalar("select place from quarantine").fetch_one(lake.db.system()).await.unwrap();
    assert_eq!(place, "look.json#/TableList/1/Name");
}

#[tokio::test]
async fn a_complete_listing_drops_and_revokes_and_a_table_made_again_keeps_its_page() {
    let lake = Lake::new().await;
    let orders = || table("acme_raw", "orders", ORDERS, &[]);
    let granted = grants(&[grant(&role("acme-etl"), "acme_raw", "orders", &["SELECT"])]);
    lake.import(&json!([databases(&["acme_raw"]), tables(&[orders()]), granted])).await;
    lake.clock.advance(TimeDelta::hours(1));
    let gone = json!([{"DatabaseName": "acme_raw", "TableList": []}, grants(&[])]);
    assert_eq!(lake.import(&gone).await.dropped, 2);
    assert_eq!(lake.number("select count(*) from lf_grants where valid_to is not null").await, 1);
    assert_eq!(lake.number("select count(*) from glue_table_versions where valid_to is null").await, 0);
    let id = lake.number("select id from glue_tables where dropped_at is not null").await;
    lake.clock.advance(TimeDelta::hours(1));
    assert_eq!(lake.import(&tables(&[orders()])).await.altered, 1);
    assert_eq!(lake.number("select id from glue_tables where dropped_at is null").await, id);
    let actions: Vec<String> =
        sqlx::query_scalar("select action from catalog_changes where kind = 'table' order by id")
            .fetch_all(lake.db.system())
            .await
            .unwrap();
    assert_eq!(actions, ["dropped", "created"]);
    lake.clock.advance(TimeDelta::hours(1));
    assert_eq!(lake.import(&databases(&[])).await.dropped, 2, "a database takes its tables with it");
}

#[tokio::test]
async fn a_snapshot_that_comes_too_late_changes_nothing() {
    let lake = Lake::new().await;
    lake.import(&databases(&["acme_raw"])).await;
    let late = lake.import_at(&databases(&[]), lake.clock.now() - TimeDelta::hours(1)).await;
    assert_eq!(late, Stored { stale: 1, ..Stored::default() });
}

#[tokio::test]
async fn glues_own_earlier_versions_come_before_what_was_seen() {
    let lake = Lake::new().await;
    let version = |id: &str, hour: u32, columns: &[(&str, &str)]| {
        let mut body = table("acme_raw", "orders", ORDERS, columns);
        body["UpdateTime"] = json!(format!("2026-11-22T{hour:02}:00:00+00:00"));
        body["VersionId"] = json!(id);
        body
    };
    let now = version("2", 10, &[("id", "bigint")]);
    let versions = json!({"TableVersions": [
        {"Table": now, "VersionId": "2"},
        {"Table": version("1", 9, &[("id", "int")]), "VersionId": "1"},
        {"Table": version("0", 8, &[("id", "string")]), "VersionId": "0"},
    ]});
    let look = json!([tables(&[now]), versions]);
    assert_eq!(lake.import(&look).await.created, 3, "the table and two versions before it");
    assert_eq!(lake.import(&look).await.created, 0);
    let chain: Vec<(Option<String>, bool)> =
        sqlx::query_as("select glue_version, valid_to is null from glue_table_versions order by valid_from")
            .fetch_all(lake.db.system())
            .await
            .unwrap();
    let expected = [("0", false), ("1", false), ("2", true)].map(|(id, now)| (Some(id.to_owned()), now));
    assert_eq!(chain, expected);
}
