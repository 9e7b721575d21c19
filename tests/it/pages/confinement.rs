//! A tenant's auditor meets no other tenant's name: not on a page, not in JSON, not by guessing addresses.

use std::collections::{BTreeSet, VecDeque};

use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use lakewarden_identity::{Reach, Who};
use lakewarden_server::demo::lake::Lake;
use lakewarden_server::demo::{catalog, cost, lineage, trail};
use lakewarden_testkit::noon;

use crate::support::{Caller, World};

const OWN: &str = "acme";
const TRAIL_RECORDS: usize = 3_000;
const PAGES_AT_MOST: usize = 600;
/// Ids are small integers in every slice: a stranger would try these first.
const GUESSED_IDS: std::ops::RangeInclusive<u32> = 1..=25;

async fn post(producer: &Caller, path: &str, file: Option<&str>, body: Vec<u8>) {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(name) = file {
        request = request.header("x-file-name", name);
    }
    let answer = producer.send(request, body).await;
    assert!(answer.status.is_success(), "{path} answered {}: {}", answer.status, answer.text());
}

/// The demo's lake, with its planted crossings, through the public doors.
async fn feed(world: &World) {
    let producer = world.token("producer", Reach::Ingest).await;
    let lake = Lake::new(7, noon() - TimeDelta::hours(1), 4);
    for snapshot in catalog::snapshots(&lake) {
        post(&producer, "/api/v1/catalog", None, snapshot.content.to_string().into_bytes()).await;
    }
    let lines: Vec<Vec<u8>> = lineage::events(&lake).collect();
    for batch in lines.chunks(100) {
        post(&producer, "/api/v1/lineage/batch", None, batch.join(&b'\n')).await;
    }
    for file in trail::files(&lake, TRAIL_RECORDS) {
        post(&producer, "/api/v1/cloudtrail", Some(&file.path), file.bytes).await;
    }
    for answer in cost::answers(&lake) {
        post(&producer, "/api/v1/cost", None, serde_json::Value::from(answer.pages).to_string().into_bytes()).await;
    }
    world.settle().await;
}

/// The links of a page that stay on the service.
fn links(html: &str) -> BTreeSet<String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|href| href.starts_with('/') && !href.starts_with("/assets/"))
        .map(|href| href.replace("&#38;", "&").replace("&amp;", "&"))
        .map(|href| href.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

/// Every address a tenant's viewer may ask for: lists as they are, single things by guessing.
fn addresses(world: &World) -> BTreeSet<String> {
    let endpoints = world.app.endpoints();
    let open = endpoints.iter().filter(|endpoint| endpoint.method == Method::GET && endpoint.who == Who::Viewer);
    open.flat_map(|endpoint| {
        if !endpoint.path.contains('{') {
            return vec![endpoint.path.clone()];
        }
        let fill = |id: u32| {
            let segment = |segment: &str| if segment.starts_with('{') { id.to_string() } else { segment.to_owned() };
            endpoint.path.split('/').map(segment).collect::<Vec<_>>().join("/")
        };
        GUESSED_IDS.map(fill).collect()
    })
    .collect()
}

#[tokio::test]
async fn a_tenants_auditor_meets_no_other_tenants_name() {
    let world = World::new().await;
    feed(&world).await;
    let ownership = world.app.policies.ownership.get();
    let others: Vec<String> = ownership
        .tenants()
        .iter()
        .filter(|tenant| tenant.slug != OWN)
        .flat_map(|tenant| [tenant.slug.clone(), tenant.name.to_lowercase()])
        .collect();
    let auditor = world.token("auditor", Reach::Tenant(world.tenant(OWN))).await;

    let officer = world.token("officer", Reach::All).await;
    let findings = officer.get("/findings").await.text().to_lowercase();
    assert!(others.iter().any(|name| findings.contains(name)), "the lake has crossings to hide: {findings}");

    let mut waiting: VecDeque<String> = addresses(&world).into_iter().collect();
    let mut asked: BTreeSet<String> = waiting.iter().cloned().collect();
    let (mut shown, mut leaks) = (0, Vec::new());
    while let Some(path) = waiting.pop_front() {
        let answer = auditor.get(&path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.text());
        if answer.status != StatusCode::OK {
            continue;
        }
        shown += 1;
        let text = answer.text();
        let lower = text.to_lowercase();
        leaks.extend(others.iter().filter(|name| lower.contains(*name)).map(|name| {
            let at = lower.find(name.as_str()).unwrap_or_default();
            let around: String = lower.chars().skip(lower[..at].chars().count().saturating_sub(60)).take(140).collect();
            format!("{path} names {name}: …{around}…")
        }));
        for link in links(&text) {
            if asked.len() < PAGES_AT_MOST && asked.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    assert!(shown > 40, "the auditor has pages of their own to read: {shown}");
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}
