//! A service with one isolation policy, one quality policy and two tenants, for the tests beside.

use std::sync::Arc;

use chrono::TimeDelta;
use lakewarden_alerts::{AlertPolicy, NoRadius};
use lakewarden_core::{Clock, Live, Plane, Severity, Sha256, TenantId, TimeWindow};
use lakewarden_findings::{
    Breach, Ctx, Evidence, PolicyInfo, PolicyKind, Recorded, Registry, record, routes, service_policies,
};
use lakewarden_identity::{Reach, SESSION_COOKIE, bootstrap_administrator, sign_in};
use lakewarden_tenancy::{Owner, Ownership};
use lakewarden_testkit::{TestClient, TestDb, clock, noon};

pub const ACME: TenantId = TenantId(1);
pub const GLOBEX: TenantId = TenantId(2);
pub const CROSS_READ: &str = "access-cross-tenant-read";
pub const STALE: &str = "quality-stale";

pub struct Lake {
    pub ctx: Ctx,
    pub clock: Clock,
}

impl Lake {
    pub async fn new() -> Self {
        Self::with_alerts(AlertPolicy::default()).await
    }

    pub async fn with_alerts(alerts: AlertPolicy) -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let clock = clock();
        let live = |what: &str| (Sha256::of(what), noon());
        let (version, at) = live("registry");
        let registry = Live::new(registry(), version, at);
        let ownership = Live::new(ownership(), version, at);
        let alerts = lakewarden_alerts::Ctx::new(
            db.clone(),
            clock.clone(),
            Live::new(alerts, version, at),
            ownership.clone(),
            Arc::new(NoRadius),
            "https://lakewarden.example/",
        );
        Self { ctx: Ctx { db, clock: clock.clone(), registry, ownership, alerts }, clock }
    }

    pub async fn record(&self, breaches: &[Breach]) -> Recorded {
        let mut tx = self.ctx.db.begin().await.unwrap();
        let recorded = record(&mut tx, &self.ctx, breaches).await.unwrap();
        tx.commit().await.unwrap();
        recorded
    }

    /// A program that reads everything, or one tenant's auditor.
    pub async fn reader(&self, reach: Reach) -> TestClient {
        let name = format!("{reach:?}");
        let anonymous = TestClient::anonymous(&self.ctx.db, &self.clock, routes(self.ctx.clone()));
        anonymous.with_reach(&self.ctx.db, &self.clock, &name, reach).await
    }

    /// The administrator's session cookie.
    pub async fn administrator(&self) -> String {
        let (pool, now) = (self.ctx.db.system(), self.clock.now());
        let password = bootstrap_administrator(pool, "ada", None, now).await.unwrap().unwrap();
        let session = sign_in(pool, "ada", password.reveal(), now).await.unwrap().unwrap();
        format!("{SESSION_COOKIE}={}", session.secret.reveal())
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.ctx.db.system()).await.unwrap()
    }
}

/// *acme* and *globex*, with the ids that [`Ownership::parse`] gives by their place.
fn ownership() -> Ownership {
    Ownership::parse(
        "[[tenant]]\nslug = \"acme\"\nname = \"Acme Corp\"\n[[tenant]]\nslug = \"globex\"\nname = \"Globex Inc\"\n",
    )
    .unwrap()
}

fn registry() -> Registry {
    let policy = |id: &str, kind, plane, severity| PolicyInfo {
        id: id.into(),
        title: format!("Title of {id}"),
        severity,
        kind,
        plane,
        controls: vec!["SOC2:CC6.1".into()],
        remediation: "Take the grant away.".into(),
        text: "forbid (principal, action, resource);".into(),
        file: "isolation/access.cedar".into(),
        version: Sha256::of(id),
    };
    let own = [
        policy(CROSS_READ, PolicyKind::Isolation, Some(Plane::Access), Severity::Critical),
        policy(STALE, PolicyKind::Quality, None, Severity::Medium),
    ];
    Registry::new(service_policies().into_iter().chain(own)).unwrap()
}

/// *acme* reads what *globex* owns: shown by event `n`, which happened in minute `n`.
pub fn crossing(n: i64) -> Breach {
    let at = noon() + TimeDelta::minutes(n);
    Breach {
        policy_id: CROSS_READ.into(),
        subject: "role/acme-etl read s3://lake-raw/globex".into(),
        title: "acme-etl read data of Globex".into(),
        owner: Owner::Tenant(GLOBEX),
        actor: Some(ACME),
        plane: Some(Plane::Access),
        asset: Some("s3://lake-raw/globex/orders".into()),
        window: TimeWindow::at(at),
        count: 1,
        path: vec![],
        evidence: vec![evidence(n)],
    }
}

pub fn evidence(n: i64) -> Evidence {
    Evidence {
        source: "trail main".into(),
        reference: format!("event-{n}"),
        hash: Sha256::of(n.to_string()),
        occurred_at: noon() + TimeDelta::minutes(n),
        summary: format!("acme-etl called GetObject, event {n}"),
        record: serde_json::json!({ "eventName": "GetObject", "userIdentity": { "arn": "role/acme-etl" } }),
    }
}

/// A table of *acme*'s is late.
pub fn stale(table: &str) -> Breach {
    Breach {
        policy_id: STALE.into(),
        subject: table.into(),
        title: format!("{table} is late"),
        owner: Owner::Tenant(ACME),
        actor: None,
        plane: None,
        asset: Some(format!("glue:123456789012/acme.{table}")),
        window: TimeWindow::at(noon()),
        count: 1,
        path: vec![],
        evidence: vec![],
    }
}
