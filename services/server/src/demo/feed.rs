//! Feeds the generated lake to a running service through its public doors, as producers and collectors would.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::lake::Lake;
use super::{catalog, cost, lineage, trail};
use crate::client::{Body, Client};
use crate::failure::Failure;
use crate::progress::Progress;

/// Events of one request: large enough to be quick, small enough to show progress.
const EVENTS_A_REQUEST: usize = 100;
/// Requests under way at the same time.
const AT_ONCE: usize = 4;

/// Sends everything, older states first, so that what changed has a history.
pub async fn feed(client: &Client, lake: &Lake, records: usize) -> Result<(), Failure> {
    let [earlier_catalog, catalog] = two(catalog::snapshots(lake));
    let [earlier_costs, costs] = two(cost::answers(lake));
    post_json(client, "/api/v1/catalog", &earlier_catalog.content).await?;
    post_json(client, "/api/v1/cost", &Value::from(earlier_costs.pages)).await?;
    feed_events(client, lake).await?;
    feed_trail(client, lake, records).await?;
    let mut progress = Progress::new("Glue, Lake Formation", "snapshots", None);
    post_json(client, "/api/v1/catalog", &catalog.content).await?;
    progress.set(2);
    progress.finish();
    let mut progress = Progress::new("Cost Explorer", "answers", None);
    post_json(client, "/api/v1/cost", &Value::from(costs.pages)).await?;
    progress.set(2);
    progress.finish();
    Ok(())
}

async fn post_json(client: &Client, path: &str, content: &Value) -> Result<(), Failure> {
    client.post(path, &Body::json(content.to_string().as_bytes())).await.map(drop)
}

async fn feed_events(client: &Client, lake: &Lake) -> Result<(), Failure> {
    let mut events = lineage::events(lake);
    let batches = std::iter::from_fn(move || {
        let batch: Vec<Vec<u8>> = events.by_ref().take(EVENTS_A_REQUEST).collect();
        (!batch.is_empty()).then_some(batch)
    });
    let mut progress = Progress::new("OpenLineage", "events", None);
    let mut sent = futures::stream::iter(batches)
        .map(|events| async move {
            let body = Body::json(&lines_of(&events));
            let answer = client.post("/api/v1/lineage/batch", &body).await?;
            let failed = answer["summary"]["failed"].as_u64().unwrap_or_default();
            if failed > 0 {
                return Err(Failure::new(format!(
                    "{failed} events of the demo were refused: {}",
                    answer["failed_events"][0]
                )));
            }
            Ok(events.len() as u64)
        })
        .buffer_unordered(AT_ONCE);
    while let Some(count) = sent.try_next().await? {
        progress.add(count);
    }
    progress.finish();
    Ok(())
}

async fn feed_trail(client: &Client, lake: &Lake, records: usize) -> Result<(), Failure> {
    let mut progress = Progress::new("CloudTrail", "records", Some(records as u64));
    let (sender, receiver) = tokio::sync::mpsc::channel(AT_ONCE * 2);
    let lake = lake.clone();
    // Packing is processor work: beside the requests, not among them.
    let generator = tokio::task::spawn_blocking(move || {
        for file in trail::files(&lake, records) {
            if sender.blocking_send(file).is_err() {
                break;
            }
        }
    });
    let files =
        futures::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|file| (file, receiver)) });
    let mut sent = std::pin::pin!(
        files
            .map(|file| async move {
                let records = file.records as u64;
                client.post("/api/v1/cloudtrail", &Body::file(file.path, file.bytes)).await.map(|_| records)
            })
            .buffer_unordered(AT_ONCE)
    );
    while let Some(count) = sent.try_next().await? {
        progress.add(count);
    }
    progress.finish();
    generator.await.map_err(|error| Failure::new(format!("the generator stopped: {error}")))
}

/// Writes what [`feed`] sends to files, for `import` and for people who want to look.
pub fn write_files(lake: &Lake, records: usize, dir: &Path) -> Result<(), Failure> {
    let write = |path: &Path, bytes: &[u8]| {
        let outcome = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, bytes));
        outcome.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    };
    write(&dir.join("openlineage/events.ndjson"), &lines_of(&lineage::events(lake).collect::<Vec<_>>()))?;
    for file in trail::files(lake, records) {
        write(&dir.join("cloudtrail").join(&file.path), &file.bytes)?;
    }
    for snapshot in catalog::snapshots(lake) {
        let name = format!("catalog-{}.json", snapshot.taken_at.format("%Y-%m-%d"));
        write(&dir.join("glue").join(name), snapshot.content.to_string().as_bytes())?;
    }
    for answer in cost::answers(lake) {
        write(
            &dir.join("cost").join(format!("{}.json", answer.name)),
            Value::from(answer.pages).to_string().as_bytes(),
        )?;
    }
    write(&dir.join("planted.json"), super::planted_json(lake).as_bytes())
}

fn lines_of(events: &[Vec<u8>]) -> Vec<u8> {
    events.iter().flat_map(|event| event.iter().copied().chain([b'\n'])).collect()
}

fn two<T>(items: Vec<T>) -> [T; 2] {
    items.try_into().unwrap_or_else(|_| unreachable!("the demo has an earlier state and one of now"))
}
