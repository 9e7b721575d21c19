//! SQL of `catalog_changes`, and the row in which a new owner is handed to the other tables.

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, TenantId};
use serde::Serialize;
use sqlx::PgConnection;

use super::rows;
use crate::TableId;
use crate::snapshot::FieldChange;

/// Whose an asset is, by its canonical name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOwner {
    pub asset: String,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<Layer>,
    /// Tables only.
    pub location_tenant_id: Option<TenantId>,
}

/// One line of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewChange {
    /// `database`, `table`, `grant`, `tag`, `location`, `settings`
    pub kind: &'static str,
    /// `created`, `altered`, `dropped`, `granted`, `revoked`
    pub action: &'static str,
    pub asset: String,
    pub tenant_id: Option<TenantId>,
    pub table_id: Option<TableId>,
    pub principal_tenant_id: Option<TenantId>,
    pub fields: Vec<FieldChange>,
}

pub async fn insert_changes(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    changes: &[NewChange],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into catalog_changes
             (account, region, tenant_id, occurred_at, kind, action, asset, table_id, principal_tenant_id, fields)
         select $1, $2, r.tenant_id, $4, r.kind, r.action, r.asset, r.table_id, r.principal_tenant_id, r.fields
         from jsonb_to_recordset($3::jsonb) as r
             (tenant_id integer, kind text, action text, asset text, table_id bigint, principal_tenant_id integer, fields jsonb)",
        account,
        region,
        rows(changes)?,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn list_changed_assets(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select distinct asset from catalog_changes").fetch_all(connection).await
}

pub async fn update_change_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update catalog_changes c set tenant_id = r.tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer)
         where c.asset = r.asset and c.tenant_id is distinct from r.tenant_id",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}
