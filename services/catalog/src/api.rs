//! The catalog as JSON, and the door by which it is pushed.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, Layer};
use lakewarden_http::{BodyLimits, CurrentProducer, CurrentViewer, Problem, read_body};
use serde::{Deserialize, Serialize};

use crate::document::Asked;
use crate::ingest::{Stored, import};
use crate::masking::Eyes;
use crate::pages::{CatalogQuery, GrantsQuery};
use crate::store::pages as store;
use crate::{Ctx, TableId};

const A_PAGE: i64 = 200;
/// A catalog of ten thousand tables is about 40 MB of JSON.
const LIMITS: BodyLimits = BodyLimits { received: 16 << 20, inflated: 64 << 20 };

#[derive(Debug, Serialize)]
pub struct Tables {
    tables: Vec<TableAnswer>,
    /// Value of `after` for the next page.
    next: Option<TableId>,
}

#[derive(Debug, Serialize)]
struct TableAnswer {
    id: TableId,
    account: String,
    region: String,
    database: String,
    name: String,
    owner: String,
    layer: Option<Layer>,
    format: String,
    columns: i32,
    location: Option<String>,
    first_seen_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

pub async fn list_tables(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<CatalogQuery>,
) -> Result<Json<Tables>, Problem> {
    let ownership = ctx.ownership.get();
    let eyes = Eyes { scope: viewer.scope, ownership: &ownership };
    let filter = query.filter(&ownership, A_PAGE)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let rows = store::list_tables(&mut *tx, &filter).await?;
    tx.commit().await?;
    let next = rows.last().filter(|_| rows.len() as i64 == A_PAGE).map(|row| row.id);
    let tables = rows
        .into_iter()
        .map(|row| TableAnswer {
            id: row.id,
            account: row.account,
            region: row.region,
            database: row.database_name,
            name: row.name,
            owner: eyes.owner(row.tenant_id).word().to_owned(),
            layer: row.layer,
            format: row.format,
            columns: row.column_count,
            location: row.location.map(|location| eyes.location(&location)),
            first_seen_at: row.first_seen_at,
            changed_at: row.changed_at,
        })
        .collect();
    Ok(Json(Tables { tables, next }))
}

#[derive(Debug, Serialize)]
pub struct Grants {
    grants: Vec<GrantAnswer>,
    /// Value of `cursor` for the next page.
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct GrantAnswer {
    principal: String,
    principal_owner: String,
    resource: String,
    resource_kind: String,
    owner: String,
    permission: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    grantable: bool,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
}

pub async fn list_grants(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<GrantsQuery>,
) -> Result<Json<Grants>, Problem> {
    let ownership = ctx.ownership.get();
    let eyes = Eyes { scope: viewer.scope, ownership: &ownership };
    let filter = query.filter(&eyes, A_PAGE)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let rows = store::list_grants(&mut *tx, &filter).await?;
    tx.commit().await?;
    let last = rows.last().filter(|_| rows.len() as i64 == A_PAGE);
    let next = last.map(|row| Cursor { at: row.valid_from, id: row.id }.encode());
    let grants = rows
        .into_iter()
        .map(|row| GrantAnswer {
            principal: eyes.principal(&row.principal, row.principal_tenant_id),
            principal_owner: eyes.owner(row.principal_tenant_id).word().to_owned(),
            resource: row.resource,
            resource_kind: row.resource_kind,
            owner: eyes.owner(row.tenant_id).word().to_owned(),
            permission: row.permission,
            condition: row.condition,
            grantable: row.grantable,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        })
        .collect();
    Ok(Json(Grants { grants, next }))
}

/// `?account=&region=&taken_at=`: what the AWS CLI's answers do not say themselves.
#[derive(Debug, Default, Deserialize)]
pub struct PostQuery {
    account: Option<String>,
    region: Option<String>,
    taken_at: Option<DateTime<Utc>>,
}

/// Takes what `lakewarden import glue` takes: one answer, an array of them, or an envelope.
pub async fn post_catalog(
    State(ctx): State<Ctx>,
    CurrentProducer(producer): CurrentProducer,
    Query(query): Query<PostQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Stored>, Problem> {
    let body = read_body(&headers, body, LIMITS).await?;
    let asked = Asked {
        account: query.account,
        region: query.region,
        taken_at: query.taken_at.unwrap_or_else(|| ctx.clock.now()),
    };
    let file = format!("POST /api/v1/catalog by {}", producer.name);
    Ok(Json(import(&ctx, &[(file, body.to_vec())], &asked).await?))
}
