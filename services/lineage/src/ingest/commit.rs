//! One batch, one transaction: names to ids, events stored, the new ones added up and merged into the rows.

use chrono::{DateTime, Utc};
use lakewarden_core::{Sha256, SourceId, TenantId};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::PgConnection;
use uuid::Uuid;

use super::delivered;
use super::intake::{Incoming, Outcome};
use super::merge::{Sum, to_minute};
use super::names::{Mentioned, Names, recall, resolve_names};
use super::remembered::{Entity, Knowledge, Remembered};
use super::write;
use crate::Ctx;
use crate::facts::Facts;
use crate::store::events::{self, EventRows};

/// Stores a batch. Nothing of it is in the database unless this returns `Ok`.
pub(super) async fn commit(
    ctx: &Ctx,
    remembered: &Remembered,
    incoming: &[Incoming],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let ownership = ctx.ownership.loaded();
    let now = ctx.clock.now();
    super::partitions::prepare(ctx, incoming.iter().map(|event| event.facts.event_time)).await;
    let mentioned = mentioned_by(incoming);
    let known = remembered.with(ownership.version, |knowledge| recall(knowledge, &mentioned));
    let mut learnt = Knowledge::default();

    let mut tx = ctx.db.begin().await?;
    let names = resolve_names(&mut tx, &ownership.value, known, &mentioned, now).await?;
    let sources = find_sources(&mut tx, remembered, ownership.version, incoming, now).await?;
    let rows = event_rows(incoming, &names, &sources);
    let new: FxHashSet<Uuid> = events::insert_events(&mut *tx, &rows, now).await?.into_iter().collect();

    let outcomes = outcomes_of(incoming, &new);
    let fresh: Vec<&Facts> = incoming
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == Outcome::Stored)
        .map(|(event, _)| &event.facts)
        .collect();
    let mut sum = Sum::default();
    for facts in &fresh {
        sum.add(facts, |entity, name| names.resolve(entity, name));
    }
    let mut batch = write::Batch {
        connection: &mut tx,
        ownership: &ownership.value,
        remembered,
        version: ownership.version,
        learnt: &mut learnt,
        now,
    };
    let inputs = batch.write(&sum, &fresh, &names).await?;
    delivered::record_deliveries(&mut tx, incoming, &outcomes, &sources, now).await?;
    tx.commit().await?;

    learnt.names = names.into_known();
    learnt.names.extend(inputs.into_known());
    learnt.sources = sources;
    remembered.with(ownership.version, |knowledge| knowledge.learn(learnt));
    metrics::counter!("lakewarden_lineage_events_total", "outcome" => "stored").increment(fresh.len() as u64);
    metrics::counter!("lakewarden_lineage_events_total", "outcome" => "duplicate")
        .increment((outcomes.len() - fresh.len()) as u64);
    metrics::histogram!("lakewarden_lineage_batch_events").record(outcomes.len() as f64);
    Ok(outcomes)
}

/// Every name in the batch, with when it was itself observed.
fn mentioned_by(incoming: &[Incoming]) -> Mentioned<'_> {
    let mut mentioned: Mentioned<'_> = FxHashMap::default();
    for Incoming { facts, .. } in incoming {
        let seen = Some(to_minute(facts.event_time));
        let mut mention = |entity, name, seen: Option<DateTime<Utc>>| {
            let known = mentioned.entry((entity, name)).or_default();
            *known = (*known).max(seen);
        };
        if let Some(job) = &facts.job {
            mention(Entity::Job, job, seen);
        }
        if let Some((_, job)) = facts.run.as_ref().and_then(|run| run.parent.as_ref()) {
            mention(Entity::Job, job, None);
        }
        for dataset in &facts.datasets {
            mention(Entity::Dataset, &dataset.name, seen);
            for (target, _) in &dataset.symlinks {
                mention(Entity::Dataset, target, None);
            }
        }
    }
    mentioned
}

async fn find_sources(
    connection: &mut PgConnection,
    remembered: &Remembered,
    version: Sha256,
    incoming: &[Incoming],
    now: DateTime<Utc>,
) -> Result<FxHashMap<String, SourceId>, sqlx::Error> {
    let mut found: FxHashMap<String, SourceId> = FxHashMap::default();
    for Incoming { producer, .. } in incoming {
        if found.contains_key(producer.as_ref()) {
            continue;
        }
        let known = remembered.with(version, |knowledge| knowledge.sources.get(producer.as_ref()).copied());
        let id = match known {
            Some(id) => id,
            None => delivered::find_source(connection, producer, now).await?,
        };
        found.insert(producer.to_string(), id);
    }
    Ok(found)
}

fn event_rows(incoming: &[Incoming], names: &Names, sources: &FxHashMap<String, SourceId>) -> EventRows {
    let mut rows = EventRows::default();
    let mut seen: FxHashSet<Uuid> = FxHashSet::default();
    for Incoming { facts, producer } in incoming {
        if !seen.insert(facts.id) {
            continue;
        }
        let job = facts.job.as_ref().map(|name| names.resolve(Entity::Job, name));
        let dataset = match (&facts.job, facts.datasets.first()) {
            (None, Some(dataset)) => Some(names.resolve(Entity::Dataset, &dataset.name)),
            _ => None,
        };
        rows.event_times.push(facts.event_time);
        rows.ids.push(facts.id);
        rows.sources.push(sources.get(producer.as_ref()).map(|SourceId(id)| *id));
        rows.runs.push(facts.run.as_ref().map(|run| run.id));
        rows.jobs.push(job.map(|job| job.id));
        rows.datasets.push(dataset.map(|dataset| dataset.id));
        rows.event_types.push(facts.event_type.to_owned());
        rows.raws.push(facts.raw.clone());
        rows.raw_bytes.push(i32::try_from(facts.raw_bytes).unwrap_or(i32::MAX));
        rows.notes.push((!facts.notes.is_empty()).then(|| facts.notes.join("\n")));
        rows.tenants.push(number(job.or(dataset).and_then(|owner| owner.tenant)));
    }
    rows
}

/// Of copies of one event in a batch the first is the one that was stored.
fn outcomes_of(incoming: &[Incoming], new: &FxHashSet<Uuid>) -> Vec<Outcome> {
    let mut counted: FxHashSet<Uuid> = FxHashSet::default();
    incoming
        .iter()
        .map(|event| {
            let first = counted.insert(event.facts.id);
            if first && new.contains(&event.facts.id) { Outcome::Stored } else { Outcome::Duplicate }
        })
        .collect()
}

pub(super) fn number(tenant: Option<TenantId>) -> Option<i32> {
    tenant.map(|TenantId(id)| id)
}
