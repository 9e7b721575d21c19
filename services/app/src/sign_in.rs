//! Signing in and out: the bootstrap administrator's password for a session cookie.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use lakewarden_http::{Html, Page as _, Problem, Routes, SignInPage, local_path, session_cookie};
use lakewarden_identity::{SESSION_COOKIE, Who, sign_in, sign_out};
use serde::Deserialize;

use crate::App;

pub(crate) fn routes(app: &App) -> Routes {
    Routes::new()
        .get("/sign-in", Who::Public, (), show_sign_in)
        .post("/sign-in", Who::Public, app.clone(), post_sign_in)
        .post("/sign-out", Who::Public, app.clone(), post_sign_out)
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn show_sign_in(Query(Next { next }): Query<Next>) -> Result<Html, Problem> {
    SignInPage::new(&next, false).render_page()
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn post_sign_in(State(app): State<App>, Form(form): Form<Credentials>) -> Result<Response, Problem> {
    let now = app.clock.now();
    let Some(session) = sign_in(app.db.system(), &form.username, &form.password, now).await? else {
        tracing::warn!("a sign-in failed");
        let page = SignInPage::new(&form.next, true).render_page()?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let lasts = (session.expires_at - now).num_seconds();
    let cookie = set_cookie(&app, session.secret.reveal(), lasts);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local_path(&form.next))).into_response())
}

async fn post_sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(cookie) = session_cookie(&headers) {
        sign_out(app.db.system(), cookie).await?;
    }
    Ok(([(header::SET_COOKIE, set_cookie(&app, "", 0))], Redirect::to("/sign-in")).into_response())
}

/// `Secure` unless people reach the service by plain http, as on a developer's machine, where browsers would drop the cookie.
fn set_cookie(app: &App, value: &str, lasts_s: i64) -> HeaderValue {
    let secure = if app.config().base_url.starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("secrets are made of letters, digits, - and _")
}
