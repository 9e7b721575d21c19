//! Costs as JSON and CSV, and the way in over HTTP.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use lakewarden_http::{BodyLimits, CurrentProducer, CurrentViewer, Problem, read_body};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use serde::{Deserialize, Serialize};

use crate::amount::from_cents;
use crate::bill::payer_slug;
use crate::cost_explorer::PageFile;
use crate::csv::{Csv, Field};
use crate::ingest::ingest;
use crate::store::{self, MonthCell};
use crate::{Ctx, Ingested, month};

/// A month of a hundred tenants by day and service is below twenty megabytes.
const LIMITS: BodyLimits = BodyLimits { received: 32 << 20, inflated: 64 << 20 };
const DEFAULT_SOURCE: &str = "cost-explorer";

#[derive(Debug, Deserialize)]
pub struct IngestQuery {
    /// The payer account's name, where there are several.
    source: Option<String>,
}

pub async fn post_costs(
    State(ctx): State<Ctx>,
    CurrentProducer(_): CurrentProducer,
    Query(query): Query<IngestQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Ingested>, Problem> {
    let bytes = read_body(&headers, body, LIMITS).await?;
    let source = query.source.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SOURCE);
    Ok(Json(ingest(&ctx, source, &[PageFile { name: "body", bytes: &bytes }]).await?))
}

#[derive(Debug, Deserialize)]
pub struct MonthQuery {
    /// `2026-09`; the newest month without it.
    pub month: Option<String>,
}

impl MonthQuery {
    /// The month asked for, or the newest of `months`.
    pub fn choose(&self, months: &[NaiveDate]) -> Result<Option<NaiveDate>, Problem> {
        match self.month.as_deref().filter(|text| !text.is_empty()) {
            None => Ok(months.first().copied()),
            Some(text) => match month::parse(text) {
                Some(month) => Ok(Some(month)),
                None => Err(Problem::bad_request("`month` is a month like 2026-09")),
            },
        }
    }
}

#[derive(Debug, Serialize)]
pub struct CostAnswer {
    month: Option<String>,
    /// Every month with costs, newest first.
    months: Vec<String>,
    /// Days of the month that AWS may still change.
    estimated_days: Vec<NaiveDate>,
    cells: Vec<CellAnswer>,
}

#[derive(Debug, Serialize)]
struct CellAnswer {
    /// A tenant's slug, `platform`, or `unallocated`.
    payer: String,
    service: String,
    currency: String,
    /// In cents that add up with all others of the month.
    amount: String,
    /// To the last digit.
    exact: String,
}

pub async fn get_costs(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<MonthQuery>,
) -> Result<Json<CostAnswer>, Problem> {
    let (months, chosen, cells) = read_month(&ctx, &viewer, &query).await?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let days = match chosen {
        Some(month) => store::list_days(&mut *tx, month, month::next(month)).await?,
        None => Default::default(),
    };
    tx.commit().await?;
    let ownership = ctx.ownership.get();
    Ok(Json(CostAnswer {
        month: chosen.map(month::slug),
        months: months.into_iter().map(month::slug).collect(),
        estimated_days: days.into_iter().filter(|(_, estimated)| *estimated).map(|(day, _)| day).collect(),
        cells: cells.iter().map(|cell| CellAnswer::of(cell, &ownership)).collect(),
    }))
}

impl CellAnswer {
    fn of(cell: &MonthCell, ownership: &Ownership) -> Self {
        Self {
            payer: payer_slug(ownership, cell.payer),
            service: cell.service.clone(),
            currency: cell.currency.to_string(),
            amount: from_cents(cell.cents).to_string(),
            exact: cell.amount.normalize().to_string(),
        }
    }
}

pub async fn get_csv(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<MonthQuery>,
) -> Result<Response, Problem> {
    let (_, chosen, cells) = read_month(&ctx, &viewer, &query).await?;
    let name = chosen.map_or_else(|| "none".to_owned(), month::slug);
    let ownership = ctx.ownership.get();
    let mut csv = Csv::default();
    csv.row(["month", "payer", "service", "currency", "amount", "exact_amount"].map(Field::Text));
    for cell in &cells {
        csv.row([
            Field::Text(&name),
            Field::Text(&payer_slug(&ownership, cell.payer)),
            Field::Text(&cell.service),
            Field::Text(cell.currency.as_str()),
            Field::Number(from_cents(cell.cents).to_string()),
            Field::Number(cell.amount.normalize().to_string()),
        ]);
    }
    let disposition = format!("attachment; filename=\"cost-{name}.csv\"");
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, csv.into_string()).into_response())
}

async fn read_month(
    ctx: &Ctx,
    viewer: &Viewer,
    query: &MonthQuery,
) -> Result<(Vec<NaiveDate>, Option<NaiveDate>, Vec<MonthCell>), Problem> {
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let months = store::list_months(&mut *tx).await?;
    let chosen = query.choose(&months)?;
    let cells = match chosen {
        Some(month) => store::list_cells(&mut *tx, month).await?,
        None => Vec::new(),
    };
    tx.commit().await?;
    Ok((months, chosen, cells))
}
