//! Which Postgres a command works on: the configured one, the embedded one, or the embedded one of a service that runs already.

use std::time::Duration;

use lakewarden_db::DbConfig;
use lakewarden_db::embedded::{Cluster, EmbeddedError};

use crate::config::Config;
use crate::failure::Failure;

/// A reachable Postgres; where it is embedded and ours, it stops with this.
#[derive(Debug)]
pub struct Database {
    pub settings: DbConfig,
    cluster: Option<Cluster>,
}

impl Database {
    /// For the service itself: the embedded cluster is started, and refused where another process runs it.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        if let Some(url) = &config.database.url {
            return Ok(Self { settings: settings(config, url.reveal()), cluster: None });
        }
        let cluster = Cluster::start(&config.data_dir.join("postgres"), config.database.binaries.as_deref()).await?;
        Ok(Self { settings: settings(config, cluster.url()), cluster: Some(cluster) })
    }

    /// For commands: a service that already runs the embedded cluster shares it.
    pub async fn join_or_start(config: &Config) -> Result<Self, Failure> {
        if config.database.url.is_some() {
            return Self::start(config).await;
        }
        let dir = config.data_dir.join("postgres");
        match Cluster::start(&dir, config.database.binaries.as_deref()).await {
            Ok(cluster) => Ok(Self { settings: settings(config, cluster.url()), cluster: Some(cluster) }),
            Err(EmbeddedError::InUse(_)) => {
                Ok(Self { settings: settings(config, &Cluster::url_in(&dir)?), cluster: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub async fn stop(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

fn settings(config: &Config, url: &str) -> DbConfig {
    DbConfig {
        url: url.to_owned(),
        max_connections: config.database.max_connections,
        acquire_timeout: Duration::from_secs(config.database.acquire_timeout_seconds),
    }
}
