//! From what files name to the numbers that are stored, remembered so that a batch asks the database only for what is new.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use lakewarden_tenancy::{AssetRef, Owned, Owner, Ownership};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::PgConnection;

use crate::class::{Bits, ReadFile};
use crate::identity::{PrincipalKind, Resolution, SessionTag, resolve};
use crate::ids::{ClassId, PrincipalId, ResourceId};
use crate::resource::{Resource, ResourceKind};
use crate::store::{self, ClassRows, PrincipalRows, ResourceRows};
use crate::touched::Action;

/// Forgotten whole beyond this: numbers are found again in the database.
const REMEMBERED_AT_MOST: usize = 300_000;

/// A principal as it is stored: one row for each tag a role's sessions carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalKey {
    pub kind: PrincipalKind,
    pub account: String,
    pub name: String,
    /// `key=value`, or empty.
    pub tag: String,
}

#[derive(Debug)]
pub struct Principal {
    pub id: PrincipalId,
    pub key: PrincipalKey,
    pub resolution: Resolution,
}

#[derive(Debug)]
pub struct KnownResource {
    pub id: ResourceId,
    pub resource: Resource,
    pub owned: Owned,
}

/// A class with everything its verdict depends on.
#[derive(Debug)]
pub struct Class {
    pub id: ClassId,
    pub principal: Arc<Principal>,
    pub resource: Arc<KnownResource>,
    pub second: Option<Arc<KnownResource>>,
    pub action: Action,
    pub operation: String,
    pub bits: Bits,
}

impl Class {
    /// Whose data it touches.
    pub fn owner(&self) -> Owner {
        self.resource.owned.owner
    }

    pub fn tenant(&self) -> Option<i32> {
        self.owner().tenant_id().map(|tenant| tenant.0)
    }
}

type ClassKey = (PrincipalId, ResourceId, Option<ResourceId>, String, Bits);

/// What is known to be in the database, under one version of the tenants.
#[derive(Debug, Default)]
pub struct Interned {
    version: Option<Sha256>,
    principals: FxHashMap<PrincipalKey, Arc<Principal>>,
    resources: FxHashMap<Resource, Arc<KnownResource>>,
    classes: FxHashMap<ClassKey, Arc<Class>>,
}

impl Interned {
    /// Asks the database again for everything: somebody changed owners there.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The stored class of every class of every file. Runs outside the records' transaction: what it adds is true whether or
    /// not the records follow.
    pub async fn classes_of(
        &mut self,
        connection: &mut PgConnection,
        files: &[ReadFile],
        ownership: &Ownership,
        version: Sha256,
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<Arc<Class>>>, sqlx::Error> {
        let remembered = self.principals.len() + self.resources.len() + self.classes.len();
        if self.version != Some(version) || remembered > REMEMBERED_AT_MOST {
            *self = Self { version: Some(version), ..Self::default() };
        }
        let tags = find_tags(connection, files, ownership, now).await?;
        let principals = self.principals_of(connection, files, &tags, ownership).await?;
        self.add_resources(connection, files, ownership).await?;
        self.add_classes(connection, files, &principals).await?;
        Ok(files.iter().zip(&principals).map(|(file, principals)| self.look_up(file, principals)).collect())
    }

    async fn principals_of(
        &mut self,
        connection: &mut PgConnection,
        files: &[ReadFile],
        tags: &FxHashMap<String, SessionTag>,
        ownership: &Ownership,
    ) -> Result<Vec<Vec<Arc<Principal>>>, sqlx::Error> {
        let mut missing: FxHashMap<PrincipalKey, (Resolution, String)> = FxHashMap::default();
        let mut keys_of_files = Vec::with_capacity(files.len());
        for file in files {
            let mut keys = Vec::with_capacity(file.actors.len());
            for actor in &file.actors {
                let tag = tags.get(actor.access_key.as_ref());
                let key = PrincipalKey {
                    kind: actor.kind,
                    account: actor.account.clone().into_owned(),
                    name: actor.name.clone().into_owned(),
                    tag: tag.map(|tag| format!("{}={}", tag.key, tag.value)).unwrap_or_default(),
                };
                if !self.principals.contains_key(&key) && !missing.contains_key(&key) {
                    let resolution = resolve(key.kind, &key.account, &key.name, tag, ownership);
                    missing.insert(key.clone(), (resolution, actor.arn.clone().into_owned()));
                }
                keys.push(key);
            }
            keys_of_files.push(keys);
        }
        if !missing.is_empty() {
            for stored in store::upsert_principals(connection, &principal_rows(&missing)).await? {
                let key = PrincipalKey {
                    kind: PrincipalKind::from_word(&stored.kind),
                    account: stored.account,
                    name: stored.name,
                    tag: stored.session_tag,
                };
                let (resolution, _) = missing.remove(&key).expect("Postgres returns the rows it was given");
                self.principals.insert(key.clone(), Arc::new(Principal { id: stored.id, key, resolution }));
            }
        }
        let find = |key| Arc::clone(self.principals.get(key).expect("added above"));
        Ok(keys_of_files.iter().map(|keys| keys.iter().map(find).collect()).collect())
    }

    async fn add_resources(
        &mut self,
        connection: &mut PgConnection,
        files: &[ReadFile],
        ownership: &Ownership,
    ) -> Result<(), sqlx::Error> {
        let missing: FxHashSet<&Resource> = files
            .iter()
            .flat_map(|file| &file.classes)
            .flat_map(|class| std::iter::once(&class.resource).chain(&class.second))
            .filter(|resource| !self.resources.contains_key(resource))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut rows = ResourceRows::default();
        let mut owned_of = FxHashMap::default();
        for resource in missing {
            let owned = resource.owned(ownership);
            rows.kinds.push(resource.kind.as_str().to_owned());
            rows.names.push(resource.name.clone());
            rows.tenants.push(owned.owner.tenant_id().map(|tenant| tenant.0));
            rows.layers.push(owned.layer.map(|layer| layer.to_string()));
            rows.rules.push(ownership.explain(owned.rule));
            owned_of.insert(resource.clone(), owned);
        }
        for stored in store::upsert_resources(connection, &rows).await? {
            let resource = Resource { kind: ResourceKind::from_word(&stored.kind), name: stored.name };
            let owned = owned_of.remove(&resource).expect("Postgres returns the rows it was given");
            let known = KnownResource { id: stored.id, resource: resource.clone(), owned };
            self.resources.insert(resource, Arc::new(known));
        }
        Ok(())
    }

    async fn add_classes(
        &mut self,
        connection: &mut PgConnection,
        files: &[ReadFile],
        principals: &[Vec<Arc<Principal>>],
    ) -> Result<(), sqlx::Error> {
        let mut missing: FxHashMap<(PrincipalId, ResourceId, ResourceId, String, i32), Class> = FxHashMap::default();
        for (file, principals) in files.iter().zip(principals) {
            for seen in &file.classes {
                let principal = &principals[seen.actor as usize];
                let resource = self.resource(&seen.resource);
                let second = seen.second.as_ref().map(|second| self.resource(second));
                let second_id = second.map(|second| second.id);
                let key = (principal.id, resource.id, second_id, seen.operation.clone(), seen.bits);
                if self.classes.contains_key(&key) {
                    continue;
                }
                let class = Class {
                    id: ClassId(0),
                    principal: Arc::clone(principal),
                    resource: Arc::clone(resource),
                    second: second.map(Arc::clone),
                    action: seen.action,
                    operation: seen.operation.clone(),
                    bits: seen.bits,
                };
                let row =
                    (principal.id, resource.id, second_id.unwrap_or(resource.id), seen.operation.clone(), seen.bits.0);
                missing.insert(row, class);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        for stored in store::upsert_classes(connection, &class_rows(&missing)).await? {
            let row =
                (stored.principal_id, stored.resource_id, stored.second_resource_id, stored.operation, stored.bits);
            let class = missing.remove(&row).expect("Postgres returns the rows it was given");
            let class = Class { id: stored.id, ..class };
            self.classes.insert(key_of(&class), Arc::new(class));
        }
        Ok(())
    }

    fn resource(&self, resource: &Resource) -> &Arc<KnownResource> {
        self.resources.get(resource).expect("resources are added before classes")
    }

    fn look_up(&self, file: &ReadFile, principals: &[Arc<Principal>]) -> Vec<Arc<Class>> {
        file.classes
            .iter()
            .map(|seen| {
                let second = seen.second.as_ref().map(|second| self.resource(second).id);
                let key = (
                    principals[seen.actor as usize].id,
                    self.resource(&seen.resource).id,
                    second,
                    seen.operation.clone(),
                    seen.bits,
                );
                Arc::clone(self.classes.get(&key).expect("classes of the batch were added"))
            })
            .collect()
    }
}

fn key_of(class: &Class) -> ClassKey {
    (
        class.principal.id,
        class.resource.id,
        class.second.as_ref().map(|second| second.id),
        class.operation.clone(),
        class.bits,
    )
}

/// Tags of the sessions that acted in these files: from sessions seen earlier, and from those made in the files themselves.
/// Of several tags the first that says whose the session is counts; a session without one acts as its role.
async fn find_tags(
    connection: &mut PgConnection,
    files: &[ReadFile],
    ownership: &Ownership,
    now: DateTime<Utc>,
) -> Result<FxHashMap<String, SessionTag>, sqlx::Error> {
    let mut made: FxHashMap<String, serde_json::Value> = FxHashMap::default();
    for session in files.iter().flat_map(|file| &file.sessions) {
        made.insert(session.access_key.clone(), serde_json::to_value(&session.tags).unwrap_or_default());
    }
    if !made.is_empty() {
        let (keys, tags): (Vec<String>, Vec<serde_json::Value>) = made.into_iter().unzip();
        store::upsert_sessions(&mut *connection, &keys, &tags, now).await?;
    }
    let acting: FxHashSet<&str> = files
        .iter()
        .flat_map(|file| &file.actors)
        .filter(|actor| actor.has_session_key())
        .map(|actor| actor.access_key.as_ref())
        .collect();
    if acting.is_empty() {
        return Ok(FxHashMap::default());
    }
    let acting: Vec<String> = acting.into_iter().map(str::to_owned).collect();
    let sessions = store::list_sessions(connection, &acting).await?;
    Ok(sessions
        .into_iter()
        .filter_map(|session| {
            let tags: Vec<SessionTag> = serde_json::from_value(session.tags).ok()?;
            let names_owner = |tag: &SessionTag| {
                ownership.of(&AssetRef::PrincipalTag { key: &tag.key, value: &tag.value }).owner != Owner::Unowned
            };
            Some((session.access_key, tags.into_iter().find(names_owner)?))
        })
        .collect())
}

fn principal_rows(missing: &FxHashMap<PrincipalKey, (Resolution, String)>) -> PrincipalRows {
    let mut rows = PrincipalRows::default();
    for (key, (resolution, arn)) in missing {
        rows.kinds.push(key.kind.as_str().to_owned());
        rows.accounts.push(key.account.clone());
        rows.names.push(key.name.clone());
        rows.arns.push(arn.clone());
        rows.tags.push(key.tag.clone());
        rows.tenants.push(resolution.owner.tenant_id().map(|tenant| tenant.0));
        rows.permitted.push(resolution.is_permitted);
        rows.steps.push(resolution.step.to_owned());
        rows.rules.push(resolution.rule.clone());
    }
    rows
}

fn class_rows(missing: &FxHashMap<(PrincipalId, ResourceId, ResourceId, String, i32), Class>) -> ClassRows {
    let mut rows = ClassRows::default();
    for ((principal, resource, second, operation, bits), class) in missing {
        rows.principals.push(principal.0);
        rows.resources.push(resource.0);
        rows.seconds.push(second.0);
        rows.actions.push(class.action.as_str().to_owned());
        rows.operations.push(operation.clone());
        rows.bits.push(*bits);
        rows.tenants.push(class.tenant());
        rows.actors.push(relation(&class.principal, class.owner()).to_owned());
    }
    rows
}

/// How the actor stands to the owner of what it touched, without naming it.
pub fn relation(principal: &Principal, owner: Owner) -> &'static str {
    if principal.key.kind == PrincipalKind::Service {
        return "service";
    }
    match principal.resolution.owner {
        Owner::Platform => "platform",
        Owner::Unowned => "unattributed",
        Owner::Tenant(_) if principal.resolution.owner == owner => "own",
        Owner::Tenant(_) => "other",
    }
}
