//! The assembled service on a database of its own, and callers of every kind in front of it.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Request, header};
use lakewarden_app::{App, AppConfig};
use lakewarden_core::TenantId;
use lakewarden_identity::{ApiSecret, Reach, SESSION_COOKIE, bootstrap_administrator, sign_in};
use lakewarden_testkit::{Answer, TestClient, TestDb, clock};

pub struct World {
    pub app: App,
    anonymous: TestClient,
}

/// A caller with whatever proves who it is.
#[derive(Clone)]
pub struct Caller {
    client: TestClient,
    cookie: Option<String>,
}

impl World {
    /// The service with the policies of the repository.
    pub async fn new() -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let policies = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../policies"));
        let config = AppConfig { base_url: "http://localhost:8080".into(), policies };
        let app = App::open(config, db, clock()).await.expect("the service opens");
        let anonymous = TestClient::of_router(app.router());
        Self { app, anonymous }
    }

    pub fn tenant(&self, slug: &str) -> TenantId {
        self.app.policies.ownership.get().tenant_by_slug(slug).expect("a tenant of the file").id
    }

    pub fn anonymous(&self) -> Caller {
        Caller { client: self.anonymous.clone(), cookie: None }
    }

    pub async fn token(&self, name: &str, reach: Reach) -> Caller {
        let client = self.anonymous.with_reach(&self.app.db, &self.app.clock, name, reach).await;
        Caller { client, cookie: None }
    }

    pub async fn administrator(&self) -> Caller {
        let (pool, now) = (self.app.db.system(), self.app.clock.now());
        let password = ApiSecret::new("correct horse");
        bootstrap_administrator(pool, "admin", Some(&password), now).await.expect("an administrator");
        let session = sign_in(pool, "admin", password.reveal(), now).await.expect("Postgres").expect("signed in");
        let cookie = format!("{SESSION_COOKIE}={}", session.secret.reveal());
        Caller { client: self.anonymous.clone(), cookie: Some(cookie) }
    }

    /// Runs all background work until nothing is due.
    pub async fn settle(&self) {
        self.app.jobs().run_until_idle(&self.app.db, &self.app.clock).await.expect("the queue can be read");
    }
}

impl Caller {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Vec::new()).await
    }

    pub async fn send(&self, mut request: axum::http::request::Builder, body: Vec<u8>) -> Answer {
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        self.client.send(request, Body::from(body)).await
    }
}
