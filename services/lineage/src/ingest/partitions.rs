//! Months of events in tables of their own: made ahead, and on the way where an import brings old months.

use std::collections::BTreeSet;
use std::sync::Mutex;

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};

use crate::Ctx;
use crate::store::events::create_partition;

const TABLES: [&str; 2] = ["lineage_events", "dataset_observations"];
/// Events further from now than this have somebody's broken clock: they share the default partition.
const YEARS_AROUND_NOW: i32 = 5;

/// Months this process has seen to.
#[derive(Debug, Default)]
pub struct PreparedMonths(Mutex<BTreeSet<NaiveDate>>);

/// Makes the partitions of this month and the next two.
pub async fn ensure_partitions(ctx: &Ctx) {
    let month = first_of(ctx.clock.now());
    for ahead in 0..3 {
        if let Some(month) = month.checked_add_months(Months::new(ahead)) {
            prepare_month(ctx, month).await;
        }
    }
}

/// Makes the partitions that events of these times need, once.
pub(super) async fn prepare(ctx: &Ctx, times: impl Iterator<Item = DateTime<Utc>>) {
    let this_year = ctx.clock.now().year();
    let months: BTreeSet<NaiveDate> =
        times.map(first_of).filter(|month| (month.year() - this_year).abs() <= YEARS_AROUND_NOW).collect();
    let new: Vec<NaiveDate> = {
        let prepared = ctx.months.0.lock().expect("no holder of the prepared months panics");
        months.into_iter().filter(|month| !prepared.contains(month)).collect()
    };
    for month in new {
        prepare_month(ctx, month).await;
    }
}

async fn prepare_month(ctx: &Ctx, month: NaiveDate) {
    let Some(next) = month.checked_add_months(Months::new(1)) else { return };
    let name = format!("{:04}_{:02}", month.year(), month.month());
    for table in TABLES {
        let made = async {
            let mut tx = ctx.db.begin().await?;
            create_partition(&mut tx, table, &name, &format!("{month} 00:00:00+00"), &format!("{next} 00:00:00+00"))
                .await?;
            tx.commit().await
        };
        if let Err(error) = made.await {
            // Its rows lie in the default partition: slower to drop, nothing else.
            tracing::debug!(%error, table, month = name, "a month has no partition of its own");
        }
    }
    ctx.months.0.lock().expect("no holder of the prepared months panics").insert(month);
}

fn first_of(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive().with_day(1).unwrap_or(at.date_naive())
}
