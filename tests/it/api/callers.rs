//! Every route admits exactly the callers it declares, through the router as it is served.

use axum::http::{Method, Request, StatusCode, header};
use lakewarden_core::Scope;
use lakewarden_http::Endpoint;
use lakewarden_identity::{Caller as Identity, Producer, Reach, Viewer, Who};

use crate::support::{Caller, World};

/// Callers with what the service takes them for.
async fn callers(world: &World) -> Vec<(&'static str, Identity, Caller)> {
    let acme = world.tenant("acme");
    let viewer = |scope, is_administrator| Identity::Viewer(Viewer { name: String::new(), scope, is_administrator });
    vec![
        ("anonymous", Identity::Anonymous, world.anonymous()),
        ("ingest", Identity::Producer(Producer { name: String::new() }), world.token("ingest", Reach::Ingest).await),
        ("tenant", viewer(Scope::Tenant(acme), false), world.token("tenant", Reach::Tenant(acme)).await),
        ("all", viewer(Scope::All, false), world.token("all", Reach::All).await),
        ("administrator", viewer(Scope::All, true), world.administrator().await),
    ]
}

/// `/findings/{id}` → `/findings/1`.
fn filled(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "1".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn expected(who: Who, caller: &Identity) -> Option<StatusCode> {
    match caller {
        _ if who.admits(caller) => None,
        Identity::Anonymous => Some(StatusCode::UNAUTHORIZED),
        _ => Some(StatusCode::FORBIDDEN),
    }
}

fn is_refusal(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN
}

#[tokio::test]
async fn every_route_admits_exactly_whom_it_declares() {
    let world = World::new().await;
    let callers = callers(&world).await;
    let mut endpoints = world.app.endpoints();
    assert!(endpoints.len() > 40, "the routes of all slices: {}", endpoints.len());
    // Signing out ends the administrator's session, so it comes last.
    endpoints.sort_by_key(|endpoint| endpoint.path == "/sign-out");
    let mut wrong = Vec::new();
    for Endpoint { method, path, who } in &endpoints {
        for (name, identity, caller) in &callers {
            let request = Request::builder().method(method).uri(filled(path));
            let request = request.header(header::CONTENT_TYPE, "application/json");
            let answer = caller.send(request, if method == Method::POST { b"{}".to_vec() } else { Vec::new() }).await;
            let admitted = match expected(*who, identity) {
                Some(refusal) => answer.status == refusal,
                None => !is_refusal(answer.status),
            };
            if !admitted {
                wrong.push(format!("{method} {path} ({who:?}) answered {name} with {}", answer.status));
            }
            if answer.status.is_server_error() {
                wrong.push(format!("{method} {path} failed for {name}: {}", answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_revoked_or_unknown_token_is_nobody() {
    let world = World::new().await;
    for header_value in ["Bearer lwt_unknown", "Basic YWRtaW46YWRtaW4=", "Bearer", ""] {
        let request = Request::get("/api/v1/findings").header(header::AUTHORIZATION, header_value);
        let answer = world.anonymous().send(request, Vec::new()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header_value:?}");
    }
}

#[tokio::test]
async fn a_browser_that_is_not_signed_in_is_led_to_the_sign_in_page() {
    let world = World::new().await;
    let request = Request::get("/findings?severity=high").header(header::ACCEPT, "text/html");
    let answer = world.anonymous().send(request, Vec::new()).await;
    assert!(answer.status.is_redirection(), "{}", answer.status);
    let location = answer.headers[header::LOCATION].to_str().expect("ASCII");
    assert_eq!(location, "/sign-in?next=/findings%3Fseverity%3Dhigh");
}
