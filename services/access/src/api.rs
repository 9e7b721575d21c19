//! JSON: trail files in, classes of accesses out.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use lakewarden_core::Cursor;
use lakewarden_http::{BodyLimits, CurrentProducer, CurrentViewer, Problem, read_body};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use serde::Serialize;

use crate::class::Bits;
use crate::explorer::{self, PAGE, Party, acting_party, party};
use crate::store::{self, ClassRow};
use crate::{AccessError, Ctx, commit, read_file};

const LIMITS: BodyLimits = BodyLimits { received: 50_000_000, inflated: INFLATED };
/// Less than for files on disk: anyone with an ingest token may send.
const INFLATED: usize = 64_000_000;

/// Takes one trail file. The gzip may be the file's own or the transfer's: it is found out by looking.
pub async fn post_trail(
    State(ctx): State<Ctx>,
    CurrentProducer(producer): CurrentProducer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    // A gzip body is left as it is: of a truncated one the records before the cut are kept.
    let is_gzip = matches!(encoding.as_deref(), Some(b"gzip" | b"x-gzip"));
    let bytes = read_body(&if is_gzip { HeaderMap::new() } else { headers.clone() }, body, LIMITS).await?;
    let name = headers.get("x-file-name").and_then(|name| name.to_str().ok()).unwrap_or("upload");
    let file = read_file(&ctx, name, bytes, INFLATED).await?;
    let has_none = file.observations.is_empty() && !file.rejects.is_empty();
    let (reason, files) = (file.rejects.first().map(|reject| reject.reason.clone()), [file]);
    let outcomes = commit::commit(&ctx, &producer.name, &files).await.map_err(unavailable)?;
    let ingested = outcomes.into_iter().next().unwrap_or_default();
    match reason {
        Some(reason) if has_none => Err(Problem::unprocessable(format!(
            "none of {} records could be read; they are in quarantine on the sources page. The first: {reason}",
            ingested.quarantined
        ))),
        _ => {
            let status = if ingested.accepted > 0 { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(ingested)).into_response())
        }
    }
}

/// A connection that breaks shows up in several ways; to a caller it is one thing.
fn unavailable(error: AccessError) -> Problem {
    if error.is_transient() {
        tracing::warn!(%error, "Postgres is away or busy; the sender was asked to try again");
        return Problem::unavailable("the database is busy or restarting; nothing of this file was stored", 1);
    }
    error.into()
}

/// One class, as the API and the pages show it.
#[derive(Debug, Clone, Serialize)]
pub struct Access {
    pub id: i32,
    /// Absent where the principal belongs to somebody the caller may not see.
    pub principal: Option<Named>,
    pub actor: Party,
    pub action: String,
    pub operation: String,
    pub circumstances: Vec<&'static str>,
    pub asset: String,
    pub owner: Party,
    pub second_asset: Option<String>,
    pub records: i64,
    pub bytes_out: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

/// A principal the caller may see.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    pub id: i32,
    pub kind: String,
    pub account: String,
    pub name: String,
    pub session_tag: String,
}

impl Access {
    pub fn of(row: ClassRow, ownership: &Ownership, viewer: &Viewer) -> Self {
        let is_visible = row.principal_name.is_some();
        Self {
            id: row.id.0,
            actor: acting_party(&row.actor, row.principal_tenant, is_visible, ownership, viewer),
            principal: row.principal_name.map(|name| Named {
                id: row.principal_id.0,
                kind: row.principal_kind.unwrap_or_default(),
                account: row.principal_account.unwrap_or_default(),
                name,
                session_tag: row.session_tag.unwrap_or_default(),
            }),
            action: row.action,
            operation: row.operation,
            circumstances: Bits(row.bits).words(),
            asset: row.asset,
            owner: party(row.tenant_id, ownership, viewer),
            second_asset: row.second,
            records: row.records,
            bytes_out: row.bytes_out,
            first_at: row.first_at,
            last_at: row.last_at,
        }
    }
}

/// A page of classes, newest first.
#[derive(Debug, Serialize)]
pub struct AccessPage {
    pub items: Vec<Access>,
    /// Give it back as `cursor` for the next page.
    pub next: Option<String>,
}

/// Classes of accesses by asset, principal, tenant, action, outcome and time.
pub async fn list_access(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<explorer::Query>,
) -> Result<Json<AccessPage>, Problem> {
    let ownership = ctx.ownership.get();
    let filter = query.filter(&ownership, ctx.clock.now())?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let rows = store::list_classes(&mut *tx, &filter, query.after()?, PAGE + 1).await?;
    let (rows, next) = page(rows, |row| Cursor { at: row.last_at, id: i64::from(row.id.0) });
    let items = rows.into_iter().map(|row| Access::of(row, &ownership, &viewer)).collect();
    Ok(Json(AccessPage { items, next }))
}

/// Cuts the row that only says there is more, and names where the next page starts.
pub fn page<R>(mut rows: Vec<R>, cursor: impl Fn(&R) -> Cursor) -> (Vec<R>, Option<String>) {
    if rows.len() <= PAGE as usize {
        return (rows, None);
    }
    rows.truncate(PAGE as usize);
    let next = rows.last().map(|last| cursor(last).encode());
    (rows, next)
}
