//! The one way by which costs enter: whole windows, compared with what is stored, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{SourceId, TenantId};
use lakewarden_db::enqueue;
use lakewarden_tenancy::Ownership;
use serde::Serialize;
use sqlx::PgConnection;

use crate::allocation::payer;
use crate::cost_explorer::{CellKey, CostSet, Grouping, PageFile, read_pages};
use crate::jobs::JudgeCosts;
use crate::restatement::{Changes, StoredWindow, compare};
use crate::rounding::round_table;
use crate::{CostError, Ctx, coverage, month, store};

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ingested {
    pub days: usize,
    /// Lines opened: new, or in place of one that changed.
    pub written: usize,
    /// Lines that no longer stand.
    pub closed: usize,
    /// Amounts that AWS had given differently before.
    pub restated: usize,
    pub unchanged: usize,
    /// Cells that could not be read; their days stay as they were.
    pub quarantined: usize,
}

impl Ingested {
    fn add(&mut self, set: &CostSet, changes: &Changes) {
        self.days += set.days.len();
        self.written += changes.open.len();
        self.closed += changes.close.len();
        self.restated += changes.restated.len();
        self.unchanged += changes.unchanged;
    }
}

/// Takes files of Cost Explorer's answers, as `lakewarden import cost`, the API and the collector give them.
///
/// All of it in one transaction, or, where the answers are incomplete, none of it but the quarantine.
pub async fn ingest(ctx: &Ctx, source_name: &str, files: &[PageFile<'_>]) -> Result<Ingested, CostError> {
    let reading = read_pages(files);
    let now = ctx.clock.now();
    let bytes = files.iter().map(|file| file.bytes.len() as i64).sum();
    let mut tx = ctx.db.begin().await?;
    let source = coverage::find_source(&mut tx, source_name, now).await?;
    coverage::quarantine(&mut tx, source, &reading.bad, now).await?;
    let mut ingested = Ingested { quarantined: reading.bad.len(), ..Ingested::default() };
    let mut covered = BTreeMap::new();
    if let Some(reason) = reading.refused {
        coverage::record(&mut tx, source, &ingested, &covered, bytes, now).await?;
        tx.commit().await?;
        return Err(CostError::Refused { reason, bad: reading.bad });
    }
    store::lock_source(&mut *tx, source).await?;
    let ownership = ctx.ownership.get();
    for set in &reading.sets {
        let changes = apply_set(&mut tx, &ownership, (source, source_name), set, now).await?;
        ingested.add(set, &changes);
        changes.cover(&mut covered);
    }
    let months: BTreeSet<NaiveDate> = covered.keys().copied().map(month::first_of).collect();
    if !months.is_empty() {
        rebuild_months(&mut tx, months).await?;
        enqueue(&mut tx, &JudgeCosts, now).await?;
    }
    coverage::record(&mut tx, source, &ingested, &covered, bytes, now).await?;
    tx.commit().await?;
    tracing::info!(
        cost.source = source_name,
        cost.days = ingested.days,
        cost.written = ingested.written,
        cost.restated = ingested.restated,
        "costs of {} days taken from {source_name}: {} lines written, {} restated, {} as before",
        ingested.days,
        ingested.written,
        ingested.restated,
        ingested.unchanged,
    );
    Ok(ingested)
}

/// Gives every line to whom `tenants.toml` now says it belongs, and rebuilds the months that changed.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, CostError> {
    let now = ctx.clock.now();
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin().await?;
    let keys = store::list_keys_in_use(&mut *tx).await?;
    let payers: Vec<Option<TenantId>> =
        keys.iter().map(|key| payer(&ownership, &key.grouping, &key.allocation_key).owner.tenant_id()).collect();
    let (lines, months) = store::reassign_lines(&mut tx, &keys, &payers).await?;
    let restatements = store::reassign_restatements(&mut *tx, &keys, &payers).await?;
    if !months.is_empty() {
        rebuild_months(&mut tx, months).await?;
        enqueue(&mut tx, &JudgeCosts, now).await?;
    }
    tx.commit().await?;
    Ok(lines + restatements)
}

/// Brings the stored window of one source in line with a set; the same set again writes nothing. Rebuilds no months.
async fn apply_set(
    connection: &mut PgConnection,
    ownership: &Ownership,
    source: (SourceId, &str),
    set: &CostSet,
    now: DateTime<Utc>,
) -> Result<Changes, sqlx::Error> {
    let (source, name) = source;
    let days: Vec<NaiveDate> = set.days.keys().copied().collect();
    let stored = StoredWindow {
        cells: store::list_open_cells(&mut *connection, source, &days).await?,
        days: store::list_collected_days(&mut *connection, source, &days).await?,
    };
    let changes = compare(&stored, set);
    if changes.is_empty() {
        return Ok(changes);
    }
    store::upsert_source(&mut *connection, source, name, &set.grouping, now).await?;
    let fetch_id = store::insert_fetch(&mut *connection, source, set, now).await?;
    let origin = store::Origin { source, fetch_id, at: now };
    store::close_lines(&mut *connection, &changes.close, now).await?;
    let payers = payers_of(ownership, &set.grouping, changes.open.iter().map(|line| &line.key));
    store::insert_lines(&mut *connection, origin, &changes.open, &payers).await?;
    let payers = payers_of(ownership, &set.grouping, changes.restated.iter().map(|cell| &cell.key));
    store::insert_restatements(&mut *connection, origin, &changes.restated, &payers).await?;
    store::upsert_days(&mut *connection, source, &changes.days).await?;
    Ok(changes)
}

fn payers_of<'a>(
    ownership: &Ownership,
    grouping: &Grouping,
    keys: impl Iterator<Item = &'a CellKey>,
) -> Vec<Option<TenantId>> {
    keys.map(|key| payer(ownership, grouping, &key.allocation_key).owner.tenant_id()).collect()
}

/// Makes the cents of months anew from the lines in force.
async fn rebuild_months(
    connection: &mut PgConnection,
    months: impl IntoIterator<Item = NaiveDate>,
) -> Result<(), sqlx::Error> {
    store::lock_months(&mut *connection).await?;
    for month in months {
        store::delete_cells(&mut *connection, month).await?;
        for (currency, mut cells) in store::sum_month(&mut *connection, month).await? {
            round_table(&mut cells);
            store::insert_cells(&mut *connection, month, currency, &cells).await?;
        }
    }
    Ok(())
}
