//! Rounds of the collectors: each is recorded with its source, fails alone, and comes again after its pause.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{LocalBoxFuture, join_all};
use lakewarden_app::App;
use lakewarden_catalog::{Asked, Document, import_documents, source_name};
use lakewarden_core::SourceId;
use lakewarden_cost::PageFile;
use lakewarden_sources::{SourceKind, find_or_create, find_watermark, finish_run, set_watermark, start_run};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::call::CallError;
use crate::config::{AwsConfig, CostConfig, TrailConfig};
use crate::connection::Connection;
use crate::cost::{self, CostExplorer, Days};
use crate::glue::{Glue, Look};
use crate::lake_formation::LakeFormation;
use crate::trail::Trail;

/// What may be collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum What {
    Glue,
    #[value(name = "lakeformation")]
    LakeFormation,
    #[value(name = "cloudtrail")]
    CloudTrail,
    Cost,
    /// Everything that is configured.
    All,
}

impl What {
    fn is_asked(self, what: &[Self]) -> bool {
        what.is_empty() || what.contains(&Self::All) || what.contains(&self)
    }
}

/// Why a round failed.
#[derive(Debug, Error)]
pub enum RoundError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// What could be fetched was stored.
    #[error("{} of the calls failed, the first: {first}", .failed)]
    Partly { failed: usize, first: CallError },
    #[error(transparent)]
    Catalog(#[from] lakewarden_catalog::CatalogError),
    #[error(transparent)]
    Access(#[from] lakewarden_access::AccessError),
    #[error(transparent)]
    Cost(#[from] lakewarden_cost::CostError),
    #[error("Postgres: {0}")]
    Database(#[from] sqlx::Error),
}

/// One thing to collect: a catalog, a bucket, a payer.
enum Task {
    Glue { account: String, region: String },
    LakeFormation { account: String, region: String },
    Trail { trail: Trail, bucket: String },
    Cost(CostConfig),
}

/// Collectors over one service.
#[derive(Debug, Clone)]
pub struct Collectors {
    pub app: App,
    pub connection: Connection,
    pub config: AwsConfig,
}

impl Collectors {
    /// Runs each once, everything where nothing is named; answers how many rounds failed. A failure is recorded with its source and stops nobody else.
    pub async fn collect_once(&self, what: &[What]) -> usize {
        let mut failed = 0;
        for (task, _) in self.tasks(what).await {
            failed += usize::from(!self.round(&task).await);
        }
        failed
    }

    /// Runs each again and again, with its pause, until told to stop.
    pub async fn collect_until(&self, what: &[What], stop: CancellationToken) {
        let loops: Vec<LocalBoxFuture<'_, ()>> = self
            .tasks(what)
            .await
            .into_iter()
            .map(|(task, every)| -> LocalBoxFuture<'_, ()> {
                let stop = stop.clone();
                Box::pin(async move {
                    while !stop.is_cancelled() {
                        // Stopping in the middle of a round loses nothing: what is committed stays, the rest comes again.
                        tokio::select! { _ = self.round(&task) => {}, () = stop.cancelled() => {} }
                        tokio::select! { () = tokio::time::sleep(every) => {}, () = stop.cancelled() => {} }
                    }
                })
            })
            .collect();
        join_all(loops).await;
    }

    async fn tasks(&self, what: &[What]) -> Vec<(Task, Duration)> {
        let minutes = Duration::from_mins;
        let mut tasks = Vec::new();
        for account in &self.config.accounts {
            for region in &self.config.regions {
                let (account, region) = (account.clone(), region.clone());
                if What::Glue.is_asked(what) {
                    let task = Task::Glue { account: account.clone(), region: region.clone() };
                    tasks.push((task, minutes(self.config.catalog_every_minutes)));
                }
                if What::LakeFormation.is_asked(what) {
                    tasks.push((Task::LakeFormation { account, region }, minutes(self.config.catalog_every_minutes)));
                }
            }
        }
        if What::CloudTrail.is_asked(what) {
            for trail in &self.config.trails {
                tasks.push((self.trail_task(trail).await, minutes(self.config.trails_every_minutes)));
            }
        }
        if let Some(cost) = self.config.cost.as_ref().filter(|_| What::Cost.is_asked(what)) {
            tasks.push((Task::Cost(cost.clone()), minutes(cost.every_hours * 60)));
        }
        tasks
    }

    async fn trail_task(&self, trail: &TrailConfig) -> Task {
        let connection = self.connection.open(&trail.region).await;
        Task::Trail { trail: Trail::new(&connection, trail), bucket: trail.bucket.clone() }
    }

    /// One recorded round; false where it failed.
    async fn round(&self, task: &Task) -> bool {
        let (kind, name) = task.source();
        let outcome = self.recorded_round(task, kind, &name).await;
        match &outcome {
            Ok(Ok(brought)) => tracing::info!(source.kind = ?kind, source.name = name, "a round brought {brought}"),
            Ok(Err(error)) => {
                tracing::error!(source.kind = ?kind, source.name = name, %error, "a round failed: {error}");
            }
            Err(error) => {
                tracing::error!(source.kind = ?kind, source.name = name, %error, "a round could not be recorded: {error}");
            }
        }
        matches!(outcome, Ok(Ok(_)))
    }

    async fn recorded_round(
        &self,
        task: &Task,
        kind: SourceKind,
        name: &str,
    ) -> Result<Result<String, RoundError>, sqlx::Error> {
        let (db, clock) = (&self.app.db, &self.app.clock);
        let source = {
            let mut tx = db.begin().await?;
            let source = find_or_create(&mut tx, kind, name, clock.now()).await?;
            tx.commit().await?;
            source
        };
        let run = start_run(db.system(), source, clock.now()).await?;
        let outcome = self.collect(task, source).await;
        let error = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let said = outcome.as_ref().map(String::as_str).map_err(|_| error.as_str());
        finish_run(db.system(), run, said, clock.now()).await?;
        Ok(outcome)
    }

    async fn collect(&self, task: &Task, source: SourceId) -> Result<String, RoundError> {
        match task {
            Task::Glue { account, region } => self.collect_glue(account, region, source).await,
            Task::LakeFormation { account, region } => {
                let taken_at = self.app.clock.now();
                let connection = self.connection.open(region).await;
                let look = LakeFormation::new(&connection, account).look().await;
                self.store(account, region, taken_at, look).await
            }
            Task::Trail { trail, .. } => {
                let brought = trail.collect(&self.app.slices, &self.app.db, &self.app.clock, source).await?;
                Ok(format!("{} files, {} records, {} quarantined", brought.files, brought.records, brought.quarantined))
            }
            Task::Cost(config) => self.collect_cost(config, source).await,
        }
    }

    async fn collect_glue(&self, account: &str, region: &str, source: SourceId) -> Result<String, RoundError> {
        const SCOPE: &str = "versions";
        let taken_at = self.app.clock.now();
        let mut connection = self.app.db.system().acquire().await?;
        let after = find_watermark(&mut connection, source, SCOPE).await?;
        let after = after.and_then(|text| text.parse::<DateTime<Utc>>().ok());
        drop(connection);
        let sdk = self.connection.open(region).await;
        let look = Glue::new(&sdk, account).look(after).await;
        let until = look.versions_until;
        let outcome = self.store(account, region, taken_at, look).await;
        // Stored, wholly or partly: versions up to here need not be asked for again.
        if let (Some(until), Ok(_) | Err(RoundError::Partly { .. })) = (until, &outcome) {
            let mut connection = self.app.db.system().acquire().await?;
            set_watermark(&mut connection, source, SCOPE, &until.to_rfc3339(), taken_at).await?;
        }
        outcome
    }

    /// Stores what came, and fails afterwards if something did not.
    async fn store(
        &self,
        account: &str,
        region: &str,
        taken_at: DateTime<Utc>,
        look: Look,
    ) -> Result<String, RoundError> {
        let asked = Asked { account: Some(account.to_owned()), region: Some(region.to_owned()), taken_at };
        let file = format!("answer for {}", source_name(account, region));
        let documents: Vec<Document> =
            look.documents.into_iter().map(|content| Document::new(&file, content)).collect();
        let stored = import_documents(&self.app.slices.catalog, &documents, &asked).await?;
        let failed = look.failures.len();
        if let Some(first) = look.failures.into_iter().next() {
            return Err(RoundError::Partly { failed, first });
        }
        Ok(format!("{} changes, {} unchanged, {} quarantined", stored.changes(), stored.unchanged, stored.quarantined))
    }

    async fn collect_cost(&self, config: &CostConfig, source: SourceId) -> Result<String, RoundError> {
        const SCOPE: &str = "days";
        let now = self.app.clock.now();
        let mut connection = self.app.db.system().acquire().await?;
        let is_first = find_watermark(&mut connection, source, SCOPE).await?.is_none();
        drop(connection);
        let today = now.date_naive();
        let days = if is_first { Days::with_history(today, config.history_months) } else { Days::restated(today) };
        let sdk = self.connection.open(cost::REGION).await;
        let pages = CostExplorer::new(&sdk, &config.tag).fetch(days).await?;
        let names: Vec<String> =
            (1..=pages.len()).map(|page| format!("{} to {}, page {page}", days.from, days.to)).collect();
        let files: Vec<PageFile<'_>> = names.iter().zip(&pages).map(|(name, bytes)| PageFile { name, bytes }).collect();
        let ingested = lakewarden_cost::ingest(&self.app.slices.cost, &config.account, &files).await?;
        let mut connection = self.app.db.system().acquire().await?;
        set_watermark(&mut connection, source, SCOPE, &days.to.to_string(), now).await?;
        Ok(format!("{} days in {} pages, {} restated", ingested.days, pages.len(), ingested.restated))
    }
}

impl Task {
    fn source(&self) -> (SourceKind, String) {
        match self {
            Self::Glue { account, region } => (SourceKind::Glue, source_name(account, region)),
            Self::LakeFormation { account, region } => (SourceKind::LakeFormation, source_name(account, region)),
            Self::Trail { bucket, .. } => (SourceKind::CloudTrail, bucket.clone()),
            Self::Cost(config) => (SourceKind::CostExplorer, config.account.clone()),
        }
    }
}
