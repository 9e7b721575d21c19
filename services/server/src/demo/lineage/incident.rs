//! What goes wrong on the flow plane and with quality, on purpose.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Run, run_events};
use crate::demo::lake::{Dataset, Job, Lake, Layer, OFFBOARDED, PLATFORM, Tool};
use crate::demo::planted::{Planted, Stream};

/// A planted breach and how it changes what is sent.
#[derive(Debug)]
pub struct Incident {
    pub planted: Planted,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Jobs that should not be: run once a day over the last days.
    Jobs { jobs: Vec<Job>, days: i64 },
    /// A dataset that its job no longer writes.
    Silent { set: Dataset, since: DateTime<Utc> },
    /// A dataset that suddenly gets few rows.
    Shrunk { set: Dataset, since: DateTime<Utc>, rows: u64 },
    /// A test that fails.
    Failing { set: Dataset, since: DateTime<Utc>, assertion: &'static str, column: &'static str },
}

impl Incident {
    pub fn extra_runs(&self, lake: &Lake) -> Vec<Value> {
        let Kind::Jobs { jobs, days } = &self.kind else { return Vec::new() };
        let mut random = lake.random(&self.planted.place);
        let mut events = Vec::new();
        for day in (1..=*days).rev() {
            for job in jobs {
                let start = lake.days_ago(day, job.hours[0], 40);
                let run = Run { job, start, end: start + TimeDelta::minutes(job.minutes_long), failure: None };
                events.extend(run_events(lake, &run, "", &[], &mut random));
            }
        }
        events
    }
}

pub fn all(lake: &Lake) -> Vec<Incident> {
    flows(lake).into_iter().chain(quality(lake)).collect()
}

fn flows(lake: &Lake) -> Vec<Incident> {
    let set = |tenant, layer, name| Dataset { tenant, layer, name, rows: 5_000 };
    let job = |tenant, tool, name, input: Dataset, output: Dataset| Job {
        tenant,
        tool,
        name,
        inputs: vec![input],
        outputs: vec![output],
        hours: &[4],
        minutes_long: 7,
    };
    let orders = lake.dataset("wayne", Layer::Raw, "orders");
    let benchmark = set("initech", Layer::Analytics, "peer_benchmark");
    let direct = job("initech", Tool::Glue, "peer_benchmark", orders, benchmark.clone());
    // Through a shared pool of the platform: no single job joins the two tenants.
    let pool = lake.dataset(PLATFORM, Layer::Processed, "benchmark_pool");
    let campaign = set("hooli", Layer::Analytics, "campaign_audience");
    let into_pool =
        job(PLATFORM, Tool::Glue, "benchmark_collect", lake.dataset("globex", Layer::Raw, "customers"), pool.clone());
    let out_of_pool = job("hooli", Tool::Dbt, "campaign_audience", pool, campaign.clone());
    let tickets = lake.dataset("stark", Layer::Raw, "support_tickets");
    let unowned = set("scratch", Layer::Analytics, "stark_export");
    let export = job("stark", Tool::Glue, "ad_hoc_export", tickets, unowned.clone());
    let left = set(OFFBOARDED, Layer::Raw, "orders");
    let still =
        job(OFFBOARDED, Tool::Glue, "nightly_export", left.clone(), set(OFFBOARDED, Layer::Processed, "orders"));
    let jobs = |policy, place: String, what: &str, jobs, days| Incident {
        planted: Planted::new(Stream::Lineage, policy, place, what),
        kind: Kind::Jobs { jobs, days },
    };
    vec![
        jobs(
            "flow-cross-tenant",
            benchmark.location(),
            "Glue job initech.peer_benchmark reads wayne's raw orders and writes initech's analytics",
            vec![direct],
            6,
        ),
        jobs(
            "flow-cross-tenant",
            campaign.location(),
            "globex's raw customers reach hooli's analytics through the platform's benchmark pool, in two jobs",
            vec![into_pool, out_of_pool],
            3,
        ),
        jobs(
            "flow-into-unowned",
            unowned.location(),
            "Glue job stark.ad_hoc_export writes stark's support tickets to a place nobody owns",
            vec![export],
            2,
        ),
        jobs(
            "flow-offboarded-tenant",
            left.location(),
            "Glue job wonka.nightly_export still runs although wonka has left",
            vec![still],
            12,
        ),
    ]
}

fn quality(lake: &Lake) -> Vec<Incident> {
    let since = |days, hour| lake.days_ago(days, hour, 0);
    let incident = |policy, set: &Dataset, what: &str, kind| Incident {
        planted: Planted::new(Stream::Lineage, policy, set.table(), what),
        kind,
    };
    let tested = lake.dataset("globex", Layer::Processed, "orders");
    let stale = lake.dataset("stark", Layer::Raw, "shipments");
    let shrunk = lake.dataset("umbrella", Layer::Processed, "payments");
    vec![
        incident(
            "quality-assertion-failed",
            &tested,
            "dbt's test not_null(orders.customer_id) of globex has failed since yesterday",
            Kind::Failing { set: tested.clone(), since: since(1, 0), assertion: "not_null", column: "customer_id" },
        ),
        incident(
            "quality-stale",
            &stale,
            "stark's raw shipments have not been written for five days",
            Kind::Silent { set: stale.clone(), since: since(5, 0) },
        ),
        incident(
            "quality-rows-dropped",
            &shrunk,
            "the last runs wrote 3 % of umbrella's usual payments",
            Kind::Shrunk { rows: shrunk.rows * 3 / 100, set: shrunk.clone(), since: since(1, 0) },
        ),
    ]
}

pub fn is_silent(incidents: &[Incident], run: &Run<'_>, set: &Dataset) -> bool {
    incidents.iter().any(|incident| matches!(&incident.kind, Kind::Silent { set: silent, since } if silent == set && run.start >= *since))
}

pub fn rows(incidents: &[Incident], run: &Run<'_>, set: &Dataset) -> Option<u64> {
    incidents.iter().find_map(|incident| match &incident.kind {
        Kind::Shrunk { set: shrunk, since, rows } if shrunk == set && run.start >= *since => Some(*rows),
        _ => None,
    })
}

/// dbt tests the key of every input; the planted test fails from its day on.
pub fn assertions(incidents: &[Incident], run: &Run<'_>, set: &Dataset) -> Vec<(&'static str, &'static str, bool)> {
    if run.job.tool != Tool::Dbt {
        return Vec::new();
    }
    let Some((key, _)) = set.columns().first() else { return Vec::new() };
    let mut assertions = vec![("not_null", *key, true), ("unique", *key, true)];
    for incident in incidents {
        if let Kind::Failing { set: failing, since, assertion, column } = &incident.kind
            && failing == set
        {
            assertions.push((*assertion, *column, run.start < *since));
        }
    }
    assertions
}
