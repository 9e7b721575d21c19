//! Everything the catalogs hold now, and the facts that policies judge of it: pure.

use std::collections::BTreeMap;

use lakewarden_core::TenantId;
use lakewarden_isolation::{AssetFacts, AssetKind, GrantFact, PostureFact};
use lakewarden_tenancy::{Owned, Owner, Ownership};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use crate::owners::{self, IAM_ALLOWED_PRINCIPALS, Principal, tenant_of};
use crate::resource::{Resource, TagCondition, database_name, lies_in, table_name};
use crate::store::databases::DatabaseRow;
use crate::store::grants::GrantRow;
use crate::store::locations::{LocationRow, SettingsRow};
use crate::store::snapshots::Looks;
use crate::store::tables::JudgedTable;
use crate::store::tags::TagRow;

/// The state of every catalog.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub looks: Vec<Looks>,
    pub databases: Vec<DatabaseRow>,
    pub tables: Vec<JudgedTable>,
    pub grants: Vec<GrantRow>,
    pub tags: Vec<TagRow>,
    pub locations: Vec<LocationRow>,
    pub settings: Vec<SettingsRow>,
}

/// The state with what is looked up over and over: tags by resource, owners by name.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub ownership: &'a Ownership,
    pub state: &'a State,
    tags: FxHashMap<&'a str, BTreeMap<&'a str, &'a [String]>>,
    tags_complete: FxHashSet<(&'a str, &'a str)>,
    locations_complete: FxHashSet<(&'a str, &'a str)>,
    own_accounts: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(state: &'a State, ownership: &'a Ownership) -> Self {
        let mut tags: FxHashMap<&str, BTreeMap<&str, &[String]>> = FxHashMap::default();
        for tag in &state.tags {
            tags.entry(&tag.resource).or_default().insert(&tag.tag_key, &tag.tag_values);
        }
        let complete = |seen: fn(&Looks) -> bool| {
            let looks = state.looks.iter().filter(move |looks| seen(looks));
            looks.map(|looks| (looks.account.as_str(), looks.region.as_str())).collect()
        };
        Self {
            ownership,
            state,
            tags,
            tags_complete: complete(|looks| looks.tags_seen_at.is_some()),
            locations_complete: complete(|looks| looks.locations_seen_at.is_some()),
            own_accounts: state.looks.iter().map(|looks| looks.account.as_str()).collect(),
        }
    }

    pub(crate) fn of_database(&self, row: &DatabaseRow) -> PostureFact {
        let owned = owners::of_database(self.ownership, &row.account, &row.name);
        let name = database_name(&row.account, &row.name);
        let tags = self.tags_of(&name, None);
        PostureFact {
            location_owner: self.location_owner(row.location.as_deref()),
            tag_owner: self.tag_owner(&tags, owned.owner),
            tagged: self.tagged(&tags, &row.account, &row.region),
            ..PostureFact::of(AssetKind::Database, asset_facts(owned))
        }
    }

    pub(crate) fn of_table(&self, row: &JudgedTable) -> PostureFact {
        let by_name = owners::of_table(self.ownership, &row.account, &row.database_name, &row.name);
        let by_location = row.location.as_deref().map(|location| owners::of_location(self.ownership, location));
        // A name no convention knows: then the data's owner is the table's.
        let owned = if by_name.owner == Owner::Unowned { by_location.unwrap_or(by_name) } else { by_name };
        let database = database_name(&row.account, &row.database_name);
        let name = table_name(&row.account, &row.database_name, &row.name);
        let tags = self.tags_of(&name, Some(&database));
        PostureFact {
            location_owner: self.location_owner(row.location.as_deref()),
            database_owner: tenant_of(owners::of_database(self.ownership, &row.account, &row.database_name).owner),
            tag_owner: self.tag_owner(&tags, owned.owner),
            tagged: self.tagged(&tags, &row.account, &row.region),
            registered: self.registered(row),
            encrypted: encrypted(&row.record),
            ..PostureFact::of(AssetKind::Table, asset_facts(owned))
        }
    }

    pub(crate) fn of_location(&self, row: &LocationRow) -> PostureFact {
        PostureFact::of(AssetKind::Location, asset_facts(owners::of_location(self.ownership, &row.location)))
    }

    /// `None` where the stored record names no resource any more, which its parser did not let in.
    pub(crate) fn of_grant(&self, row: &GrantRow) -> Option<GrantFact> {
        let resource = Resource::parse(row.record.get("Resource")?, &row.account)?;
        let tag_tenants = match &resource {
            Resource::TagPolicy { conditions, .. } => self.tenants_of_expression(conditions),
            _ => Vec::new(),
        };
        Some(GrantFact {
            principal: self.principal(&row.principal),
            asset: asset_facts(owners::of_canonical(self.ownership, &row.resource)),
            permission: row.permission.clone(),
            iam_allowed_principals: row.principal.eq_ignore_ascii_case(IAM_ALLOWED_PRINCIPALS),
            grantable: row.grantable,
            wildcard: resource.is_wildcard(),
            via_tag: matches!(resource, Resource::TagPolicy { .. }),
            tag_tenants,
        })
    }

    /// What the settings grant without a permission being listed: administrators, and defaults that open what is made next.
    pub(crate) fn of_settings(&self, row: &'a SettingsRow) -> Vec<(&'a str, GrantFact)> {
        let platform = || asset_facts(Owned { owner: Owner::Platform, ..Owned::UNOWNED });
        let fact = |principal: &str, permission: &str| GrantFact {
            principal: self.principal(principal),
            asset: platform(),
            permission: permission.to_owned(),
            iam_allowed_principals: principal.eq_ignore_ascii_case(IAM_ALLOWED_PRINCIPALS),
            grantable: false,
            wildcard: false,
            via_tag: false,
            tag_tenants: Vec::new(),
        };
        let list = |key: &str| row.record.get(key).and_then(Value::as_array).into_iter().flatten();
        let identifier = |entry: &'a Value, pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let administrators = list("DataLakeAdmins")
            .filter_map(|entry| identifier(entry, "/DataLakePrincipalIdentifier"))
            .map(|principal| (principal, fact(principal, "DATA_LAKE_ADMIN")));
        let defaults = list("CreateDatabaseDefaultPermissions")
            .chain(list("CreateTableDefaultPermissions"))
            .filter_map(|entry| identifier(entry, "/Principal/DataLakePrincipalIdentifier"))
            .map(|principal| (principal, fact(principal, "ALL")));
        administrators.chain(defaults).collect()
    }

    fn principal(&self, identifier: &str) -> lakewarden_isolation::PrincipalFacts {
        Principal::parse(identifier).facts(self.ownership, &self.own_accounts)
    }

    fn location_owner(&self, location: Option<&str>) -> Option<TenantId> {
        location.and_then(|location| tenant_of(owners::of_location(self.ownership, location).owner))
    }

    /// Own tags over inherited ones, key by key, as Lake Formation does.
    fn tags_of(&self, name: &str, database: Option<&str>) -> BTreeMap<&'a str, &'a [String]> {
        let mut tags = database.and_then(|database| self.tags.get(database)).cloned().unwrap_or_default();
        tags.extend(self.tags.get(name).into_iter().flatten());
        tags
    }

    /// The tenant the tags name: another than the owner, if they name several.
    fn tag_owner(&self, tags: &BTreeMap<&str, &[String]>, owner: Owner) -> Option<TenantId> {
        let mut named: Vec<TenantId> = tags
            .iter()
            .flat_map(|(key, values)| values.iter().filter_map(|value| owners::of_tag(self.ownership, key, value)))
            .collect();
        named.sort_by_key(|tenant| Some(*tenant) == tenant_of(owner));
        named.first().copied()
    }

    fn tagged(&self, tags: &BTreeMap<&str, &[String]>, account: &str, region: &str) -> Option<bool> {
        let has_owner_tag = tags.iter().any(|(key, values)| {
            owners::is_owner_key(key) || values.iter().any(|value| owners::of_tag(self.ownership, key, value).is_some())
        });
        if has_owner_tag {
            return Some(true);
        }
        // Not seeing a tag says something only where all tags were asked for.
        self.tags_complete.contains(&(account, region)).then_some(false)
    }

    fn registered(&self, row: &JudgedTable) -> Option<bool> {
        let location = row.location.as_deref().filter(|location| location.starts_with("s3://"))?;
        let said = row.record.get("IsRegisteredWithLakeFormation").and_then(Value::as_bool).unwrap_or(false);
        if said || self.state.locations.iter().any(|area| lies_in(location, &area.location)) {
            return Some(true);
        }
        self.locations_complete.contains(&(row.account.as_str(), row.region.as_str())).then_some(false)
    }

    /// Owners of everything that a tag expression selects, and the tenants it names, sorted.
    fn tenants_of_expression(&self, conditions: &[TagCondition]) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> = conditions
            .iter()
            .flat_map(|condition| {
                condition.values.iter().filter_map(|value| owners::of_tag(self.ownership, &condition.key, value))
            })
            .collect();
        let databases = self.state.databases.iter().map(|row| {
            let name = database_name(&row.account, &row.name);
            (self.tags_of(&name, None), owners::of_database(self.ownership, &row.account, &row.name).owner)
        });
        let tables = self.state.tables.iter().map(|row| {
            let name = table_name(&row.account, &row.database_name, &row.name);
            let database = database_name(&row.account, &row.database_name);
            let owned = owners::of_table(self.ownership, &row.account, &row.database_name, &row.name);
            (self.tags_of(&name, Some(&database)), owned.owner)
        });
        let selected = databases.chain(tables).filter(|(tags, _)| matches_all(conditions, tags));
        tenants.extend(selected.filter_map(|(_, owner)| tenant_of(owner)));
        tenants.sort();
        tenants.dedup();
        tenants
    }
}

/// And between keys, or between the values of one.
fn matches_all(conditions: &[TagCondition], tags: &BTreeMap<&str, &[String]>) -> bool {
    conditions.iter().all(|condition| {
        tags.get(condition.key.as_str())
            .is_some_and(|values| condition.values.iter().any(|value| value == "*" || values.contains(value)))
    })
}

fn asset_facts(owned: Owned) -> AssetFacts {
    AssetFacts { layer: owned.layer, ..AssetFacts::owned_by(owned.owner) }
}

/// What crawlers note of the objects under a table.
fn encrypted(record: &Value) -> Option<bool> {
    record.pointer("/Parameters/has_encrypted_data").and_then(Value::as_str).and_then(|word| word.parse().ok())
}
