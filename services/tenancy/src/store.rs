//! Every statement on `tenants`.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use sqlx::{PgConnection, PgExecutor};

use crate::Tenant;

/// Tenants as columns, for statements that write all of them at once.
pub(crate) struct Columns {
    slugs: Vec<String>,
    names: Vec<String>,
    contacts: Vec<Option<String>>,
    legal_holds: Vec<bool>,
    offboarded: Vec<bool>,
}

impl Columns {
    pub(crate) fn of(tenants: &[Tenant]) -> Self {
        Self {
            slugs: tenants.iter().map(|tenant| tenant.slug.clone()).collect(),
            names: tenants.iter().map(|tenant| tenant.name.clone()).collect(),
            contacts: tenants.iter().map(|tenant| tenant.contact.clone()).collect(),
            legal_holds: tenants.iter().map(|tenant| tenant.legal_hold).collect(),
            offboarded: tenants.iter().map(|tenant| tenant.offboarded).collect(),
        }
    }
}

/// Two processes that read the same file at the same time write one after the other.
pub(crate) async fn lock_tenants(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("lock table tenants in share row exclusive mode").execute(tx).await?;
    Ok(())
}

pub(crate) async fn update_tenants(
    tx: &mut PgConnection,
    columns: &Columns,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        r#"update tenants t
           set name = f.name, contact = f.contact, legal_hold = f.legal_hold, offboarded = f.offboarded, active = true,
               updated_at = $6
           from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::boolean[])
                as f (slug, name, contact, legal_hold, offboarded)
           where t.slug = f.slug
             and (t.name, t.contact, t.legal_hold, t.offboarded, t.active)
                 is distinct from (f.name, f.contact, f.legal_hold, f.offboarded, true)"#,
        &columns.slugs,
        &columns.names,
        &columns.contacts as &[Option<String>],
        &columns.legal_holds,
        &columns.offboarded,
        now
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// In the order of the file, so that a fresh database gives the ids a reader expects.
pub(crate) async fn insert_tenants(
    tx: &mut PgConnection,
    columns: &Columns,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        r#"insert into tenants (slug, name, contact, legal_hold, offboarded, created_at, updated_at)
           select f.slug, f.name, f.contact, f.legal_hold, f.offboarded, $6, $6
           from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::boolean[])
                with ordinality as f (slug, name, contact, legal_hold, offboarded, place)
           where not exists (select from tenants t where t.slug = f.slug)
           order by f.place"#,
        &columns.slugs,
        &columns.names,
        &columns.contacts as &[Option<String>],
        &columns.legal_holds,
        &columns.offboarded,
        now
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn update_platform(
    tx: &mut PgConnection,
    platform: &Tenant,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update tenants set name = $1, contact = $2, updated_at = $3
         where id = 0 and (name, contact) is distinct from ($1, $2)",
        platform.name,
        platform.contact,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Tenants gone from the file keep their row, because their history refers to it.
pub(crate) async fn deactivate_others(
    tx: &mut PgConnection,
    columns: &Columns,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "update tenants set active = false, updated_at = $2 where active and id <> 0 and slug <> all ($1)",
        &columns.slugs,
        now
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) struct SlugRow {
    pub(crate) id: TenantId,
    pub(crate) slug: String,
}

pub(crate) async fn list_slugs(tx: &mut PgConnection) -> Result<Vec<SlugRow>, sqlx::Error> {
    sqlx::query_as!(SlugRow, r#"select id as "id: TenantId", slug from tenants"#).fetch_all(tx).await
}

/// A tenant as a page shows it: also those that are gone from the file.
#[derive(Debug, Clone)]
pub(crate) struct TenantRow {
    pub(crate) id: TenantId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) contact: Option<String>,
    pub(crate) legal_hold: bool,
    pub(crate) offboarded: bool,
}

/// Those the connection's scope may see, by slug, after the given one.
pub(crate) async fn list_tenants(
    executor: impl PgExecutor<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<TenantRow>, sqlx::Error> {
    sqlx::query_as!(
        TenantRow,
        r#"select id as "id: TenantId", slug, name, active, contact, legal_hold, offboarded
           from tenants where slug > $1 order by slug limit $2"#,
        after,
        limit
    )
    .fetch_all(executor)
    .await
}
