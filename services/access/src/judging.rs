//! From a class to what the policies say of it, and from their verdicts to breaches with counts and evidence.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_core::{Plane, TimeWindow};
use lakewarden_findings::{Breach, EVALUATION_ERROR, Evidence, UNOWNED_ASSET};
use lakewarden_isolation::{
    AccessAction, AccessFact, AccountTrust, AssetFacts, DataContext, Judge, PrincipalFacts, PrincipalKind as JudgedKind,
};
use lakewarden_tenancy::{AssetRef, Owner, Ownership};
use rustc_hash::FxHashMap;

use crate::class::Bits;
use crate::identity::PrincipalKind;
use crate::interning::{Class, KnownResource, Principal};
use crate::resource::ResourceKind;
use crate::touched::Action;

/// Records of one class that are new in a batch.
#[derive(Debug)]
pub struct NewRecords {
    pub class: Arc<Class>,
    pub count: i64,
    pub window: TimeWindow,
    pub evidence: Vec<Evidence>,
}

/// Evidence of one breach in one batch.
const EVIDENCE_PER_BREACH: usize = 5;

/// Every breach of a batch, merged so that one subject's breach of one policy is one entry.
pub fn breaches(judge: &Judge, ownership: &Ownership, batch: &[NewRecords]) -> Vec<Breach> {
    let mut merged: FxHashMap<(String, String), Breach> = FxHashMap::default();
    for new in batch {
        for breach in breaches_of(judge, ownership, new) {
            match merged.entry((breach.policy_id.clone(), breach.subject.clone())) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(breach);
                }
                std::collections::hash_map::Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    known.count += breach.count;
                    known.window = known.window.cover(breach.window);
                    known.evidence.extend(breach.evidence);
                    known.evidence.truncate(EVIDENCE_PER_BREACH);
                }
            }
        }
    }
    let mut breaches: Vec<Breach> = merged.into_values().collect();
    breaches.sort_by(|a, b| (&a.policy_id, &a.subject).cmp(&(&b.policy_id, &b.subject)));
    breaches
}

/// Whether any policy has something to say of the class: its records are then worth keeping as evidence.
pub fn is_breached(judge: &Judge, ownership: &Ownership, class: &Class) -> bool {
    facts(class, ownership).into_iter().any(|(fact, _)| !judge.access(fact).is_clean())
}

fn breaches_of(judge: &Judge, ownership: &Ownership, new: &NewRecords) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (fact, resource) in facts(&new.class, ownership) {
        let action = word_of(&fact.action);
        let verdict = judge.access(fact);
        let breach = |policy_id: &str, title: String| breach(new, resource, policy_id, action, title);
        for policy in &verdict.breached {
            breaches.push(breach(&policy.id, sentence(&new.class, action, resource)));
        }
        for error in &verdict.errors {
            breaches.push(breach(EVALUATION_ERROR, format!("A policy could not judge an access: {error}")));
        }
    }
    if let Some(name) = unowned_data(&new.class) {
        let title = format!("Nobody owns {name}, and it is being used");
        let asset = Breach {
            subject: name.to_owned(),
            actor: None,
            plane: None,
            ..breach(new, &new.class.resource, UNOWNED_ASSET, "", title)
        };
        breaches.push(asset);
    }
    breaches
}

/// Data of the lake that no rule gives to anybody.
fn unowned_data(class: &Class) -> Option<&str> {
    let is_data = class.resource.resource.kind == ResourceKind::S3
        && matches!(class.action, Action::Read | Action::Write | Action::Delete | Action::List);
    let is_use = !class.bits.has(Bits::LOG_DELIVERY) && !class.bits.has(Bits::DENIED) && !class.bits.has(Bits::FAILED);
    let by_someone = class.principal.key.kind != PrincipalKind::Service;
    (is_data && is_use && by_someone && class.owner() == Owner::Unowned)
        .then_some(class.resource.resource.name.as_str())
}

fn breach(new: &NewRecords, resource: &KnownResource, policy_id: &str, action: &str, title: String) -> Breach {
    let principal = &new.class.principal;
    Breach {
        policy_id: policy_id.to_owned(),
        subject: format!("{} {action} {}", spell(principal), resource.resource.name),
        title,
        owner: resource.owned.owner,
        actor: principal.resolution.owner.tenant_id(),
        plane: Some(Plane::Access),
        asset: Some(resource.resource.name.clone()),
        window: new.window,
        count: new.count,
        path: Vec::new(),
        evidence: new.evidence.clone(),
    }
}

/// `role/acme-etl`, with the account where there is one and the tag where the session has one.
pub fn spell(principal: &Principal) -> String {
    let key = &principal.key;
    let account = if key.account.is_empty() { String::new() } else { format!("{}:", key.account) };
    let tag = if key.tag.is_empty() { String::new() } else { format!(" ({})", key.tag) };
    format!("{account}{}/{}{tag}", key.kind.as_str(), key.name)
}

fn sentence(class: &Class, action: &str, resource: &KnownResource) -> String {
    let name = &class.principal.key.name;
    let asset = &resource.resource.name;
    let denied = class.bits.has(Bits::DENIED) || class.bits.has(Bits::FAILED);
    if denied {
        return format!("{name} tried to {action} {asset} and was refused");
    }
    match action {
        "read" => format!("{name} read {asset}"),
        "write" => format!("{name} wrote to {asset}"),
        "delete" => format!("{name} deleted from {asset}"),
        "list" => format!("{name} listed {asset}"),
        "query" => format!("{name} ran a query in {asset}"),
        "vend" => format!("{name} was given credentials for {asset}"),
        "decrypt" => format!("{name} used the key {asset}"),
        "assume" => format!("{name} assumed {asset}"),
        _ => format!("{name} called {} on {asset}", class.operation),
    }
}

fn word_of(action: &AccessAction) -> &'static str {
    match action {
        AccessAction::Read(_) => "read",
        AccessAction::List(_) => "list",
        AccessAction::Write(_) => "write",
        AccessAction::Delete(_) => "delete",
        AccessAction::Vend(_) => "vend",
        AccessAction::Decrypt(_) => "decrypt",
        AccessAction::Query { .. } => "query",
        AccessAction::Assume { .. } => "assume",
        AccessAction::ChangeControl { .. } => "control",
    }
}

/// The facts to judge of a class, each with the resource it is about. A copy is a write of its target and a read of its source.
fn facts<'c>(class: &'c Class, ownership: &Ownership) -> Vec<(AccessFact, &'c KnownResource)> {
    if class.bits.has(Bits::LOG_DELIVERY) {
        return Vec::new();
    }
    let principal = principal_facts(class, ownership);
    let denied = class.bits.has(Bits::DENIED) || class.bits.has(Bits::FAILED);
    let data = DataContext {
        denied,
        tls: !class.bits.has(Bits::NO_TLS),
        signature_v2: class.bits.has(Bits::SIGV2),
        presigned: class.bits.has(Bits::PRESIGNED),
        cross_account: class.bits.has(Bits::CROSS_ACCOUNT),
        via_lake_formation: class.bits.has(Bits::VIA_LAKE_FORMATION),
    };
    let second_tenant = class.second.as_ref().and_then(|second| tenant(second.owned.owner));
    let action = match class.action {
        Action::Read => AccessAction::Read(data),
        Action::List => AccessAction::List(data),
        Action::Write => AccessAction::Write(data),
        Action::Delete => AccessAction::Delete(data),
        Action::Vend => AccessAction::Vend(data),
        Action::Decrypt => AccessAction::Decrypt(data),
        Action::Query => {
            AccessAction::Query { denied, output_owner: second_tenant, workgroup_owner: tenant(class.owner()) }
        }
        Action::Assume => AccessAction::Assume { denied, tag_tenant: second_tenant },
        Action::Control => AccessAction::ChangeControl { denied, event: event_of(&class.operation).to_owned() },
        Action::Other => return Vec::new(),
    };
    let fact = |action, resource: &KnownResource| AccessFact { principal, action, asset: asset_facts(resource) };
    // A key that is no tenant's own is judged by what it protects.
    let judged = match (class.action, &class.second) {
        (Action::Decrypt, Some(protected)) if tenant(class.owner()).is_none() => protected,
        _ => &class.resource,
    };
    let mut facts = vec![(fact(action, judged), &**judged)];
    if let (Action::Write, Some(source)) = (class.action, &class.second) {
        facts.push((fact(AccessAction::Read(data), source), source));
    }
    facts
}

fn principal_facts(class: &Class, ownership: &Ownership) -> PrincipalFacts {
    let key = &class.principal.key;
    let is_known = || ownership.of(&AssetRef::Account(&key.account)).owner != Owner::Unowned;
    let is_foreign = class.bits.has(Bits::CROSS_ACCOUNT) && !is_known();
    PrincipalFacts {
        owner: class.principal.resolution.owner,
        kind: match key.kind {
            PrincipalKind::Role => JudgedKind::Role,
            PrincipalKind::User => JudgedKind::User,
            PrincipalKind::Root => JudgedKind::Root,
            PrincipalKind::Service => JudgedKind::Service,
            PrincipalKind::Anonymous => JudgedKind::Anonymous,
            PrincipalKind::Federated
            | PrincipalKind::Saml
            | PrincipalKind::WebIdentity
            | PrincipalKind::IdentityCenter => JudgedKind::Federated,
            PrincipalKind::Account | PrincipalKind::Unknown => JudgedKind::External,
        },
        account: if is_foreign { AccountTrust::Foreign } else { AccountTrust::Own },
        long_lived_key: class.bits.has(Bits::LONG_LIVED_KEY),
    }
}

fn asset_facts(resource: &KnownResource) -> AssetFacts {
    AssetFacts { layer: resource.owned.layer, ..AssetFacts::owned_by(resource.owned.owner) }
}

fn tenant(owner: Owner) -> Option<lakewarden_core::TenantId> {
    match owner {
        Owner::Tenant(tenant) => Some(tenant),
        Owner::Platform | Owner::Unowned => None,
    }
}

fn event_of(operation: &str) -> &str {
    operation.split_once(':').map_or(operation, |(_, event)| event)
}

/// One line about a record, for people.
pub fn summary(class: &Class, at: DateTime<Utc>) -> String {
    format!(
        "{} by {} on {} at {}",
        class.operation,
        spell(&class.principal),
        class.resource.resource.name,
        at.format("%Y-%m-%d %H:%M:%S UTC")
    )
}
