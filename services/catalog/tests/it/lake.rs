//! A lake with two tenants, the policies as shipped, and the catalog slice over a real Postgres.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_alerts::{AlertPolicy, NoRadius};
use lakewarden_catalog::{Asked, Ctx, Judged, Stored, import, judge_catalog};
use lakewarden_core::{Clock, Live, Sha256, TenantId};
use lakewarden_db::Db;
use lakewarden_findings::{Registry, service_policies};
use lakewarden_identity::Reach;
use lakewarden_isolation::{Judge, load_pack};
use lakewarden_tenancy::{Ownership, sync};
use lakewarden_testkit::{TestClient, TestDb, clock, noon};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";

pub const TENANTS: &str = r#"
[platform]
name = "Platform"
accounts = ["111122223333"]
roles = ["platform-*"]

[[tenant]]
slug = "acme"
name = "Acme"

[[tenant]]
slug = "globex"
name = "Globex"

[[convention.s3]]
pattern = "s3://lake-{layer}/{tenant}/…"

[[convention.glue]]
pattern = "{tenant}_{layer}"

[[convention.role]]
pattern = "{tenant}-etl"

[[convention.principal_tag]]
key = "tenant"
"#;

pub struct Lake {
    pub ctx: Ctx,
    pub db: Db,
    pub clock: Clock,
}

impl Lake {
    pub async fn new() -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let clock = clock();
        let version = Sha256::of("test");
        let ownership = sync(&db, Ownership::parse(TENANTS).unwrap(), noon()).await.unwrap();
        let ownership = Live::new(ownership, version, noon());
        let pack = load_pack(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")).unwrap();
        let policies = pack.policies().iter().map(|policy| policy.as_ref().clone());
        let registry = Registry::new(service_policies().into_iter().chain(policies)).unwrap();
        let pack = Live::new(pack, version, noon());
        let alerts = lakewarden_alerts::Ctx::new(
            db.clone(),
            clock.clone(),
            Live::new(AlertPolicy::default(), version, noon()),
            ownership.clone(),
            Arc::new(NoRadius),
            "https://lakewarden.example/",
        );
        let findings = lakewarden_findings::Ctx {
            db: db.clone(),
            clock: clock.clone(),
            registry: Live::new(registry, version, noon()),
            ownership: ownership.clone(),
            alerts,
        };
        let judge = Judge::new(pack.clone(), ownership.clone());
        let ctx = Ctx { db: db.clone(), clock: clock.clone(), ownership, pack, judge, findings };
        Self { ctx, db, clock }
    }

    /// Imports one body as of now.
    pub async fn import(&self, body: &Value) -> Stored {
        self.import_at(body, self.clock.now()).await
    }

    pub async fn import_at(&self, body: &Value, taken_at: DateTime<Utc>) -> Stored {
        let asked = Asked { account: Some(ACCOUNT.into()), region: Some("eu-west-1".into()), taken_at };
        let file = ("look.json".to_owned(), body.to_string().into_bytes());
        import(&self.ctx, &[file], &asked).await.unwrap()
    }

    pub async fn judge(&self) -> Judged {
        judge_catalog(&self.ctx).await.unwrap()
    }

    /// Policy and subject of every finding of this status, sorted.
    pub async fn findings(&self, status: &str) -> Vec<(String, String)> {
        sqlx::query_as("select policy_id, subject from findings where status = $1 order by 1, 2")
            .bind(status)
            .fetch_all(self.db.system())
            .await
            .unwrap()
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.system()).await.unwrap()
    }

    pub async fn client(&self, name: &str, reach: Reach) -> TestClient {
        let routes = lakewarden_catalog::routes(self.ctx.clone());
        TestClient::anonymous(&self.db, &self.clock, routes).with_reach(&self.db, &self.clock, name, reach).await
    }

    pub fn tenant(&self, slug: &str) -> TenantId {
        self.ctx.ownership.get().tenant_by_slug(slug).unwrap().id
    }
}

pub fn databases(names: &[&str]) -> Value {
    let list: Vec<Value> = names
        .iter()
        .map(|name| {
            let (tenant, layer) = name.split_once('_').unwrap();
            json!({"Name": name, "LocationUri": format!("s3://lake-{layer}/{tenant}/"), "CatalogId": ACCOUNT})
        })
        .collect();
    json!({ "DatabaseList": list })
}

pub fn table(database: &str, name: &str, location: &str, columns: &[(&str, &str)]) -> Value {
    let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({"Name": name, "Type": kind})).collect();
    json!({
        "Name": name,
        "DatabaseName": database,
        "CatalogId": ACCOUNT,
        "VersionId": "0",
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {"Location": location, "Columns": columns},
    })
}

pub fn tables(list: &[Value]) -> Value {
    json!({ "TableList": list })
}

pub fn grant(principal: &str, database: &str, table: &str, permissions: &[&str]) -> Value {
    json!({
        "Principal": {"DataLakePrincipalIdentifier": principal},
        "Resource": {"Table": {"CatalogId": ACCOUNT, "DatabaseName": database, "Name": table}},
        "Permissions": permissions,
        "PermissionsWithGrantOption": [],
    })
}

pub fn grants(list: &[Value]) -> Value {
    json!({ "ResourceKinds": ["database", "table"], "PrincipalResourcePermissions": list })
}

pub fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}
