//! Statements about flows between owners and what must be judged again.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use sqlx::PgExecutor;

pub async fn mark_to_judge(db: impl PgExecutor<'_>, datasets: &[i32]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into flows_to_judge as f (dataset_id) select unnest($1::int[])
         on conflict (dataset_id) do update set marks = f.marks + 1",
        datasets
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// Marks every dataset that has an edge: after the owners changed, everything may have.
pub async fn mark_all_to_judge(db: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into flows_to_judge as f (dataset_id) select distinct dataset_id from job_datasets
         on conflict (dataset_id) do update set marks = f.marks + 1"
    )
    .execute(db)
    .await
    .map(|_| ())
}

#[derive(Debug)]
pub struct Marked {
    pub dataset_id: i32,
    pub canonical_id: i32,
    pub marks: i64,
}

pub async fn list_marked(db: impl PgExecutor<'_>, limit: i64) -> Result<Vec<Marked>, sqlx::Error> {
    sqlx::query_as!(
        Marked,
        "select f.dataset_id, d.canonical_id, f.marks from flows_to_judge f join datasets d on d.id = f.dataset_id
         order by f.dataset_id limit $1",
        limit
    )
    .fetch_all(db)
    .await
}

/// Takes the marks away, but for those that were renewed in the meantime.
pub async fn delete_marks(db: impl PgExecutor<'_>, datasets: &[i32], marks: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from flows_to_judge f using unnest($1::int[], $2::bigint[]) as t (id, marks)
         where f.dataset_id = t.id and f.marks = t.marks",
        datasets,
        marks
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// Jobs that their producer tagged as aggregating: what leaves them speaks of many, not of one.
pub async fn list_aggregating_jobs(db: impl PgExecutor<'_>, jobs: &[i32]) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select f.entity_id from lineage_facets f
           where f.entity = 'job' and f.name = 'tags' and f.entity_id = any($1)
             and jsonb_path_exists(f.body, '$.tags[*] ? (@.key == "aggregated" && !(@.value == "false" || @.value == false))')"#,
        jobs
    )
    .fetch_all(db)
    .await
}

/// What column lineage proves about a pair of datasets.
#[derive(Debug)]
pub struct ColumnProof {
    pub input_id: i32,
    pub output_id: i32,
    pub aggregated: bool,
    pub masked: bool,
}

pub async fn list_column_proofs(db: impl PgExecutor<'_>, outputs: &[i32]) -> Result<Vec<ColumnProof>, sqlx::Error> {
    sqlx::query_as!(
        ColumnProof,
        r#"select i.canonical_id as "input_id!", o.canonical_id as "output_id!",
                  coalesce(bool_and(c.subtype like '%AGGREGATION%' or c.kind = 'INDIRECT'), false) as "aggregated!",
                  coalesce(bool_and(c.masking), false) as "masked!"
           from column_edges c join datasets i on i.id = c.input_dataset_id join datasets o on o.id = c.output_dataset_id
           where o.canonical_id = any($1)
           group by 1, 2"#,
        outputs
    )
    .fetch_all(db)
    .await
}

#[derive(Debug)]
pub struct FlowRow<'a> {
    pub from: i32,
    pub to: i32,
    pub aggregated: bool,
    pub masked: bool,
    pub hops: i32,
    pub breached: &'a [String],
    pub tenant: Option<TenantId>,
    pub from_tenant: Option<TenantId>,
}

/// Remembers a flow; returns the policies it breached when last judged, `None` where it is new.
pub async fn find_flow(db: impl PgExecutor<'_>, flow: &FlowRow<'_>) -> Result<Option<Vec<String>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select breached from flows where from_dataset_id = $1 and to_dataset_id = $2 and aggregated = $3 and masked = $4",
        flow.from,
        flow.to,
        flow.aggregated,
        flow.masked
    )
    .fetch_optional(db)
    .await
}

pub async fn upsert_flow(db: impl PgExecutor<'_>, flow: &FlowRow<'_>, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into flows (from_dataset_id, to_dataset_id, aggregated, masked, hops, first_judged_at, last_judged_at, breached,
                            tenant_id, from_tenant_id)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9)
         on conflict (from_dataset_id, to_dataset_id, aggregated, masked) do update
         set hops = excluded.hops, last_judged_at = excluded.last_judged_at, breached = excluded.breached,
             tenant_id = excluded.tenant_id, from_tenant_id = excluded.from_tenant_id",
        flow.from,
        flow.to,
        flow.aggregated,
        flow.masked,
        flow.hops,
        now,
        flow.breached,
        flow.tenant as Option<TenantId>,
        flow.from_tenant as Option<TenantId>
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// Pairs of datasets with a flow that breaches a policy.
pub async fn list_breaching_flows(db: impl PgExecutor<'_>, datasets: &[i32]) -> Result<Vec<(i32, i32)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select distinct from_dataset_id, to_dataset_id from flows
         where cardinality(breached) > 0 and from_dataset_id = any($1) and to_dataset_id = any($1)",
        datasets
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.from_dataset_id, row.to_dataset_id)).collect())
}
