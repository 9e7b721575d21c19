//! The deliveries page against a real Postgres: what it shows, to whom, and what the retry button does.

use axum::body::Body;
use axum::http::{Request, header};
use chrono::TimeDelta;
use lakewarden_alerts::routes;
use lakewarden_core::TenantId;
use lakewarden_identity::{Reach, SESSION_COOKIE, bootstrap_administrator, sign_in};
use lakewarden_testkit::TestClient;

use crate::listener::{Listener, Service, opened};

#[tokio::test]
async fn the_page_shows_what_failed_without_the_secret_and_only_to_operators() {
    let (_listener, url) = Listener::start(&[(404, None)]).await;
    let service = Service::telling("webhook", &url).await;
    service.tell(&[opened(1, "p"), opened(2, "q")]).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    let anonymous = TestClient::anonymous(&service.db, &service.clock, routes(service.ctx.clone()));
    let operator = anonymous.with_reach(&service.db, &service.clock, "all", Reach::All).await;
    for path in ["/deliveries", "/deliveries?state=dead&receiver=lake", "/deliveries/1", "/api/v1/deliveries"] {
        let answer = operator.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let text = answer.text();
        assert!(text.contains("answered at [secret]"), "{path}: {text}");
        assert!(!text.contains("s3cr3t") && !text.contains("whsec_"), "{path}: {text}");
    }
    assert!(!format!("{:?} {:?}", service.ctx, service.ctx.policy).contains("s3cr3t"));
    assert_eq!(operator.get("/deliveries?state=odd").await.status, 400);
    assert_eq!(operator.get("/deliveries/99").await.status, 404);
    let auditor = anonymous.with_reach(&service.db, &service.clock, "tenant", Reach::Tenant(TenantId(2))).await;
    assert_eq!(auditor.get("/deliveries").await.status, 403);
    assert_eq!(operator.post("/deliveries/1/retry", Body::empty()).await.status, 403);
}

#[tokio::test]
async fn the_administrator_retries_what_is_dead_together_with_what_came_since() {
    let (listener, url) = Listener::start(&[(404, None)]).await;
    let service = Service::telling("webhook", &url).await;
    service.tell(&[opened(1, "p")]).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    service.tell(&[opened(2, "p")]).await;

    let (pool, now) = (service.db.system(), service.clock.now());
    let password = bootstrap_administrator(pool, "ada", None, now).await.unwrap().unwrap();
    let session = sign_in(pool, "ada", password.reveal(), now).await.unwrap().unwrap();
    let cookie = format!("{SESSION_COOKIE}={}", session.secret.reveal());
    let client = TestClient::anonymous(&service.db, &service.clock, routes(service.ctx.clone()));
    let retry = || Request::post("/deliveries/1/retry").header(header::COOKIE, &cookie);
    assert_eq!(client.send(retry(), Body::empty()).await.status, 303);
    service.pass(1, TimeDelta::seconds(1)).await;
    let totals: Vec<i64> = listener.bodies().iter().map(|body| body["data"]["total"].as_i64().unwrap()).collect();
    assert_eq!(totals, [1, 2]);
    assert_eq!(service.texts("select state from deliveries order by id").await, ["sent", "merged"]);
    assert_eq!(client.send(retry(), Body::empty()).await.status, 409, "what was sent is not sent again");
}
