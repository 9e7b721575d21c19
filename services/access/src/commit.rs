//! One transaction: files, their records once, hourly facts, breaches, examples, coverage. All of it or nothing.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lakewarden_core::{Sha256, SourceId, TimeWindow};
use lakewarden_findings::Evidence;
use lakewarden_sources::{Delivery, Rejected, SourceKind};
use lakewarden_tenancy::Ownership;
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::PgConnection;

use crate::class::{ReadFile, Sample};
use crate::ids::{ClassId, FileId};
use crate::interning::Class;
use crate::judging::{self, NewRecords};
use crate::store::{self, EventRows, FactRows, FileRows, SampleRows};
use crate::{AccessError, Ctx};

/// Examples kept of each class, and how much later than the last one the next is.
const SAMPLES_KEPT: i64 = 3;
const SAMPLE_EVERY: TimeDelta = TimeDelta::hours(1);
/// Evidence one class gives to its finding in one batch.
const EVIDENCE_PER_CLASS: usize = 3;

/// What became of one file's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ingested {
    pub accepted: i64,
    pub duplicates: i64,
    pub quarantined: i64,
}

/// Stores files that were read. Answers in their order, after the commit.
pub async fn commit(ctx: &Ctx, source: &str, files: &[ReadFile]) -> Result<Vec<Ingested>, AccessError> {
    let ownership = ctx.ownership.loaded();
    let now = ctx.clock.now();
    ensure_days(ctx, files).await?;
    let classes = {
        let mut connection = ctx.db.system().acquire().await?;
        let mut interned = ctx.memory.interned.lock().await;
        interned.classes_of(&mut connection, files, &ownership.value, ownership.version, now).await?
    };
    let mut tx = ctx.db.begin().await?;
    let source_id = lakewarden_sources::find_or_create(&mut tx, SourceKind::CloudTrail, source, now).await?;
    let mut batch = Batch {
        ctx,
        source,
        source_id,
        ownership: &ownership.value,
        files,
        classes,
        now,
        ids: Vec::new(),
        known: Vec::new(),
    };
    batch.store_files(&mut tx).await?;
    let new = batch.store_events(&mut tx).await?;
    let counted = batch.count(&new);
    store::upsert_facts(&mut *tx, &fact_rows(&counted)).await?;
    let sampled = batch.store_samples(&mut tx, &new).await?;
    let breaches = judging::breaches(&ctx.judge, &ownership.value, &batch.new_records(&counted, &new));
    if !breaches.is_empty() {
        lakewarden_findings::record(&mut tx, &ctx.findings, &breaches).await?;
    }
    let outcomes = batch.settle_files(&mut tx, &counted, &new).await?;
    tx.commit().await?;
    ctx.memory.remember_samples(sampled);
    let records: usize = files.iter().map(|file| file.observations.len()).sum();
    metrics::counter!("lakewarden_access_records_total").increment(records as u64);
    Ok(outcomes)
}

async fn ensure_days(ctx: &Ctx, files: &[ReadFile]) -> Result<(), sqlx::Error> {
    let days: FxHashSet<NaiveDate> =
        files.iter().flat_map(|file| &file.observations).map(|observation| observation.at.date_naive()).collect();
    let missing = ctx.memory.unknown_days(days);
    if missing.is_empty() {
        return Ok(());
    }
    // A few at a time: each partition holds locks until its transaction ends.
    for days in missing.chunks(50) {
        store::ensure_partitions(ctx.db.system(), days).await?;
    }
    ctx.memory.remember_days(&missing);
    Ok(())
}

struct Batch<'b> {
    ctx: &'b Ctx,
    source: &'b str,
    source_id: SourceId,
    ownership: &'b Ownership,
    files: &'b [ReadFile],
    /// By file, then by the file's own class index.
    classes: Vec<Vec<Arc<Class>>>,
    now: DateTime<Utc>,
    /// By file; `None` where the file was stored before.
    ids: Vec<Option<FileId>>,
    /// What became of files stored before.
    known: Vec<store::FileOutcome>,
}

/// Which observations of which file are new.
struct New {
    by_file: Vec<Vec<bool>>,
}

/// Counts of one class: by hour, and together.
struct Counted {
    class: Arc<Class>,
    count: i64,
    window: TimeWindow,
    hours: FxHashMap<i64, Hour>,
}

#[derive(Clone, Copy)]
struct Hour {
    records: i64,
    bytes_out: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl Batch<'_> {
    async fn store_files(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut rows = FileRows::default();
        for file in self.files {
            rows.names.push(file.name.clone());
            rows.hashes.push(file.hash.as_bytes().to_vec());
            rows.sizes.push(file.size_bytes);
            rows.quarantined.push(file.rejects.len() as i32);
        }
        let stored = store::insert_files(&mut *connection, self.source_id, &rows, self.now).await?;
        let mut stored: FxHashMap<Vec<u8>, FileId> = stored.into_iter().map(|file| (file.hash, file.id)).collect();
        // The same file twice in one batch is new once.
        self.ids = self.files.iter().map(|file| stored.remove(file.hash.as_bytes())).collect();
        if self.ids.iter().any(Option::is_none) {
            self.known = store::list_file_outcomes(connection, self.source_id, &rows.hashes).await?;
        }
        Ok(())
    }

    async fn store_events(&self, connection: &mut PgConnection) -> Result<New, sqlx::Error> {
        let mut order: Vec<(uuid::Uuid, u32, u32)> = Vec::new();
        let mut file_of: FxHashMap<FileId, usize> = FxHashMap::default();
        for (index, (file, id)) in self.files.iter().zip(&self.ids).enumerate() {
            let Some(id) = id else { continue };
            file_of.insert(*id, index);
            order.extend(file.observations.iter().enumerate().map(|(at, seen)| (seen.key, index as u32, at as u32)));
        }
        order.sort_unstable();
        let mut rows = EventRows::default();
        for (key, file, at) in order {
            let observation = &self.files[file as usize].observations[at as usize];
            rows.keys.push(key);
            rows.times.push(observation.at);
            rows.classes.push(self.classes[file as usize][observation.class as usize].id.0);
            rows.files.push(self.ids[file as usize].expect("only files with an id are in the order").0);
            rows.positions.push(observation.position as i32);
        }
        let mut new = New { by_file: self.files.iter().map(|file| vec![false; file.observations.len()]).collect() };
        for event in store::insert_events(connection, &rows).await? {
            let file = file_of[&event.file_id];
            let observations = &self.files[file].observations;
            if let Ok(at) = observations.binary_search_by_key(&(event.position as u32), |seen| seen.position) {
                new.by_file[file][at] = true;
            }
        }
        Ok(new)
    }

    fn count(&self, new: &New) -> Vec<Counted> {
        let mut counted: FxHashMap<ClassId, Counted> = FxHashMap::default();
        for ((file, classes), new) in self.files.iter().zip(&self.classes).zip(&new.by_file) {
            for (seen, _) in file.observations.iter().zip(new).filter(|(_, is_new)| **is_new) {
                let class = &classes[seen.class as usize];
                let entry = counted.entry(class.id).or_insert_with(|| Counted {
                    class: Arc::clone(class),
                    count: 0,
                    window: TimeWindow::at(seen.at),
                    hours: FxHashMap::default(),
                });
                entry.count += 1;
                entry.window = entry.window.cover(TimeWindow::at(seen.at));
                let hour = entry.hours.entry(seen.at.timestamp().div_euclid(3600)).or_insert(Hour {
                    records: 0,
                    bytes_out: 0,
                    first: seen.at,
                    last: seen.at,
                });
                hour.records += 1;
                hour.bytes_out += seen.bytes_out;
                hour.first = hour.first.min(seen.at);
                hour.last = hour.last.max(seen.at);
            }
        }
        let mut counted: Vec<Counted> = counted.into_values().collect();
        counted.sort_by_key(|counted| counted.class.id);
        counted
    }

    /// New records that were kept whole, with their class.
    fn new_samples<'s>(&'s self, new: &'s New) -> impl Iterator<Item = (&'s Sample, &'s Arc<Class>, usize)> {
        self.files.iter().enumerate().flat_map(move |(index, file)| {
            file.samples.iter().filter_map(move |sample| {
                let position = sample.observation.position;
                let at = file.observations.binary_search_by_key(&position, |seen| seen.position).ok()?;
                new.by_file[index][at].then(|| (sample, &self.classes[index][sample.observation.class as usize], index))
            })
        })
    }

    fn new_records(&self, counted: &[Counted], new: &New) -> Vec<NewRecords> {
        let breached: FxHashSet<ClassId> = counted
            .iter()
            .filter(|counted| judging::is_breached(&self.ctx.judge, self.ownership, &counted.class))
            .map(|counted| counted.class.id)
            .collect();
        let mut evidence: FxHashMap<ClassId, Vec<Evidence>> = FxHashMap::default();
        for (sample, class, index) in self.new_samples(new).filter(|(_, class, _)| breached.contains(&class.id)) {
            let shown = evidence.entry(class.id).or_default();
            if shown.len() < EVIDENCE_PER_CLASS {
                shown.push(self.evidence(sample, class, index));
            }
        }
        counted
            .iter()
            .map(|counted| NewRecords {
                class: Arc::clone(&counted.class),
                count: counted.count,
                window: counted.window,
                evidence: evidence.remove(&counted.class.id).unwrap_or_default(),
            })
            .collect()
    }

    fn evidence(&self, sample: &Sample, class: &Class, file: usize) -> Evidence {
        let (record, hash) = sample.evidence();
        Evidence {
            source: self.source.to_owned(),
            reference: place(&self.files[file].name, Some(sample.observation.position)),
            hash,
            occurred_at: sample.observation.at,
            summary: judging::summary(class, sample.observation.at),
            record,
        }
    }

    async fn store_samples(
        &self,
        connection: &mut PgConnection,
        new: &New,
    ) -> Result<Vec<(ClassId, DateTime<Utc>)>, sqlx::Error> {
        let mut taken: FxHashMap<ClassId, DateTime<Utc>> = FxHashMap::default();
        let mut rows = SampleRows::default();
        for (sample, class, index) in self.new_samples(new) {
            let at = sample.observation.at;
            if taken.contains_key(&class.id) || !self.ctx.memory.wants_sample(class.id, at, SAMPLE_EVERY) {
                continue;
            }
            taken.insert(class.id, at);
            let (record, hash) = sample.evidence();
            rows.classes.push(class.id.0);
            rows.keys.push(sample.observation.key);
            rows.times.push(at);
            rows.files.push(self.ids[index].expect("records of files stored before are not new").0);
            rows.positions.push(sample.observation.position as i32);
            rows.hashes.push(hash.as_bytes().to_vec());
            rows.records.push(record);
            rows.tenants.push(class.tenant());
        }
        if !rows.classes.is_empty() {
            store::insert_samples(&mut *connection, &rows).await?;
            store::delete_old_samples(connection, &rows.classes, SAMPLES_KEPT).await?;
        }
        Ok(taken.into_iter().collect())
    }

    /// The files' own counts, the source's coverage, and what was rejected.
    async fn settle_files(
        &self,
        connection: &mut PgConnection,
        counted: &[Counted],
        new: &New,
    ) -> Result<Vec<Ingested>, AccessError> {
        let outcomes: Vec<Ingested> = (0..self.files.len()).map(|index| self.outcome(index, new)).collect();
        let (mut ids, mut accepted, mut duplicates) = (Vec::new(), Vec::new(), Vec::new());
        for (outcome, id) in outcomes.iter().zip(&self.ids) {
            if let Some(id) = id {
                ids.push(id.0);
                accepted.push(outcome.accepted as i32);
                duplicates.push(outcome.duplicates as i32);
            }
        }
        store::update_file_counts(&mut *connection, &ids, &accepted, &duplicates).await?;
        let rejected: Vec<Rejected> = self.files.iter().flat_map(rejected_of).collect();
        if !rejected.is_empty() {
            lakewarden_sources::quarantine(connection, self.source_id, &rejected, self.now).await?;
        }
        let delivery = Delivery {
            accepted: outcomes.iter().map(|outcome| outcome.accepted).sum(),
            duplicates: outcomes.iter().map(|outcome| outcome.duplicates).sum(),
            quarantined: rejected.len() as i64,
            bytes: self.files.iter().map(|file| file.size_bytes).sum(),
            hours: records_by_hour(counted),
        };
        lakewarden_sources::record_delivery(connection, self.source_id, &delivery, self.now).await?;
        Ok(outcomes)
    }

    fn outcome(&self, index: usize, new: &New) -> Ingested {
        let file = &self.files[index];
        if self.ids[index].is_some() {
            let accepted = new.by_file[index].iter().filter(|is_new| **is_new).count() as i64;
            let duplicates = file.observations.len() as i64 - accepted;
            return Ingested { accepted, duplicates, quarantined: file.rejects.len() as i64 };
        }
        let known = self.known.iter().find(|known| known.hash == file.hash.as_bytes());
        let duplicates =
            known.map_or(file.observations.len() as i64, |known| i64::from(known.accepted + known.duplicates));
        Ingested { accepted: 0, duplicates, quarantined: file.rejects.len() as i64 }
    }
}

fn rejected_of(file: &ReadFile) -> impl Iterator<Item = Rejected> {
    file.rejects.iter().map(|reject| Rejected {
        place: place(&file.name, reject.position),
        reason: reject.reason.clone(),
        excerpt: reject.excerpt.clone(),
        hash: reject.hash,
    })
}

/// `file.json.gz#17`: the file and the record's place in it, from 0.
fn place(file: &str, position: Option<u32>) -> String {
    match position {
        Some(position) => format!("{file}#{position}"),
        None => file.to_owned(),
    }
}

fn records_by_hour(counted: &[Counted]) -> Vec<(DateTime<Utc>, i64)> {
    let mut hours: FxHashMap<i64, i64> = FxHashMap::default();
    for (hour, counts) in counted.iter().flat_map(|counted| &counted.hours) {
        *hours.entry(*hour).or_default() += counts.records;
    }
    let mut hours: Vec<(DateTime<Utc>, i64)> =
        hours.into_iter().map(|(hour, records)| (start_of(hour), records)).collect();
    hours.sort_unstable();
    hours
}

fn start_of(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(hour * 3600, 0).expect("the hour of a time that exists")
}

fn fact_rows(counted: &[Counted]) -> FactRows {
    let mut rows = FactRows::default();
    for counted in counted {
        let mut hours: Vec<(&i64, &Hour)> = counted.hours.iter().collect();
        hours.sort_unstable_by_key(|(hour, _)| **hour);
        for (hour, counts) in hours {
            rows.classes.push(counted.class.id.0);
            rows.hours.push(start_of(*hour));
            rows.records.push(counts.records);
            rows.bytes_out.push(counts.bytes_out);
            rows.first.push(counts.first);
            rows.last.push(counts.last);
            rows.tenants.push(counted.class.tenant());
        }
    }
    rows
}

/// A file that could not be read at all, as one rejected place, so that it is shown and not tried again.
pub fn refused(name: &str, bytes: &[u8], reason: &str) -> ReadFile {
    let hash = Sha256::of(bytes);
    let reject = crate::class::Reject { position: None, reason: reason.to_owned(), excerpt: String::new(), hash };
    ReadFile {
        name: crate::identity::clean(name, 500),
        hash,
        size_bytes: bytes.len() as i64,
        actors: Vec::new(),
        classes: Vec::new(),
        observations: Vec::new(),
        samples: Vec::new(),
        sessions: Vec::new(),
        rejects: vec![reject],
    }
}
