//! Statements that intern jobs and datasets and join the spellings of one dataset.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use sqlx::{PgConnection, PgExecutor};

/// A job or dataset as stored, by the hash of its name.
#[derive(Debug)]
pub struct Stored {
    pub id: i32,
    pub identity_hash: Vec<u8>,
    pub tenant_id: Option<TenantId>,
    pub observed: bool,
    pub last_seen_at: DateTime<Utc>,
}

/// Columns of new rows, one entry each.
#[derive(Debug, Default)]
pub struct NewNames {
    pub namespaces: Vec<String>,
    pub names: Vec<String>,
    pub hashes: Vec<Vec<u8>>,
    pub assets: Vec<String>,
    pub tenants: Vec<Option<i32>>,
    pub layers: Vec<Option<String>>,
    pub rules: Vec<Option<i32>>,
    pub observed: Vec<bool>,
    pub seen_at: Vec<DateTime<Utc>>,
}

/// New datasets and the joining of their spellings happen one transaction at a time, so that two spellings that arrive
/// together still find one another.
pub async fn lock_new_names(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(170000) as locked").fetch_one(connection).await.map(|_| ())
}

pub async fn find_jobs(db: impl PgExecutor<'_>, hashes: &[Vec<u8>]) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"select id, identity_hash, tenant_id as "tenant_id: TenantId", observed, last_seen_at
           from lineage_jobs where identity_hash = any($1)"#,
        hashes
    )
    .fetch_all(db)
    .await
}

pub async fn find_datasets(db: impl PgExecutor<'_>, hashes: &[Vec<u8>]) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"select id, identity_hash, tenant_id as "tenant_id: TenantId", observed, last_seen_at
           from datasets where identity_hash = any($1)"#,
        hashes
    )
    .fetch_all(db)
    .await
}

pub async fn insert_jobs(db: impl PgExecutor<'_>, new: &NewNames, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into lineage_jobs (namespace, name, identity_hash, tenant_id, owner_rule, observed, created_at, last_seen_at)
         select namespace, name, hash, tenant, rule, observed, $8, seen
         from unnest($1::text[], $2::text[], $3::bytea[], $4::int[], $5::int[], $6::bool[], $7::timestamptz[])
              as new (namespace, name, hash, tenant, rule, observed, seen)
         on conflict (identity_hash) do nothing",
        &new.namespaces,
        &new.names,
        &new.hashes,
        &new.tenants as &[Option<i32>],
        &new.rules as &[Option<i32>],
        &new.observed,
        &new.seen_at,
        now
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// Inserts the datasets that are new, each its own canonical dataset at first; returns their ids.
pub async fn insert_datasets(
    db: impl PgExecutor<'_>,
    new: &NewNames,
    now: DateTime<Utc>,
) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into datasets
             (id, canonical_id, namespace, name, identity_hash, asset, tenant_id, layer, owner_rule, observed, created_at, last_seen_at)
         select id, id, namespace, name, hash, asset, tenant, layer, rule, observed, $10, seen
         from (select nextval('datasets_id_seq')::int as id, given.*
               from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::int[], $6::text[], $7::int[], $8::bool[],
                           $9::timestamptz[])
                    as given (namespace, name, hash, asset, tenant, layer, rule, observed, seen)) as new
         on conflict (identity_hash) do nothing
         returning id",
        &new.namespaces,
        &new.names,
        &new.hashes,
        &new.assets,
        &new.tenants as &[Option<i32>],
        &new.layers as &[Option<String>],
        &new.rules as &[Option<i32>],
        &new.observed,
        &new.seen_at,
        now
    )
    .fetch_all(db)
    .await
}

pub async fn touch_jobs(db: impl PgExecutor<'_>, ids: &[i32], seen_at: &[DateTime<Utc>]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update lineage_jobs as j set observed = true, last_seen_at = greatest(j.last_seen_at, t.seen)
         from unnest($1::int[], $2::timestamptz[]) as t (id, seen) where j.id = t.id",
        ids,
        seen_at
    )
    .execute(db)
    .await
    .map(|_| ())
}

pub async fn touch_datasets(
    db: impl PgExecutor<'_>,
    ids: &[i32],
    seen_at: &[DateTime<Utc>],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update datasets as d set observed = true, last_seen_at = greatest(d.last_seen_at, t.seen)
         from unnest($1::int[], $2::timestamptz[]) as t (id, seen) where d.id = t.id",
        ids,
        seen_at
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// For each of the datasets, the canonical ids of those with the same asset key, as pairs to join.
pub async fn list_same_assets(db: impl PgExecutor<'_>, ids: &[i32]) -> Result<Vec<(i32, i32)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select d.id, o.id as other from datasets d
         join datasets o on left(o.asset, 512) = left(d.asset, 512) and o.asset = d.asset and o.id <> d.id
         where d.id = any($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.other)).collect())
}

/// Joins the two datasets' groups: everything canonical to either becomes canonical to the smaller id.
pub async fn join_datasets(db: impl PgExecutor<'_>, one: i32, other: i32) -> Result<u64, sqlx::Error> {
    sqlx::query!(
        "with groups as (select distinct canonical_id from datasets where id in ($1, $2))
         update datasets set canonical_id = (select min(canonical_id) from groups)
         where canonical_id in (select canonical_id from groups)
           and canonical_id <> (select min(canonical_id) from groups)",
        one,
        other
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

/// Records symlinks; returns the pairs that were not known.
pub async fn insert_symlinks(
    db: impl PgExecutor<'_>,
    datasets: &[i32],
    targets: &[i32],
    kinds: &[String],
    tenants: &[Option<i32>],
) -> Result<Vec<(i32, i32)>, sqlx::Error> {
    let rows = sqlx::query!(
        "insert into dataset_symlinks (dataset_id, target_id, kind, tenant_id)
         select * from unnest($1::int[], $2::int[], $3::text[], $4::int[])
         on conflict (dataset_id, target_id) do nothing returning dataset_id, target_id",
        datasets,
        targets,
        kinds,
        tenants as &[Option<i32>]
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.dataset_id, row.target_id)).collect())
}
