//! The router as the world sees it: every slice's routes behind the same layers.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use lakewarden_http::{
    AuthState, Problem, Routes, Surround, Surroundings, asset_routes, authenticate, problem_page, surround,
};
use lakewarden_identity::Viewer;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::{App, health, overview, sign_in};

/// An import of the largest allowed body takes seconds; what takes longer than this has hung.
const TIMEOUT: Duration = Duration::from_mins(2);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(crate) fn routes(app: &App) -> Routes {
    app.slices
        .routes()
        .merge(overview::routes(app))
        .merge(sign_in::routes(app))
        .merge(health::routes(app))
        .merge(asset_routes())
}

pub(crate) fn assemble(app: &App) -> Router {
    let auth = AuthState::new(app.db.clone(), app.clock.clone());
    // From the outside in: the first layer sees the request first and the answer last.
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, CountedRequestId::default()))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .layer(from_fn(problem_page))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal(&"a handler panicked; the panic is in the log above").into_response()
        }))
        .layer(CsrfLayer::new())
        .layer(from_fn_with_state(auth, authenticate))
        .layer(from_fn_with_state(surroundings(app), surround))
        .layer(from_fn(problem_page));
    let router = routes(app).into_router().fallback(not_found).layer(layers);
    SECURITY_HEADERS.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)))
    })
}

async fn not_found(request: Request) -> Problem {
    Problem::not_found(format!("page or route `{}`", request.uri().path()))
}

/// What every page shows around its content: broken policy files, and the viewer's tenant by name.
fn surroundings(app: &App) -> Surround {
    let policies = app.policies.clone();
    Surround::new(move |viewer: &Viewer| {
        let scope_name = match viewer.scope {
            lakewarden_core::Scope::All => None,
            lakewarden_core::Scope::Tenant(id) => policies.ownership.get().tenant(id).map(|tenant| tenant.name.clone()),
        };
        let warnings = if viewer.sees_everything() { policies.warnings() } else { Vec::new() };
        Surroundings { warnings, scope_name }
    })
}

/// The path without its query: a query may hold what somebody searched for.
fn span(request: &axum::http::Request<axum::body::Body>) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", http.method = %request.method(), http.path = request.uri().path(), request.id = id)
}

/// Unique in the process and, by its start, among processes: enough to find a line in a log.
#[derive(Clone)]
struct CountedRequestId {
    start: std::sync::Arc<str>,
    next: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Default for CountedRequestId {
    fn default() -> Self {
        let start = lakewarden_identity::new_secret("r").hash().short();
        Self { start: start.into(), next: std::sync::Arc::default() }
    }
}

impl MakeRequestId for CountedRequestId {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        HeaderValue::from_str(&format!("{}-{number}", self.start)).ok().map(RequestId::new)
    }
}
