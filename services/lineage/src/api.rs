//! OpenLineage over HTTP, as its clients expect it.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lakewarden_http::{BodyLimits, CurrentProducer, Problem, read_body};
use serde::Serialize;

use crate::error::LineageError;
use crate::event::split_documents;
use crate::{Ctx, ingest};

const LIMITS: BodyLimits = BodyLimits { received: 16 << 20, inflated: 64 << 20 };
/// Bodies up to this size are taken without asking.
const SMALL_BODY: u64 = 1 << 20;
/// Large bodies (or of unknown length) read and parsed at the same time: their parsed form is several times their size.
pub(crate) const LARGE_BODIES: usize = 4;

/// `POST /api/v1/lineage`: one event. 201 without a body once it is committed; never 204, which the Java client takes for an
/// error of its own.
pub async fn post_event(
    State(ctx): State<Ctx>,
    CurrentProducer(producer): CurrentProducer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let event = {
        let _turn = take_turn(&ctx, &headers).await?;
        let body = read_body(&headers, body, LIMITS).await?;
        vec![body.to_vec()]
    };
    let outcome = ingest(&ctx, &producer.name, &event).await.pop().unwrap_or(Err(LineageError::Overloaded));
    outcome?;
    Ok((StatusCode::CREATED, [(header::CONTENT_LENGTH, HeaderValue::from_static("0"))]).into_response())
}

/// The specification's answer to a batch.
#[derive(Debug, Serialize)]
pub struct BatchAnswer {
    status: &'static str,
    summary: BatchSummary,
    failed_events: Vec<FailedEvent>,
}

#[derive(Debug, Serialize)]
struct BatchSummary {
    received: usize,
    successful: usize,
    failed: usize,
    retriable: usize,
    non_retriable: usize,
}

#[derive(Debug, Serialize)]
struct FailedEvent {
    index: usize,
    reason: String,
    retriable: bool,
}

/// `POST /api/v1/lineage/batch`: an array of events, or one a line.
pub async fn post_batch(
    State(ctx): State<Ctx>,
    CurrentProducer(producer): CurrentProducer,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchAnswer>, Problem> {
    let events = {
        let _turn = take_turn(&ctx, &headers).await?;
        let body = read_body(&headers, body, LIMITS).await?;
        split_documents(&body).map_err(LineageError::from)?
    };
    let outcomes = ingest(&ctx, &producer.name, &events).await;
    let received = outcomes.len();
    if received > 0 && outcomes.iter().all(|outcome| matches!(outcome, Err(error) if error.is_retriable())) {
        return Err(LineageError::Overloaded.into());
    }
    let failed_events: Vec<FailedEvent> = outcomes
        .into_iter()
        .enumerate()
        .filter_map(|(index, outcome)| {
            let error = outcome.err()?;
            let retriable = error.is_retriable();
            Some(FailedEvent { index, reason: reason_of(&error), retriable })
        })
        .collect();
    let failed = failed_events.len();
    let retriable = failed_events.iter().filter(|event| event.retriable).count();
    Ok(Json(BatchAnswer {
        status: if failed == 0 { "success" } else { "partial_success" },
        summary: BatchSummary {
            received,
            successful: received - failed,
            failed,
            retriable,
            non_retriable: failed - retriable,
        },
        failed_events,
    }))
}

/// What the producer may know of why.
fn reason_of(error: &LineageError) -> String {
    match error {
        LineageError::Invalid(invalid) => invalid.to_string(),
        LineageError::NotStored { transient: false, .. } => {
            "internal error; the service's log has the cause".to_owned()
        }
        _ => "busy; send it again".to_owned(),
    }
}

/// Bodies that may be large are read a few at a time.
async fn take_turn<'a>(ctx: &'a Ctx, headers: &HeaderMap) -> Result<Option<tokio::sync::SemaphorePermit<'a>>, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let inflates = headers.contains_key(header::CONTENT_ENCODING);
    // Deflate packs a thousand to one at best, events about four to one.
    let small = if inflates { SMALL_BODY / 16 } else { SMALL_BODY };
    if length.is_some_and(|length| length <= small) {
        return Ok(None);
    }
    match ctx.large_bodies.acquire().await {
        Ok(turn) => Ok(Some(turn)),
        Err(_) => Err(LineageError::Overloaded.into()),
    }
}
