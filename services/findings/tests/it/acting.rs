//! What the administrator does to findings, and what others may not.

use axum::body::Body;
use axum::http::{Request, header};
use lakewarden_alerts::AlertPolicy;
use lakewarden_findings::{AuditVerdict, routes, verify_audit};
use lakewarden_identity::Reach;
use lakewarden_testkit::{Answer, TestClient};

use crate::lake::{Lake, crossing};

struct Administrator {
    client: TestClient,
    cookie: String,
}

impl Administrator {
    async fn of(lake: &Lake) -> Self {
        let client = TestClient::anonymous(&lake.ctx.db, &lake.clock, routes(lake.ctx.clone()));
        Self { client, cookie: lake.administrator().await }
    }

    async fn post(&self, path: &str, kind: &str, body: &str) -> Answer {
        let request = Request::post(path).header(header::COOKIE, &self.cookie).header(header::CONTENT_TYPE, kind);
        self.client.send(request, Body::from(body.to_owned())).await
    }

    async fn json(&self, path: &str, body: &str) -> Answer {
        self.post(path, "application/json", body).await
    }

    async fn form(&self, path: &str, body: &str) -> Answer {
        self.post(path, "application/x-www-form-urlencoded", body).await
    }
}

#[tokio::test]
async fn a_finding_is_acknowledged_resolved_and_reopened_with_a_full_history() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1)]).await;
    let ada = Administrator::of(&lake).await;

    let answer = ada.json("/api/v1/findings/1/acknowledge", "{\"note\": \"looking\"}").await;
    assert_eq!((answer.status.as_u16(), answer.json()["finding"]["status"].as_str()), (200, Some("acknowledged")));
    let again = lake.record(&[crossing(2)]).await;
    assert_eq!((again.reopened.len(), again.refreshed), (0, 1), "being worked on is not undone by another record");

    let answer = ada.form("/findings/1/resolve", "note=grant+removed").await;
    assert_eq!((answer.status.as_u16(), answer.headers[header::LOCATION].to_str().unwrap()), (303, "/findings/1"));
    let answer = ada.json("/api/v1/findings/1/acknowledge", "{}").await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    let again = lake.record(&[crossing(3)]).await;
    assert_eq!(again.reopened.len(), 1, "what is breached again is open again");

    let history = ada.json("/api/v1/findings/1/resolve", "{\"note\": \"again\"}").await.json()["history"].clone();
    let events: Vec<&str> =
        history.as_array().unwrap().iter().map(|change| change["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["resolved", "reopened", "resolved", "acknowledged", "opened"]);
    assert_eq!((&history[2]["who"], &history[2]["why"]), (&"ada".into(), &"grant removed".into()));
    let mut connection = lake.ctx.db.system().acquire().await.unwrap();
    assert!(matches!(verify_audit(&mut connection).await.unwrap(), AuditVerdict::Intact { rows: 5, .. }));
}

#[tokio::test]
async fn an_action_needs_a_reason_a_finding_and_an_administrator() {
    let lake = Lake::new().await;
    lake.record(&[crossing(1)]).await;
    let ada = Administrator::of(&lake).await;
    assert_eq!(ada.json("/api/v1/findings/1/resolve", "{\"note\": \"  \"}").await.status, 422);
    assert_eq!(ada.form("/findings/1/resolve", "note=").await.status, 422);
    assert_eq!(ada.json("/api/v1/findings/99/resolve", "{\"note\": \"x\"}").await.status, 404);
    assert_eq!(ada.json("/api/v1/findings/x/resolve", "{\"note\": \"x\"}").await.status, 404);
    let operator = lake.reader(Reach::All).await;
    assert_eq!(operator.post("/api/v1/findings/1/resolve", "{\"note\": \"x\"}").await.status, 403);
    assert_eq!(lake.number("select count(*) from finding_history").await, 1);
}

#[tokio::test]
async fn people_are_told_of_openings_and_resolutions_and_not_of_refreshing() {
    let text = "[[receiver]]\nname = \"lake\"\nkind = \"slack\"\nurl_env = \"X\"\n[[route]]\nreceivers = [\"lake\"]\n";
    let lake = Lake::with_alerts(AlertPolicy::parse("alerts.toml", text).unwrap()).await;
    lake.record(&[crossing(1)]).await;
    lake.record(&[crossing(2)]).await;
    let ada = Administrator::of(&lake).await;
    ada.json("/api/v1/findings/1/acknowledge", "{}").await;
    ada.json("/api/v1/findings/1/resolve", "{\"note\": \"done\"}").await;
    let events: Vec<String> = sqlx::query_scalar("select event from delivery_notices order by id")
        .fetch_all(lake.ctx.db.system())
        .await
        .unwrap();
    assert_eq!(events, ["opened", "resolved"]);
    assert_eq!(lake.number("select count(*) from deliveries").await, 1, "one message waits for the group");
    assert_eq!(lake.number("select count(*) from jobs where kind = 'deliver_alert'").await, 1);
    let page = lake.reader(Reach::All).await.get("/findings/1").await.text();
    assert!(page.contains("/deliveries/1"), "the page says who is told");
}
