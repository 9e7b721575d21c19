//! Statements that walk the graph and those that keep column edges.

use lakewarden_core::TenantId;
use sqlx::PgExecutor;

/// The current facets that state column origins of the datasets.
#[derive(Debug)]
pub struct ColumnFacet {
    pub dataset_id: i32,
    pub tenant_id: Option<TenantId>,
    pub name: String,
    pub body: serde_json::Value,
}

pub async fn list_column_facets(db: impl PgExecutor<'_>, datasets: &[i32]) -> Result<Vec<ColumnFacet>, sqlx::Error> {
    sqlx::query_as!(
        ColumnFacet,
        r#"select f.entity_id as dataset_id, d.tenant_id as "tenant_id: TenantId", f.name, f.body
           from lineage_facets f join datasets d on d.id = f.entity_id
           where f.entity = 'dataset' and f.name in ('columnLineage', 'lineage') and f.entity_id = any($1)"#,
        datasets
    )
    .fetch_all(db)
    .await
}

pub async fn delete_column_edges(db: impl PgExecutor<'_>, datasets: &[i32]) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from column_edges where output_dataset_id = any($1)", datasets).execute(db).await.map(|_| ())
}

#[derive(Debug, Default)]
pub struct ColumnEdgeRows {
    pub outputs: Vec<i32>,
    pub output_columns: Vec<String>,
    pub inputs: Vec<i32>,
    pub input_columns: Vec<String>,
    pub kinds: Vec<String>,
    pub subtypes: Vec<String>,
    pub maskings: Vec<bool>,
    pub tenants: Vec<Option<i32>>,
    pub input_tenants: Vec<Option<i32>>,
}

pub async fn insert_column_edges(db: impl PgExecutor<'_>, rows: &ColumnEdgeRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into column_edges
             (output_dataset_id, output_column, input_dataset_id, input_column, kind, subtype, masking, tenant_id, input_tenant_id)
         select * from unnest($1::int[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::int[], $9::int[])",
        &rows.outputs,
        &rows.output_columns,
        &rows.inputs,
        &rows.input_columns,
        &rows.kinds,
        &rows.subtypes,
        &rows.maskings,
        &rows.tenants as &[Option<i32>],
        &rows.input_tenants as &[Option<i32>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// A step of the walk: an edge between a dataset (by its canonical id) and a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub dataset_id: i32,
    pub job_id: i32,
}

/// From datasets to the jobs that read (`input`) or write (`output`) them.
pub async fn list_steps_from_datasets(
    db: impl PgExecutor<'_>,
    canonical_ids: &[i32],
    direction: &str,
    limit: i64,
) -> Result<Vec<Step>, sqlx::Error> {
    sqlx::query_as!(
        Step,
        r#"select distinct d.canonical_id as "dataset_id!", e.job_id as "job_id!"
           from datasets d join job_datasets e on e.dataset_id = d.id
           where d.canonical_id = any($1) and e.direction = $2
           order by 1, 2 limit $3"#,
        canonical_ids,
        direction,
        limit
    )
    .fetch_all(db)
    .await
}

/// From jobs to what they read (`input`) or write (`output`). A dataset the caller may not see stays, under its own id.
pub async fn list_steps_from_jobs(
    db: impl PgExecutor<'_>,
    job_ids: &[i32],
    direction: &str,
    limit: i64,
) -> Result<Vec<Step>, sqlx::Error> {
    sqlx::query_as!(
        Step,
        r#"select distinct coalesce(d.canonical_id, e.dataset_id) as "dataset_id!", e.job_id as "job_id!"
           from job_datasets e left join datasets d on d.id = e.dataset_id
           where e.job_id = any($1) and e.direction = $2
           order by 1, 2 limit $3"#,
        job_ids,
        direction,
        limit
    )
    .fetch_all(db)
    .await
}

/// A dataset of a graph: the spelling that was observed, where several share the canonical id.
#[derive(Debug, Clone)]
pub struct DatasetNode {
    pub canonical_id: i32,
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub asset: String,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<String>,
}

pub async fn list_dataset_nodes(
    db: impl PgExecutor<'_>,
    canonical_ids: &[i32],
) -> Result<Vec<DatasetNode>, sqlx::Error> {
    sqlx::query_as!(
        DatasetNode,
        r#"select distinct on (canonical_id) canonical_id, id, namespace, name, asset, tenant_id as "tenant_id: TenantId", layer
           from datasets where canonical_id = any($1)
           order by canonical_id, observed desc, tenant_id is null, id"#,
        canonical_ids
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct JobNode {
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
}

pub async fn list_job_nodes(db: impl PgExecutor<'_>, ids: &[i32]) -> Result<Vec<JobNode>, sqlx::Error> {
    sqlx::query_as!(
        JobNode,
        r#"select id, namespace, name, tenant_id as "tenant_id: TenantId" from lineage_jobs where id = any($1)"#,
        ids
    )
    .fetch_all(db)
    .await
}

/// Datasets by asset key: exactly one of `assets`, or below `prefix` (which ends in `/`).
pub async fn list_canonical_by_asset(
    db: impl PgExecutor<'_>,
    assets: &[String],
    prefix: &str,
    limit: i64,
) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select distinct canonical_id from datasets
           where left(asset, 512) = any(select left(wanted, 512) from unnest($1::text[]) as wanted)
              or (left(asset, 512) >= left($2, 512) and left(asset, 512) < left($2, 512) || U&'\FFFF'
                  and starts_with(asset, $2))
           order by 1 limit $3"#,
        assets,
        prefix,
        limit
    )
    .fetch_all(db)
    .await
}

pub async fn find_dataset_id(db: impl PgExecutor<'_>, identity_hash: &[u8]) -> Result<Option<i32>, sqlx::Error> {
    sqlx::query_scalar!("select canonical_id from datasets where identity_hash = $1", identity_hash)
        .fetch_optional(db)
        .await
}

pub async fn find_job_id(db: impl PgExecutor<'_>, identity_hash: &[u8]) -> Result<Option<i32>, sqlx::Error> {
    sqlx::query_scalar!("select id from lineage_jobs where identity_hash = $1", identity_hash).fetch_optional(db).await
}

/// The people whom ownership facets of the datasets name.
pub async fn list_named_owners(db: impl PgExecutor<'_>, canonical_ids: &[i32]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select distinct owner ->> 'name' as "name!"
           from datasets d
           join lineage_facets f on f.entity = 'dataset' and f.entity_id = d.id and f.name = 'ownership'
           cross join lateral jsonb_array_elements(case jsonb_typeof(f.body -> 'owners') when 'array' then f.body -> 'owners' else '[]' end) as owner
           where d.canonical_id = any($1) and owner ->> 'name' is not null
           order by 1 limit 100"#,
        canonical_ids
    )
    .fetch_all(db)
    .await
}
