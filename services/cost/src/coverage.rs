//! What the sources page learns of an import: the source, the days it covers, what could not be read.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use lakewarden_core::SourceId;
use lakewarden_sources::{Delivery, Rejected, SourceKind, find_or_create};
use sqlx::PgConnection;

use crate::Ingested;
use crate::cost_explorer::BadPage;

pub async fn find_source(
    connection: &mut PgConnection,
    name: &str,
    now: DateTime<Utc>,
) -> Result<SourceId, sqlx::Error> {
    find_or_create(connection, SourceKind::CostExplorer, name, now).await
}

pub async fn quarantine(
    connection: &mut PgConnection,
    source: SourceId,
    bad: &[BadPage],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let rejected: Vec<Rejected> = bad
        .iter()
        .map(|bad| Rejected {
            place: bad.place.clone(),
            reason: bad.reason.clone(),
            excerpt: bad.excerpt.clone(),
            hash: bad.hash,
        })
        .collect();
    lakewarden_sources::quarantine(connection, source, &rejected, now).await.map(|_| ())
}

/// Counts what came, and covers each day that was answered for the first time or changed.
pub async fn record(
    connection: &mut PgConnection,
    source: SourceId,
    ingested: &Ingested,
    covered: &BTreeMap<NaiveDate, i64>,
    bytes: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let delivery = Delivery {
        accepted: ingested.written as i64,
        duplicates: ingested.unchanged as i64,
        quarantined: ingested.quarantined as i64,
        bytes,
        hours: covered.iter().map(|(day, lines)| (day.and_time(NaiveTime::MIN).and_utc(), *lines)).collect(),
    };
    lakewarden_sources::record_delivery(connection, source, &delivery, now).await
}
