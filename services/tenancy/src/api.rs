//! Ownership as JSON.

use axum::Json;
use axum::extract::{Query, State};
use lakewarden_http::{CurrentViewer, Problem};
use serde::Deserialize;

use crate::question::{ConfinedAnswer, who_owns_as};
use crate::{AssetTextError, Ctx};

#[derive(Deserialize)]
pub(crate) struct Question {
    asset: Option<String>,
}

/// `GET /api/v1/ownership?asset=…`
pub(crate) async fn find_owner(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(question): Query<Question>,
) -> Result<Json<ConfinedAnswer>, Problem> {
    let asset = question
        .asset
        .filter(|asset| !asset.trim().is_empty())
        .ok_or_else(|| Problem::bad_request("say which asset: /api/v1/ownership?asset=s3://bucket/key"))?;
    Ok(Json(who_owns_as(&ctx.ownership.get(), &asset, viewer.scope)?))
}

impl From<AssetTextError> for Problem {
    fn from(error: AssetTextError) -> Self {
        Self::bad_request(error.to_string())
    }
}
