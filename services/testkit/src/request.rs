//! Requests through the router in-process, as one caller.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use lakewarden_core::Clock;
use lakewarden_db::Db;
use lakewarden_http::{AuthState, Routes, authenticate};
use lakewarden_identity::{Reach, create_token};
use tower::ServiceExt as _;

/// A caller with a token, in front of a router.
#[derive(Debug, Clone)]
pub struct TestClient {
    router: Router,
    token: Option<String>,
}

/// A response, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// # Panics
    /// With the body in the message, where it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in: {}", self.text()))
    }
}

impl TestClient {
    /// Nobody, in front of one slice's routes.
    pub fn anonymous(db: &Db, clock: &Clock, routes: Routes) -> Self {
        let state = AuthState::new(db.clone(), clock.clone());
        let router = routes.into_router().layer(axum::middleware::from_fn_with_state(state, authenticate));
        Self { router, token: None }
    }

    /// Nobody, in front of a router that authenticates by itself.
    pub fn of_router(router: Router) -> Self {
        Self { router, token: None }
    }

    /// The same router called with a fresh token of the given reach.
    ///
    /// # Panics
    /// Where the token cannot be stored.
    pub async fn with_reach(&self, db: &Db, clock: &Clock, name: &str, reach: Reach) -> Self {
        let secret = create_token(db.system(), name, reach, None, clock.now()).await.expect("make a token");
        Self { router: self.router.clone(), token: Some(secret.reveal().to_owned()) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).header(header::CONTENT_TYPE, "application/json"), body.into()).await
    }

    /// # Panics
    /// Where the request itself is malformed.
    pub async fn send(&self, mut builder: axum::http::request::Builder, body: Body) -> Answer {
        if let Some(token) = &self.token {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = builder.body(body).expect("a well-formed request");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body ends").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
