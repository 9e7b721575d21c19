//! After a change of `tenants.toml`: every row gets the owner that the rules in force give it, and flows are judged anew.

use lakewarden_core::TenantId;
use lakewarden_db::enqueue;

use crate::facts::Name;
use crate::flows::JudgeFlows;
use crate::ingest::{Entity, owner_of, rule_number};
use crate::store::flows::mark_all_to_judge;
use crate::store::owners::{self as store, NewOwners, OwnedName};
use crate::{Ctx, LineageError};

const CHUNK: i64 = 5_000;

/// Answers how many jobs and datasets changed hands.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, LineageError> {
    let changed = reassign(ctx, Entity::Job).await? + reassign(ctx, Entity::Dataset).await?;
    ctx.intake.forget();
    let mut tx = ctx.db.begin().await?;
    mark_all_to_judge(&mut *tx).await?;
    enqueue(&mut tx, &JudgeFlows, ctx.clock.now()).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn reassign(ctx: &Ctx, entity: Entity) -> Result<u64, LineageError> {
    let ownership = ctx.ownership.get();
    let mut changed = 0;
    let mut after = 0;
    loop {
        let mut tx = ctx.db.begin().await?;
        let rows = match entity {
            Entity::Job => store::list_jobs_after(&mut *tx, after, CHUNK).await?,
            Entity::Dataset => store::list_datasets_after(&mut *tx, after, CHUNK).await?,
        };
        let Some(last) = rows.last() else { return Ok(changed) };
        after = last.id;
        let mut new = NewOwners::default();
        for OwnedName { id, namespace, name, tenant_id, layer, owner_rule } in rows {
            let owned = owner_of(&ownership, entity, &Name::new(namespace, name));
            let tenant = owned.owner.tenant_id().map(|TenantId(id)| id);
            let new_layer = owned.layer.map(|layer| layer.as_str().to_owned());
            let rule = rule_number(owned.rule);
            let same_layer = entity == Entity::Job || layer == new_layer;
            if tenant == tenant_id && rule == owner_rule && same_layer {
                continue;
            }
            new.ids.push(id);
            new.tenants.push(tenant);
            new.layers.push(new_layer);
            new.rules.push(rule);
        }
        changed += new.ids.len() as u64;
        if !new.ids.is_empty() {
            match entity {
                Entity::Job => store::update_job_owners(&mut tx, &new).await?,
                Entity::Dataset => store::update_dataset_owners(&mut tx, &new).await?,
            }
        }
        tx.commit().await?;
    }
}
