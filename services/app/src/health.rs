//! For whoever runs the service: is it alive, is it ready, what is it doing.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use lakewarden_db::jobs::count_by_kind;
use lakewarden_http::{Problem, Routes};
use lakewarden_identity::Who;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::App;

/// `/healthz` says the process runs, `/readyz` that it can answer. `/metrics` asks for a token that sees everything, because
/// labels may tell of tenants; Prometheus sends one by `authorization` in its scrape configuration.
pub(crate) fn routes(app: &App) -> Routes {
    metrics_handle();
    Routes::new()
        .get("/healthz", Who::Public, (), async || "ok\n")
        .get("/readyz", Who::Public, app.clone(), get_readiness)
        .get("/metrics", Who::Operator, app.clone(), get_metrics)
}

async fn get_readiness(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.db.is_ready().await {
        Ok("ready\n")
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Not ready", "Postgres does not answer"))
    }
}

async fn get_metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    for (kind, waiting) in count_by_kind(app.db.system()).await? {
        metrics::gauge!("lakewarden_jobs_waiting", "kind" => kind).set(waiting as f64);
    }
    metrics::gauge!("lakewarden_policies_broken").set(app.policies.warnings().len() as f64);
    let text = metrics_handle().map(PrometheusHandle::render).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// The process's recorder, installed at first use; `None` where the process has another one.
fn metrics_handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).as_ref()
}
