//! The facets that real producers attach: schemas, symlinks, statistics, column lineage, parents.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Run;
use crate::demo::lake::{ACCOUNT, Dataset, Job, REGION, Tool};

const SPEC: &str = "https://openlineage.io/spec/facets";

/// A dataset a run wrote, and how much.
#[derive(Debug)]
pub struct Output<'a> {
    pub set: &'a Dataset,
    pub rows: u64,
}

pub fn producer(tool: Tool) -> &'static str {
    match tool {
        Tool::Airflow => "https://github.com/apache/airflow/tree/providers-openlineage/2.1.3",
        Tool::Glue => "https://github.com/OpenLineage/OpenLineage/tree/1.33.0/integration/spark",
        Tool::Dbt => "https://github.com/OpenLineage/OpenLineage/tree/1.33.0/integration/dbt",
    }
}

fn facet(tool: Tool, schema: &str, fields: Value) -> Value {
    let mut facet = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    facet.insert("_producer".to_owned(), producer(tool).into());
    facet.insert("_schemaURL".to_owned(), format!("{SPEC}/{schema}").into());
    Value::Object(facet)
}

pub fn run_facets(run: &Run<'_>, parent: Option<&(String, Uuid)>, kind: &str) -> Value {
    let tool = run.job.tool;
    let mut facets = Map::new();
    facets.insert(
        "nominalTime".into(),
        facet(tool, "1-0-1/NominalTimeRunFacet.json", json!({"nominalStartTime": run.start})),
    );
    let (engine, version) = match tool {
        Tool::Airflow => ("Airflow", "2.10.5"),
        Tool::Glue => ("spark", "3.5.4-amzn-0"),
        Tool::Dbt => ("dbt", "1.10.15"),
    };
    facets.insert(
        "processing_engine".into(),
        facet(
            tool,
            "1-1-1/ProcessingEngineRunFacet.json",
            json!({"name": engine, "version": version, "openlineageAdapterVersion": "1.33.0"}),
        ),
    );
    if let Some((dag, id)) = parent {
        let parent = json!({"run": {"runId": id}, "job": {"namespace": Tool::Airflow.namespace(), "name": dag}});
        facets.insert("parent".into(), facet(tool, "1-0-1/ParentRunFacet.json", parent));
    }
    if let (Some(message), "FAIL") = (run.failure, kind) {
        let language = if tool == Tool::Glue { "JVM" } else { "python" };
        let error = json!({"message": message, "programmingLanguage": language});
        facets.insert("errorMessage".into(), facet(tool, "1-0-1/ErrorMessageRunFacet.json", error));
    }
    Value::Object(facets)
}

pub fn job_facets(job: &Job) -> Value {
    let (integration, kind) = match (job.tool, job.name) {
        (Tool::Airflow, "daily") => ("AIRFLOW", "DAG"),
        (Tool::Airflow, _) => ("AIRFLOW", "TASK"),
        (Tool::Glue, _) => ("SPARK", "APPLICATION"),
        (Tool::Dbt, _) => ("DBT", "MODEL"),
    };
    let mut facets = Map::new();
    let kind = json!({"processingType": "BATCH", "integration": integration, "jobType": kind});
    facets.insert("jobType".into(), facet(job.tool, "2-0-3/JobTypeJobFacet.json", kind));
    let owner = json!({"owners": [{"name": format!("team:{}-data", job.tenant), "type": "MAINTAINER"}]});
    facets.insert("ownership".into(), facet(job.tool, "1-0-1/OwnershipJobFacet.json", owner));
    if job.tool == Tool::Dbt {
        facets.insert(
            "sql".into(),
            facet(job.tool, "1-1-0/SQLJobFacet.json", json!({"query": query_of(job), "dialect": "athena"})),
        );
    }
    Value::Object(facets)
}

fn query_of(job: &Job) -> String {
    let from: Vec<String> = job.inputs.iter().map(|set| format!("{}.{}", set.database(), set.name)).collect();
    let into: Vec<&str> = job.outputs.iter().map(|set| set.name).collect();
    format!("-- models: {}\nselect * from {}", into.join(", "), from.join(" join "))
}

/// A dataset by name, with its other name in the Glue catalog.
pub fn reference(set: &Dataset) -> Value {
    json!({
        "namespace": format!("s3://{}", set.bucket()),
        "name": set.prefix(),
        "facets": {"symlinks": symlinks(set), "dataSource": facet(Tool::Glue, "1-0-1/DatasourceDatasetFacet.json",
            json!({"name": format!("s3://{}", set.bucket()), "uri": format!("s3://{}", set.bucket())}))},
    })
}

fn symlinks(set: &Dataset) -> Value {
    let table = json!([{
        "namespace": format!("arn:aws:glue:{REGION}:{ACCOUNT}"),
        "name": format!("table/{}/{}", set.database(), set.name),
        "type": "TABLE",
    }]);
    facet(Tool::Glue, "1-0-1/SymlinksDatasetFacet.json", json!({"identifiers": table}))
}

fn with_schema(set: &Dataset) -> Value {
    let fields: Vec<Value> = set.columns().iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    let mut dataset = reference(set);
    dataset["facets"]["schema"] = facet(Tool::Glue, "1-1-1/SchemaDatasetFacet.json", json!({"fields": fields}));
    dataset
}

/// An input with its schema and, where the tool tested it, the outcomes: `(assertion, column, success)`.
pub fn input(set: &Dataset, assertions: &[(&'static str, &'static str, bool)]) -> Value {
    let mut dataset = with_schema(set);
    if !assertions.is_empty() {
        let outcomes: Vec<Value> = assertions
            .iter()
            .map(|(assertion, column, success)| json!({"assertion": assertion, "column": column, "success": success}))
            .collect();
        let tested = facet(Tool::Dbt, "1-0-1/DataQualityAssertionsDatasetFacet.json", json!({"assertions": outcomes}));
        dataset["inputFacets"] = json!({"dataQualityAssertions": tested});
    }
    dataset
}

pub fn output(written: &Output<'_>, job: &Job) -> Value {
    let mut dataset = with_schema(written.set);
    let statistics =
        json!({"rowCount": written.rows, "size": written.rows * 137, "fileCount": 1 + written.rows / 100_000});
    dataset["outputFacets"] =
        json!({"outputStatistics": facet(job.tool, "1-0-2/OutputStatisticsOutputDatasetFacet.json", statistics)});
    let columns = column_lineage(written.set, job);
    if !columns.is_empty() {
        dataset["facets"]["columnLineage"] =
            facet(job.tool, "1-2-0/ColumnLineageDatasetFacet.json", json!({"fields": columns}));
    }
    dataset
}

/// A column comes from the inputs' columns of the same name, and from nowhere we can say otherwise.
fn column_lineage(set: &Dataset, job: &Job) -> Map<String, Value> {
    let mut fields = Map::new();
    for (column, _) in set.columns() {
        let sources: Vec<Value> = job
            .inputs
            .iter()
            .filter(|input| input.columns().iter().any(|(name, _)| name == column))
            .filter(|input| job.tool != Tool::Glue || input.name == set.name)
            .map(|input| {
                let how = json!([{"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": false}]);
                json!({"namespace": format!("s3://{}", input.bucket()), "name": input.prefix(), "field": column, "transformations": how})
            })
            .collect();
        if !sources.is_empty() {
            fields.insert((*column).to_owned(), json!({"inputFields": sources}));
        }
    }
    fields
}
