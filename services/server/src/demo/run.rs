//! `lakewarden demo`: from nothing to a lake that can be looked at.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lakewarden_core::Clock;
use lakewarden_db::embedded::Cluster;
use lakewarden_db::jobs::count_by_kind;
use lakewarden_db::{DbConfig, enqueue};
use lakewarden_identity::{ApiSecret, Reach, TokenError, bootstrap_administrator, create_token, new_secret};
use lakewarden_quality::JudgeQuality;

use super::lake::Lake;
use super::webhook::{self, Received};
use super::{feed, planted, planted_json};
use crate::cli::{DemoAddresses, DemoArgs};
use crate::client::Client;
use crate::config::LogConfig;
use crate::failure::Failure;
use crate::service::Service;

/// Days of history.
pub const DAYS: i64 = 30;
const USERNAME: &str = "admin";
/// How long to wait for the judging that the last facts led to.
const SETTLE: Duration = Duration::from_secs(20);

pub async fn run(args: &DemoArgs) -> Result<(), Failure> {
    let lake = Lake::new(args.seed, Clock::system().now(), DAYS);
    if args.list_planted {
        println!("{}", planted_json(&lake));
        return Ok(());
    }
    if let Some(dir) = &args.write_to {
        feed::write_files(&lake, args.records, dir)?;
        println!("the demo's files are in {}", dir.display());
        return Ok(());
    }
    crate::logging::start(&LogConfig { filter: "warn,sqlx=error".to_owned(), ..LogConfig::default() })?;
    let cluster = prepare(args).await?;
    let outcome = show(args, &lake, &cluster).await;
    cluster.stop().await;
    outcome
}

/// An empty folder and a database in it, unless the earlier one is to be kept.
async fn prepare(args: &DemoArgs) -> Result<Cluster, Failure> {
    // Only ever remove what a demo made.
    if !args.keep && args.dir.exists() {
        if !args.dir.join("postgres").exists() && std::fs::read_dir(&args.dir)?.next().is_some() {
            return Err(Failure::new(format!(
                "{} is no folder of a demo and not empty; choose another with --dir, or remove it yourself",
                args.dir.display()
            )));
        }
        // Refused politely where another demo still runs on it.
        Cluster::start(&args.dir.join("postgres"), binaries().as_deref()).await?.stop().await;
        std::fs::remove_dir_all(&args.dir)?;
    }
    std::fs::create_dir_all(&args.dir)?;
    Ok(Cluster::start(&args.dir.join("postgres"), binaries().as_deref()).await?)
}

fn binaries() -> Option<PathBuf> {
    std::env::var_os("LAKEWARDEN_PG_BIN").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

async fn show(args: &DemoArgs, lake: &Lake, cluster: &Cluster) -> Result<(), Failure> {
    let started = Instant::now();
    let addresses = args.addresses();
    let policies = copy_policies(&args.dir, addresses)?;
    let base_url = format!("http://{}", addresses.pages);
    let mut service = Service::open(&DbConfig::new(cluster.url()), base_url.clone(), policies).await?;
    let password = administrator(&service, &args.dir).await?;
    service.serve(addresses.webhooks, webhook::router(Received::default())).await?;
    service.listen(addresses.pages).await?;
    service.work();
    let fed = args.dir.join("planted.json");
    if !fed.exists() {
        eprintln!("Feeding a lake of {} datasets and {} jobs to {base_url}", lake.datasets.len(), lake.jobs.len());
        let client = Client::new(&base_url, ingest_token(&service).await?)?;
        feed::feed(&client, lake, args.records).await?;
        settle(&service).await?;
        write(&fed, &planted_json(lake))?;
    }
    println!("{}", welcome(addresses, &password, lake, started.elapsed()));
    if !args.exit_when_ready {
        service.wait().await?;
        eprintln!("stopping");
    }
    service.stop().await;
    Ok(())
}

/// The repository's policies, with alerts sent to the demo's own listener. A copy, so that it can be edited and played with.
fn copy_policies(dir: &Path, addresses: DemoAddresses) -> Result<PathBuf, Failure> {
    let from = std::env::var_os("LAKEWARDEN_POLICIES").map_or_else(|| PathBuf::from("policies"), PathBuf::from);
    let to = dir.join("policies");
    if to.exists() {
        return Ok(to);
    }
    copy_folder(&from, &to).map_err(|error| {
        Failure::configuration(format!(
            "cannot copy the policies from {}: {error}; run the demo where `policies/` is, or name it in LAKEWARDEN_POLICIES",
            from.display()
        ))
    })?;
    let alerts = to.join("alerts.toml");
    let text = std::fs::read_to_string(&alerts)?;
    write(&alerts, &with_listener(&text, addresses))?;
    Ok(to)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn with_listener(alerts: &str, addresses: DemoAddresses) -> String {
    let listener =
        format!("url = \"http://{}/slack\"\nallow_private = true\nmin_interval_ms = 100", addresses.webhooks);
    alerts.replace("url_env = \"LAKEWARDEN_SLACK_URL\"", &listener)
}

/// The administrator's password: made up once, and kept beside the demo's database so that `--keep` can show it again.
async fn administrator(service: &Service, dir: &Path) -> Result<ApiSecret, Failure> {
    let file = dir.join("password");
    if let Ok(password) = std::fs::read_to_string(&file) {
        return Ok(ApiSecret::new(password.trim()));
    }
    let password = new_secret("demo");
    let now = service.app.clock.now();
    bootstrap_administrator(service.app.db.system(), USERNAME, Some(&password), now).await?;
    write(&file, password.reveal())?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    Ok(password)
}

async fn ingest_token(service: &Service) -> Result<ApiSecret, Failure> {
    let now = service.app.clock.now();
    let made = create_token(service.app.db.system(), "demo", Reach::Ingest, None, now).await;
    made.map_err(|error| match error {
        TokenError::NameTaken(_) => {
            Failure::new("an earlier demo stopped while it was fed; start again without --keep")
        }
        other => Failure::new(other.to_string()),
    })
}

/// Waits until nothing that the fed facts led to is left to be judged. What takes longer goes on beside the looking.
async fn settle(service: &Service) -> Result<(), Failure> {
    // Quality is judged by the minute, because data also goes stale when nothing happens; here nobody wants to wait for it.
    let mut tx = service.app.db.begin().await?;
    enqueue(&mut tx, &JudgeQuality, service.app.clock.now()).await?;
    tx.commit().await?;
    let until = Instant::now() + SETTLE;
    while Instant::now() < until {
        if count_by_kind(service.app.db.system()).await?.iter().all(|(_, waiting)| *waiting == 0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

fn welcome(addresses: DemoAddresses, password: &ApiSecret, lake: &Lake, took: Duration) -> String {
    let planted = planted(lake).len();
    format!(
        "
  Lakewarden is ready after {:.0} s

  pages                    http://{pages}
  Slack messages it sent   http://{webhooks}

  administrator            {USERNAME}
  password                 {}

  Look first at
    http://{pages}/            is anything wrong, since when, for whom
    http://{pages}/isolation   who reaches whose data, on all four planes
    http://{pages}/findings    {planted} breaches are planted: `lakewarden demo --list-planted`

  Ctrl-C stops it.
",
        took.as_secs_f64(),
        password.reveal(),
        pages = addresses.pages,
        webhooks = addresses.webhooks,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_alerts_go_to_its_own_listener() {
        let addresses = DemoAddresses { pages: ([127, 0, 0, 1], 8080).into(), webhooks: ([127, 0, 0, 1], 8081).into() };
        let alerts = with_listener(include_str!("../../../../policies/alerts.toml"), addresses);
        assert!(alerts.contains("url = \"http://127.0.0.1:8081/slack\""), "{alerts}");
        lakewarden_alerts::AlertPolicy::parse("alerts.toml", &alerts).unwrap();
    }
}
