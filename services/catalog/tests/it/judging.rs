//! The state is judged as a whole: breaches become findings, and resolve themselves when they are mended.

use chrono::TimeDelta;
use lakewarden_core::{Live, Sha256};
use lakewarden_tenancy::{Ownership, sync};
use lakewarden_testkit::noon;
use serde_json::json;

use crate::lake::{Lake, TENANTS, databases, grant, grants, role, table, tables};

fn has(findings: &[(String, String)], policy: &str, subject: &str) -> bool {
    findings.iter().any(|(id, of)| id == policy && of == subject)
}

#[tokio::test]
async fn a_grant_to_another_tenant_opens_one_finding_and_its_revocation_resolves_it() {
    let lake = Lake::new().await;
    let principal = role("acme-etl");
    lake.import(&json!([
        databases(&["acme_raw", "globex_raw"]),
        tables(&[table("globex_raw", "orders", "s3://lake-raw/globex/orders/", &[])]),
        grants(&[grant(&principal, "globex_raw", "orders", &["SELECT", "DESCRIBE"])]),
    ]))
    .await;
    lake.judge().await;
    let subject = format!("{principal} on glue:111122223333/globex_raw.orders");
    let open = lake.findings("open").await;
    assert!(has(&open, "grant-cross-tenant", &subject), "{open:?}");
    let (tenant, actor, title, count): (i32, i32, String, i64) = sqlx::query_as(
        "select tenant_id, actor_tenant_id, title, count from findings where policy_id = 'grant-cross-tenant'",
    )
    .fetch_one(lake.db.system())
    .await
    .unwrap();
    assert_eq!((tenant, actor, count), (lake.tenant("globex").0, lake.tenant("acme").0, 1));
    assert!(title.contains("DESCRIBE, SELECT on globex_raw.orders") && !title.contains("acme"), "{title}");

    let again = lake.judge().await;
    assert_eq!(again.new, 0, "what merely still stands is not counted again");
    lake.clock.advance(TimeDelta::hours(1));
    lake.import(&grants(&[])).await;
    assert_eq!(lake.judge().await.resolved, 1);
    assert!(has(&lake.findings("resolved").await, "grant-cross-tenant", &subject));
}

#[tokio::test]
async fn a_table_over_another_tenants_storage_names_the_other_side_only_where_it_is_the_cause() {
    let lake = Lake::new().await;
    lake.import(&json!([
        databases(&["acme_raw"]),
        tables(&[table("acme_raw", "orders", "s3://lake-raw/globex/orders/", &[])]),
        {"ResourceInfoList": []},
    ]))
    .await;
    lake.judge().await;
    let rows: Vec<(String, i32, Option<i32>)> =
        sqlx::query_as("select policy_id, tenant_id, actor_tenant_id from findings order by policy_id")
            .fetch_all(lake.db.system())
            .await
            .unwrap();
    let (acme, globex) = (lake.tenant("acme").0, lake.tenant("globex").0);
    assert_eq!(
        rows,
        [
            ("catalog-location-cross-tenant".to_owned(), acme, Some(globex)),
            ("catalog-not-registered".to_owned(), acme, None),
        ]
    );
}

#[tokio::test]
async fn what_was_not_observed_breaches_nothing() {
    let lake = Lake::new().await;
    lake.import(&json!([
        databases(&["acme_raw"]),
        tables(&[table("acme_raw", "orders", "s3://lake-raw/acme/orders/", &[])]),
    ]))
    .await;
    assert_eq!(lake.judge().await.standing, 0, "tags and registered locations were never asked for");
}

#[tokio::test]
async fn tags_iam_groups_administrators_and_foreign_accounts_are_judged() {
    let lake = Lake::new().await;
    let tag_policy = json!({
        "Principal": {"DataLakePrincipalIdentifier": role("acme-etl")},
        "Resource": {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [{"TagKey": "layer", "TagValues": ["raw"]}]}},
        "Permissions": ["SELECT"],
    });
    lake.import(&json!([
        databases(&["acme_raw", "globex_raw"]),
        tables(&[
            table("acme_raw", "orders", "s3://lake-raw/acme/orders/", &[]),
            table("globex_raw", "orders", "s3://lake-raw/globex/orders/", &[]),
        ]),
        {"Resource": {"Database": {"Name": "acme_raw"}},
         "LFTagOnDatabase": [{"TagKey": "tenant", "TagValues": ["globex"]}, {"TagKey": "layer", "TagValues": ["raw"]}]},
        {"Resource": {"Database": {"Name": "globex_raw"}},
         "LFTagOnDatabase": [{"TagKey": "tenant", "TagValues": ["globex"]}, {"TagKey": "layer", "TagValues": ["raw"]}]},
        {"PrincipalResourcePermissions": [
            tag_policy,
            grant("IAM_ALLOWED_PRINCIPALS", "acme_raw", "orders", &["ALL"]),
            grant("999900001111", "acme_raw", "orders", &["SELECT"]),
            grant(&role("platform-etl"), "acme_raw", "orders", &["ALL"]),
            grant(&role("acme-etl"), "acme_raw", "orders", &["SELECT"]),
        ]},
        {"DataLakeSettings": {"DataLakeAdmins": [{"DataLakePrincipalIdentifier": role("acme-etl")}]}},
    ]))
    .await;
    lake.judge().await;
    let open = lake.findings("open").await;
    let acme = role("acme-etl");
    for (policy, subject) in [
        ("catalog-owner-tag-mismatch", "glue:111122223333/acme_raw".to_owned()),
        ("catalog-owner-tag-mismatch", "glue:111122223333/acme_raw.orders".to_owned()),
        ("grant-external-account", "999900001111 on glue:111122223333/acme_raw.orders".to_owned()),
        ("grant-iam-allowed-principals", "IAM_ALLOWED_PRINCIPALS on glue:111122223333/acme_raw.orders".to_owned()),
        ("grant-tag-spans-tenants", format!("{acme} on lf-tags:table layer=raw")),
        ("grant-tenant-administrator", format!("{acme} on glue:111122223333 settings eu-west-1")),
    ] {
        assert!(has(&open, policy, &subject), "{policy} {subject} in {open:#?}");
    }
    assert_eq!(open.len(), 6, "{open:#?}");
    let hit: i32 = sqlx::query_scalar("select tenant_id from findings where policy_id = 'grant-tag-spans-tenants'")
        .fetch_one(lake.db.system())
        .await
        .unwrap();
    assert_eq!(hit, lake.tenant("globex").0, "the tenant whose assets the expression reaches");
}

#[tokio::test]
async fn new_conventions_change_owners_and_verdicts() {
    let lake = Lake::new().await;
    lake.import(&json!([
        databases(&["acme_raw"]),
        tables(&[table("acme_raw", "orders", "s3://lake-raw/acme/orders/", &[("id", "int")])]),
    ]))
    .await;
    let text = TENANTS.replace("{tenant}_{layer}", "lake_{tenant}_{layer}").replace("lake-{layer}", "moved-{layer}");
    let moved = sync(&lake.db, Ownership::parse(&text).unwrap(), noon()).await.unwrap();
    lake.ctx.ownership.replace(moved, Sha256::of("moved"), noon());
    let changed = lakewarden_catalog::reassign_owners(&lake.ctx).await.unwrap();
    assert_eq!(changed, 3, "a database, a table, its version");
    assert_eq!(lake.number("select count(*) from glue_tables where tenant_id is null").await, 1);
    let jobs = lakewarden_catalog::jobs(lake.ctx.clone());
    jobs.run_until_idle(&lake.db, &lake.clock).await.unwrap();
    let open = lake.findings("open").await;
    assert!(has(&open, "catalog-unowned", "glue:111122223333/acme_raw.orders"), "{open:?}");
    let _: &Live<Ownership> = &lake.ctx.ownership;
}
