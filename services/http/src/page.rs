//! The shell around every page: who is signed in, where they are, and what is wrong with the service itself.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lakewarden_identity::{Caller, Viewer};

use crate::{CallerIs, Problem};

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Isolation,
    Findings,
    Lineage,
    Datasets,
    Jobs,
    Access,
    Catalog,
    Quality,
    Cost,
    Ownership,
    Policies,
    Sources,
    Deliveries,
    /// Pages outside the navigation: sign-in, errors.
    None,
}

/// What `layout/page.html` shows around a page's own content. Every page struct has a field `shell: Shell`.
#[derive(Debug, Clone)]
pub struct Shell {
    pub title: String,
    pub section: Section,
    pub viewer: Option<Viewer>,
}

impl Shell {
    pub fn new(title: impl Into<String>, section: Section, viewer: &Viewer) -> Self {
        Self { title: title.into(), section, viewer: Some(viewer.clone()) }
    }

    pub fn signed_out(title: impl Into<String>) -> Self {
        Self { title: title.into(), section: Section::None, viewer: None }
    }

    /// For tests that render a page without a request.
    pub fn sample(section: Section) -> Self {
        let viewer = Viewer { name: "ada".into(), scope: lakewarden_core::Scope::All, is_administrator: true };
        Self::new("Sample", section, &viewer)
    }
}

/// A rendered page.
#[derive(Debug)]
pub struct Html(pub String);

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], self.0).into_response()
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
