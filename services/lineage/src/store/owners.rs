//! Statements that give rows to other owners after `tenants.toml` changed.

use sqlx::{PgConnection, PgExecutor};

#[derive(Debug)]
pub struct OwnedName {
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<i32>,
    pub layer: Option<String>,
    pub owner_rule: Option<i32>,
}

pub async fn list_jobs_after(db: impl PgExecutor<'_>, after: i32, limit: i64) -> Result<Vec<OwnedName>, sqlx::Error> {
    sqlx::query_as!(
        OwnedName,
        "select id, namespace, name, tenant_id, null::text as layer, owner_rule from lineage_jobs where id > $1 order by id limit $2",
        after,
        limit
    )
    .fetch_all(db)
    .await
}

pub async fn list_datasets_after(
    db: impl PgExecutor<'_>,
    after: i32,
    limit: i64,
) -> Result<Vec<OwnedName>, sqlx::Error> {
    sqlx::query_as!(
        OwnedName,
        "select id, namespace, name, tenant_id, layer, owner_rule from datasets where id > $1 order by id limit $2",
        after,
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Default)]
pub struct NewOwners {
    pub ids: Vec<i32>,
    pub tenants: Vec<Option<i32>>,
    pub layers: Vec<Option<String>>,
    pub rules: Vec<Option<i32>>,
}

/// Jobs and every row that carries their owner.
pub async fn update_job_owners(connection: &mut PgConnection, new: &NewOwners) -> Result<(), sqlx::Error> {
    update_jobs(&mut *connection, new).await?;
    update_runs(&mut *connection, new).await?;
    update_job_edges(&mut *connection, new).await?;
    update_run_edges_of_jobs(&mut *connection, new).await?;
    update_job_events(&mut *connection, new).await?;
    update_facets(connection, "job", new).await
}

/// Datasets and every row that carries their owner.
pub async fn update_dataset_owners(connection: &mut PgConnection, new: &NewOwners) -> Result<(), sqlx::Error> {
    update_datasets(&mut *connection, new).await?;
    update_dataset_edges(&mut *connection, new).await?;
    update_run_edges(&mut *connection, new).await?;
    update_schemas(&mut *connection, new).await?;
    update_symlinks(&mut *connection, new).await?;
    update_outputs(&mut *connection, new).await?;
    update_inputs(&mut *connection, new).await?;
    update_observations(&mut *connection, new).await?;
    update_facets(connection, "dataset", new).await
}

macro_rules! update {
    ($name:ident, $statement:literal) => {
        async fn $name(db: impl PgExecutor<'_>, new: &NewOwners) -> Result<(), sqlx::Error> {
            sqlx::query!($statement, &new.ids, &new.tenants as &[Option<i32>]).execute(db).await.map(|_| ())
        }
    };
}

async fn update_jobs(db: impl PgExecutor<'_>, new: &NewOwners) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update lineage_jobs j set tenant_id = n.tenant, owner_rule = n.rule
         from unnest($1::int[], $2::int[], $3::int[]) as n (id, tenant, rule) where j.id = n.id",
        &new.ids,
        &new.tenants as &[Option<i32>],
        &new.rules as &[Option<i32>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

async fn update_datasets(db: impl PgExecutor<'_>, new: &NewOwners) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update datasets d set tenant_id = n.tenant, owner_rule = n.rule, layer = n.layer
         from unnest($1::int[], $2::int[], $3::int[], $4::text[]) as n (id, tenant, rule, layer) where d.id = n.id",
        &new.ids,
        &new.tenants as &[Option<i32>],
        &new.rules as &[Option<i32>],
        &new.layers as &[Option<String>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

update!(
    update_runs,
    "update runs r set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where r.job_id = n.id"
);
update!(
    update_job_edges,
    "update job_datasets e set job_tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where e.job_id = n.id"
);
update!(
    update_run_edges_of_jobs,
    "update run_datasets e set job_tenant_id = n.tenant
     from unnest($1::int[], $2::int[]) as n (id, tenant) join runs r on r.job_id = n.id where e.run_id = r.id"
);
update!(
    update_job_events,
    "update lineage_events e set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where e.job_id = n.id"
);
update!(
    update_dataset_edges,
    "update job_datasets e set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where e.dataset_id = n.id"
);
update!(
    update_run_edges,
    "update run_datasets e set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where e.dataset_id = n.id"
);
update!(
    update_schemas,
    "update dataset_schemas s set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where s.dataset_id = n.id"
);
update!(
    update_symlinks,
    "update dataset_symlinks s set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant) where s.dataset_id = n.id"
);
update!(
    update_outputs,
    "update column_edges c set tenant_id = n.tenant
     from unnest($1::int[], $2::int[]) as n (id, tenant) where c.output_dataset_id = n.id"
);
update!(
    update_inputs,
    "update column_edges c set input_tenant_id = n.tenant
     from unnest($1::int[], $2::int[]) as n (id, tenant) where c.input_dataset_id = n.id"
);
update!(
    update_observations,
    "update dataset_observations o set tenant_id = n.tenant
     from unnest($1::int[], $2::int[]) as n (id, tenant) where o.dataset_id = n.id"
);

async fn update_facets(db: impl PgExecutor<'_>, entity: &str, new: &NewOwners) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update lineage_facets f set tenant_id = n.tenant from unnest($1::int[], $2::int[]) as n (id, tenant)
         where f.entity = $3 and f.entity_id = n.id",
        &new.ids,
        &new.tenants as &[Option<i32>],
        entity
    )
    .execute(db)
    .await
    .map(|_| ())
}
