//! What a source brought: counted, covered by hour, and quarantined where it could not be read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lakewarden_core::{Sha256, SourceId};
use sqlx::{PgConnection, PgPool};

use crate::coverage::hour_of;
use crate::store;
use crate::{CollectorRunId, SourceKind};

/// Longer texts are cut: an excerpt is to recognise a record, not to keep it.
const LONGEST_EXCERPT: usize = 500;
const LONGEST_REASON: usize = 1_000;
const LONGEST_NAME: usize = 300;

/// One batch, event or file, as it will be committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    pub accepted: i64,
    /// Already known: sent twice, or overlapping files.
    pub duplicates: i64,
    pub quarantined: i64,
    pub bytes: i64,
    /// What the records speak of: an instant, and how many records. Instants of one hour are added up.
    pub hours: Vec<(DateTime<Utc>, i64)>,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// `file.json.gz#17`, `/inputs/0/name`.
    pub place: String,
    pub reason: String,
    /// The beginning of the record, credentials removed.
    pub excerpt: String,
    /// Of the record as received.
    pub hash: Sha256,
}

/// The source of this kind and name; made where there is none.
pub async fn find_or_create(
    conn: &mut PgConnection,
    kind: SourceKind,
    name: &str,
    now: DateTime<Utc>,
) -> Result<SourceId, sqlx::Error> {
    let name = storable(name, LONGEST_NAME);
    if let Some(id) = store::find_source_id(&mut *conn, kind, &name).await? {
        return Ok(id);
    }
    store::upsert_source(conn, kind, &name, now).await
}

/// Adds to the source's counters and coverage, in the transaction that stores the records: counted if and only if stored.
pub async fn record_delivery(
    conn: &mut PgConnection,
    source: SourceId,
    delivery: &Delivery,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    // Sorted and added up: a statement may touch a row once only, and two transactions must lock rows in one order.
    let mut hours: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
    for (at, records) in &delivery.hours {
        *hours.entry(hour_of(*at)).or_default() += records;
    }
    store::update_source(
        &mut *conn,
        source,
        delivery,
        hours.keys().next().copied(),
        hours.keys().next_back().copied(),
        now,
    )
    .await?;
    if hours.is_empty() {
        return Ok(());
    }
    let (hours, records): (Vec<_>, Vec<_>) = hours.into_iter().unzip();
    store::upsert_source_hours(conn, source, &hours, &records).await
}

/// Keeps records that could not be read, each once; returns how many were new.
pub async fn quarantine(
    conn: &mut PgConnection,
    source: SourceId,
    rejected: &[Rejected],
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    // The same record twice in one batch is one row.
    let distinct: BTreeMap<(Sha256, String), &Rejected> =
        rejected.iter().map(|record| ((record.hash, storable(&record.place, LONGEST_REASON)), record)).collect();
    if distinct.is_empty() {
        return Ok(0);
    }
    let mut columns = store::QuarantineColumns::default();
    for ((hash, place), record) in distinct {
        columns.hashes.push(hash.as_bytes().to_vec());
        columns.places.push(place);
        columns.reasons.push(storable(&record.reason, LONGEST_REASON));
        columns.excerpts.push(storable(&record.excerpt, LONGEST_EXCERPT));
    }
    store::upsert_quarantine(conn, source, &columns, now).await
}

/// How far the collector has read, if it has.
pub async fn find_watermark(
    conn: &mut PgConnection,
    source: SourceId,
    scope: &str,
) -> Result<Option<String>, sqlx::Error> {
    store::find_watermark(conn, source, scope).await
}

/// Moves the watermark in the transaction that stores what was read.
pub async fn set_watermark(
    conn: &mut PgConnection,
    source: SourceId,
    scope: &str,
    value: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    store::upsert_watermark(conn, source, scope, value, now).await
}

/// A collector begins a round.
pub async fn start_run(pool: &PgPool, source: SourceId, now: DateTime<Utc>) -> Result<CollectorRunId, sqlx::Error> {
    store::insert_run(pool, source, now).await
}

/// The round is over: what it brought, or what went wrong.
pub async fn finish_run(
    pool: &PgPool,
    run: CollectorRunId,
    outcome: Result<&str, &str>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (succeeded, message) = match outcome {
        Ok(message) => (true, message),
        Err(message) => (false, message),
    };
    store::update_run(pool, run, succeeded, &storable(message, LONGEST_REASON), now).await
}

/// What Postgres can store as text (it has no NUL), and no more of it than is useful.
fn storable(text: &str, longest: usize) -> String {
    let mut short: String =
        text.chars().take(longest).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect();
    if short.len() < text.len() && text.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_made_storable() {
        assert_eq!(storable("a\0b", 10), "a\u{fffd}b");
        assert_eq!(storable("ééé", 2), "éé…");
        assert_eq!(storable("éé", 2), "éé");
    }
}
