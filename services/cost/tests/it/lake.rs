//! A service with two tenants and the shipped cost policies, and Cost Explorer's answers made up for it.

use std::sync::Arc;

use lakewarden_alerts::{AlertPolicy, NoRadius};
use lakewarden_core::{Clock, Live, Sha256, TenantId};
use lakewarden_cost::{Ctx, Ingested, PageFile, Policies, ingest, jobs, routes};
use lakewarden_findings::Registry;
use lakewarden_identity::Reach;
use lakewarden_tenancy::Ownership;
use lakewarden_testkit::{TestClient, TestDb, clock, noon};
use serde_json::{Value, json};

const TENANTS: &str = r#"
[[tenant]]
slug = "acme"
name = "Acme Inc"
[[tenant]]
slug = "globex"
name = "Globex"
[[convention.cost_tag]]
key = "tenant"
"#;

pub struct Lake {
    pub ctx: Ctx,
    pub clock: Clock,
}

impl Lake {
    pub async fn new() -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let clock = clock();
        let ownership = Ownership::parse(TENANTS).unwrap();
        let ownership =
            Live::new(lakewarden_tenancy::sync(&db, ownership, noon()).await.unwrap(), Sha256::of("t"), noon());
        let text = include_str!("../../../../policies/cost/budgets.toml").to_owned();
        let policies = Policies::parse(&[("cost/budgets.toml".to_owned(), text)]).unwrap();
        let registry = Live::new(Registry::new(policies.infos()).unwrap(), Sha256::of("r"), noon());
        let policies = Live::new(policies, Sha256::of("p"), noon());
        let alerts = lakewarden_alerts::Ctx::new(
            db.clone(),
            clock.clone(),
            Live::new(AlertPolicy::default(), Sha256::of("a"), noon()),
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
        Self { ctx: Ctx { db, clock: clock.clone(), ownership, policies, findings }, clock }
    }

    pub fn tenant(&self, slug: &str) -> TenantId {
        self.ctx.ownership.get().tenant_by_slug(slug).unwrap().id
    }

    pub async fn import(&self, answer: &Value) -> Ingested {
        let text = answer.to_string();
        ingest(&self.ctx, "payer", &[PageFile { name: "answer.json", bytes: text.as_bytes() }]).await.unwrap()
    }

    pub async fn run_jobs(&self) {
        jobs(self.ctx.clone()).run_until_idle(&self.ctx.db, &self.clock).await.unwrap();
    }

    pub async fn client(&self, name: &str, reach: Reach) -> TestClient {
        let anonymous = TestClient::anonymous(&self.ctx.db, &self.clock, routes(self.ctx.clone()));
        anonymous.with_reach(&self.ctx.db, &self.clock, name, reach).await
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.ctx.db.system()).await.unwrap()
    }

    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(self.ctx.db.system()).await.unwrap()
    }
}

/// A day of November 2026 and its groups: service, tag value, amount.
pub fn day(number: u32, estimated: bool, groups: &[(&str, &str, &str)]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(service, tag, amount)| {
            json!({"Keys": [service, format!("tenant${tag}")], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}})
        })
        .collect();
    json!({
        "TimePeriod": {"Start": format!("2026-11-{number:02}"), "End": format!("2026-11-{:02}", number + 1)},
        "Total": {}, "Groups": groups, "Estimated": estimated
    })
}

pub fn answer(days: &[Value]) -> Value {
    json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "tenant"}],
        "ResultsByTime": days,
        "DimensionValueAttributes": []
    })
}
