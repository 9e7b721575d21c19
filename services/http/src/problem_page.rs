//! Problems as pages where a browser asked for one; whoever is signed out is sent to sign in.

use askama::Template;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lakewarden_identity::{Caller, Viewer};

use crate::{CallerIs, Html, Problem, Section, Shell};

#[derive(Debug, Template)]
#[template(path = "layout/problem.html")]
struct ProblemPage {
    shell: Shell,
    status: u16,
    detail: String,
    request_id: String,
}

/// Middleware. Apply it inside of [`crate::authenticate`], so that the page knows the viewer, and once more outside of it, for
/// problems of finding the caller; a problem that is a page already passes.
pub async fn problem_page(request: Request, next: Next) -> Response {
    if !prefers_html(request.headers()) {
        return next.run(request).await;
    }
    let viewer = match request.extensions().get::<CallerIs>() {
        Some(CallerIs(Caller::Viewer(viewer))) => Some(viewer.clone()),
        _ => None,
    };
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let asked = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let request_id =
        request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();

    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.status() == StatusCode::UNAUTHORIZED && viewer.is_none() {
        return to_sign_in(if is_read { &asked } else { "/" });
    }
    as_page(&problem, response, viewer.as_ref(), request_id)
}

fn as_page(problem: &Problem, mut response: Response, viewer: Option<&Viewer>, request_id: String) -> Response {
    let shell = match viewer {
        Some(viewer) => Shell::new(problem.title(), Section::None, viewer),
        None => Shell::signed_out(problem.title()),
    };
    let page = ProblemPage { shell, status: problem.status().as_u16(), detail: sentence(problem.detail()), request_id };
    match page.render() {
        Ok(html) => {
            let mut answer = Html(html).into_response();
            *answer.status_mut() = problem.status();
            for (name, value) in response.headers_mut().drain() {
                if let Some(name) =
                    name.filter(|name| *name != CONTENT_TYPE && *name != axum::http::header::CONTENT_LENGTH)
                {
                    answer.headers_mut().insert(name, value);
                }
            }
            answer
        }
        Err(error) => {
            tracing::error!(%error, "the page of a problem could not be rendered; the problem was answered as JSON");
            response
        }
    }
}

/// 303, so that the browser asks for the sign-in page by GET whatever it asked before.
fn to_sign_in(next: &str) -> Response {
    let location = if next == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", percent_encode(next)) };
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/sign-in"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
    out
}

/// Details are fragments for JSON; on a page they are sentences.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(letters).collect();
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { text } else { text + "." }
}

/// Browsers name `text/html` first; API clients send `*/*`, JSON or nothing.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let position = |media_type: &str| accepted.split(',').position(|range| range.trim_start().starts_with(media_type));
    match (position("text/html"), position("application/json").or(position("application/problem+json"))) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use lakewarden_core::Scope;
    use lakewarden_identity::Who;
    use tower::ServiceExt as _;

    use super::*;
    use crate::Routes;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    async fn missing() -> Problem {
        Problem::not_found("finding <7>")
    }

    async fn ask(path: &str, accept: &str, caller: Caller) -> (StatusCode, HeaderMap, String) {
        let routes =
            Routes::new()
                .get("/findings/{id}", Who::Public, (), missing)
                .get("/cost", Who::Viewer, (), || async { "the page" });
        let app = routes.into_router().layer(from_fn(problem_page));
        let mut request = Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap();
        request.extensions_mut().insert(CallerIs(caller));
        let response = app.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    fn ada() -> Caller {
        Caller::Viewer(Viewer { name: "ada".into(), scope: Scope::All, is_administrator: true })
    }

    #[tokio::test]
    async fn a_browser_gets_a_problem_as_a_page_with_its_status() {
        let (status, headers, text) = ask("/findings/7", BROWSER, ada()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(text.contains("There is no finding &#60;7&#62; here."), "{text}");
        assert!(text.contains("Sign out"), "the page knows who is signed in");
    }

    #[tokio::test]
    async fn a_program_gets_the_same_problem_as_json() {
        for accept in ["*/*", "application/json", "application/json, text/html"] {
            let (status, headers, _) = ask("/findings/7", accept, ada()).await;
            assert_eq!(
                (status, headers[CONTENT_TYPE].to_str().unwrap()),
                (StatusCode::NOT_FOUND, "application/problem+json")
            );
        }
    }

    #[tokio::test]
    async fn whoever_is_signed_out_is_sent_to_sign_in_and_back() {
        let (status, headers, _) = ask("/cost?tenant=acme&day=1", BROWSER, Caller::Anonymous).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(headers[LOCATION], "/sign-in?next=/cost%3Ftenant%3Dacme%26day%3D1");
        assert_eq!(ask("/cost", "*/*", Caller::Anonymous).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(ask("/cost", BROWSER, ada()).await.2, "the page");
    }
}
