//! The assembly: the only crate that knows every slice. It opens them on one database, merges their routes and jobs, keeps the
//! policies folder in force, and stands the service's own pages (overview, sign-in, health, metrics) beside theirs.

mod health;
mod overview;
mod policies;
mod radius;
mod reload;
mod router;
mod sign_in;
mod slices;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use lakewarden_core::{Clock, LoadError};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Endpoint;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

pub use policies::{Policies, check_policies};
pub use slices::Slices;

/// What an [`App`] is opened with besides its database and clock.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Where people reach the pages; links in messages start with it.
    pub base_url: String,
    /// The folder of `tenants.toml`, `isolation/`, `quality/`, `cost/` and `alerts.toml`.
    pub policies: PathBuf,
}

#[derive(Debug, Error)]
pub enum AppError {
    #[error("a policy file cannot be used, and there is no earlier version to fall back on: {0}")]
    Policies(#[from] LoadError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Findings(#[from] lakewarden_findings::FindingsError),
    #[error("owners could not be assigned again everywhere: {0}")]
    Reassign(String),
}

/// The service, opened: clones share everything.
#[derive(Debug, Clone)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub policies: Policies,
    pub slices: Slices,
    config: Arc<AppConfig>,
}

impl App {
    /// Loads the policies, gives tenants their ids, and opens every slice. The database is migrated already.
    pub async fn open(config: AppConfig, db: Db, clock: Clock) -> Result<Self, AppError> {
        let policies = Policies::load(config.policies.clone(), &db, &clock).await?;
        let slices = Slices::open(&config, &db, &clock, &policies);
        Ok(Self { db, clock, policies, slices, config: Arc::new(config) })
    }

    /// Every route behind authentication, limits and security headers.
    pub fn router(&self) -> Router {
        router::assemble(self)
    }

    /// Every route as declared, in no particular order.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        router::routes(self).endpoints().to_vec()
    }

    /// Every slice's background work.
    pub fn jobs(&self) -> Jobs {
        self.slices.jobs().merge(reload::jobs(self))
    }

    /// Reads the policies folder again; what is broken keeps its last good version and becomes a finding.
    pub async fn reload(&self) -> Result<(), AppError> {
        reload::reload(self).await
    }

    /// Reloads whenever a file of the policies folder changes, or the process is sent SIGHUP, until `stop`.
    pub async fn watch_policies(&self, stop: CancellationToken) {
        reload::watch(self, stop).await;
    }

    pub fn config(&self) -> &AppConfig {
        &self.config
    }
}
