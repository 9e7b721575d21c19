//! Tables of a snapshot on their way in: current state, versions, and Glue's own earlier versions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lakewarden_core::{Sha256, TenantId};
use rustc_hash::FxHashMap;

use crate::difference::{Difference, difference, is_table_gone};
use crate::ingest::Write;
use crate::resource::table_name;
use crate::snapshot::{FieldChange, Table, TableContent, changed_fields, hash_of};
use crate::store::Hex;
use crate::store::tables::{self as store, KnownTable, NewTable, NewVersion};
use crate::{CatalogError, TableId, owners};

/// Database and name.
type Key = (String, String);

pub(crate) async fn store_tables(write: &mut Write<'_>) -> Result<(), CatalogError> {
    let snapshot = write.snapshot;
    let at = snapshot.taken_at;
    let known = store::list_known_tables(write.connection, &snapshot.account, &snapshot.region).await?;
    let known_databases: BTreeSet<String> = known.iter().map(|table| table.database_name.clone()).collect();
    let difference = compare(write, known);
    write.count(&difference);

    let altered: Vec<TableId> = difference.altered.iter().map(|(known, _)| known.id).collect();
    let before: FxHashMap<TableId, (TableContent, DateTime<Utc>)> =
        store::list_current_versions(write.connection, &altered)
            .await?
            .into_iter()
            .map(|row| (row.table_id, (serde_json::from_value(row.content).unwrap_or_default(), row.valid_from)))
            .collect();

    let seen: Vec<&Table> =
        difference.created.iter().chain(difference.altered.iter().map(|(_, table)| table)).copied().collect();
    let ids = upsert(write, &seen).await?;

    for table in &difference.created {
        let id = ids.get(&key_of(table)).copied();
        // Everything is new at the first look at a database: that is no news.
        if known_databases.contains(&table.database) {
            change(write, "created", &table.database, &table.name, id, Vec::new());
        }
    }
    for (known, table) in &difference.altered {
        let fields = match (&known.dropped_at, before.get(&known.id)) {
            (None, Some((content, _))) => changed_fields(&content.facets(), &table.content.facets()),
            _ => Vec::new(),
        };
        let action = if known.dropped_at.is_some() { "created" } else { "altered" };
        change(write, action, &table.database, &table.name, Some(known.id), fields);
    }
    let gone: Vec<TableId> = difference.gone.iter().map(|known| known.id).collect();
    for known in &difference.gone {
        change(write, "dropped", &known.database_name, &known.name, Some(known.id), Vec::new());
    }
    store::drop_tables(write.connection, &gone, at).await?;
    store::close_versions(write.connection, &gone, at).await?;
    store_current_versions(write, &seen, &ids, &before).await?;
    store_earlier_versions(write).await
}

fn compare<'a>(write: &Write<'a>, known: Vec<KnownTable>) -> Difference<KnownTable, &'a Table> {
    let snapshot = write.snapshot;
    let databases: BTreeSet<&str> = snapshot.databases.iter().map(|database| database.name.as_str()).collect();
    let mut stored = BTreeMap::new();
    let mut dropped = BTreeSet::new();
    for table in known {
        let key = (table.database_name.clone(), table.name.clone());
        if table.dropped_at.is_some() {
            dropped.insert(key.clone());
        }
        stored.insert(key, table);
    }
    let seen: BTreeMap<Key, &Table> = snapshot.tables.iter().map(|table| (key_of(table), table)).collect();
    difference(
        stored,
        seen,
        // A table that was dropped and is made again is news even if it looks the same.
        |known, seen| known.dropped_at.is_none() && known.content_hash == content_hash(seen).as_bytes(),
        |key| !dropped.contains(key) && is_table_gone(&snapshot.complete, &databases, &key.0),
    )
}

async fn upsert(write: &mut Write<'_>, seen: &[&Table]) -> Result<FxHashMap<Key, TableId>, CatalogError> {
    let snapshot = write.snapshot;
    let rows: Vec<NewTable<'_>> = seen
        .iter()
        .map(|table| {
            let location = table.content.location.as_deref();
            let owners = owners::table_row(write.ownership, &snapshot.account, &table.database, &table.name, location);
            NewTable {
                database_name: &table.database,
                name: &table.name,
                tenant_id: owners.tenant_id,
                location_tenant_id: owners.location_tenant_id,
                layer: owners.layer,
                location,
                format: &table.content.format,
                column_count: (table.content.columns.len() + table.content.partition_keys.len()) as i32,
                glue_version: table.version.as_deref(),
                content_hash: Hex(content_hash(table)),
            }
        })
        .collect();
    let stored =
        store::upsert_tables(write.connection, &snapshot.account, &snapshot.region, &rows, snapshot.taken_at).await?;
    Ok(stored.into_iter().map(|table| ((table.database_name, table.name), table.id)).collect())
}

/// The state that was seen now holds from when Glue says it was made, but never before the one it replaces.
async fn store_current_versions(
    write: &mut Write<'_>,
    seen: &[&Table],
    ids: &FxHashMap<Key, TableId>,
    before: &FxHashMap<TableId, (TableContent, DateTime<Utc>)>,
) -> Result<(), CatalogError> {
    let taken_at = write.snapshot.taken_at;
    let versions: Vec<NewVersion<'_>> = seen
        .iter()
        .filter_map(|table| {
            let id = *ids.get(&key_of(table))?;
            let earliest = before.get(&id).map(|(_, valid_from)| *valid_from);
            let made_at = table.updated_at.filter(|at| *at <= taken_at && earliest.is_none_or(|from| *at > from));
            Some(version(write, id, table, made_at.unwrap_or(taken_at)))
        })
        .collect();
    let changed: Vec<TableId> = versions.iter().map(|version| version.table_id).collect();
    store::close_versions(write.connection, &changed, taken_at).await?;
    store::insert_versions(write.connection, &versions).await?;
    store::relink_versions(write.connection, &changed).await?;
    Ok(())
}

/// Glue's earlier versions of tables that are known, without those that changed nothing we show.
async fn store_earlier_versions(write: &mut Write<'_>) -> Result<(), CatalogError> {
    if write.snapshot.table_versions.is_empty() {
        return Ok(());
    }
    let (account, region) = (&write.snapshot.account, &write.snapshot.region);
    let known = store::list_known_tables(write.connection, account, region).await?;
    let ids: FxHashMap<Key, TableId> =
        known.into_iter().map(|table| ((table.database_name, table.name), table.id)).collect();
    let mut earlier: Vec<(&Table, TableId, DateTime<Utc>)> = write
        .snapshot
        .table_versions
        .iter()
        .filter_map(|table| Some((table, *ids.get(&key_of(table))?, table.updated_at?)))
        .filter(|(_, _, at)| *at <= write.snapshot.taken_at)
        .collect();
    earlier.sort_by_key(|(_, id, at)| (*id, *at));
    earlier.dedup_by(|next, kept| next.1 == kept.1 && content_hash(next.0) == content_hash(kept.0));
    let versions: Vec<NewVersion<'_>> =
        earlier.into_iter().map(|(table, id, at)| version(write, id, table, at)).collect();
    let inserted = store::insert_versions(write.connection, &versions).await?;
    write.stored.created += inserted as usize;
    let touched: Vec<TableId> = versions.iter().map(|version| version.table_id).collect();
    store::relink_versions(write.connection, &touched).await?;
    Ok(())
}

fn version<'a>(write: &Write<'_>, id: TableId, table: &'a Table, valid_from: DateTime<Utc>) -> NewVersion<'a> {
    NewVersion {
        table_id: id,
        tenant_id: owner_of(write, table),
        glue_version: table.version.as_deref(),
        content: &table.content,
        record: &table.record,
        content_hash: Hex(content_hash(table)),
        valid_from,
    }
}

fn owner_of(write: &Write<'_>, table: &Table) -> Option<TenantId> {
    let location = table.content.location.as_deref();
    owners::table_row(write.ownership, &write.snapshot.account, &table.database, &table.name, location).tenant_id
}

fn change(
    write: &mut Write<'_>,
    action: &'static str,
    database: &str,
    table: &str,
    id: Option<TableId>,
    fields: Vec<FieldChange>,
) {
    write.change("table", action, table_name(&write.snapshot.account, database, table), fields);
    if let Some(change) = write.changes.last_mut() {
        change.table_id = id;
    }
}

fn key_of(table: &Table) -> Key {
    (table.database.clone(), table.name.clone())
}

fn content_hash(table: &Table) -> Sha256 {
    hash_of(&table.content.facets())
}
