//! Sources and their coverage as JSON.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use lakewarden_core::{SourceId, TimeWindow};
use lakewarden_http::{CurrentViewer, Problem};
use serde::Serialize;

use crate::coverage::{self, Hours};
use crate::report::shown_window;
use crate::store::{list_all_hours, list_sources};
use crate::{Ctx, SourceKind};

#[derive(Serialize)]
pub(crate) struct Sources {
    /// Coverage and gaps are of this window.
    window: TimeWindow,
    sources: Vec<SourceJson>,
}

#[derive(Serialize)]
struct SourceJson {
    id: SourceId,
    kind: SourceKind,
    name: String,
    state: coverage::State,
    accepted: i64,
    duplicates: i64,
    quarantined: i64,
    bytes: i64,
    /// First and last hour that records speak of.
    first_hour: Option<DateTime<Utc>>,
    last_hour: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    covered_hours: usize,
    gaps: Vec<TimeWindow>,
}

/// `GET /api/v1/sources`
pub(crate) async fn list_sources_with_gaps(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Json<Sources>, Problem> {
    let now = ctx.clock.now();
    let window = shown_window(now);
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let sources = list_sources(&mut *tx).await?;
    let rows = list_all_hours(&mut *tx, window.from).await?;
    tx.commit().await?;
    let mut hours: HashMap<SourceId, Hours> = HashMap::new();
    for row in rows {
        hours.entry(row.source_id).or_default().insert(row.hour, row.records);
    }
    let sources = sources
        .into_iter()
        .map(|source| {
            let hours = hours.remove(&source.id).unwrap_or_default();
            SourceJson {
                id: source.id,
                kind: source.kind,
                name: source.name,
                state: coverage::State::of(source.kind, source.last_hour, now),
                accepted: source.accepted,
                duplicates: source.duplicates,
                quarantined: source.quarantined,
                bytes: source.bytes,
                first_hour: source.first_hour,
                last_hour: source.last_hour,
                last_delivery_at: source.last_delivery_at,
                covered_hours: hours.len(),
                gaps: coverage::gaps(source.kind, &hours, window, now),
            }
        })
        .collect();
    Ok(Json(Sources { window, sources }))
}
