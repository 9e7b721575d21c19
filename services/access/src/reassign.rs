//! After `tenants.toml` changed: principals and resources get the owner the new rules give, classes and facts follow, and
//! what is a breach under them is recorded.

use rustc_hash::FxHashMap;

use crate::identity::{PrincipalKind, SessionTag, resolve};
use crate::resource::{Resource, ResourceKind};
use crate::store::{self, PrincipalRows, ResourceRows};
use crate::{AccessError, Ctx};

/// Rows of one statement.
const CHUNK: i64 = 2_000;

/// Resolves every principal and resource again; returns how many rows changed owner. Verdicts follow with the next records
/// of each class: findings count occurrences, and past ones were judged by the rules of their time.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, AccessError> {
    ctx.memory.interned.lock().await.forget();
    let mut tx = ctx.db.begin().await?;
    let changed = reassign_principals(ctx, &mut tx).await? + reassign_resources(ctx, &mut tx).await?;
    store::update_class_owners(&mut *tx).await?;
    store::update_fact_owners(&mut *tx).await?;
    store::update_sample_owners(&mut *tx).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn reassign_principals(ctx: &Ctx, connection: &mut sqlx::PgConnection) -> Result<u64, sqlx::Error> {
    let ownership = ctx.ownership.get();
    let (mut after, mut changed) = (0, 0);
    loop {
        let page = store::list_principals_after(&mut *connection, after, CHUNK).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        after = last.id.0;
        let mut rows = PrincipalRows::default();
        for stored in page {
            let tag = stored
                .session_tag
                .split_once('=')
                .map(|(key, value)| SessionTag { key: key.to_owned(), value: value.to_owned() });
            let kind = PrincipalKind::from_word(&stored.kind);
            let resolution = resolve(kind, &stored.account, &stored.name, tag.as_ref(), &ownership);
            let tenant = resolution.owner.tenant_id().map(|tenant| tenant.0);
            if (tenant, resolution.rule.as_str()) == (stored.tenant_id, stored.rule.as_str()) {
                continue;
            }
            changed += u64::from(tenant != stored.tenant_id);
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

async fn reassign_resources(ctx: &Ctx, connection: &mut sqlx::PgConnection) -> Result<u64, sqlx::Error> {
    let ownership = ctx.ownership.get();
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
            let owned = resource.owned(&ownership);
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
