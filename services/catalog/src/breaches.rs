//! From facts to breaches: what the policies forbid of the state, worded for people who may not see the other tenant's name.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_core::{Plane, Sha256, TenantId, TimeWindow};
use lakewarden_findings::{Breach, EVALUATION_ERROR, Evidence, PolicyInfo};
use lakewarden_isolation::{GrantFact, Judge, PostureFact, Verdict};
use lakewarden_tenancy::Owner;
use serde_json::{Value, json};

use crate::ingest::source_name;
use crate::owners::tenant_of;
use crate::resource::{database_name, table_name};
use crate::state::{Facts, State};
use crate::store::locations::SettingsRow;

/// Every breach of the state, and every policy that could not be evaluated on it.
pub(crate) fn judge(facts: &Facts<'_>, judge: &Judge) -> Vec<Breach> {
    let state = facts.state;
    let mut breaches = Vec::new();
    let mut errors = BTreeMap::new();
    for asset in postures(facts, state) {
        let verdict = judge.posture(asset.fact.clone());
        note_errors(&mut errors, &verdict, &asset.name, asset.since);
        for policy in &verdict.breached {
            breaches.push(posture_breach(judge, policy, &asset));
        }
    }
    breaches.extend(grant_breaches(facts, judge, &mut errors));
    breaches.extend(errors.into_values());
    breaches
}

/// An asset as it stands.
struct Posture {
    name: String,
    label: String,
    fact: PostureFact,
    since: DateTime<Utc>,
    source: String,
    record: Value,
}

fn postures<'a>(facts: &'a Facts<'_>, state: &'a State) -> impl Iterator<Item = Posture> + 'a {
    let databases = state.databases.iter().map(|row| Posture {
        name: database_name(&row.account, &row.name),
        label: row.name.clone(),
        fact: facts.of_database(row),
        since: row.valid_from,
        source: source_name(&row.account, &row.region),
        record: row.record.clone(),
    });
    let tables = state.tables.iter().map(|row| Posture {
        name: table_name(&row.account, &row.database_name, &row.name),
        label: format!("{}.{}", row.database_name, row.name),
        fact: facts.of_table(row),
        since: row.changed_at,
        source: source_name(&row.account, &row.region),
        record: without_columns(&row.record),
    });
    let locations = state.locations.iter().map(|row| Posture {
        name: row.location.clone(),
        label: row.location.clone(),
        fact: facts.of_location(row),
        since: row.valid_from,
        source: source_name(&row.account, &row.region),
        record: row.record.clone(),
    });
    databases.chain(tables).chain(locations)
}

fn posture_breach(judge: &Judge, policy: &Arc<PolicyInfo>, asset: &Posture) -> Breach {
    Breach {
        policy_id: policy.id.clone(),
        subject: asset.name.clone(),
        title: format!("{}: {}", policy.title, asset.label),
        owner: asset.fact.asset.owner,
        actor: other_side(judge, policy, &asset.fact),
        plane: Some(Plane::Catalog),
        asset: Some(asset.name.clone()),
        window: TimeWindow::at(asset.since),
        count: 1,
        path: Vec::new(),
        evidence: vec![Evidence {
            source: asset.source.clone(),
            reference: asset.name.clone(),
            hash: Sha256::of(asset.record.to_string()),
            occurred_at: asset.since,
            summary: format!("{} stands like this since {}", asset.label, asset.since.format("%Y-%m-%d %H:%M UTC")),
            record: asset.record.clone(),
        }],
    }
}

/// Whose location, database or tag makes it a breach: the one without which it would be none.
fn other_side(judge: &Judge, policy: &PolicyInfo, fact: &PostureFact) -> Option<TenantId> {
    let own = tenant_of(fact.asset.owner);
    let supposed = [
        (fact.location_owner, PostureFact { location_owner: None, ..fact.clone() }),
        (fact.database_owner, PostureFact { database_owner: None, ..fact.clone() }),
        (fact.tag_owner, PostureFact { tag_owner: None, ..fact.clone() }),
    ];
    supposed.into_iter().filter(|(other, _)| other.is_some() && *other != own).find_map(|(other, supposed)| {
        let verdict = judge.posture(supposed);
        let still = verdict.breached.iter().any(|breached| breached.id == policy.id);
        (!still).then_some(other).flatten()
    })
}

/// One principal's permissions on one resource that one policy forbids.
struct Forbidden<'a> {
    policy: Arc<PolicyInfo>,
    fact: GrantFact,
    permissions: Vec<&'a str>,
    since: DateTime<Utc>,
    source: String,
    record: &'a Value,
}

fn grant_breaches(facts: &Facts<'_>, judge: &Judge, errors: &mut BTreeMap<String, Breach>) -> Vec<Breach> {
    let mut forbidden: BTreeMap<(String, &str, String), Forbidden<'_>> = BTreeMap::new();
    let mut take = |principal, resource: &str, permission, fact: GrantFact, since, source: String, record| {
        let verdict = judge.grant(fact.clone());
        note_errors(errors, &verdict, resource, since);
        for policy in &verdict.breached {
            let entry =
                forbidden.entry((policy.id.clone(), principal, resource.to_owned())).or_insert_with(|| Forbidden {
                    policy: Arc::clone(policy),
                    fact: fact.clone(),
                    permissions: Vec::new(),
                    since,
                    source: source.clone(),
                    record,
                });
            entry.permissions.push(permission);
            entry.since = entry.since.min(since);
        }
    };
    for row in &facts.state.grants {
        if let Some(fact) = facts.of_grant(row) {
            let source = source_name(&row.account, &row.region);
            take(&row.principal, &row.resource, row.permission.as_str(), fact, row.valid_from, source, &row.record);
        }
    }
    for row in &facts.state.settings {
        for (principal, fact) in facts.of_settings(row) {
            let (resource, permission) = settings_words(row, &fact);
            let source = source_name(&row.account, &row.region);
            take(principal, &resource, permission, fact, row.valid_from, source, &row.record);
        }
    }
    forbidden
        .into_iter()
        .flat_map(|((_, principal, resource), forbidden)| grant_breach(judge, principal, &resource, &forbidden))
        .collect()
}

fn settings_words(row: &SettingsRow, fact: &GrantFact) -> (String, &'static str) {
    let resource = format!("glue:{} settings {}", row.account, row.region);
    (resource, if fact.permission == "DATA_LAKE_ADMIN" { "DATA_LAKE_ADMIN" } else { "ALL on what is created next" })
}

/// One breach; for a tag expression that selects several tenants' assets one for each of them, because each is hit.
fn grant_breach(judge: &Judge, principal: &str, resource: &str, forbidden: &Forbidden<'_>) -> Vec<Breach> {
    let fact = &forbidden.fact;
    let own = tenant_of(fact.principal.owner);
    let mut hit: Vec<Owner> = vec![fact.asset.owner];
    if fact.via_tag && spans_by_tags(judge, &forbidden.policy, fact) {
        hit = fact
            .tag_tenants
            .iter()
            .filter(|tenant| Some(**tenant) != own)
            .map(|tenant| Owner::Tenant(*tenant))
            .collect();
    }
    let mut permissions = forbidden.permissions.clone();
    permissions.sort_unstable();
    permissions.dedup();
    let permissions = permissions.join(", ");
    let label = resource.split_once('/').filter(|_| resource.starts_with("glue:")).map_or(resource, |(_, path)| path);
    hit.into_iter()
        .map(|owner| Breach {
            policy_id: forbidden.policy.id.clone(),
            subject: format!("{principal} on {resource}"),
            title: format!("{}: {permissions} on {label}", forbidden.policy.title),
            owner,
            actor: own.filter(|tenant| tenant_of(owner) != Some(*tenant)),
            plane: Some(Plane::Grant),
            asset: Some(resource.to_owned()),
            window: TimeWindow::at(forbidden.since),
            count: 1,
            path: Vec::new(),
            evidence: vec![Evidence {
                source: forbidden.source.clone(),
                reference: format!("{principal} on {resource}"),
                hash: Sha256::of(forbidden.record.to_string()),
                occurred_at: forbidden.since,
                summary: format!("{permissions} granted since {}", forbidden.since.format("%Y-%m-%d %H:%M UTC")),
                record: json!({ "grant": forbidden.record, "permissions": permissions }),
            }],
        })
        .collect()
}

/// Whether it is the selected tenants that make it a breach.
fn spans_by_tags(judge: &Judge, policy: &PolicyInfo, fact: &GrantFact) -> bool {
    let supposed = GrantFact { tag_tenants: Vec::new(), ..fact.clone() };
    !judge.grant(supposed).breached.iter().any(|breached| breached.id == policy.id)
}

/// A policy that cannot be evaluated is itself a breach, one for each message.
fn note_errors(errors: &mut BTreeMap<String, Breach>, verdict: &Verdict, asset: &str, at: DateTime<Utc>) {
    for error in &verdict.errors {
        errors.entry(error.clone()).or_insert_with(|| Breach {
            policy_id: EVALUATION_ERROR.to_owned(),
            subject: error.clone(),
            title: format!("A policy could not be evaluated on the catalog: {error}"),
            owner: Owner::Platform,
            actor: None,
            plane: None,
            asset: Some(asset.to_owned()),
            window: TimeWindow::at(at),
            count: 1,
            path: Vec::new(),
            evidence: Vec::new(),
        });
    }
}

/// Columns are many and say nothing of where a table lies or whose it is.
fn without_columns(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.get_mut("StorageDescriptor").and_then(Value::as_object_mut) {
        fields.retain(|key, _| key != "Columns");
    }
    record
}
