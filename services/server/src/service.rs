//! The service in this process: the app on a database, its listener, its background work, and an orderly end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use lakewarden_app::{App, AppConfig};
use lakewarden_core::Clock;
use lakewarden_db::{Db, DbConfig};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Requests in flight get this long to end.
const GRACE: Duration = Duration::from_secs(10);

/// An opened app and what runs around it.
#[derive(Debug)]
pub struct Service {
    pub app: App,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Service {
    /// Connects, migrates, and loads the policies.
    pub async fn open(settings: &DbConfig, base_url: String, policies: PathBuf) -> Result<Self, Failure> {
        let db = Db::open(settings).await?;
        let app = App::open(AppConfig { base_url, policies }, db, Clock::system())
            .await
            .map_err(|error| Failure::configuration(error.to_string()))?;
        Ok(Self { app, stop: CancellationToken::new(), tasks: Vec::new() })
    }

    /// Runs jobs and watches the policies until the service stops.
    pub fn work(&mut self) {
        let (db, clock) = (self.app.db.clone(), self.app.clock.clone());
        let (jobs, stop) = (self.app.jobs(), self.stop.clone());
        self.tasks.push(tokio::spawn(jobs.run(db, clock, stop)));
        let (app, stop) = (self.app.clone(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move { app.watch_policies(stop).await }));
    }

    /// Serves the pages and the API.
    pub async fn listen(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.serve(address, self.app.router()).await
    }

    /// Serves another router beside the service, for as long as it.
    pub async fn serve(&mut self, address: SocketAddr, router: Router) -> Result<(), Failure> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::new(format!("cannot listen on {address}: {error}; stop what does, or choose another port"))
        })?;
        let stop = self.stop.clone();
        self.tasks.push(tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the listener ended");
            }
        }));
        Ok(())
    }

    /// Waits for Ctrl-C or SIGTERM.
    pub async fn wait(&self) -> Result<(), Failure> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => outcome?,
            _ = terminate.recv() => {}
        }
        Ok(())
    }

    /// Lets requests and jobs in flight end, then closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        let ending = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(GRACE, ending).await.is_err() {
            tracing::warn!("some requests or jobs did not end in time; their work is taken up again at the next start");
        }
        self.app.db.close().await;
    }
}
