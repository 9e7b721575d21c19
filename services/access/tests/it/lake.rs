//! A lake with two tenants, the policies as shipped, and the access slice over a real Postgres.

#![expect(clippy::unwrap_used, reason = "a lake that cannot be set up has failed its test")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lakewarden_access::{Ctx, Ingested, ingest};
use lakewarden_alerts::{AlertPolicy, NoRadius};
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

[[convention.workgroup]]
pattern = "{tenant}"

[[convention.principal_tag]]
key = "tenant"
"#;

pub struct Lake {
    pub ctx: Ctx,
    pub db: Db,
    pub url: String,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
}

impl Lake {
    pub async fn new() -> Self {
        let TestDb { db, url } = TestDb::new().await;
        let clock = clock();
        let version = Sha256::of("test");
        let ownership = sync(&db, Ownership::parse(TENANTS).unwrap(), noon()).await.unwrap();
        let ownership = Live::new(ownership, version, noon());
        let pack = load_pack(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")).unwrap();
        let policies = pack.policies().iter().map(|policy| policy.as_ref().clone());
        let registry = Registry::new(service_policies().into_iter().chain(policies)).unwrap();
        let judge = Judge::new(Live::new(pack, version, noon()), ownership.clone());
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
        let ctx = Ctx::new(db.clone(), clock.clone(), ownership.clone(), judge, findings);
        Self { ctx, db, url, clock, ownership }
    }

    pub fn tenant(&self, slug: &str) -> TenantId {
        self.ownership.get().tenant_by_slug(slug).unwrap().id
    }

    pub async fn client(&self, name: &str, reach: Reach) -> TestClient {
        let nobody = TestClient::anonymous(&self.db, &self.clock, lakewarden_access::routes(self.ctx.clone()));
        nobody.with_reach(&self.db, &self.clock, name, reach).await
    }

    /// Ingests records as one gzipped file.
    pub async fn ingest(&self, name: &str, records: &[Value]) -> Ingested {
        ingest(&self.ctx, "trail", name, trail(records).into()).await.unwrap()
    }

    pub async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(self.db.system()).await.unwrap()
    }

    /// `policy_id|owner's tenant|count` of every finding, sorted.
    pub async fn findings(&self) -> Vec<String> {
        sqlx::query_scalar(
            "select policy_id || '|' || coalesce(tenant_id::text, '-') || '|' || count from findings order by 1",
        )
        .fetch_all(self.db.system())
        .await
        .unwrap()
    }
}

/// A record as AWS writes it: `role` of the lake's account reads `key` of `bucket`.
pub fn read(id: &str, role: &str, bucket: &str, key: &str) -> Value {
    json!({
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:session",
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"),
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE1",
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "accountId": ACCOUNT, "userName": role
            }}
        },
        "eventTime": "2026-11-22T10:15:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": { "bucketName": bucket, "key": key },
        "responseElements": null,
        "additionalEventData": {
            "SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256", "AuthenticationMethod": "AuthHeader",
            "bytesTransferredOut": 100.0
        },
        "eventID": id,
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": false,
        "recipientAccountId": ACCOUNT
    })
}

pub fn with(mut record: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        record.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    record
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn trail(records: &[Value]) -> Vec<u8> {
    gzip(json!({ "Records": records }).to_string().as_bytes())
}

/// A folder of `files` trail files with `records` each, all different, one hour after another.
pub fn folder(files: usize, records: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..files {
        let records: Vec<Value> = (0..records)
            .map(|record| {
                let id = format!("{file}-{record}");
                let time = format!("2026-11-21T{:02}:00:00Z", file % 24);
                with(read(&id, "acme-etl", "lake-raw", "acme/orders/x.csv"), &[("/eventTime", time.into())])
            })
            .collect();
        std::fs::write(folder.path().join(format!("{file:04}.json.gz")), trail(&records)).unwrap();
    }
    let paths = vec![folder.path().to_owned()];
    (folder, paths)
}
