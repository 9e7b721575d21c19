//! Quality as JSON.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use lakewarden_core::Layer;
use lakewarden_http::{CurrentViewer, Problem};
use serde::Serialize;

use crate::Ctx;
use crate::pages::{View, owner_slug};

#[derive(Debug, Serialize)]
pub struct QualityAnswer {
    groups: Vec<GroupAnswer>,
    broken: Vec<BrokenAnswer>,
}

#[derive(Debug, Serialize)]
struct GroupAnswer {
    /// A tenant's slug, `platform`, or null where nobody owns the datasets.
    tenant: Option<String>,
    layer: Option<Layer>,
    datasets: usize,
    /// Of the last thirty days.
    passed: i64,
    failed: i64,
    failing: usize,
    stale: usize,
    row_count_drops: usize,
}

#[derive(Debug, Serialize)]
struct BrokenAnswer {
    policy: String,
    kind: &'static str,
    dataset: i32,
    asset: String,
    title: String,
    since: DateTime<Utc>,
}

pub async fn get_quality(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Json<QualityAnswer>, Problem> {
    let view = View::read(&ctx, &viewer).await?;
    Ok(Json(QualityAnswer {
        groups: view
            .groups()
            .into_iter()
            .map(|group| GroupAnswer {
                tenant: owner_slug(&view.ownership, group.tenant),
                layer: group.layer,
                datasets: group.datasets,
                passed: group.outcomes.passed,
                failed: group.outcomes.failed,
                failing: group.failing,
                stale: group.stale,
                row_count_drops: group.drops,
            })
            .collect(),
        broken: view
            .broken
            .iter()
            .map(|one| BrokenAnswer {
                policy: one.policy_id.clone(),
                kind: one.kind.as_str(),
                dataset: one.dataset.0,
                asset: one.asset.clone(),
                title: one.title.clone(),
                since: one.since,
            })
            .collect(),
    }))
}
