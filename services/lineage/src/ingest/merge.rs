//! Adding up the events of one batch before they meet the rows, by rules that give the same sum in any order.

use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use lakewarden_core::{Sha256, TenantId};
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::remembered::{EdgeKey, Entity, FacetKey, Span};
use crate::event::EventType;
use crate::facts::{Direction, FacetBody, Facts, Name, Nominal, RunFacts, SchemaVersion};

/// Codes of `runs.state`; of two terminal states of one instant the greater wins.
pub const fn state_of(event_type: Option<EventType>) -> i16 {
    match event_type {
        None | Some(EventType::Other) => 0,
        Some(EventType::Start | EventType::Running) => 1,
        Some(EventType::Complete) => 2,
        Some(EventType::Abort) => 3,
        Some(EventType::Fail) => 4,
    }
}

/// A job or dataset of the batch, resolved.
#[derive(Debug, Clone, Copy)]
pub struct Resolved {
    pub id: i32,
    pub tenant: Option<TenantId>,
}

/// The part of a run's row that a batch adds.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPart {
    pub external_id: Option<String>,
    /// The earliest event's; of one instant the lesser name.
    pub job: (DateTime<Utc>, Name),
    pub state: (Option<DateTime<Utc>>, i16),
    pub started_at: Option<DateTime<Utc>>,
    pub last_event_at: DateTime<Utc>,
    pub nominal: Option<(DateTime<Utc>, Nominal)>,
    pub parent: Option<(DateTime<Utc>, Uuid, Name)>,
    pub error: Option<(DateTime<Utc>, String)>,
}

impl RunPart {
    pub fn of(at: DateTime<Utc>, job: &Name, run: &RunFacts) -> Self {
        let terminal = run.event_type.is_some_and(EventType::is_terminal);
        Self {
            external_id: run.external_id.clone(),
            job: (at, job.clone()),
            state: (terminal.then_some(at), state_of(run.event_type)),
            started_at: (run.event_type == Some(EventType::Start)).then_some(at),
            last_event_at: at,
            nominal: run.nominal.map(|nominal| (at, nominal)),
            parent: run.parent.clone().map(|(id, job)| (at, id, job)),
            error: run.error.clone().map(|message| (at, message)),
        }
    }

    pub fn merge(&mut self, other: Self) {
        if other.job < self.job {
            self.job = other.job;
        }
        self.state = self.state.max(other.state);
        self.started_at = match (self.started_at, other.started_at) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        self.last_event_at = self.last_event_at.max(other.last_event_at);
        self.nominal = self.nominal.take().max(other.nominal);
        self.parent = self.parent.take().max(other.parent);
        self.error = self.error.take().max(other.error);
    }
}

/// Row count and size with the time of the event that said so.
pub type Counts = Option<(DateTime<Utc>, Option<i64>, Option<i64>)>;

/// What the new events of a batch add up to.
#[derive(Debug, Default)]
pub struct Sum<'a> {
    pub runs: FxHashMap<Uuid, RunPart>,
    pub run_datasets: FxHashMap<(Uuid, i32, Direction), RunDataset>,
    pub edges: FxHashMap<EdgeKey, Edge>,
    pub schemas: FxHashMap<(i32, Sha256), (Span, &'a SchemaVersion, Option<TenantId>)>,
    pub facets: FxHashMap<FacetKey, (DateTime<Utc>, &'a FacetBody, Option<TenantId>)>,
    pub symlinks: Vec<(Resolved, &'a Name, &'a str)>,
}

#[derive(Debug, Clone, Copy)]
pub struct RunDataset {
    pub counts: Counts,
    pub tenant: Option<TenantId>,
    pub job_tenant: Option<TenantId>,
}

#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub span: Span,
    pub tenant: Option<TenantId>,
    pub job_tenant: Option<TenantId>,
}

impl<'a> Sum<'a> {
    pub fn add(&mut self, facts: &'a Facts, resolve: impl Fn(Entity, &Name) -> Resolved) {
        let at = facts.event_time;
        let job = facts.job.as_ref().map(|name| (name, resolve(Entity::Job, name)));
        if let Some((name, job)) = job {
            self.add_facets(Entity::Job, job, at, &facts.job_facets);
            if let Some(run) = &facts.run {
                let part = RunPart::of(at, name, run);
                match self.runs.entry(run.id) {
                    Entry::Occupied(mut known) => known.get_mut().merge(part),
                    Entry::Vacant(vacant) => _ = vacant.insert(part),
                }
            }
        }
        for dataset in &facts.datasets {
            let resolved = resolve(Entity::Dataset, &dataset.name);
            self.add_facets(Entity::Dataset, resolved, at, &dataset.facets);
            if let Some(schema) = &dataset.schema {
                let minute = to_minute(at);
                let entry = self.schemas.entry((resolved.id, schema.hash));
                widen(&mut entry.or_insert(((minute, minute), schema, resolved.tenant)).0, minute);
            }
            self.symlinks.extend(dataset.symlinks.iter().map(|(name, kind)| (resolved, name, kind.as_str())));
            let (Some(direction), Some((_, job))) = (dataset.direction, job) else { continue };
            let minute = to_minute(at);
            let edge = Edge { span: (minute, minute), tenant: resolved.tenant, job_tenant: job.tenant };
            widen(&mut self.edges.entry((job.id, resolved.id, direction)).or_insert(edge).span, minute);
            if let Some(run) = &facts.run {
                let counted = dataset.row_count.is_some() || dataset.size_bytes.is_some();
                let counts = counted.then_some((at, dataset.row_count, dataset.size_bytes));
                let row = RunDataset { counts: None, tenant: resolved.tenant, job_tenant: job.tenant };
                let row = self.run_datasets.entry((run.id, resolved.id, direction)).or_insert(row);
                row.counts = row.counts.max(counts);
            }
        }
    }

    fn add_facets(&mut self, entity: Entity, owner: Resolved, at: DateTime<Utc>, facets: &'a [FacetBody]) {
        for facet in facets {
            match self.facets.entry((entity, owner.id, facet.name.clone())) {
                Entry::Occupied(mut known) => {
                    let newest = (known.get().0, known.get().1.hash);
                    if (at, facet.hash) > newest {
                        known.insert((at, facet, owner.tenant));
                    }
                }
                Entry::Vacant(vacant) => _ = vacant.insert((at, facet, owner.tenant)),
            }
        }
    }
}

fn widen(span: &mut Span, at: DateTime<Utc>) {
    *span = (span.0.min(at), span.1.max(at));
}

/// "Last seen" to the minute: what is seen a thousand times a second is then written once a minute.
pub fn to_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp().div_euclid(60) * 60, 0).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(second: i64, event_type: EventType) -> RunPart {
        let at = DateTime::from_timestamp(second, 0).unwrap();
        let run = RunFacts {
            id: Uuid::nil(),
            external_id: None,
            event_type: Some(event_type),
            nominal: None,
            parent: None,
            error: None,
        };
        RunPart::of(at, &Name::new("n", format!("j{second}")), &run)
    }

    #[test]
    fn a_run_is_the_same_in_whatever_order_its_events_arrive() {
        let events = [
            part(10, EventType::Start),
            part(5, EventType::Other),
            part(30, EventType::Complete),
            part(30, EventType::Fail),
            part(40, EventType::Start),
        ];
        let fold = |order: &[usize]| {
            let mut run = events[order[0]].clone();
            order[1..].iter().for_each(|index| run.merge(events[*index].clone()));
            run
        };
        let expected = fold(&[0, 1, 2, 3, 4]);
        assert_eq!(expected.state.1, 4, "of two ends at one instant the failure wins, and a late START undoes nothing");
        assert_eq!(expected.started_at, DateTime::from_timestamp(10, 0));
        assert_eq!(expected.job.1.name, "j5");
        for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 3, 1, 2, 0], [1, 4, 0, 3, 2]] {
            let mut order = order.to_vec();
            order.extend([0, 1, 2, 3, 4]);
            assert_eq!(fold(&order), expected);
        }
    }
}
