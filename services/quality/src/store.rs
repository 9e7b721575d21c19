//! Statements that read what lineage wrote. A dataset's spellings count as one, the canonical.

pub mod state;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Layer, Sha256, TenantId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::facts::{AssertionState, Dataset, DatasetId, Facts, RowCount, Said};

/// Reads everything that is judged, in the caller's scope.
pub async fn read_facts(connection: &mut PgConnection, writes: i64) -> Result<Facts, sqlx::Error> {
    Ok(Facts {
        datasets: list_datasets(&mut *connection).await?,
        assertions: list_assertion_states(&mut *connection, None).await?,
        last_writes: list_last_writes(&mut *connection, None).await?,
        row_counts: list_row_counts(&mut *connection, None, writes).await?,
    })
}

/// Canonical datasets of which something was observed.
pub async fn list_datasets(executor: impl PgExecutor<'_>) -> Result<BTreeMap<DatasetId, Dataset>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select c.id as "id: DatasetId", c.namespace, c.name, c.asset, c.tenant_id as "tenant: TenantId", c.layer
           from datasets c
           where c.id in (select d.canonical_id from datasets d
                          where exists (select from dataset_observations o where o.dataset_id = d.id))"#,
    )
    .fetch_all(executor)
    .await?;
    let dataset = |row: (DatasetId, String, String, String, Option<TenantId>, Option<String>)| Dataset {
        id: row.0,
        namespace: row.1,
        name: row.2,
        asset: row.3,
        tenant: row.4,
        layer: read_layer(row.5.as_deref()),
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.id, dataset((row.id, row.namespace, row.name, row.asset, row.tenant, row.layer))))
        .collect())
}

pub async fn find_dataset(executor: impl PgExecutor<'_>, id: DatasetId) -> Result<Option<Dataset>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select c.id as "id: DatasetId", c.namespace, c.name, c.asset, c.tenant_id as "tenant: TenantId", c.layer
           from datasets d join datasets c on c.id = d.canonical_id where d.id = $1"#,
        id.0,
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| Dataset {
        id: row.id,
        namespace: row.namespace,
        name: row.name,
        asset: row.asset,
        tenant: row.tenant,
        layer: read_layer(row.layer.as_deref()),
    }))
}

fn read_layer(word: Option<&str>) -> Option<Layer> {
    word.and_then(|word| word.parse().ok())
}

/// The newest outcome of each check, of one dataset or all.
pub async fn list_assertion_states(
    executor: impl PgExecutor<'_>,
    dataset: Option<DatasetId>,
) -> Result<Vec<AssertionState>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select distinct on (d.canonical_id, o.assertion, o.column_name)
                  d.canonical_id as "dataset: DatasetId", o.assertion as "assertion!", o.column_name, o.success as "success!",
                  o.observed_at, o.event_id, o.run_id
           from dataset_observations o join datasets d on d.id = o.dataset_id
           where o.kind = 'assertion' and o.assertion is not null and o.success is not null
             and ($1::integer is null or d.canonical_id = $1)
           order by d.canonical_id, o.assertion, o.column_name, o.observed_at desc, o.success, o.id desc"#,
        dataset.map(|id| id.0),
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AssertionState {
            dataset: row.dataset,
            assertion: row.assertion,
            column: row.column_name,
            success: row.success,
            said: Said { at: row.observed_at, event: row.event_id, run: row.run_id },
        })
        .collect())
}

pub async fn list_last_writes(
    executor: impl PgExecutor<'_>,
    dataset: Option<DatasetId>,
) -> Result<BTreeMap<DatasetId, Said>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select distinct on (d.canonical_id) d.canonical_id as "dataset: DatasetId", o.observed_at, o.event_id, o.run_id
           from dataset_observations o join datasets d on d.id = o.dataset_id
           where o.kind = 'write' and ($1::integer is null or d.canonical_id = $1)
           order by d.canonical_id, o.observed_at desc, o.id desc"#,
        dataset.map(|id| id.0),
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.dataset, Said { at: row.observed_at, event: row.event_id, run: row.run_id }))
        .collect())
}

/// The rows of the newest writes, newest first: what a run's last event said of a dataset it wrote.
pub async fn list_row_counts(
    executor: impl PgExecutor<'_>,
    dataset: Option<DatasetId>,
    writes: i64,
) -> Result<BTreeMap<DatasetId, Vec<RowCount>>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with by_run as (
               select distinct on (d.canonical_id, coalesce(o.run_id, o.event_id))
                      d.canonical_id, o.value, o.observed_at, o.event_id, o.run_id
               from dataset_observations o join datasets d on d.id = o.dataset_id
               where o.kind = 'row_count' and o.is_output and o.value is not null
                 and ($1::integer is null or d.canonical_id = $1)
               order by d.canonical_id, coalesce(o.run_id, o.event_id), o.observed_at desc, o.id desc
           ), ranked as (
               select *, row_number() over (partition by canonical_id order by observed_at desc, event_id) as place from by_run
           )
           select canonical_id as "dataset!: DatasetId", value::bigint as "rows!", observed_at as "observed_at!",
                  event_id as "event_id!", run_id
           from ranked where place <= $2 order by canonical_id, place"#,
        dataset.map(|id| id.0),
        writes,
    )
    .fetch_all(executor)
    .await?;
    let mut counts: BTreeMap<DatasetId, Vec<RowCount>> = BTreeMap::new();
    for row in rows {
        let said = Said { at: row.observed_at, event: row.event_id, run: row.run_id };
        counts.entry(row.dataset).or_default().push(RowCount { rows: row.rows, said });
    }
    Ok(counts)
}

/// Outcomes of one day of one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOutcomes {
    pub dataset: DatasetId,
    pub day: NaiveDate,
    pub passed: i64,
    pub failed: i64,
}

/// Outcomes of checks by day, since `from`.
pub async fn list_outcomes(
    executor: impl PgExecutor<'_>,
    dataset: Option<DatasetId>,
    from: DateTime<Utc>,
) -> Result<Vec<DayOutcomes>, sqlx::Error> {
    sqlx::query_as!(
        DayOutcomes,
        r#"select d.canonical_id as "dataset: DatasetId", (o.observed_at at time zone 'UTC')::date as "day!",
                  count(*) filter (where o.success) as "passed!", count(*) filter (where not o.success) as "failed!"
           from dataset_observations o join datasets d on d.id = o.dataset_id
           where o.kind = 'assertion' and o.success is not null and o.observed_at >= $2
             and ($1::integer is null or d.canonical_id = $1)
           group by 1, 2 order by 2, 1"#,
        dataset.map(|id| id.0),
        from,
    )
    .fetch_all(executor)
    .await
}

/// An event, for evidence: the hash of what is stored of it, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventProof {
    pub event: Uuid,
    pub source: String,
    pub hash: Sha256,
}

pub async fn list_event_proofs(
    executor: impl PgExecutor<'_>,
    events: &[Uuid],
    times: &[DateTime<Utc>],
) -> Result<BTreeMap<Uuid, EventProof>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select e.id, coalesce(s.name, 'openlineage') as "source!", sha256(e.raw) as "hash!"
           from unnest($1::uuid[], $2::timestamptz[]) w (id, event_time)
           join lineage_events e on e.id = w.id and e.event_time = w.event_time
           left join sources s on s.id = e.source_id"#,
        events,
        times,
    )
    .fetch_all(executor)
    .await?;
    let proof = |(event, source, hash): (Uuid, String, Vec<u8>)| EventProof {
        event,
        source,
        hash: Sha256::from_slice(&hash).unwrap_or(Sha256([0; 32])),
    };
    Ok(rows.into_iter().map(|row| (row.id, proof((row.id, row.source, row.hash)))).collect())
}
