//! `lakewarden-aws`: collects from AWS into the service's database. The only process with AWS credentials; they are read-only.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lakewarden_app::{App, AppConfig, AppError};
use lakewarden_aws::config::{Config, ConfigError};
use lakewarden_aws::connection::Connection;
use lakewarden_aws::round::{Collectors, What};
use lakewarden_core::Clock;
use lakewarden_db::{Db, DbConfig, DbError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Collects Glue, Lake Formation, CloudTrail files and costs from AWS, as the `[aws]` section of lakewarden.toml says.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The service's configuration file.
    #[arg(long, global = true, default_value = lakewarden_aws::config::FILE)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collects in rounds until stopped.
    Collect {
        /// What to collect; everything that is configured where nothing is named.
        what: Vec<What>,
        /// One round each, then end: 0 if all succeeded, 1 if one failed.
        #[arg(long)]
        once: bool,
        /// Postgres of the service. With the embedded cluster, the URL that `lakewarden serve` prints.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
    },
    /// Reads the configuration and says what is wrong with it.
    CheckConfig,
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(
        "no database: set DATABASE_URL or [database] url; with the embedded cluster, the URL that `lakewarden serve` prints"
    )]
    NoDatabase,
    #[error("nothing to collect: name accounts and regions, trails or cost in the [aws] section of {}", .0.display())]
    NothingConfigured(PathBuf),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,aws=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match Box::pin(run(Arguments::parse())).await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("lakewarden-aws: {failure}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let config = Config::load(Some(&arguments.config))?;
    let (what, once, database_url) = match arguments.command {
        Command::CheckConfig => {
            println!("{} is in order", arguments.config.display());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Collect { what, once, database_url } => (what, once, database_url),
    };
    let aws = &config.aws;
    if aws.accounts.is_empty() && aws.trails.is_empty() && aws.cost.is_none() {
        return Err(Failure::NothingConfigured(arguments.config));
    }
    let url = database_url.or(config.database_url).ok_or(Failure::NoDatabase)?;
    let db = Db::open(&DbConfig { max_connections: 4, ..DbConfig::new(url) }).await?;
    let app = AppConfig { base_url: config.base_url, policies: config.policies };
    let app = App::open(app, db, Clock::system()).await?;
    let collectors = Collectors { app: app.clone(), connection: Connection::default(), config: config.aws };
    if once {
        let failed = collectors.collect_once(&what).await;
        return Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let stop = CancellationToken::new();
    tokio::join!(collectors.collect_until(&what, stop.clone()), app.watch_policies(stop.clone()), stop_on_signal(stop));
    Ok(ExitCode::SUCCESS)
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be handled; waiting for Ctrl-C");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    stop.cancel();
}
