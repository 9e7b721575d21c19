//! The standard facets we read, in every version seen; whatever else they hold stays in the event.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// `schema` of a dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Schema {
    #[serde(default)]
    pub fields: Option<Vec<SchemaField>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
pub struct SchemaField {
    pub name: String,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<SchemaField>>,
}

/// `parent` of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Parent {
    pub run: ParentRun,
    pub job: ParentJob,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRun {
    pub run_id: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ParentJob {
    pub namespace: String,
    pub name: String,
}

/// `nominalTime` of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NominalTime {
    #[serde(default)]
    pub nominal_start_time: Option<String>,
    #[serde(default)]
    pub nominal_end_time: Option<String>,
}

/// `errorMessage` of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ErrorMessage {
    pub message: String,
}

/// `ownership` of a job or dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Ownership {
    #[serde(default)]
    pub owners: Vec<NamedOwner>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NamedOwner {
    pub name: String,
    #[serde(default, rename = "type")]
    pub role: Option<String>,
}

/// `documentation` of a job or dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Documentation {
    pub description: String,
}

/// `jobType` of a job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobType {
    #[serde(default)]
    pub processing_type: Option<String>,
    #[serde(default)]
    pub integration: Option<String>,
    #[serde(default)]
    pub job_type: Option<String>,
}

/// `tags` of a run, job or dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tags {
    #[serde(default)]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tag {
    pub key: String,
    #[serde(default)]
    pub value: Option<Value>,
    /// The column, where one is meant.
    #[serde(default)]
    pub field: Option<String>,
}

/// `symlinks` of a dataset: the same asset under other names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Symlinks {
    #[serde(default)]
    pub identifiers: Vec<Symlink>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Symlink {
    /// Hive's producer leaves it out.
    #[serde(default)]
    pub namespace: Option<String>,
    pub name: String,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

/// `lifecycleStateChange` of a dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleStateChange {
    pub lifecycle_state_change: String,
}

/// `dataQualityAssertions`: by the specification an input facet, sent by dbt as a dataset facet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Assertions {
    #[serde(default)]
    pub assertions: Vec<Assertion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub struct Assertion {
    pub assertion: String,
    pub success: bool,
    #[serde(default)]
    pub column: Option<String>,
}

/// `dataQualityMetrics` of a dataset or input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    #[serde(default, deserialize_with = "whole")]
    pub row_count: Option<i64>,
    #[serde(default)]
    pub column_metrics: Option<serde_json::Map<String, Value>>,
}

/// `outputStatistics` of an output, `inputStatistics` of an input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    #[serde(default, deserialize_with = "whole")]
    pub row_count: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    pub size: Option<i64>,
}

/// `columnLineage` of an output, in its old form (one transformation a column) and its new one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ColumnLineage {
    #[serde(default)]
    pub fields: BTreeMap<String, ColumnOrigins>,
    /// Columns that shape every output column: filters, joins, groupings.
    #[serde(default)]
    pub dataset: Vec<ColumnOrigin>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnOrigins {
    #[serde(default)]
    pub input_fields: Vec<ColumnOrigin>,
    /// Old form: `IDENTITY` or `MASKED`.
    #[serde(default)]
    pub transformation_type: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ColumnOrigin {
    pub namespace: String,
    pub name: String,
    pub field: String,
    #[serde(default)]
    pub transformations: Option<Vec<Transformation>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Transformation {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub subtype: Option<String>,
    #[serde(default)]
    pub masking: Option<bool>,
}

/// `lineage` of a dataset: explicit edges, which replace what inputs and outputs would suggest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ExplicitLineage {
    #[serde(default)]
    pub inputs: Vec<LineageInput>,
    #[serde(default)]
    pub fields: BTreeMap<String, LineageField>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LineageField {
    #[serde(default)]
    pub inputs: Vec<LineageInput>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LineageInput {
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    pub transformations: Option<Vec<Transformation>>,
}

/// A count: some producers write `12.0`, none means a fraction of a row.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    Ok(number.as_i64().or_else(|| number.as_f64().filter(|value| value.abs() < 9e15).map(|value| value as i64)))
}
