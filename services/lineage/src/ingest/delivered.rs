//! What a batch brought from each source, for coverage and the sources page.

use chrono::{DateTime, Utc};
use lakewarden_core::SourceId;
use lakewarden_sources::{Delivery, Rejected, SourceKind, find_or_create, quarantine, record_delivery};
use rustc_hash::FxHashMap;
use sqlx::PgConnection;

use super::intake::{Incoming, Outcome};
use crate::Ctx;

pub async fn find_source(
    connection: &mut PgConnection,
    producer: &str,
    now: DateTime<Utc>,
) -> Result<SourceId, sqlx::Error> {
    find_or_create(connection, SourceKind::OpenLineage, producer, now).await
}

/// Counts a batch, in its transaction; last, because its rows are shared by every batch of a producer.
pub async fn record_deliveries(
    connection: &mut PgConnection,
    incoming: &[Incoming],
    outcomes: &[Outcome],
    sources: &FxHashMap<String, SourceId>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut by_source: FxHashMap<SourceId, Delivery> = FxHashMap::default();
    for (event, outcome) in incoming.iter().zip(outcomes) {
        let Some(source) = sources.get(event.producer.as_ref()) else { continue };
        let delivery = by_source.entry(*source).or_default();
        delivery.bytes += event.facts.raw_bytes as i64;
        match outcome {
            Outcome::Stored => {
                delivery.accepted += 1;
                delivery.hours.push((event.facts.event_time, 1));
            }
            Outcome::Duplicate => delivery.duplicates += 1,
        }
    }
    let mut deliveries: Vec<_> = by_source.into_iter().collect();
    deliveries.sort_unstable_by_key(|(source, _)| *source);
    for (source, delivery) in deliveries {
        record_delivery(connection, source, &delivery, now).await?;
    }
    Ok(())
}

/// Keeps refused events for people to look at.
pub async fn keep_refused(ctx: &Ctx, producer: &str, refused: &[Rejected]) -> Result<(), sqlx::Error> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    let source = find_source(&mut tx, producer, now).await?;
    let new = quarantine(&mut tx, source, refused, now).await?;
    let delivery = Delivery { quarantined: i64::try_from(new).unwrap_or(i64::MAX), ..Delivery::default() };
    record_delivery(&mut tx, source, &delivery, now).await?;
    tx.commit().await
}
