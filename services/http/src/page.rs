//! From an askama template to an HTML answer.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lakewarden_identity::{Caller, Viewer};

use crate::{CallerIs, Problem};

/// A rendered page.
#[derive(Debug)]
pub struct Html(pub String);

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            // What a page shows depends on who asks and on the instant: no cache may keep it.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, self.0).into_response()
    }
}

/// Renders a template: `Ok(page.render_page()?)` in a handler that returns `Result<Html, Problem>`.
pub trait Page: Template {
    fn render_page(&self) -> Result<Html, Problem> {
        Ok(Html(self.render()?))
    }
}

impl<T: Template> Page for T {}

/// The viewer if there is one: for pages that are also shown signed out.
#[derive(Debug, Clone)]
pub struct MaybeViewer(pub Option<Viewer>);

impl<S: Sync> FromRequestParts<S> for MaybeViewer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(match parts.extensions.get::<CallerIs>() {
            Some(CallerIs(Caller::Viewer(viewer))) => Some(viewer.clone()),
            _ => None,
        }))
    }
}
