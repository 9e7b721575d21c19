//! `serve` and `worker`: the service until it is told to stop.

use lakewarden_identity::{ApiSecret, bootstrap_administrator};

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;
use crate::service::Service;

pub async fn serve(config: &Config, args: &ServeArgs) -> Result<(), Failure> {
    let database = Database::start(config).await?;
    let outcome = serve_on(config, args, &database).await;
    database.stop().await;
    outcome
}

async fn serve_on(config: &Config, args: &ServeArgs, database: &Database) -> Result<(), Failure> {
    let mut service = Service::open(&database.settings, config.base_url(), config.policies.clone()).await?;
    if let Some(password) = first_password(config, &service).await? {
        // To the terminal once, and never to the log.
        eprintln!(
            "\n  administrator: {}\n  password:      {}   (shown once)\n",
            config.administrator.username,
            password.reveal()
        );
    }
    service.listen(config.listen).await?;
    if !args.no_worker {
        service.work();
    }
    for name in &config.unknown_variables {
        tracing::info!("the variable {name} is no setting; that is well if alerts.toml names it");
    }
    tracing::info!(url = config.base_url(), policies = %config.policies.display(), "serving");
    service.wait().await?;
    tracing::info!("stopping");
    service.stop().await;
    Ok(())
}

/// The password to show, where an administrator was made just now with one that nobody knows yet.
async fn first_password(config: &Config, service: &Service) -> Result<Option<ApiSecret>, Failure> {
    let given = config.administrator.password.as_ref();
    let now = service.app.clock.now();
    let made = bootstrap_administrator(service.app.db.system(), &config.administrator.username, given, now).await?;
    Ok(made.filter(|_| given.is_none()))
}

/// Background work only: for a deployment with several processes on one Postgres.
pub async fn work(config: &Config) -> Result<(), Failure> {
    if config.database.url.is_none() {
        return Err(Failure::configuration(
            "a worker of its own needs a Postgres that it shares with `lakewarden serve`; set DATABASE_URL \
             (with the embedded one, `serve` works in the background by itself)",
        ));
    }
    let database = Database::start(config).await?;
    let mut service = Service::open(&database.settings, config.base_url(), config.policies.clone()).await?;
    service.work();
    tracing::info!("working");
    service.wait().await?;
    service.stop().await;
    database.stop().await;
    Ok(())
}
