//! Real events with known answers, where `LAKEWARDEN_CONFORMANCE_DATA` names a folder that holds them; nothing otherwise.

#[path = "it/support.rs"]
#[expect(dead_code, reason = "these tests import files; the clients in there are for the tests of routes")]
mod support;

use std::path::{Path, PathBuf};

use lakewarden_lineage::{Summary, get_summary, import, ingest};
use serde_json::Value;

fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("LAKEWARDEN_CONFORMANCE_DATA")?).join("openlineage");
    assert!(folder.is_dir(), "LAKEWARDEN_CONFORMANCE_DATA is set, but there is no {}", folder.display());
    Some(folder)
}

fn expect(name: &str, summary: &Summary, expected: &Value) {
    let number = |key: &str| expected[key].as_i64().expect("a number in the known answer");
    let states = |key: &str| expected["run_states"][key].as_i64().unwrap_or(0);
    let assertions =
        |index: usize| expected["dq_assertions_pass_fail"][index].as_i64().expect("a number in the known answer");
    for (what, found, wanted) in [
        ("events", summary.events, number("distinct_events")),
        ("jobs", summary.jobs, number("jobs")),
        ("runs", summary.runs, number("runs")),
        ("datasets", summary.datasets, number("datasets")),
        ("complete", summary.runs_complete, states("COMPLETE")),
        ("failed", summary.runs_failed, states("FAIL")),
        ("aborted", summary.runs_aborted, states("ABORT")),
        ("running", summary.runs_running, states("RUNNING")),
        ("other", summary.runs_other, states("OTHER")),
        ("without start", summary.runs_without_start, number("runs_without_start")),
        ("parent links", summary.parent_links, number("parent_links")),
        ("input edges", summary.input_edges, number("job_input_edges")),
        ("output edges", summary.output_edges, number("job_output_edges")),
        ("column edges", summary.column_edges, number("column_edges")),
        ("symlinks", summary.symlinks, number("symlink_pairs")),
        ("assertions passed", summary.assertions_passed, assertions(0)),
        ("assertions failed", summary.assertions_failed, assertions(1)),
    ] {
        assert_eq!(found, wanted, "{name}: {what}");
    }
}

async fn summary_of(path: &Path) -> Summary {
    let world = support::world().await;
    let done = import(&world.ctx, path, |_| {}).await.expect("readable files");
    assert_eq!(done.refused, 0, "{}: all given events must be accepted", path.display());
    let again = import(&world.ctx, path, |_| {}).await.expect("readable files");
    assert_eq!(again.stored, 0, "importing again stores nothing");
    get_summary(world.ctx.db.system()).await.expect("the totals")
}

#[tokio::test]
async fn every_given_file_and_all_together_give_the_known_answer() {
    let Some(data) = data() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(data.join("expected.json")).unwrap()).unwrap();
    for (file, expected) in expected.as_object().unwrap() {
        let path = if file == "ALL" { data.join("given") } else { data.join("given").join(file) };
        expect(file, &summary_of(&path).await, expected);
    }
}

#[tokio::test]
async fn runs_have_the_known_states_times_and_datasets() {
    let Some(data) = data() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(data.join("expected.json")).unwrap()).unwrap();
    let world = support::world().await;
    import(&world.ctx, &data.join("given"), |_| {}).await.unwrap();
    for (id, expected) in expected["ALL"]["run_detail"].as_object().unwrap() {
        let (job, state, started, ended): (String, i16, Option<chrono::DateTime<chrono::Utc>>, Option<chrono::DateTime<chrono::Utc>>) =
            sqlx::query_as(
                "select j.namespace || '|' || j.name, state, started_at, ended_at from runs r join lineage_jobs j on j.id = r.job_id where r.id = $1",
            )
            .bind(lakewarden_lineage::event::run_uuid(id))
            .fetch_one(world.ctx.db.system())
            .await
            .unwrap();
        let shown =
            |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        let words = ["OTHER", "RUNNING", "COMPLETE", "ABORT", "FAIL"];
        let wanted_job = format!("{}|{}", expected["job"][0].as_str().unwrap(), expected["job"][1].as_str().unwrap());
        assert_eq!(job, wanted_job, "{id}");
        assert_eq!(words[state as usize], expected["state"], "{id}");
        assert_eq!(shown(started).as_deref(), expected["startedAt"].as_str(), "{id}");
        assert_eq!(shown(ended).as_deref(), expected["endedAt"].as_str(), "{id}");
        for (direction, key) in [("input", "inputs"), ("output", "outputs")] {
            let mut found: Vec<Vec<String>> = sqlx::query_as::<_, (String, String)>(
                "select namespace, name from run_datasets r join datasets d on d.id = r.dataset_id where run_id = $1 and direction = $2",
            )
            .bind(lakewarden_lineage::event::run_uuid(id))
            .bind(direction)
            .fetch_all(world.ctx.db.system())
            .await
            .unwrap()
            .into_iter()
            .map(|(namespace, name)| vec![namespace, name])
            .collect();
            found.sort();
            assert_eq!(serde_json::to_value(found).unwrap(), expected[key], "{id} {key}");
        }
    }
}

#[tokio::test]
async fn every_invalid_event_is_refused_with_the_place_of_its_fault() {
    let Some(data) = data() else { return };
    let world = support::world().await;
    for file in std::fs::read_dir(data.join("invalid")).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let events: Vec<Vec<u8>> =
            text.lines().filter(|line| !line.is_empty()).map(|line| line.as_bytes().to_vec()).collect();
        for (line, outcome) in ingest(&world.ctx, "test", &events).await.into_iter().enumerate() {
            let error = outcome.expect_err(&format!("{}:{}", file.display(), line + 1));
            assert!(error.to_string().contains(": "), "{error}");
            assert!(error.to_string().contains('/'), "no pointer: {error}");
        }
    }
    assert_eq!(get_summary(world.ctx.db.system()).await.unwrap().events, 0);
}
