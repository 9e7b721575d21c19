//! The JSON side: lists, single findings, policies, actions, the audit chain's verdict.

use axum::Json;
use axum::extract::{Path, Query as UrlQuery, State};
use lakewarden_core::FindingId;
use lakewarden_http::{CurrentViewer, Problem};
use lakewarden_identity::Viewer;
use serde::Deserialize;

use crate::filter::Query;
use crate::read::{self, FindingWhole, FindingsPage, PolicyLine};
use crate::status::Action;
use crate::{AuditVerdict, Ctx, record, verify_audit};

const NOTE_LIMIT: usize = 2_000;

/// The body of an action.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Note {
    pub note: String,
}

pub(crate) async fn list_findings(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Json<FindingsPage>, Problem> {
    Ok(Json(read::list(&ctx, &viewer, &query).await?))
}

pub(crate) async fn get_finding(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Json<FindingWhole>, Problem> {
    Ok(Json(read::get(&ctx, &viewer, finding_id(&id)?).await?))
}

pub(crate) async fn list_policies(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Json<Vec<PolicyLine>>, Problem> {
    Ok(Json(read::policies(&ctx, &viewer).await?))
}

/// Walks the whole audit chain.
pub(crate) async fn verify_chain(State(ctx): State<Ctx>) -> Result<Json<AuditVerdict>, Problem> {
    let mut connection = ctx.db.system().acquire().await?;
    Ok(Json(verify_audit(&mut connection).await?))
}

pub(crate) async fn acknowledge_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Option<Json<Note>>,
) -> Result<Json<FindingWhole>, Problem> {
    change(state, viewer, id, note, Action::Acknowledge).await
}

pub(crate) async fn resolve_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Option<Json<Note>>,
) -> Result<Json<FindingWhole>, Problem> {
    change(state, viewer, id, note, Action::Resolve).await
}

pub(crate) async fn reopen_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Option<Json<Note>>,
) -> Result<Json<FindingWhole>, Problem> {
    change(state, viewer, id, note, Action::Reopen).await
}

async fn change(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
    note: Option<Json<Note>>,
    action: Action,
) -> Result<Json<FindingWhole>, Problem> {
    let id = finding_id(&id)?;
    act(&ctx, &viewer, id, action, note.unwrap_or_default().0).await?;
    Ok(Json(read::get(&ctx, &viewer, id).await?))
}

/// Does what the viewer asks, in a transaction of the service's own: the route has admitted administrators only.
pub(crate) async fn act(ctx: &Ctx, viewer: &Viewer, id: FindingId, action: Action, note: Note) -> Result<(), Problem> {
    let why = note.note.replace('\0', "");
    let why: String = why.trim().chars().take(NOTE_LIMIT).collect();
    if why.is_empty() && action != Action::Acknowledge {
        return Err(Problem::unprocessable("say why in `note`: it becomes part of the finding's history"));
    }
    let mut tx = ctx.db.begin().await?;
    record::act(&mut tx, ctx, id, action, &viewer.name, &why).await?;
    tx.commit().await?;
    Ok(())
}

/// A path segment that is no number names nothing.
pub(crate) fn finding_id(text: &str) -> Result<FindingId, Problem> {
    text.parse().map_err(|_| Problem::not_found(format_args!("finding `{text}`")))
}
