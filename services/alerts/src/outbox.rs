//! Writing deliveries, in the transaction of the finding that changed.

use std::collections::BTreeMap;

use lakewarden_core::TenantId;
use lakewarden_db::enqueue_at;
use sqlx::PgConnection;

use crate::delivery::DeliveryId;
use crate::jobs::DeliverAlert;
use crate::store::{self, Group};
use crate::{AlertsError, Ctx, Notice};

/// Notices written by one statement.
const BATCH: usize = 2_000;

/// Writes the deliveries of one change, in the transaction of the change.
pub async fn notify(connection: &mut PgConnection, ctx: &Ctx, notice: &Notice) -> Result<(), AlertsError> {
    notify_all(connection, ctx, std::slice::from_ref(notice)).await
}

/// Writes the deliveries of many changes, in their transaction: a group's notices join the message that waits for it.
pub async fn notify_all(connection: &mut PgConnection, ctx: &Ctx, notices: &[Notice]) -> Result<(), AlertsError> {
    let now = ctx.clock.now();
    let grouped = group(ctx, notices);
    if grouped.is_empty() {
        return Ok(());
    }
    let groups: Vec<Group> = grouped.values().map(|(group, _)| group.clone()).collect();
    let ids = store::open_groups(&mut *connection, &groups, now).await?;
    let pairs: Vec<(DeliveryId, &Notice)> = ids
        .iter()
        .zip(grouped.values())
        .flat_map(|(id, (_, notices))| notices.iter().map(|notice| (*id, *notice)))
        .collect();
    for batch in pairs.chunks(BATCH) {
        store::insert_notices(&mut *connection, batch).await?;
    }
    // Sorted by receiver: two transactions take the rows of the queue in the same order.
    let mut due: BTreeMap<&str, _> = BTreeMap::new();
    for group in groups.iter().filter(|group| !group.silenced) {
        let earliest = due.entry(group.receiver.as_str()).or_insert(group.due_at);
        *earliest = group.due_at.min(*earliest);
    }
    for (receiver, due_at) in due {
        enqueue_at(&mut *connection, &DeliverAlert { receiver: receiver.to_owned() }, due_at, now).await?;
    }
    Ok(())
}

type GroupKey = (String, String, Option<TenantId>, bool);

/// By receiver, policy and tenant, in the order in which every transaction locks them.
fn group<'a>(ctx: &Ctx, notices: &'a [Notice]) -> BTreeMap<GroupKey, (Group, Vec<&'a Notice>)> {
    let (now, policy, ownership) = (ctx.clock.now(), ctx.policy.get(), ctx.ownership.get());
    let mut grouped: BTreeMap<GroupKey, (Group, Vec<&'a Notice>)> = BTreeMap::new();
    for notice in notices {
        for planned in policy.plan(notice, &ownership, now) {
            let key = (planned.receiver.clone(), notice.policy_id.clone(), notice.tenant, planned.silenced);
            let (_, members) = grouped.entry(key).or_insert_with(|| {
                let group = Group {
                    receiver: planned.receiver,
                    policy_id: notice.policy_id.clone(),
                    tenant: notice.tenant,
                    due_at: now + planned.group_wait,
                    silenced: planned.silenced,
                };
                (group, Vec::new())
            });
            members.push(notice);
        }
    }
    grouped
}
