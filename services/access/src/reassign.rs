//! After `tenants.toml` changed: principals and resources get the owner the new rules give, classes and facts follow, and
//! the classes that changed are judged again.

use std::sync::Arc;

use lakewarden_core::{Sha256, TimeWindow};
use lakewarden_findings::Evidence;
use lakewarden_tenancy::Ownership;
use rustc_hash::FxHashMap;
use sqlx::PgConnection;

use crate::class::Bits;
use crate::identity::{PrincipalKind, SessionTag, resolve};
use crate::ids::{ClassId, ResourceId};
use crate::interning::{Class, KnownResource, Principal, PrincipalKey};
use crate::judging::{self, NewRecords};
use crate::resource::{Resource, ResourceKind};
use crate::store::{self, JudgedClass, KeptRecord, PrincipalRows, ResourceRows};
use crate::touched::Action;
use crate::{AccessError, Ctx};

/// Rows of one statement.
const CHUNK: i64 = 2_000;

/// Resolves every principal and resource again; returns how many rows changed owner.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, AccessError> {
    ctx.memory.interned.lock().await.forget();
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin().await?;
    let principals = reassign_principals(&ownership, &mut tx).await?;
    let resources = reassign_resources(&ownership, &mut tx).await?;
    let changed = store::update_class_owners(&mut *tx, &principals).await?;
    store::update_fact_owners(&mut *tx).await?;
    store::update_sample_owners(&mut *tx).await?;
    for classes in changed.chunks(CHUNK as usize) {
        judge_again(ctx, &ownership, &mut tx, classes).await?;
    }
    tx.commit().await?;
    Ok(principals.len() as u64 + resources)
}

/// What the new owners make a breach becomes a finding. It counts nothing: the records were counted when they came, and a
/// finding that opens this way says that it happened, not how often.
async fn judge_again(
    ctx: &Ctx,
    ownership: &Ownership,
    connection: &mut PgConnection,
    classes: &[ClassId],
) -> Result<(), AccessError> {
    let ids: Vec<i32> = classes.iter().map(|class| class.0).collect();
    let mut kept: FxHashMap<ClassId, Vec<KeptRecord>> = FxHashMap::default();
    for record in store::list_kept_records(&mut *connection, &ids).await? {
        kept.entry(record.class_id).or_default().push(record);
    }
    let stored = store::list_judged_classes(&mut *connection, &ids).await?;
    let standing: Vec<NewRecords> = stored
        .into_iter()
        .map(|stored| {
            let window = TimeWindow { from: stored.first_at, to: stored.last_at };
            let class = class_of(stored, ownership);
            let kept = kept.remove(&class.id).unwrap_or_default();
            let evidence = kept.into_iter().filter_map(|record| evidence_of(record, &class)).collect();
            NewRecords { class: Arc::new(class), count: 0, window, evidence }
        })
        .collect();
    let breaches = judging::breaches(&ctx.judge, ownership, &standing);
    if !breaches.is_empty() {
        lakewarden_findings::record(connection, &ctx.findings, &breaches).await?;
    }
    Ok(())
}

fn class_of(stored: JudgedClass, ownership: &Ownership) -> Class {
    let kind = PrincipalKind::from_word(&stored.principal_kind);
    let tag = tag_of(&stored.session_tag);
    let resolution = resolve(kind, &stored.account, &stored.principal_name, tag.as_ref(), ownership);
    let key = PrincipalKey { kind, account: stored.account, name: stored.principal_name, tag: stored.session_tag };
    let known = |id: ResourceId, kind: &str, name: String| {
        let resource = Resource { kind: ResourceKind::from_word(kind), name };
        Arc::new(KnownResource { id, owned: resource.owned(ownership), resource })
    };
    let has_second = stored.second_id != stored.resource_id;
    Class {
        id: stored.id,
        principal: Arc::new(Principal { id: stored.principal_id, key, resolution }),
        resource: known(stored.resource_id, &stored.resource_kind, stored.resource_name),
        second: has_second.then(|| known(stored.second_id, &stored.second_kind, stored.second_name)),
        action: Action::from_word(&stored.action),
        operation: stored.operation,
        bits: Bits(stored.bits),
    }
}

fn evidence_of(record: KeptRecord, class: &Class) -> Option<Evidence> {
    Some(Evidence {
        source: record.source,
        reference: format!("{}#{}", record.file, record.position),
        hash: Sha256::from_slice(&record.hash)?,
        occurred_at: record.event_time,
        summary: judging::summary(class, record.event_time),
        record: record.record,
    })
}

fn tag_of(session_tag: &str) -> Option<SessionTag> {
    let (key, value) = session_tag.split_once('=')?;
    Some(SessionTag { key: key.to_owned(), value: value.to_owned() })
}

/// Returns the principals that now belong to somebody else.
async fn reassign_principals(ownership: &Ownership, connection: &mut PgConnection) -> Result<Vec<i32>, sqlx::Error> {
    let (mut after, mut changed) = (0, Vec::new());
    loop {
        let page = store::list_principals_after(&mut *connection, after, CHUNK).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        after = last.id.0;
        let mut rows = PrincipalRows::default();
        for stored in page {
            let tag = tag_of(&stored.session_tag);
            let kind = PrincipalKind::from_word(&stored.kind);
            let resolution = resolve(kind, &stored.account, &stored.name, tag.as_ref(), ownership);
            let tenant = resolution.owner.tenant_id().map(|tenant| tenant.0);
            if (tenant, resolution.rule.as_str()) == (stored.tenant_id, stored.rule.as_str()) {
                continue;
            }
            if tenant != stored.tenant_id {
                changed.push(stored.id.0);
            }
            rows.kinds.push(stored.kind);
            rows.accounts.push(stored.account);
            rows.names.push(stored.name);
            rows.arns.push(stored.arn);
            rows.tags.push(stored.session_tag);
            rows.tenants.push(tenant);
            rows.permitted.push(resolution.is_permitted);
            rows.steps.push(resolution.step.to_owned());
            rows.rules.push(resolution.rule);
        }
        if !rows.names.is_empty() {
            store::upsert_principals(&mut *connection, &rows).await?;
        }
    }
}

async fn reassign_resources(ownership: &Ownership, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    // Rules repeat, and putting one into words costs more than applying it.
    let mut words: FxHashMap<lakewarden_tenancy::RuleId, String> = FxHashMap::default();
    let (mut after, mut changed) = (0, 0);
    loop {
        let page = store::list_resources_after(&mut *connection, after, CHUNK).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        after = last.id.0;
        let mut rows = ResourceRows::default();
        for stored in page {
            let resource = Resource { kind: ResourceKind::from_word(&stored.kind), name: stored.name };
            let owned = resource.owned(ownership);
            let rule = words.entry(owned.rule).or_insert_with(|| ownership.explain(owned.rule));
            let tenant = owned.owner.tenant_id().map(|tenant| tenant.0);
            if (tenant, rule.as_str()) == (stored.tenant_id, stored.rule.as_str()) {
                continue;
            }
            changed += u64::from(tenant != stored.tenant_id);
            rows.kinds.push(stored.kind);
            rows.names.push(resource.name);
            rows.tenants.push(tenant);
            rows.layers.push(owned.layer.map(|layer| layer.to_string()));
            rows.rules.push(rule.clone());
        }
        if !rows.names.is_empty() {
            store::upsert_resources(&mut *connection, &rows).await?;
        }
    }
}
