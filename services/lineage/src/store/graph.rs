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
