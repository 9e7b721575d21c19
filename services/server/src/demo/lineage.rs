//! Thirty days of OpenLineage events as Airflow, Spark on Glue and dbt send them.

mod facets;
mod incident;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lake::{Job, Lake, Tool};
use super::planted::Planted;
use facets::{Output, input, job_facets, output, run_facets};
pub use incident::Incident;

const RUN_EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// All events as JSON text, run by run in the order in which the runs began. Made one run at a time: all of them together as
/// values would take hundreds of megabytes.
pub fn events(lake: &Lake) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut random = lake.random("lineage");
    let incidents = incident::all(lake);
    let extra: Vec<Value> = incidents.iter().flat_map(|incident| incident.extra_runs(lake)).collect();
    let runs = lake.jobs.iter().flat_map(|job| lake.starts(job).into_iter().map(move |start| (start, job)));
    let mut runs: Vec<(DateTime<Utc>, &Job)> = runs.collect();
    runs.sort_by_key(|(start, _)| *start);
    let regular = runs.into_iter().flat_map(move |(start, job)| job_events(lake, job, start, &incidents, &mut random));
    regular.chain(extra).map(|event| event.to_string().into_bytes())
}

pub fn planted(lake: &Lake) -> Vec<Planted> {
    incident::all(lake).into_iter().map(|incident| incident.planted).collect()
}

/// One run and how it ended.
#[derive(Debug)]
pub struct Run<'a> {
    pub job: &'a Job,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub failure: Option<&'static str>,
}

impl Run<'_> {
    fn id(&self, lake: &Lake, attempt: &str) -> Uuid {
        lake.id(&format!("{}/{}{attempt}", self.job.full_name(), self.start.to_rfc3339()))
    }

    /// The daily DAG's run under which this one happened.
    fn parent(&self, lake: &Lake) -> Option<(String, Uuid)> {
        let is_child = self.job.name != "daily"
            && lake.jobs.iter().any(|job| job.tenant == self.job.tenant && job.name == "daily");
        let dag = format!("{}.daily", self.job.tenant);
        let start = self.start.date_naive().and_hms_opt(1, 5, 0)?.and_utc();
        is_child.then(|| (dag.clone(), lake.id(&format!("{dag}/{}", start.to_rfc3339()))))
    }
}

fn job_events(
    lake: &Lake,
    job: &Job,
    start: DateTime<Utc>,
    incidents: &[Incident],
    random: &mut ChaCha8Rng,
) -> Vec<Value> {
    let minutes = job.minutes_long + random.random_range(-(job.minutes_long / 4)..=job.minutes_long / 4);
    let end = start + TimeDelta::minutes(minutes) + TimeDelta::seconds(random.random_range(0..60));
    // Now and then a run fails and is tried again; that is life in a lake, not a breach.
    if job.tool == Tool::Airflow || !random.random_ratio(1, 60) {
        return run_events(lake, &Run { job, start, end, failure: None }, "", incidents, random);
    }
    let failed_at = start + TimeDelta::minutes(minutes / 3);
    let failed = Run { job, start, end: failed_at, failure: Some(failure_of(job.tool)) };
    let pause = TimeDelta::minutes(3);
    let again = Run { job, start: failed_at + pause, end: end + pause, failure: None };
    let mut events = run_events(lake, &failed, "/1", &[], random);
    events.extend(run_events(lake, &again, "", incidents, random));
    events
}

fn failure_of(tool: Tool) -> &'static str {
    match tool {
        Tool::Glue => {
            "org.apache.spark.SparkException: Job aborted due to stage failure: Task 41 in stage 7.0 failed 4 times"
        }
        Tool::Dbt => "Runtime Error in model: INSUFFICIENT_RESOURCES: Query exhausted resources at this scale factor",
        Tool::Airflow => "airflow.exceptions.AirflowException: SFTP server closed the connection",
    }
}

fn run_events(
    lake: &Lake,
    run: &Run<'_>,
    attempt: &str,
    incidents: &[Incident],
    random: &mut ChaCha8Rng,
) -> Vec<Value> {
    let inputs: Vec<Value> =
        run.job.inputs.iter().map(|set| input(set, &incident::assertions(incidents, run, set))).collect();
    let outputs: Vec<Output<'_>> = run
        .job
        .outputs
        .iter()
        .filter(|set| !incident::is_silent(incidents, run, set))
        .map(|set| Output {
            set,
            rows: incident::rows(incidents, run, set).unwrap_or_else(|| usual_rows(set.rows, random)),
        })
        .collect();
    let written: Vec<Value> = outputs.iter().map(|written| output(written, run.job)).collect();
    let plain: Vec<Value> = outputs.iter().map(|written| facets::reference(written.set)).collect();
    let id = run.id(lake, attempt);
    let parent = run.parent(lake);
    let event = |kind: &str, at: DateTime<Utc>, outputs: &[Value]| {
        json!({
            "eventType": kind,
            "eventTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": facets::producer(run.job.tool),
            "schemaURL": RUN_EVENT,
            "run": {"runId": id, "facets": run_facets(run, parent.as_ref(), kind)},
            "job": {"namespace": run.job.tool.namespace(), "name": run.job.full_name(), "facets": job_facets(run.job)},
            "inputs": inputs,
            "outputs": outputs,
        })
    };
    let (kind, outputs) = if run.failure.is_some() { ("FAIL", &plain) } else { ("COMPLETE", &written) };
    vec![event("START", run.start, &plain), event(kind, run.end, outputs)]
}

/// Within a fifth of what is usual, so that nothing looks like a drop.
fn usual_rows(usual: u64, random: &mut ChaCha8Rng) -> u64 {
    usual * random.random_range(85..=115) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Lake {
        Lake::new(7, "2026-11-22T12:34:56Z".parse().unwrap(), 30)
    }

    #[test]
    fn the_same_lake_gives_the_same_events() {
        assert!(events(&lake()).eq(events(&lake())));
    }

    #[test]
    fn every_run_starts_and_ends_and_nothing_happens_after_now() {
        let lake = lake();
        let events: Vec<Value> = events(&lake).map(|event| serde_json::from_slice(&event).unwrap()).collect();
        let count = |kind: &str| events.iter().filter(|event| event["eventType"] == kind).count();
        assert!(count("START") > 2_000, "{}", count("START"));
        assert_eq!(count("START"), count("COMPLETE") + count("FAIL"));
        assert!(count("FAIL") > 5);
        let time = |event: &Value| event["eventTime"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        let latest = events.iter().map(time).max().unwrap();
        assert!(latest <= lake.now + TimeDelta::hours(2), "{latest}");
    }
}
