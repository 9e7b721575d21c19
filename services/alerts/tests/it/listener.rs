//! A receiver on this machine that answers as told, and a service that sends to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::TimeDelta;
use lakewarden_alerts::{AlertPolicy, Ctx, Event, NoRadius, Notice, PolicyKind, jobs, notify_all};
use lakewarden_core::{Clock, FindingId, Live, Plane, Severity, Sha256, TenantId};
use lakewarden_db::Db;
use lakewarden_tenancy::Ownership;
use lakewarden_testkit::{TestDb, clock, noon};

/// One answer: status, and `Retry-After` where there is one.
pub type Scripted = (u16, Option<u32>);

#[derive(Clone, Default)]
pub struct Listener {
    script: Arc<Mutex<VecDeque<Scripted>>>,
    /// Answered when the script has run out.
    otherwise: Arc<Mutex<u16>>,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Listener {
    /// Starts to listen; the address ends in a path that is a secret.
    pub async fn start(script: &[Scripted]) -> (Self, String) {
        let listener = Self { otherwise: Arc::new(Mutex::new(200)), ..Self::default() };
        listener.script.lock().unwrap().extend(script);
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/services/s3cr3t-path", socket.local_addr().unwrap());
        let router = Router::new().route("/{*path}", post(answer)).with_state(listener.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        (listener, url)
    }

    pub fn answer_from_now_on(&self, status: u16) {
        *self.otherwise.lock().unwrap() = status;
    }

    pub fn bodies(&self) -> Vec<serde_json::Value> {
        self.received.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    pub fn headers(&self) -> Vec<HeaderMap> {
        self.received.lock().unwrap().iter().map(|(headers, _)| headers.clone()).collect()
    }

    pub fn raw(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

async fn answer(State(listener): State<Listener>, headers: HeaderMap, body: String) -> Response {
    listener.received.lock().unwrap().push((headers, body));
    let otherwise = *listener.otherwise.lock().unwrap();
    let (status, retry_after) = listener.script.lock().unwrap().pop_front().unwrap_or((otherwise, None));
    let mut response = (StatusCode::from_u16(status).unwrap(), "answered at /services/s3cr3t-path").into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A service whose clock the test moves.
pub struct Service {
    pub ctx: Ctx,
    pub clock: Clock,
    pub db: Db,
}

impl Service {
    /// Every finding goes to `lake`, a receiver of this kind at this address.
    pub async fn telling(kind: &str, url: &str) -> Self {
        let secret = if kind == "webhook" { "secret_env = \"SECRET\"" } else { "" };
        let text = format!(
            "[[receiver]]\nname = \"lake\"\nkind = \"{kind}\"\nurl = \"{url}\"\nallow_private = true\n{secret}\n\
             [[route]]\nreceivers = [\"lake\"]\ngroup_wait_s = 5\n"
        );
        Self::with_policy(&text).await
    }

    pub async fn with_policy(text: &str) -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let clock = clock();
        let policy = Live::new(AlertPolicy::parse("alerts.toml", text).unwrap(), Sha256::of(text), noon());
        let ownership = Live::new(Ownership::default(), Sha256::of(""), noon());
        let ctx =
            Ctx::new(db.clone(), clock.clone(), policy, ownership, Arc::new(NoRadius), "https://lakewarden.example")
                .with_environment(|name| {
                    (name == "SECRET").then(|| "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())
                });
        Self { ctx, clock, db }
    }

    pub async fn tell(&self, notices: &[Notice]) {
        let mut tx = self.db.begin().await.unwrap();
        notify_all(&mut tx, &self.ctx, notices).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Lets the time pass in steps, doing in each what is due.
    pub async fn pass(&self, steps: u32, step: TimeDelta) {
        for _ in 0..steps {
            self.clock.advance(step);
            jobs(self.ctx.clone()).run_until_idle(&self.db, &self.clock).await.unwrap();
        }
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.system()).await.unwrap()
    }

    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(self.db.system()).await.unwrap()
    }
}

/// Finding `n` of this policy opened.
pub fn opened(n: i64, policy: &str) -> Notice {
    Notice {
        finding: FindingId(n),
        fingerprint: Sha256::of(n.to_string()).to_hex(),
        event: Event::Opened,
        at: noon(),
        policy_id: policy.into(),
        policy_title: format!("Title of {policy}"),
        kind: PolicyKind::Isolation,
        severity: Severity::High,
        plane: Some(Plane::Access),
        title: format!("acme-etl read table {n} of Globex"),
        subject: format!("role/acme-etl read s3://lake-raw/globex/{n}"),
        tenant: Some(TenantId(2)),
        actor: Some(TenantId(1)),
        asset: None,
        path: vec![],
        count: 1,
        first_seen: noon(),
        last_seen: noon(),
        evidence: vec!["GetObject".into()],
        remediation: "Take the grant away.".into(),
        note: None,
    }
}
