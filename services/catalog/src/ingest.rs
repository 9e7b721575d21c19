//! The one way into the catalog: a snapshot is compared with what is stored, and only what changed is written.

use std::collections::{BTreeMap, BTreeSet};

use lakewarden_core::Sha256;
use lakewarden_db::enqueue;
use lakewarden_sources::{Delivery, Rejected, SourceKind, hour_of};
use lakewarden_tenancy::Ownership;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use crate::difference::{difference, is_grant_gone};
use crate::document::{Asked, Document, Parsed, parse};
use crate::jobs::JudgeCatalog;
use crate::resource::database_name;
use crate::snapshot::{Database, FieldChange, GlueSnapshot, Grant, RegisteredLocation, changed_fields, hash_of};
use crate::store::changes::{NewChange, insert_changes};
use crate::store::snapshots::{Ended, Looks};
use crate::store::{Hex, databases, grants, locations, snapshots, tags};
use crate::{CatalogError, Ctx, owners, tables};

/// Source of entries that name no catalog.
const UNREADABLE: &str = "unknown catalog";

/// A catalog is a source, however its state comes in.
pub fn source_name(account: &str, region: &str) -> String {
    format!("{account}/{region}")
}

/// What a snapshot changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    pub created: usize,
    pub altered: usize,
    pub dropped: usize,
    pub unchanged: usize,
    /// Entries that could not be read; they are in quarantine.
    pub quarantined: usize,
    /// Snapshots older than what is stored: they changed nothing.
    pub stale: usize,
}

impl Stored {
    pub fn changes(&self) -> usize {
        self.created + self.altered + self.dropped
    }

    fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.altered += other.altered;
        self.dropped += other.dropped;
        self.unchanged += other.unchanged;
        self.quarantined += other.quarantined;
        self.stale += other.stale;
    }
}

/// Files or bodies with the AWS CLI's JSON: what can be read is stored, the rest quarantined.
pub async fn import(ctx: &Ctx, files: &[(String, Vec<u8>)], asked: &Asked) -> Result<Stored, CatalogError> {
    let mut documents = Vec::with_capacity(files.len());
    let mut broken = Vec::new();
    for (file, bytes) in files {
        match Document::parse(file, bytes) {
            Ok(document) => documents.push(document),
            Err(rejected) => broken.push(rejected),
        }
    }
    take(ctx, &documents, asked, broken).await
}

/// Documents that are JSON already, as the collector puts them together; all of them are one look.
pub async fn import_documents(ctx: &Ctx, documents: &[Document], asked: &Asked) -> Result<Stored, CatalogError> {
    take(ctx, documents, asked, Vec::new()).await
}

async fn take(
    ctx: &Ctx,
    documents: &[Document],
    asked: &Asked,
    mut broken: Vec<Rejected>,
) -> Result<Stored, CatalogError> {
    let Parsed { snapshots, mut rejected } = parse(documents, asked);
    rejected.append(&mut broken);
    if let (true, Some(first)) = (snapshots.is_empty(), rejected.first()) {
        let first = format!("{}: {}", first.place, first.reason);
        quarantine(ctx, UNREADABLE, &rejected).await?;
        return Err(CatalogError::NothingUsable { first });
    }
    let mut stored = Stored { quarantined: rejected.len(), ..Stored::default() };
    for snapshot in &snapshots {
        stored.add(&store_snapshot(ctx, snapshot).await?);
    }
    let source =
        snapshots.first().map_or_else(|| UNREADABLE.to_owned(), |first| source_name(&first.account, &first.region));
    quarantine(ctx, &source, &rejected).await?;
    Ok(stored)
}

async fn quarantine(ctx: &Ctx, source_name: &str, rejected: &[Rejected]) -> Result<(), CatalogError> {
    if rejected.is_empty() {
        return Ok(());
    }
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    let source = lakewarden_sources::find_or_create(&mut tx, SourceKind::Glue, source_name, now).await?;
    lakewarden_sources::quarantine(&mut tx, source, rejected, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Stores one look at one catalog. The same look twice changes nothing; an older one than the newest changes nothing.
pub async fn store_snapshot(ctx: &Ctx, snapshot: &GlueSnapshot) -> Result<Stored, CatalogError> {
    let mut tx = ctx.db.begin().await?;
    let stored = store_in(&mut tx, ctx, snapshot).await?;
    tx.commit().await?;
    Ok(stored)
}

async fn store_in(connection: &mut PgConnection, ctx: &Ctx, snapshot: &GlueSnapshot) -> Result<Stored, CatalogError> {
    let (account, region, at) = (&snapshot.account, &snapshot.region, snapshot.taken_at);
    snapshots::insert_catalog(connection, account, region, at).await?;
    let looks = snapshots::lock_catalog(connection, account, region).await?;
    if looks.taken_at > at {
        return Ok(Stored { stale: 1, ..Stored::default() });
    }
    let ownership = ctx.ownership.get();
    let mut write =
        Write { connection, ownership: &ownership, snapshot, looks, changes: Vec::new(), stored: Stored::default() };
    write.databases().await?;
    tables::store_tables(&mut write).await?;
    let glue = write.stored.clone();
    write.grants().await?;
    write.tags().await?;
    write.locations().await?;
    write.settings().await?;
    let (changes, stored) = (write.changes, write.stored);
    insert_changes(connection, account, region, &changes, at).await?;
    let complete = &snapshot.complete;
    let ended = Ended {
        databases: complete.databases,
        grants: !complete.grants_on.is_empty(),
        tags: complete.tags,
        locations: complete.locations,
    };
    snapshots::update_looks(connection, account, region, at, ended).await?;
    deliver(connection, ctx, snapshot, &glue, &stored).await?;
    enqueue(connection, &JudgeCatalog, ctx.clock.now()).await?;
    Ok(stored)
}

/// Glue and Lake Formation are two sources of one catalog: each is covered only when it was asked.
async fn deliver(
    connection: &mut PgConnection,
    ctx: &Ctx,
    snapshot: &GlueSnapshot,
    glue: &Stored,
    all: &Stored,
) -> Result<(), sqlx::Error> {
    let of_glue = snapshot.databases.len() + snapshot.tables.len() + snapshot.table_versions.len();
    let asked_glue = of_glue > 0 || snapshot.complete.databases || !snapshot.complete.tables_of.is_empty();
    let asked_lake_formation =
        snapshot.len() > of_glue || snapshot.complete.locations || !snapshot.complete.grants_on.is_empty();
    let name = source_name(&snapshot.account, &snapshot.region);
    let now = ctx.clock.now();
    let parts = [
        (SourceKind::Glue, asked_glue, glue.changes(), glue.unchanged, of_glue),
        (
            SourceKind::LakeFormation,
            asked_lake_formation,
            all.changes() - glue.changes(),
            all.unchanged - glue.unchanged,
            snapshot.len() - of_glue,
        ),
    ];
    for (kind, _, accepted, duplicates, seen) in parts.into_iter().filter(|part| part.1) {
        let source = lakewarden_sources::find_or_create(connection, kind, &name, now).await?;
        let delivery = Delivery {
            accepted: accepted as i64,
            duplicates: duplicates as i64,
            hours: vec![(hour_of(snapshot.taken_at), seen as i64)],
            ..Delivery::default()
        };
        lakewarden_sources::record_delivery(connection, source, &delivery, now).await?;
    }
    Ok(())
}

/// One snapshot on its way into the tables.
pub(crate) struct Write<'a> {
    pub connection: &'a mut PgConnection,
    pub ownership: &'a Ownership,
    pub snapshot: &'a GlueSnapshot,
    pub looks: Looks,
    pub changes: Vec<NewChange>,
    pub stored: Stored,
}

impl Write<'_> {
    pub(crate) fn count<S, N>(&mut self, difference: &crate::difference::Difference<S, N>) {
        self.stored.created += difference.created.len();
        self.stored.altered += difference.altered.len();
        self.stored.dropped += difference.gone.len();
        self.stored.unchanged += difference.unchanged;
    }

    /// A line of the feed, owned like its asset.
    pub(crate) fn change(&mut self, kind: &'static str, action: &'static str, asset: String, fields: Vec<FieldChange>) {
        let tenant_id = owners::of_canonical(self.ownership, &asset).owner.tenant_id();
        self.changes.push(NewChange {
            kind,
            action,
            asset,
            tenant_id,
            table_id: None,
            principal_tenant_id: None,
            fields,
        });
    }

    async fn databases(&mut self) -> Result<(), CatalogError> {
        let snapshot = self.snapshot;
        let (account, at) = (&snapshot.account, snapshot.taken_at);
        let rows = databases::list_databases_of(self.connection, account, &snapshot.region).await?;
        let stored: BTreeMap<String, _> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        let seen: BTreeMap<String, &Database> =
            snapshot.databases.iter().map(|seen| (seen.name.clone(), seen)).collect();
        let difference = difference(
            stored,
            seen,
            |row, seen| row.record_hash == hash_of(&seen.facets()).as_bytes(),
            |_| snapshot.complete.databases,
        );
        self.count(&difference);
        let is_first_look = self.looks.databases_seen_at.is_none();
        for seen in &difference.created {
            if !is_first_look {
                self.change("database", "created", database_name(account, &seen.name), Vec::new());
            }
        }
        for (row, seen) in &difference.altered {
            let fields = changed_fields(&facets_of_row(row), &seen.facets());
            self.change("database", "altered", database_name(account, &seen.name), fields);
        }
        for row in &difference.gone {
            self.change("database", "dropped", database_name(account, &row.name), Vec::new());
        }
        let closed = difference.altered.iter().map(|(row, _)| row.id).chain(difference.gone.iter().map(|row| row.id));
        databases::close_databases(self.connection, &closed.collect::<Vec<_>>(), at).await?;
        let opened = difference.created.into_iter().chain(difference.altered.iter().map(|(_, seen)| *seen));
        let opened: Vec<_> = opened
            .map(|seen| {
                let owned = owners::of_database(self.ownership, account, &seen.name);
                databases::NewDatabase {
                    name: &seen.name,
                    tenant_id: owned.owner.tenant_id(),
                    layer: owned.layer,
                    location: seen.location.as_deref(),
                    description: &seen.description,
                    parameters: &seen.parameters,
                    record: &seen.record,
                    record_hash: Hex(hash_of(&seen.facets())),
                }
            })
            .collect();
        databases::insert_databases(self.connection, account, &snapshot.region, &opened, at).await?;
        Ok(())
    }

    async fn grants(&mut self) -> Result<(), CatalogError> {
        let snapshot = self.snapshot;
        let at = snapshot.taken_at;
        let rows = grants::list_grants_of(self.connection, &snapshot.account, &snapshot.region).await?;
        let stored: BTreeMap<GrantKey, _> = rows.into_iter().map(|row| (GrantKey::of_row(&row), row)).collect();
        let mut seen: BTreeMap<GrantKey, Grant> = BTreeMap::new();
        for grant in &snapshot.grants {
            // The same permission listed for the table and for all its columns is one, grantable if either is.
            let key = GrantKey::of(grant);
            let grantable = grant.grantable || seen.get(&key).is_some_and(|other| other.grantable);
            seen.insert(key, Grant { grantable, ..grant.clone() });
        }
        let difference = difference(
            stored,
            seen,
            |row, seen| row.grantable == seen.grantable,
            |key| is_grant_gone(&snapshot.complete, &key.kind),
        );
        self.count(&difference);
        let is_first_look = self.looks.grants_seen_at.is_none();
        for seen in difference.created.iter().filter(|_| !is_first_look) {
            self.grant_change("granted", &seen.principal, seen.resource.canonical(), &seen.permission);
        }
        for (_, seen) in &difference.altered {
            self.grant_change("altered", &seen.principal, seen.resource.canonical(), &seen.permission);
        }
        for row in &difference.gone {
            self.grant_change("revoked", &row.principal, row.resource.clone(), &row.permission);
        }
        let closed = difference.altered.iter().map(|(row, _)| row.id).chain(difference.gone.iter().map(|row| row.id));
        grants::close_grants(self.connection, &closed.collect::<Vec<_>>(), at).await?;
        let opened = difference.created.iter().chain(difference.altered.iter().map(|(_, seen)| seen));
        let opened: Vec<_> = opened.map(|seen| new_grant(self.ownership, seen)).collect();
        grants::insert_grants(self.connection, &snapshot.account, &snapshot.region, &opened, at).await?;
        Ok(())
    }

    fn grant_change(&mut self, action: &'static str, principal: &str, resource: String, permission: &str) {
        let field = |field: &str, value: &str| FieldChange {
            field: field.to_owned(),
            before: (action == "revoked").then(|| value.to_owned()),
            after: (action != "revoked").then(|| value.to_owned()),
        };
        self.change("grant", action, resource, vec![field("principal", principal), field("permission", permission)]);
        if let Some(change) = self.changes.last_mut() {
            change.principal_tenant_id = owners::Principal::parse(principal).owner(self.ownership).tenant_id();
        }
    }

    async fn tags(&mut self) -> Result<(), CatalogError> {
        let snapshot = self.snapshot;
        let at = snapshot.taken_at;
        let rows = tags::list_tags_of(self.connection, &snapshot.account, &snapshot.region).await?;
        let stored: BTreeMap<(String, String), _> =
            rows.into_iter().map(|row| ((row.resource.clone(), row.tag_key.clone()), row)).collect();
        let looked_at: BTreeSet<&str> = snapshot.tags.iter().map(|tagged| tagged.resource.as_str()).collect();
        let seen: BTreeMap<(String, String), (&str, &str, &[String])> = snapshot
            .tags
            .iter()
            .flat_map(|tagged| tagged.tags.iter().map(move |(key, values)| (tagged, key, values)))
            .map(|(tagged, key, values)| {
                ((tagged.resource.clone(), key.clone()), (tagged.resource.as_str(), key.as_str(), values.as_slice()))
            })
            .collect();
        let difference = difference(
            stored,
            seen,
            |row, (_, _, values)| row.tag_values == *values,
            |(resource, _)| snapshot.complete.tags || looked_at.contains(resource.as_str()),
        );
        self.count(&difference);
        let is_first_look = self.looks.tags_seen_at.is_none();
        let created = difference.created.iter().filter(|_| !is_first_look).map(|seen| ("created", None, Some(seen)));
        let altered = difference.altered.iter().map(|(row, seen)| ("altered", Some(row), Some(seen)));
        let gone = difference.gone.iter().map(|row| ("dropped", Some(row), None));
        for (action, row, seen) in created.chain(altered).chain(gone) {
            let key = row.map_or_else(|| seen.map_or("", |seen| seen.1), |row| &row.tag_key);
            let asset = row.map_or_else(|| seen.map_or("", |seen| seen.0), |row| &row.resource);
            let field = FieldChange {
                field: format!("tags.{key}"),
                before: row.map(|row| row.tag_values.join("|")),
                after: seen.map(|seen| seen.2.join("|")),
            };
            self.change("tag", action, asset.to_owned(), vec![field]);
        }
        let closed = difference.altered.iter().map(|(row, _)| row.id).chain(difference.gone.iter().map(|row| row.id));
        tags::close_tags(self.connection, &closed.collect::<Vec<_>>(), at).await?;
        let opened = difference.created.iter().chain(difference.altered.iter().map(|(_, seen)| seen));
        let opened: Vec<_> = opened
            .map(|(resource, tag_key, tag_values)| tags::NewTag {
                resource,
                tag_key,
                tag_values,
                tenant_id: owners::of_canonical(self.ownership, resource).owner.tenant_id(),
            })
            .collect();
        tags::insert_tags(self.connection, &snapshot.account, &snapshot.region, &opened, at).await?;
        Ok(())
    }

    async fn locations(&mut self) -> Result<(), CatalogError> {
        let snapshot = self.snapshot;
        let at = snapshot.taken_at;
        let rows = locations::list_locations(&mut *self.connection).await?;
        let stored: BTreeMap<String, _> = rows
            .into_iter()
            .filter(|row| row.account == snapshot.account && row.region == snapshot.region)
            .map(|row| (row.location.clone(), row))
            .collect();
        let seen: BTreeMap<String, &RegisteredLocation> =
            snapshot.locations.iter().map(|seen| (seen.location.clone(), seen)).collect();
        let difference = difference(
            stored,
            seen,
            |row, seen| row.role_arn == seen.role_arn && row.hybrid == seen.hybrid,
            |_| snapshot.complete.locations,
        );
        self.count(&difference);
        if self.looks.locations_seen_at.is_some() {
            for seen in &difference.created {
                self.change("location", "created", seen.location.clone(), Vec::new());
            }
        }
        for (_, seen) in &difference.altered {
            self.change("location", "altered", seen.location.clone(), Vec::new());
        }
        for row in &difference.gone {
            self.change("location", "dropped", row.location.clone(), Vec::new());
        }
        let closed = difference.altered.iter().map(|(row, _)| row.id).chain(difference.gone.iter().map(|row| row.id));
        locations::close_locations(self.connection, &closed.collect::<Vec<_>>(), at).await?;
        let opened = difference.created.into_iter().chain(difference.altered.iter().map(|(_, seen)| *seen));
        let opened: Vec<_> = opened
            .map(|seen| locations::NewLocation {
                location: &seen.location,
                role_arn: seen.role_arn.as_deref(),
                hybrid: seen.hybrid,
                tenant_id: owners::of_location(self.ownership, &seen.location).owner.tenant_id(),
                record: &seen.record,
                record_hash: Hex(Sha256::of(seen.record.to_string())),
            })
            .collect();
        locations::insert_locations(self.connection, &snapshot.account, &snapshot.region, &opened, at).await?;
        Ok(())
    }

    async fn settings(&mut self) -> Result<(), CatalogError> {
        let snapshot = self.snapshot;
        let Some(settings) = &snapshot.settings else { return Ok(()) };
        let rows = locations::list_settings(&mut *self.connection).await?;
        let stored = rows.into_iter().find(|row| row.account == snapshot.account && row.region == snapshot.region);
        if let Some(row) = stored {
            if row.record == *settings {
                self.stored.unchanged += 1;
                return Ok(());
            }
            let fields = changed_fields(&facets_of_settings(&row.record), &facets_of_settings(settings));
            self.change("settings", "altered", format!("glue:{}", snapshot.account), fields);
            locations::close_settings(self.connection, row.id, snapshot.taken_at).await?;
            self.stored.altered += 1;
        } else {
            self.stored.created += 1;
        }
        let hash = Sha256::of(settings.to_string());
        let (account, region) = (&snapshot.account, &snapshot.region);
        locations::insert_settings(self.connection, account, region, settings, hash.as_bytes(), snapshot.taken_at)
            .await?;
        Ok(())
    }
}

/// What tells two permissions apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GrantKey {
    principal: String,
    kind: String,
    resource: String,
    permission: String,
    condition: String,
}

impl GrantKey {
    fn of(grant: &Grant) -> Self {
        Self {
            principal: grant.principal.clone(),
            kind: grant.resource.kind().to_owned(),
            resource: grant.resource.canonical(),
            permission: grant.permission.clone(),
            condition: condition_of(grant),
        }
    }

    fn of_row(row: &grants::GrantRow) -> Self {
        Self {
            principal: row.principal.clone(),
            kind: row.resource_kind.clone(),
            resource: row.resource.clone(),
            permission: row.permission.clone(),
            condition: row.condition.clone(),
        }
    }
}

fn condition_of(grant: &Grant) -> String {
    grant.record.pointer("/Condition/Expression").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn new_grant<'a>(ownership: &Ownership, grant: &'a Grant) -> grants::NewGrant<'a> {
    let resource = grant.resource.canonical();
    grants::NewGrant {
        principal: &grant.principal,
        resource_kind: grant.resource.kind(),
        permission: &grant.permission,
        condition: condition_of(grant),
        grantable: grant.grantable,
        tenant_id: owners::of_canonical(ownership, &resource).owner.tenant_id(),
        principal_tenant_id: owners::Principal::parse(&grant.principal).owner(ownership).tenant_id(),
        record: &grant.record,
        resource,
    }
}

fn facets_of_row(row: &databases::DatabaseRow) -> BTreeMap<String, String> {
    let parameters = row.parameters.as_object().into_iter().flatten();
    Database {
        name: row.name.clone(),
        location: row.location.clone(),
        description: row.description.clone(),
        parameters: parameters
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        record: Value::Null,
    }
    .facets()
}

fn facets_of_settings(settings: &Value) -> BTreeMap<String, String> {
    let fields = settings.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), value.to_string())).collect()
}
