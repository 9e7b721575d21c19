//! From names to ids: from memory where they are known, else found or inserted in the batch's transaction.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use lakewarden_tenancy::{AssetRef, Owned, Ownership, RuleId};
use rustc_hash::FxHashMap;
use sqlx::PgConnection;

use super::merge::Resolved;
use super::remembered::{Entity, Knowledge, Known};
use crate::facts::Name;
use crate::identity::asset_key;
use crate::store::names::{self, NewNames, Stored};

/// Every name a batch mentions: when it was last seen in it, `None` where it is only referred to.
pub type Mentioned<'a> = FxHashMap<(Entity, &'a Name), Option<DateTime<Utc>>>;

/// The names of a batch with their ids.
#[derive(Debug, Default)]
pub struct Names {
    known: FxHashMap<(Entity, Name), Known>,
}

impl Names {
    pub fn resolve(&self, entity: Entity, name: &Name) -> Resolved {
        // A lookup by reference would need a borrowed pair; the clone is two short strings.
        let known = self.known[&(entity, name.clone())];
        Resolved { id: known.id, tenant: known.tenant }
    }

    pub fn into_known(self) -> FxHashMap<(Entity, Name), Known> {
        self.known
    }
}

/// Resolves all names, inserting those that are new and joining new datasets with other spellings of the same asset.
pub async fn resolve_names(
    connection: &mut PgConnection,
    ownership: &Ownership,
    remembered: FxHashMap<(Entity, Name), Known>,
    mentioned: &Mentioned<'_>,
    now: DateTime<Utc>,
) -> Result<Names, sqlx::Error> {
    let mut known = remembered;
    let mut missing: Vec<(Entity, &Name)> = mentioned
        .keys()
        .filter(|(entity, name)| !known.contains_key(&(*entity, (*name).clone())))
        .map(|(entity, name)| (*entity, *name))
        .collect();
    // One order for everybody who inserts: two batches never wait for one another.
    missing.sort_unstable();
    for entity in [Entity::Job, Entity::Dataset] {
        let names: Vec<&Name> = missing.iter().filter(|(of, _)| *of == entity).map(|(_, name)| *name).collect();
        if !names.is_empty() {
            let found = find_or_insert(connection, ownership, entity, &names, mentioned, now).await?;
            known.extend(found.into_iter().map(|(name, found)| ((entity, name), found)));
        }
        touch(connection, entity, mentioned, &mut known).await?;
    }
    Ok(Names { known })
}

async fn find_or_insert(
    connection: &mut PgConnection,
    ownership: &Ownership,
    entity: Entity,
    wanted: &[&Name],
    mentioned: &Mentioned<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<(Name, Known)>, sqlx::Error> {
    let hashes: Vec<Vec<u8>> = wanted.iter().map(|name| name.hash().as_bytes().to_vec()).collect();
    let mut stored = find(connection, entity, &hashes).await?;
    if stored.len() < wanted.len() {
        let new = wanted.iter().zip(&hashes).filter(|(_, hash)| !stored.iter().any(|row| row.identity_hash == **hash));
        let mut rows = NewNames::default();
        for (name, hash) in new {
            push(&mut rows, ownership, entity, name, hash, mentioned[&(entity, *name)]);
        }
        insert(connection, entity, &rows, now).await?;
        stored = find(connection, entity, &hashes).await?;
    }
    let mut by_hash: FxHashMap<Vec<u8>, Known> =
        stored.into_iter().map(|row| (row.identity_hash.clone(), row.into())).collect();
    Ok(wanted.iter().zip(&hashes).filter_map(|(name, hash)| Some(((*name).clone(), by_hash.remove(hash)?))).collect())
}

async fn find(connection: &mut PgConnection, entity: Entity, hashes: &[Vec<u8>]) -> Result<Vec<Stored>, sqlx::Error> {
    match entity {
        Entity::Job => names::find_jobs(connection, hashes).await,
        Entity::Dataset => names::find_datasets(connection, hashes).await,
    }
}

async fn insert(
    connection: &mut PgConnection,
    entity: Entity,
    rows: &NewNames,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if entity == Entity::Job {
        return names::insert_jobs(connection, rows, now).await;
    }
    names::lock_new_names(connection).await?;
    let new = names::insert_datasets(&mut *connection, rows, now).await?;
    for (one, other) in names::list_same_assets(&mut *connection, &new).await? {
        names::join_datasets(&mut *connection, one, other).await?;
    }
    Ok(())
}

fn push(
    rows: &mut NewNames,
    ownership: &Ownership,
    entity: Entity,
    name: &Name,
    hash: &[u8],
    seen: Option<DateTime<Utc>>,
) {
    let owned = owner_of(ownership, entity, name);
    rows.namespaces.push(name.namespace.clone());
    rows.names.push(name.name.clone());
    rows.hashes.push(hash.to_vec());
    rows.assets.push(if entity == Entity::Dataset { asset_key(name) } else { String::new() });
    rows.tenants.push(owned.owner.tenant_id().map(|TenantId(id)| id));
    rows.layers.push(owned.layer.map(|layer| layer.as_str().to_owned()));
    rows.rules.push(rule_number(owned.rule));
    rows.observed.push(seen.is_some());
    // A name that is only referred to was never seen.
    rows.seen_at.push(seen.unwrap_or(DateTime::UNIX_EPOCH));
}

pub fn owner_of(ownership: &Ownership, entity: Entity, name: &Name) -> Owned {
    let (namespace, name) = (name.namespace.as_str(), name.name.as_str());
    ownership.of(&match entity {
        Entity::Job => AssetRef::Job { namespace, name },
        Entity::Dataset => AssetRef::Dataset { namespace, name },
    })
}

/// As stored; `None` where no rule matched.
pub fn rule_number(rule: RuleId) -> Option<i32> {
    i32::try_from(rule.0).ok()
}

/// Moves "last seen" forward for what the batch has seen later than the rows say.
async fn touch(
    connection: &mut PgConnection,
    entity: Entity,
    mentioned: &Mentioned<'_>,
    known: &mut FxHashMap<(Entity, Name), Known>,
) -> Result<(), sqlx::Error> {
    let mut later: Vec<(i32, DateTime<Utc>)> = Vec::new();
    for ((of, name), seen) in mentioned {
        let Some(seen) = seen.filter(|_| *of == entity) else { continue };
        let Some(row) = known.get_mut(&(*of, (*name).clone())) else { continue };
        if !row.observed || row.seen_at < seen {
            row.seen_at = row.seen_at.max(seen);
            row.observed = true;
            later.push((row.id, row.seen_at));
        }
    }
    if later.is_empty() {
        return Ok(());
    }
    later.sort_unstable();
    let (ids, seen_at): (Vec<i32>, Vec<DateTime<Utc>>) = later.into_iter().unzip();
    match entity {
        Entity::Job => names::touch_jobs(connection, &ids, &seen_at).await,
        Entity::Dataset => names::touch_datasets(connection, &ids, &seen_at).await,
    }
}

impl From<Stored> for Known {
    fn from(row: Stored) -> Self {
        Self { id: row.id, tenant: row.tenant_id, observed: row.observed, seen_at: row.last_seen_at }
    }
}

/// What memory has of the names, to start from.
pub fn recall(knowledge: &Knowledge, mentioned: &Mentioned<'_>) -> FxHashMap<(Entity, Name), Known> {
    mentioned
        .keys()
        .filter_map(|(entity, name)| {
            let key = (*entity, (*name).clone());
            knowledge.names.get(&key).map(|known| (key.clone(), *known))
        })
        .collect()
}
