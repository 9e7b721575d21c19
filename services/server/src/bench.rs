//! `lakewarden bench`: load on a running service, and the times it took, printed as measured.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use crate::cli::BenchCommand;
use crate::client::{Body, Client};
use crate::command::import::read_token;
use crate::failure::Failure;

/// Every page that shows data without a parameter, and the first of each list as linked from it.
const PAGES: [&str; 14] = [
    "/",
    "/isolation",
    "/findings",
    "/lineage",
    "/datasets",
    "/jobs",
    "/access",
    "/catalog",
    "/quality",
    "/cost",
    "/ownership",
    "/policies",
    "/sources",
    "/deliveries",
];
/// Pages of one thing: a list, and how the addresses on it begin.
const DETAILS: [(&str, &str); 7] = [
    ("/findings", "/findings/"),
    ("/datasets", "/datasets/"),
    ("/jobs", "/jobs/"),
    ("/access", "/access/principals/"),
    ("/catalog", "/catalog/tables/"),
    ("/policies", "/policies/"),
    ("/datasets", "/lineage?"),
];

pub async fn run(command: &BenchCommand) -> Result<(), Failure> {
    match command {
        BenchCommand::Pages { url, token_file, rate, seconds } => {
            let client = Client::new(url, read_token(token_file)?)?;
            fetch_pages(&client, *rate, *seconds).await
        }
        BenchCommand::Lineage { url, token_file, events, connections } => {
            let client = Client::new(url, read_token(token_file)?)?;
            post_events(&client, events, *connections).await
        }
    }
}

/// One page's times, from the instant at which the request was due: a service that falls behind shows it.
#[derive(Debug, Default)]
struct Times {
    taken: Vec<Duration>,
    failed: usize,
}

impl Times {
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.taken.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().unwrap_or_default()
    }
}

async fn fetch_pages(client: &Client, rate: u32, seconds: u32) -> Result<(), Failure> {
    let pages = all_pages(client).await?;
    println!("{:<40} {:>8} {:>9} {:>9} {:>9}", "page", "requests", "p50 ms", "p99 ms", "failed");
    let mut all = Times::default();
    for page in &pages {
        let times = fetch_steadily(client, page, rate, seconds).await;
        print_line(page, &times);
        all.taken.extend(&times.taken);
        all.failed += times.failed;
    }
    print_line("all pages", &all);
    if all.failed > 0 { Err(Failure::new(format!("{} requests failed", all.failed))) } else { Ok(()) }
}

fn print_line(page: &str, times: &Times) {
    let ms = |percent| times.percentile(percent).as_secs_f64() * 1000.0;
    println!("{page:<40} {:>8} {:>9.1} {:>9.1} {:>9}", times.taken.len() + times.failed, ms(50), ms(99), times.failed);
}

/// Pages as named above, and one of each kind that they link to.
async fn all_pages(client: &Client) -> Result<Vec<String>, Failure> {
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    for (list, prefix) in DETAILS {
        let html = client.get(list).await?.text().await.unwrap_or_default();
        pages.extend(first_link(&html, prefix));
    }
    Ok(pages)
}

fn first_link(html: &str, prefix: &str) -> Option<String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|link| link.starts_with(prefix))
        .map(|link| link.replace("&amp;", "&").replace("&#38;", "&"))
}

async fn fetch_steadily(client: &Client, page: &str, rate: u32, seconds: u32) -> Times {
    let times = Arc::new(Mutex::new(Times::default()));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = Vec::new();
    for _ in 0..rate * seconds {
        let due = ticks.tick().await;
        let (client, page, times) = (client.clone(), page.to_owned(), Arc::clone(&times));
        requests.push(tokio::spawn(async move {
            let answer = client.get(&page).await;
            let succeeded = match answer {
                Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
                Err(_) => false,
            };
            let taken = due.elapsed();
            let mut times = times.lock().await;
            if succeeded { times.taken.push(taken) } else { times.failed += 1 }
        }));
    }
    for request in requests {
        let _ = request.await;
    }
    let mut times = times.lock().await;
    std::mem::take(&mut *times)
}

async fn post_events(client: &Client, events: &Path, connections: usize) -> Result<(), Failure> {
    let text = std::fs::read_to_string(events)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", events.display())))?;
    let bodies: Vec<Body> =
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| Body::json(line.as_bytes())).collect();
    let started = Instant::now();
    let outcomes: Vec<Result<Duration, Failure>> = futures::stream::iter(&bodies)
        .map(|body| async move {
            let started = Instant::now();
            client.post("/api/v1/lineage", body).await.map(|_| started.elapsed())
        })
        .buffer_unordered(connections)
        .collect()
        .await;
    let took = started.elapsed().as_secs_f64();
    let mut times = Times::default();
    for outcome in outcomes {
        match outcome {
            Ok(taken) => times.taken.push(taken),
            Err(_) => times.failed += 1,
        }
    }
    println!(
        "{} events over {connections} connections: {:.0} a second",
        times.taken.len(),
        times.taken.len() as f64 / took
    );
    print_line("POST /api/v1/lineage", &times);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times_in_order() {
        let times = Times { taken: (1..=100).rev().map(Duration::from_millis).collect(), failed: 0 };
        assert_eq!(times.percentile(50), Duration::from_millis(50));
        assert_eq!(times.percentile(99), Duration::from_millis(99));
        assert_eq!(Times::default().percentile(99), Duration::ZERO);
    }

    #[test]
    fn the_first_link_of_a_kind_is_found_and_unescaped() {
        let html = r#"<a href="/findings">x</a><a href="/findings/7?a=1&amp;b=2">y</a>"#;
        assert_eq!(first_link(html, "/findings/"), Some("/findings/7?a=1&b=2".to_owned()));
        assert_eq!(first_link(html, "/jobs/"), None);
    }
}
