//! Gives the tenants of the file their ids in the database.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use lakewarden_db::Db;

use crate::store::{
    Columns, SlugRow, deactivate_others, insert_tenants, list_slugs, lock_tenants, update_platform, update_tenants,
};
use crate::{Ownership, Tenant};

/// Writes the file's tenants and returns the same ownership with the ids of the database. Ids are stable by slug; a tenant
/// gone from the file stays as an inactive row.
pub async fn sync(db: &Db, mut ownership: Ownership, now: DateTime<Utc>) -> Result<Ownership, sqlx::Error> {
    let columns = Columns::of(ownership.tenants());
    let mut tx = db.begin().await?;
    lock_tenants(&mut tx).await?;
    update_tenants(&mut tx, &columns, now).await?;
    insert_tenants(&mut tx, &columns, now).await?;
    deactivate_others(&mut tx, &columns, now).await?;
    update_platform(&mut tx, &ownership.platform, now).await?;
    let rows = list_slugs(&mut tx).await?;
    tx.commit().await?;
    let ids: HashMap<String, TenantId> = rows.into_iter().map(|SlugRow { id, slug }| (slug, id)).collect();
    for Tenant { id, slug, .. } in &mut ownership.tenants {
        *id = *ids.get(slug).ok_or(sqlx::Error::RowNotFound)?;
    }
    Ok(ownership)
}
