//! What one event states, flattened for storing: computed by the request that brought it, before it waits for a batch.

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use serde_json::Value;
use uuid::Uuid;

use crate::columns::{ColumnEdge, column_edges};
use crate::event::facet::{
    Assertion, Assertions, ErrorMessage, Metrics, NominalTime, Ownership, Parent, Schema, Statistics, Symlinks,
};
use crate::event::{Dataset, Document, Event, EventType, Facets, Invalid, RunEvent, is_deleted, parse_time};

/// Namespace and name of a job or dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub name: String,
}

impl Name {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    pub fn hash(&self) -> Sha256 {
        Sha256::of_parts([self.namespace.as_bytes(), self.name.as_bytes()])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Input,
    Output,
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// One event, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Head of the event's hash.
    pub id: Uuid,
    pub event_time: DateTime<Utc>,
    pub event_type: &'static str,
    /// The event as received, deflated.
    pub raw: Vec<u8>,
    pub raw_bytes: usize,
    pub notes: Vec<String>,
    pub job: Option<Name>,
    pub job_facets: Vec<FacetBody>,
    pub run: Option<RunFacts>,
    pub datasets: Vec<DatasetFacts>,
}

/// Start and end of the stretch of time a run is meant for.
pub type Nominal = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    pub id: Uuid,
    /// Where the producer's id is no UUID.
    pub external_id: Option<String>,
    pub event_type: Option<EventType>,
    pub nominal: Option<Nominal>,
    pub parent: Option<(Uuid, Name)>,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DatasetFacts {
    pub name: Name,
    /// None for an event about the dataset itself.
    pub direction: Option<Direction>,
    pub facets: Vec<FacetBody>,
    pub schema: Option<SchemaVersion>,
    pub symlinks: Vec<(Name, String)>,
    pub columns: Option<Vec<ColumnEdge>>,
    pub row_count: Option<i64>,
    pub size_bytes: Option<i64>,
    /// Each with how often the event says it.
    pub assertions: Vec<(Assertion, i32)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FacetBody {
    pub name: String,
    pub hash: Sha256,
    pub body: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SchemaVersion {
    pub hash: Sha256,
    pub fields: Value,
}

impl Facts {
    /// Reads what the slice stores; refuses an event whose stored facets cannot be understood.
    pub fn read(document: Document) -> Result<Self, Invalid> {
        let Document { event, raw, hash, mut notes } = document;
        let event_time = event.event_time();
        let mut facts = Self {
            id: head_of(hash),
            event_time,
            event_type: event_type_of(&event),
            raw: deflate(raw.as_bytes()),
            raw_bytes: raw.len(),
            notes: Vec::new(),
            job: None,
            job_facets: Vec::new(),
            run: None,
            datasets: Vec::new(),
        };
        if let Some(job) = event.job() {
            facts.job = Some(Name::new(&job.namespace, &job.name));
            check_ownership(&job.facets).map_err(|error| error.below(&["job"]))?;
            facts.job_facets = facet_bodies(&job.facets);
        }
        match event {
            Event::Run(event) => {
                facts.run = Some(run_facts(&event, &mut notes).map_err(|error| error.below(&["run"]))?);
                facts.read_datasets("inputs", Direction::Input, event.inputs, &mut notes)?;
                facts.read_datasets("outputs", Direction::Output, event.outputs, &mut notes)?;
            }
            Event::Job(event) => {
                facts.read_datasets("inputs", Direction::Input, event.inputs, &mut notes)?;
                facts.read_datasets("outputs", Direction::Output, event.outputs, &mut notes)?;
            }
            Event::Dataset(event) => {
                let dataset =
                    dataset_facts(event.dataset, None, &mut notes).map_err(|error| error.below(&["dataset"]))?;
                facts.datasets.push(dataset);
            }
        }
        facts.notes = notes;
        Ok(facts)
    }

    fn read_datasets(
        &mut self,
        list: &str,
        direction: Direction,
        datasets: Vec<Dataset>,
        notes: &mut Vec<String>,
    ) -> Result<(), Invalid> {
        for (index, dataset) in datasets.into_iter().enumerate() {
            let facts = dataset_facts(dataset, Some(direction), notes)
                .map_err(|error| error.below(&[list, &index.to_string()]))?;
            self.datasets.push(facts);
        }
        Ok(())
    }
}

fn event_type_of(event: &Event) -> &'static str {
    match event {
        Event::Run(event) => event.event_type.map_or("OTHER", EventType::as_str),
        Event::Job(_) => "JOB",
        Event::Dataset(_) => "DATASET",
    }
}

fn head_of(hash: [u8; 32]) -> Uuid {
    let mut head = [0; 16];
    head.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(head)
}

fn run_facts(event: &RunEvent, notes: &mut Vec<String>) -> Result<RunFacts, Invalid> {
    let run = &event.run;
    let id = run.uuid();
    let parent = run.facets.typed::<Parent>("parent").transpose()?;
    let nominal = lenient::<NominalTime>(&run.facets, "nominalTime", notes).map(|nominal| {
        let instant = |text: Option<String>| text.as_deref().and_then(parse_time);
        (instant(nominal.nominal_start_time), instant(nominal.nominal_end_time))
    });
    Ok(RunFacts {
        id,
        external_id: (Uuid::parse_str(&run.run_id).is_err()).then(|| run.run_id.clone()),
        event_type: event.event_type,
        nominal,
        parent: parent.map(|parent| {
            (crate::event::run_uuid(&parent.run.run_id), Name::new(parent.job.namespace, parent.job.name))
        }),
        error: lenient::<ErrorMessage>(&run.facets, "errorMessage", notes)
            .map(|error| error.message.chars().take(2000).collect()),
    })
}

fn dataset_facts(
    dataset: Dataset,
    direction: Option<Direction>,
    notes: &mut Vec<String>,
) -> Result<DatasetFacts, Invalid> {
    let Dataset { namespace, name, facets, input_facets, output_facets } = dataset;
    check_ownership(&facets)?;
    let schema = facets.typed::<Schema>("schema").transpose()?.and_then(|schema| schema.fields);
    let columns = match direction {
        // Hive's START events describe the columns of outputs; only outputs have origins.
        Some(Direction::Input) => None,
        _ => column_edges(&facets, notes),
    };
    let (row_count, size_bytes) = counts(&facets, &input_facets, &output_facets)?;
    let symlinks =
        lenient::<Symlinks>(&facets, "symlinks", notes).map(|symlinks| symlinks.identifiers).unwrap_or_default();
    let mut assertions: Vec<(Assertion, i32)> = Vec::new();
    for place in [&facets, &input_facets, &output_facets] {
        for assertion in lenient::<Assertions>(place, "dataQualityAssertions", notes)
            .map(|facet| facet.assertions)
            .unwrap_or_default()
        {
            match assertions.iter_mut().find(|(known, _)| *known == assertion) {
                Some((_, times)) => *times += 1,
                None => assertions.push((assertion, 1)),
            }
        }
    }
    Ok(DatasetFacts {
        name: Name::new(namespace, name),
        direction,
        schema: schema.map(|fields| {
            let fields = serde_json::to_value(fields).expect("names and types serialise");
            SchemaVersion { hash: Sha256::of(fields.to_string()), fields }
        }),
        symlinks: symlinks
            .into_iter()
            .map(|link| (Name::new(link.namespace.unwrap_or_default(), link.name), link.kind.unwrap_or_default()))
            .collect(),
        columns,
        row_count,
        size_bytes,
        assertions,
        facets: facet_bodies(&facets),
    })
}

fn counts(facets: &Facets, input: &Facets, output: &Facets) -> Result<(Option<i64>, Option<i64>), Invalid> {
    let statistics = |place: &Facets, part: &str, name: &str| {
        place.typed::<Statistics>(name).transpose().map_err(|error| in_part(error, part))
    };
    let statistics = match statistics(output, "outputFacets", "outputStatistics")? {
        Some(found) => Some(found),
        None => statistics(input, "inputFacets", "inputStatistics")?,
    };
    let mut row_count = statistics.as_ref().and_then(|found| found.row_count);
    for (place, part) in [(input, "inputFacets"), (facets, "facets")] {
        let metrics = place.typed::<Metrics>("dataQualityMetrics").transpose().map_err(|error| in_part(error, part))?;
        if let Some(metrics) = metrics {
            if metrics.row_count.is_none() && metrics.column_metrics.is_none() {
                let pointer = format!("/{part}/dataQualityMetrics");
                return Err(Invalid::new(pointer, "has neither rowCount nor columnMetrics"));
            }
            row_count = row_count.or(metrics.row_count);
        }
    }
    Ok((row_count, statistics.and_then(|found| found.size)))
}

/// `typed` names the place as `/facets/…`: corrects it for the facets of one direction.
fn in_part(error: Invalid, part: &str) -> Invalid {
    let pointer = error.pointer.replacen("/facets", &format!("/{part}"), 1);
    Invalid { pointer, ..error }
}

fn check_ownership(facets: &Facets) -> Result<(), Invalid> {
    facets.typed::<Ownership>("ownership").transpose().map(|_| ())
}

/// A facet nothing essential hangs on: of a shape we cannot read it is kept in the event and noted.
pub(crate) fn lenient<'a, T: serde::Deserialize<'a>>(
    facets: &'a Facets,
    name: &str,
    notes: &mut Vec<String>,
) -> Option<T> {
    match facets.typed(name)? {
        Ok(facet) => Some(facet),
        Err(error) => {
            notes.push(format!("facet not understood: {error}"));
            None
        }
    }
}

/// The facets to keep as current; what a run observed about a dataset is an observation, not a description.
fn facet_bodies(facets: &Facets) -> Vec<FacetBody> {
    facets
        .0
        .iter()
        .filter(|(name, body)| {
            body.is_object() && !matches!(name.as_str(), "dataQualityAssertions" | "dataQualityMetrics")
        })
        .map(|(name, body)| {
            let body = if is_deleted(body) { serde_json::json!({"_deleted": true}) } else { body.clone() };
            FacetBody { name: name.clone(), hash: Sha256::of(body.to_string()), body }
        })
        .collect()
}

fn deflate(raw: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::with_capacity(raw.len() / 3), flate2::Compression::new(3));
    encoder.write_all(raw).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

/// The event's text again.
pub fn inflate(stored: &[u8]) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(stored).take(64 << 20).read_to_string(&mut text).ok()?;
    Some(text)
}
