//! After a change of `tenants.toml`: every row gets the owner that the rules in force give it.

use lakewarden_db::enqueue;
use sqlx::PgConnection;

use crate::jobs::JudgeCatalog;
use crate::owners;
use crate::resource::database_name;
use crate::store::changes::NewOwner;
use crate::store::{changes, databases, grants, locations, tables, tags};
use crate::{CatalogError, Ctx};

/// Answers how many rows changed hands.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, CatalogError> {
    let ownership = ctx.ownership.get();
    let rows = |assets: Vec<String>| -> Vec<NewOwner> {
        assets.into_iter().map(|asset| owners::row_of(&ownership, asset)).collect()
    };
    let mut tx = ctx.db.begin().await?;
    let connection: &mut PgConnection = &mut tx;
    let mut changed = 0;

    let names = databases::list_databases(&mut *connection).await?;
    let names = names.into_iter().map(|row| database_name(&row.account, &row.name)).collect();
    changed += databases::update_database_owners(connection, &rows(names)).await?;

    let known = tables::list_table_names(connection).await?;
    let known: Vec<NewOwner> = known
        .iter()
        .map(|row| owners::table_row(&ownership, &row.account, &row.database_name, &row.name, row.location.as_deref()))
        .collect();
    changed += tables::update_table_owners(connection, &known).await?;
    changed += tables::update_version_owners(connection).await?;

    let resources = grants::list_grant_resources(connection).await?;
    changed += grants::update_resource_owners(connection, &rows(resources)).await?;
    let principals = grants::list_grant_principals(connection).await?;
    let principals: Vec<NewOwner> = principals
        .into_iter()
        .map(|principal| NewOwner {
            tenant_id: owners::Principal::parse(&principal).owner(&ownership).tenant_id(),
            asset: principal,
            layer: None,
            location_tenant_id: None,
        })
        .collect();
    changed += grants::update_principal_owners(connection, &principals).await?;

    let tagged = tags::list_tagged_resources(connection).await?;
    changed += tags::update_tag_owners(connection, &rows(tagged)).await?;
    let registered = locations::list_locations(&mut *connection).await?;
    let registered = registered.into_iter().map(|row| row.location).collect();
    changed += locations::update_location_owners(connection, &rows(registered)).await?;
    let feed = changes::list_changed_assets(connection).await?;
    changed += changes::update_change_owners(connection, &rows(feed)).await?;

    enqueue(connection, &JudgeCatalog, ctx.clock.now()).await?;
    tx.commit().await?;
    Ok(changed)
}
