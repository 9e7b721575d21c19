//! Tenants in Postgres, and who may read what about ownership.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its ground has failed")]

use lakewarden_core::{Live, Scope, Sha256, TenantId};
use lakewarden_identity::Reach;
use lakewarden_tenancy::{Ctx, Ownership, routes, sync};
use lakewarden_testkit::{TestClient, TestDb, clock, noon};

const THREE: &str = r#"
[platform]
name = "Lake"
[[tenant]]
slug = "acme"
name = "Acme"
[[tenant]]
slug = "globex"
name = "Globex Corporation"
[[tenant]]
slug = "initech"
name = "Initech"
[[convention.s3]]
pattern = "s3://lake-{layer}/{tenant}/"
[[own]]
asset = "s3://globex-archive/"
owner = "globex"
"#;

async fn load(db: &TestDb, text: &str) -> Ownership {
    sync(&db.db, Ownership::parse(text).unwrap(), noon()).await.unwrap()
}

fn ids(ownership: &Ownership) -> Vec<(String, i32)> {
    ownership.tenants().iter().map(|tenant| (tenant.slug.clone(), tenant.id.0)).collect()
}

async fn active(db: &TestDb) -> Vec<(i32, String, bool)> {
    sqlx::query_as("select id, slug, active from tenants order by id").fetch_all(db.db.system()).await.unwrap()
}

#[tokio::test]
async fn a_tenant_keeps_its_id_through_every_change_of_the_file() {
    let db = TestDb::new().await;
    let first = load(&db, THREE).await;
    assert_eq!(ids(&first), [("acme".into(), 1), ("globex".into(), 2), ("initech".into(), 3)]);
    assert_eq!(ids(&load(&db, THREE).await), ids(&first), "the same file again changes nothing");

    let without_acme = THREE.replacen("[[tenant]]\nslug = \"acme\"\nname = \"Acme\"\n", "", 1);
    let second = load(&db, &without_acme).await;
    assert_eq!(ids(&second), [("globex".into(), 2), ("initech".into(), 3)]);
    assert!(active(&db).await.contains(&(1, "acme".into(), false)), "gone from the file, kept for its history");
    assert_eq!(second.tenant(TenantId(2)).unwrap().slug, "globex");

    assert_eq!(ids(&load(&db, THREE).await), ids(&first), "back again, it is the same tenant");
    assert!(active(&db).await.iter().all(|(_, _, active)| *active));
}

#[tokio::test]
async fn two_processes_that_load_the_file_at_once_agree() {
    let db = TestDb::new().await;
    let (one, other) = tokio::join!(load(&db, THREE), load(&db, THREE));
    assert_eq!(ids(&one), ids(&other));
}

async fn clients(db: &TestDb) -> (TestClient, TestClient) {
    let ownership = load(db, THREE).await;
    let acme = ownership.tenant_by_slug("acme").unwrap().id;
    let ctx = Ctx { db: db.db.clone(), clock: clock(), ownership: Live::new(ownership, Sha256::of(THREE), noon()) };
    let nobody = TestClient::anonymous(&db.db, &clock(), routes(ctx));
    let officer = nobody.with_reach(&db.db, &clock(), "officer", Reach::All).await;
    let auditor = nobody.with_reach(&db.db, &clock(), "auditor", Reach::Tenant(acme)).await;
    (officer, auditor)
}

#[tokio::test]
async fn the_officer_is_told_owner_layer_and_rule() {
    let db = TestDb::new().await;
    let (officer, _) = clients(&db).await;
    let answer = officer.get("/api/v1/ownership?asset=s3://lake-raw/globex/x.csv").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["owner"], "globex");
    assert_eq!(answer.json()["layer"], "raw");
    assert!(answer.json()["rule"].as_str().unwrap().starts_with("convention s3[0] (tenants.toml:"));

    let page = officer.get("/ownership?asset=s3://elsewhere/x").await.text();
    for part in ["unowned", "[[own]]", "Globex Corporation", "own[0]", "Initech"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for (path, reason) in
        [("?asset=orders", "is not an asset"), ("", "say which asset"), ("?asset=%20", "say which asset")]
    {
        let refused = officer.get(&format!("/api/v1/ownership{path}")).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(reason), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_tenants_auditor_sees_nothing_of_another_tenant() {
    let db = TestDb::new().await;
    let (_, auditor) = clients(&db).await;
    let own = auditor.get("/api/v1/ownership?asset=s3://lake-raw/acme/x").await.json();
    assert_eq!(own["owner"], "acme");
    let other = auditor.get("/api/v1/ownership?asset=s3://lake-raw/globex/x").await.json();
    assert_eq!(other, serde_json::json!({ "asset": "s3://lake-raw/globex/x", "yours": false }));

    let page = auditor.get("/ownership?asset=s3://lake-raw/acme/x").await.text();
    assert!(page.contains("Acme") && page.contains("s3://lake-{layer}/{tenant}/"), "{page}");
    for name in ["Globex", "globex", "Initech", "initech"] {
        assert!(!page.contains(name), "{name} in {page}");
    }
    assert!(auditor.get("/ownership?asset=s3://globex-archive/x").await.text().contains("is not yours"));
}

#[tokio::test]
async fn row_level_security_confines_the_list_of_tenants() {
    let db = TestDb::new().await;
    load(&db, THREE).await;
    let mut tx = db.db.begin_as(Scope::Tenant(TenantId(3))).await.unwrap();
    let seen: Vec<String> = sqlx::query_scalar("select slug from tenants").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(seen, ["initech"]);
}
