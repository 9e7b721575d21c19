//! Merging the sum of a batch into the rows, in an order of rows that is the same for every batch.

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use lakewarden_tenancy::Ownership;
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::PgConnection;

use super::commit::number;
use super::merge::Sum;
use super::names::{Mentioned, Names, recall, resolve_names};
use super::remembered::{Entity, FacetKey, Knowledge, Remembered};
use crate::columns::{ColumnEdge, column_edges};
use crate::event::{EventType, Facets, is_deleted};
use crate::facts::{Direction, Facts, Name};
use crate::flows::enqueue_judging;
use crate::store::events::{ObservationRows, insert_observations};
use crate::store::graph::{self, ColumnEdgeRows};
use crate::store::names::{insert_symlinks, join_datasets};
use crate::store::runs::{self, EdgeRows, FacetRows, RunDatasetRows, RunRows, SchemaRows};

/// A batch at work in its transaction.
pub(super) struct Batch<'a> {
    pub connection: &'a mut PgConnection,
    pub ownership: &'a Ownership,
    pub remembered: &'a Remembered,
    pub version: Sha256,
    /// What is true once the transaction is committed.
    pub learnt: &'a mut Knowledge,
    pub now: DateTime<Utc>,
}

impl Batch<'_> {
    /// Writes everything; returns the names it had to resolve on the way.
    pub async fn write(&mut self, sum: &Sum<'_>, fresh: &[&Facts], names: &Names) -> Result<Names, sqlx::Error> {
        self.write_runs(sum, names).await?;
        self.write_run_datasets(sum).await?;
        let mut changed = self.write_edges(sum).await?;
        self.write_schemas(sum).await?;
        self.write_observations(fresh, names).await?;
        changed.extend(self.write_symlinks(sum, names).await?);
        let restated = self.write_facets(sum).await?;
        let inputs = self.write_columns(&restated).await?;
        changed.extend(restated);
        changed.sort_unstable();
        changed.dedup();
        enqueue_judging(self.connection, &changed, self.now).await?;
        Ok(inputs)
    }

    async fn write_runs(&mut self, sum: &Sum<'_>, names: &Names) -> Result<(), sqlx::Error> {
        if sum.runs.is_empty() {
            return Ok(());
        }
        let mut runs: Vec<_> = sum.runs.iter().collect();
        runs.sort_unstable_by_key(|(id, _)| **id);
        let mut rows = RunRows::default();
        for (id, run) in runs {
            let job = names.resolve(Entity::Job, &run.job.1);
            let parent_job = run.parent.as_ref().map(|(_, _, job)| names.resolve(Entity::Job, job).id);
            rows.ids.push(*id);
            rows.external_ids.push(run.external_id.clone());
            rows.jobs.push(job.id);
            rows.states.push(run.state.1);
            rows.ended_at.push(run.state.0);
            rows.started_at.push(run.started_at);
            rows.first_event_at.push(run.job.0);
            rows.last_event_at.push(run.last_event_at);
            rows.nominal_start_at.push(run.nominal.and_then(|(_, (start, _))| start));
            rows.nominal_end_at.push(run.nominal.and_then(|(_, (_, end))| end));
            rows.nominal_as_of.push(run.nominal.map(|(as_of, _)| as_of));
            rows.parent_runs.push(run.parent.as_ref().map(|(_, id, _)| *id));
            rows.parent_jobs.push(parent_job);
            rows.parent_as_of.push(run.parent.as_ref().map(|(as_of, _, _)| *as_of));
            rows.errors.push(run.error.as_ref().map(|(_, message)| message.clone()));
            rows.error_as_of.push(run.error.as_ref().map(|(as_of, _)| *as_of));
            rows.tenants.push(number(job.tenant));
        }
        runs::upsert_runs(&mut *self.connection, &rows).await
    }

    async fn write_run_datasets(&mut self, sum: &Sum<'_>) -> Result<(), sqlx::Error> {
        if sum.run_datasets.is_empty() {
            return Ok(());
        }
        let mut all: Vec<_> = sum.run_datasets.iter().collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        let mut rows = RunDatasetRows::default();
        for ((run, dataset, direction), row) in all {
            rows.runs.push(*run);
            rows.datasets.push(*dataset);
            rows.directions.push(direction.as_str().to_owned());
            rows.row_counts.push(row.counts.and_then(|(_, rows, _)| rows));
            rows.size_bytes.push(row.counts.and_then(|(_, _, size)| size));
            rows.counted_as_of.push(row.counts.map(|(as_of, _, _)| as_of));
            rows.tenants.push(number(row.tenant));
            rows.job_tenants.push(number(row.job_tenant));
        }
        runs::upsert_run_datasets(&mut *self.connection, &rows).await
    }

    /// Returns the datasets that have new edges.
    async fn write_edges(&mut self, sum: &Sum<'_>) -> Result<Vec<i32>, sqlx::Error> {
        let mut wider: Vec<_> = self.remembered.with(self.version, |known| {
            sum.edges
                .iter()
                .filter(|(key, edge)| {
                    known.edges.get(key).is_none_or(|span| edge.span.0 < span.0 || edge.span.1 > span.1)
                })
                .collect()
        });
        if wider.is_empty() {
            return Ok(Vec::new());
        }
        wider.sort_unstable_by_key(|(key, _)| **key);
        let mut rows = EdgeRows::default();
        for (key, edge) in wider {
            let (job, dataset, direction) = *key;
            rows.jobs.push(job);
            rows.datasets.push(dataset);
            rows.directions.push(direction.as_str().to_owned());
            rows.first_seen_at.push(edge.span.0);
            rows.last_seen_at.push(edge.span.1);
            rows.tenants.push(number(edge.tenant));
            rows.job_tenants.push(number(edge.job_tenant));
            self.learnt.edges.insert(*key, edge.span);
        }
        runs::upsert_edges(&mut *self.connection, &rows).await
    }

    async fn write_schemas(&mut self, sum: &Sum<'_>) -> Result<(), sqlx::Error> {
        let mut wider: Vec<_> = self.remembered.with(self.version, |known| {
            sum.schemas
                .iter()
                .filter(|(key, (span, _, _))| {
                    known.schemas.get(key).is_none_or(|known| span.0 < known.0 || span.1 > known.1)
                })
                .collect()
        });
        if wider.is_empty() {
            return Ok(());
        }
        wider.sort_unstable_by_key(|(key, _)| **key);
        let mut rows = SchemaRows::default();
        for (key, (span, schema, tenant)) in wider {
            rows.datasets.push(key.0);
            rows.hashes.push(key.1.as_bytes().to_vec());
            rows.fields.push(schema.fields.clone());
            rows.first_seen_at.push(span.0);
            rows.last_seen_at.push(span.1);
            rows.tenants.push(number(*tenant));
            self.learnt.schemas.insert(*key, *span);
        }
        runs::upsert_schemas(&mut *self.connection, &rows).await
    }

    async fn write_observations(&mut self, fresh: &[&Facts], names: &Names) -> Result<(), sqlx::Error> {
        let mut rows = ObservationRows::default();
        for facts in fresh {
            observe(facts, names, &mut rows);
        }
        if rows.events.is_empty() { Ok(()) } else { insert_observations(&mut *self.connection, &rows).await }
    }

    /// Returns the datasets that were joined with another spelling.
    async fn write_symlinks(&mut self, sum: &Sum<'_>, names: &Names) -> Result<Vec<i32>, sqlx::Error> {
        let mut links: Vec<(i32, i32, &str, Option<i32>)> = sum
            .symlinks
            .iter()
            .map(|(dataset, target, kind)| {
                (dataset.id, names.resolve(Entity::Dataset, target).id, *kind, number(dataset.tenant))
            })
            .filter(|(dataset, target, ..)| dataset != target)
            .collect();
        links.sort_unstable();
        links.dedup_by_key(|(dataset, target, ..)| (*dataset, *target));
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let datasets: Vec<i32> = links.iter().map(|link| link.0).collect();
        let targets: Vec<i32> = links.iter().map(|link| link.1).collect();
        let kinds: Vec<String> = links.iter().map(|link| link.2.to_owned()).collect();
        let tenants: Vec<Option<i32>> = links.iter().map(|link| link.3).collect();
        let new = insert_symlinks(&mut *self.connection, &datasets, &targets, &kinds, &tenants).await?;
        for (dataset, target) in &new {
            join_datasets(&mut *self.connection, *dataset, *target).await?;
        }
        Ok(new.into_iter().map(|(dataset, _)| dataset).collect())
    }

    /// Returns the datasets whose column origins may have changed.
    async fn write_facets(&mut self, sum: &Sum<'_>) -> Result<Vec<i32>, sqlx::Error> {
        let (mut same, mut other) = (Vec::new(), Vec::new());
        self.remembered.with(self.version, |known| {
            for (key, facet) in &sum.facets {
                match known.facets.get(key) {
                    Some((hash, at)) if *hash == facet.1.hash && *at >= facet.0 => {}
                    Some((hash, _)) if *hash == facet.1.hash => same.push((key, facet)),
                    _ => other.push((key, facet)),
                }
            }
        });
        same.sort_unstable_by_key(|(key, _)| *key);
        if !same.is_empty() {
            let touched = runs::touch_facets(&mut *self.connection, &facet_rows(&same, false)).await?;
            let touched: FxHashSet<runs::FacetKey> = touched.into_iter().collect();
            // Another process has changed these since.
            other.extend(same.iter().filter(|(key, _)| !touched.contains(&stored_key(key))));
        }
        other.sort_unstable_by_key(|(key, _)| *key);
        let mut restated = Vec::new();
        if !other.is_empty() {
            let won = runs::upsert_facets(&mut *self.connection, &facet_rows(&other, true)).await?;
            restated.extend(
                won.iter()
                    .filter(|key| key.entity == "dataset" && matches!(key.name.as_str(), "columnLineage" | "lineage"))
                    .map(|key| key.entity_id),
            );
            let won: FxHashSet<runs::FacetKey> = won.into_iter().collect();
            same.extend(other.iter().filter(|(key, _)| won.contains(&stored_key(key))));
        }
        self.learnt.facets.extend(same.into_iter().map(|(key, facet)| (key.clone(), (facet.1.hash, facet.0))));
        restated.sort_unstable();
        restated.dedup();
        Ok(restated)
    }

    /// Column edges are a function of the current facets, so they are made anew from them.
    async fn write_columns(&mut self, restated: &[i32]) -> Result<Names, sqlx::Error> {
        if restated.is_empty() {
            return Ok(Names::default());
        }
        let facets = graph::list_column_facets(&mut *self.connection, restated).await?;
        let mut by_dataset: FxHashMap<i32, (Option<i32>, Facets)> = FxHashMap::default();
        for facet in facets.into_iter().filter(|facet| !is_deleted(&facet.body)) {
            let entry =
                by_dataset.entry(facet.dataset_id).or_insert_with(|| (number(facet.tenant_id), Facets::default()));
            entry.1.0.insert(facet.name, facet.body);
        }
        let edges: Vec<(i32, Option<i32>, Vec<ColumnEdge>)> = by_dataset
            .into_iter()
            .map(|(dataset, (tenant, facets))| {
                (dataset, tenant, column_edges(&facets, &mut Vec::new()).unwrap_or_default())
            })
            .collect();
        let mut mentioned: Mentioned<'_> = FxHashMap::default();
        for edge in edges.iter().flat_map(|(_, _, edges)| edges) {
            mentioned.insert((Entity::Dataset, &edge.input), None);
        }
        let known = self.remembered.with(self.version, |knowledge| recall(knowledge, &mentioned));
        let names = resolve_names(self.connection, self.ownership, known, &mentioned, self.now).await?;
        graph::delete_column_edges(&mut *self.connection, restated).await?;
        let rows = column_rows(&edges, &names);
        if !rows.outputs.is_empty() {
            graph::insert_column_edges(&mut *self.connection, &rows).await?;
        }
        Ok(names)
    }
}

fn stored_key(key: &FacetKey) -> runs::FacetKey {
    runs::FacetKey { entity: key.0.as_str().to_owned(), entity_id: key.1, name: key.2.clone() }
}

type SummedFacet<'a> = (DateTime<Utc>, &'a crate::facts::FacetBody, Option<lakewarden_core::TenantId>);

fn facet_rows(facets: &[(&FacetKey, &SummedFacet<'_>)], with_bodies: bool) -> FacetRows {
    let mut rows = FacetRows::default();
    for ((entity, id, name), (at, facet, tenant)) in facets {
        rows.entities.push(entity.as_str().to_owned());
        rows.ids.push(*id);
        rows.names.push(name.clone());
        rows.event_times.push(*at);
        rows.hashes.push(facet.hash.as_bytes().to_vec());
        if with_bodies {
            rows.bodies.push(facet.body.clone());
            rows.tenants.push(number(*tenant));
        }
    }
    rows
}

fn column_rows(edges: &[(i32, Option<i32>, Vec<ColumnEdge>)], names: &Names) -> ColumnEdgeRows {
    let mut rows = ColumnEdgeRows::default();
    for (dataset, tenant, edges) in edges {
        for edge in edges {
            let input = names.resolve(Entity::Dataset, &edge.input);
            rows.outputs.push(*dataset);
            rows.output_columns.push(edge.output_column.clone());
            rows.inputs.push(input.id);
            rows.input_columns.push(edge.input_column.clone());
            rows.kinds.push(edge.kind.clone());
            rows.subtypes.push(edge.subtype.clone());
            rows.maskings.push(edge.masking);
            rows.tenants.push(*tenant);
            rows.input_tenants.push(number(input.tenant));
        }
    }
    rows
}

/// Assertion, column, success, value: what only some kinds of observation have.
type Detail = (Option<String>, Option<String>, Option<bool>, Option<i64>);

/// What the event says about the state of its datasets: checks, row counts, that they were written.
fn observe(facts: &Facts, names: &Names, rows: &mut ObservationRows) {
    let run = facts.run.as_ref();
    let completed = run.is_some_and(|run| run.event_type == Some(EventType::Complete));
    let mut push = |name: &Name, kind: &str, is_output: bool, times: i32| {
        let dataset = names.resolve(Entity::Dataset, name);
        rows.observed_at.push(facts.event_time);
        rows.datasets.push(dataset.id);
        rows.tenants.push(number(dataset.tenant));
        rows.runs.push(run.map(|run| run.id));
        rows.kinds.push(kind.to_owned());
        rows.is_output.push(is_output);
        rows.occurrences.push(times);
        rows.events.push(facts.id);
    };
    let mut details: Vec<Detail> = Vec::new();
    for dataset in &facts.datasets {
        let is_output = dataset.direction == Some(Direction::Output);
        for (assertion, times) in &dataset.assertions {
            push(&dataset.name, "assertion", is_output, *times);
            details.push((Some(assertion.assertion.clone()), assertion.column.clone(), Some(assertion.success), None));
        }
        if let Some(count) = dataset.row_count {
            push(&dataset.name, "row_count", is_output, 1);
            details.push((None, None, None, Some(count)));
        }
        if completed && is_output {
            push(&dataset.name, "write", true, 1);
            details.push((None, None, None, None));
        }
    }
    for (assertion, column, success, value) in details {
        rows.assertions.push(assertion);
        rows.columns.push(column);
        rows.successes.push(success);
        rows.values.push(value);
    }
}
