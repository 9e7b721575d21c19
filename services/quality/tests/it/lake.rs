//! A service with two tenants, the shipped quality policies, and observations put where lineage puts them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_alerts::{AlertPolicy, NoRadius};
use lakewarden_core::{Clock, Live, Sha256, TenantId};
use lakewarden_findings::Registry;
use lakewarden_identity::Reach;
use lakewarden_quality::{Ctx, JudgeQuality, Policies, jobs, routes};
use lakewarden_tenancy::Ownership;
use lakewarden_testkit::{TestClient, TestDb, clock, noon};
use uuid::Uuid;

const TENANTS: &str =
    "[[tenant]]\nslug = \"acme\"\nname = \"Acme Inc\"\n[[tenant]]\nslug = \"globex\"\nname = \"Globex\"\n";

pub struct Lake {
    pub ctx: Ctx,
    pub clock: Clock,
}

impl Lake {
    pub async fn new() -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let clock = clock();
        let ownership = lakewarden_tenancy::sync(&db, Ownership::parse(TENANTS).unwrap(), noon()).await.unwrap();
        let ownership = Live::new(ownership, Sha256::of("tenants"), noon());
        let text = include_str!("../../../../policies/quality/lake.toml").to_owned();
        let policies = Policies::parse(&[("quality/lake.toml".to_owned(), text)]).unwrap();
        let registry = Live::new(Registry::new(policies.infos()).unwrap(), Sha256::of("registry"), noon());
        let alerts = lakewarden_alerts::Ctx::new(
            db.clone(),
            clock.clone(),
            Live::new(AlertPolicy::default(), Sha256::of("alerts"), noon()),
            ownership.clone(),
            Arc::new(NoRadius),
            "https://lakewarden.example",
        );
        let findings = lakewarden_findings::Ctx {
            db: db.clone(),
            clock: clock.clone(),
            registry,
            ownership: ownership.clone(),
            alerts,
        };
        let policies = Live::new(policies, Sha256::of("policies"), noon());
        Self { ctx: Ctx { db, clock: clock.clone(), ownership, policies, findings }, clock }
    }

    pub fn tenant(&self, slug: &str) -> TenantId {
        self.ctx.ownership.get().tenant_by_slug(slug).unwrap().id
    }

    /// A dataset of a tenant's in a layer; its own canonical spelling.
    pub async fn dataset(&self, id: i32, tenant: Option<TenantId>, layer: &str, name: &str) {
        sqlx::query(
            "insert into datasets (id, namespace, name, identity_hash, canonical_id, asset, tenant_id, layer, observed, created_at, last_seen_at)
             values ($1, 's3://lake', $2, sha256($2::bytea), $1, 's3://lake/' || $2, $3, $4, true, $5, $5)",
        )
        .bind(id)
        .bind(name)
        .bind(tenant)
        .bind(layer)
        .bind(noon())
        .execute(self.ctx.db.system())
        .await
        .unwrap();
    }

    pub async fn check(&self, dataset: i32, check: &str, success: bool, at: DateTime<Utc>) {
        self.observe(dataset, "assertion", Some(check), Some(success), None, at).await;
    }

    pub async fn write(&self, dataset: i32, rows: i64, at: DateTime<Utc>) {
        self.observe(dataset, "write", None, None, None, at).await;
        self.observe(dataset, "row_count", None, None, Some(rows), at).await;
    }

    async fn observe(
        &self,
        dataset: i32,
        kind: &str,
        check: Option<&str>,
        success: Option<bool>,
        rows: Option<i64>,
        at: DateTime<Utc>,
    ) {
        let event = Uuid::from_u128(at.timestamp_micros() as u128);
        let pool = self.ctx.db.system();
        sqlx::query(
            "insert into lineage_events (event_time, id, received_at, event_type, raw, raw_bytes) values ($1, $2, $1, 'COMPLETE', 'x', 1)
             on conflict do nothing",
        )
        .bind(at)
        .bind(event)
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "insert into dataset_observations
                 (observed_at, dataset_id, tenant_id, run_id, kind, assertion, column_name, success, value, is_output, event_id)
             select $1, id, tenant_id, $2, $3, $4, null, $5, $6, true, $2 from datasets where id = $7",
        )
        .bind(at)
        .bind(event)
        .bind(kind)
        .bind(check)
        .bind(success)
        .bind(rows)
        .bind(dataset)
        .execute(pool)
        .await
        .unwrap();
    }

    /// Judges as the timer does.
    pub async fn judge(&self) {
        let mut connection = self.ctx.db.system().acquire().await.unwrap();
        lakewarden_db::enqueue(&mut connection, &JudgeQuality, self.clock.now()).await.unwrap();
        drop(connection);
        jobs(self.ctx.clone()).run_until_idle(&self.ctx.db, &self.clock).await.unwrap();
    }

    pub async fn client(&self, name: &str, reach: Reach) -> TestClient {
        let anonymous = TestClient::anonymous(&self.ctx.db, &self.clock, routes(self.ctx.clone()));
        anonymous.with_reach(&self.ctx.db, &self.clock, name, reach).await
    }

    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(self.ctx.db.system()).await.unwrap()
    }
}
