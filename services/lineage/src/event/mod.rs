//! OpenLineage as producers really send it: models of the three events, lenient where they are sloppy, with facets kept whole.
//!
//! The module stands on serde alone and knows nothing of Lakewarden.

pub mod facet;
mod read;
mod redact;
mod repair;
mod time;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use read::{Document, Invalid, read_event, redacted_excerpt, split_documents};
pub use time::parse_time;

/// One observation of a producer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Run(RunEvent),
    Job(JobEvent),
    Dataset(DatasetEvent),
}

/// Something happened to a run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    #[serde(deserialize_with = "time::lenient")]
    pub event_time: DateTime<Utc>,
    #[serde(default)]
    pub event_type: Option<EventType>,
    #[serde(default)]
    pub producer: Option<String>,
    #[serde(default, rename = "schemaURL")]
    pub schema_url: Option<String>,
    pub run: Run,
    pub job: Job,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub inputs: Vec<Dataset>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub outputs: Vec<Dataset>,
}

/// What a job is, without a run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobEvent {
    #[serde(deserialize_with = "time::lenient")]
    pub event_time: DateTime<Utc>,
    #[serde(default)]
    pub producer: Option<String>,
    #[serde(default, rename = "schemaURL")]
    pub schema_url: Option<String>,
    pub job: Job,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub inputs: Vec<Dataset>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub outputs: Vec<Dataset>,
}

/// What a dataset is, without a job.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetEvent {
    #[serde(deserialize_with = "time::lenient")]
    pub event_time: DateTime<Utc>,
    #[serde(default)]
    pub producer: Option<String>,
    #[serde(default, rename = "schemaURL")]
    pub schema_url: Option<String>,
    pub dataset: Dataset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    #[serde(alias = "start")]
    Start,
    #[serde(alias = "running")]
    Running,
    #[serde(alias = "complete")]
    Complete,
    #[serde(alias = "abort")]
    Abort,
    #[serde(alias = "fail")]
    Fail,
    #[serde(alias = "other")]
    Other,
}

impl EventType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Abort => "ABORT",
            Self::Fail => "FAIL",
            Self::Other => "OTHER",
        }
    }

    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Abort | Self::Fail)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// A UUID by the specification; anything in practice.
    pub run_id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub facets: Facets,
}

impl Run {
    pub fn uuid(&self) -> Uuid {
        run_uuid(&self.run_id)
    }
}

/// The id under which a run is known: its own where it is a UUID, else one derived from it, always the same.
pub fn run_uuid(run_id: &str) -> Uuid {
    Uuid::parse_str(run_id)
        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("openlineage:run:{run_id}").as_bytes()))
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Job {
    pub namespace: String,
    pub name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub facets: Facets,
}

/// A dataset as input, output or by itself; the two sets of facets that the direction allows are read in either.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    pub namespace: String,
    pub name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub facets: Facets,
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Facets::is_empty")]
    pub input_facets: Facets,
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Facets::is_empty")]
    pub output_facets: Facets,
}

/// Facets by name, each as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Facets(pub BTreeMap<String, Value>);

impl Facets {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The facet read as `T`; `None` where it is absent, null or a tombstone.
    pub fn typed<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Option<Result<T, Invalid>> {
        let body = self.get(name).filter(|body| !body.is_null() && !is_deleted(body))?;
        Some(serde_path_to_error::deserialize(body).map_err(|error| Invalid::at_path(&error).below(&["facets", name])))
    }
}

/// `_deleted: true` takes a facet back.
pub fn is_deleted(facet: &Value) -> bool {
    facet.get("_deleted") == Some(&Value::Bool(true))
}

impl Event {
    pub fn event_time(&self) -> DateTime<Utc> {
        match self {
            Self::Run(event) => event.event_time,
            Self::Job(event) => event.event_time,
            Self::Dataset(event) => event.event_time,
        }
    }

    pub fn producer(&self) -> Option<&str> {
        match self {
            Self::Run(event) => event.producer.as_deref(),
            Self::Job(event) => event.producer.as_deref(),
            Self::Dataset(event) => event.producer.as_deref(),
        }
    }

    pub fn job(&self) -> Option<&Job> {
        match self {
            Self::Run(event) => Some(&event.job),
            Self::Job(event) => Some(&event.job),
            Self::Dataset(_) => None,
        }
    }
}

/// Producers write `null` where they mean nothing.
fn null_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
