//! Keeping the policies folder in force: on a change of a file, on SIGHUP, and once a minute in case a notice was lost.

use std::time::Duration;

use lakewarden_core::{LoadError, Sha256, TimeWindow};
use lakewarden_db::{Job, JobError, Jobs};
use lakewarden_findings::{Breach, Evidence, POLICY_FILE_BROKEN, fingerprint, record, resolve_absent};
use lakewarden_tenancy::Owner;
use notify::Watcher as _;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::policies::Reloaded;
use crate::{App, AppError};

/// Editors write a file in several steps; a reload waits until they are done.
const SETTLE: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_mins(1);

/// Every slice asks again whose its assets are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ReassignOwners {}

impl Job for ReassignOwners {
    const KIND: &'static str = "reassign_owners";

    fn key(&self) -> String {
        String::new()
    }
}

pub(crate) fn jobs(app: &App) -> Jobs {
    let slices = app.slices.clone();
    Jobs::new().on(move |_: ReassignOwners| {
        let slices = slices.clone();
        async move {
            let rows = slices.reassign_owners().await.map_err(|error| JobError::Retry(error.to_string()))?;
            tracing::info!(rows, "owners were assigned again after a change of tenants.toml");
            Ok(())
        }
    })
}

pub(crate) async fn reload(app: &App) -> Result<(), AppError> {
    let now = app.clock.now();
    let report = app.policies.reload(&app.db, now).await?;
    for error in &report.broken {
        tracing::error!(
            policy.file = error.file,
            "a policy file is broken, its last good version stays in force: {error}"
        );
    }
    if report.changed {
        tracing::info!(registry = app.policies.registry.loaded().version.short(), "the policies were read again");
    }
    settle_findings(app, &report).await
}

/// A broken file is a finding for as long as it is broken.
async fn settle_findings(app: &App, report: &Reloaded) -> Result<(), AppError> {
    let now = app.clock.now();
    let breaches: Vec<Breach> = report.broken.iter().map(|error| breach(error, now)).collect();
    let still: Vec<_> = breaches.iter().map(fingerprint).collect();
    let mut tx = app.db.begin().await?;
    record(&mut tx, &app.slices.findings, &breaches).await?;
    resolve_absent(&mut tx, &app.slices.findings, &[POLICY_FILE_BROKEN], &still).await?;
    if report.tenants_changed {
        lakewarden_db::enqueue(&mut tx, &ReassignOwners {}, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn breach(error: &LoadError, now: chrono::DateTime<chrono::Utc>) -> Breach {
    Breach {
        policy_id: POLICY_FILE_BROKEN.to_owned(),
        subject: format!("policies/{}", error.file),
        title: format!("policies/{} is broken: {}", error.file, error.message),
        owner: Owner::Platform,
        actor: None,
        plane: None,
        asset: None,
        window: TimeWindow::at(now),
        count: 1,
        path: Vec::new(),
        evidence: vec![Evidence {
            source: "policies".to_owned(),
            reference: error.to_string(),
            hash: Sha256::of(error.to_string()),
            occurred_at: now,
            summary: error.to_string(),
            record: serde_json::json!({ "file": error.file, "line": error.line, "message": error.message }),
        }],
    }
}

pub(crate) async fn watch(app: &App, stop: CancellationToken) {
    let (changed, mut changes) = mpsc::channel::<()>(1);
    let _watcher = watch_folder(app, changed);
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = changes.recv() => tokio::time::sleep(SETTLE).await,
            Some(()) = async { hangup.as_mut()?.recv().await } => tracing::info!("SIGHUP: reading the policies again"),
            () = tokio::time::sleep(POLL) => {}
        }
        while changes.try_recv().is_ok() {}
        if let Err(error) = reload(app).await {
            tracing::warn!(%error, "the policies could not be read again; trying again within a minute");
        }
    }
}

/// `None` where the system has no notices left to give; the poll and SIGHUP remain.
fn watch_folder(app: &App, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let notice = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Full means a reload is due already.
            let _ = changed.try_send(());
        }
    };
    let watched = notify::recommended_watcher(notice).and_then(|mut watcher| {
        watcher.watch(app.policies.folder(), notify::RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    watched
        .inspect_err(|error| tracing::warn!(%error, "the policies folder cannot be watched; it is read once a minute"))
        .ok()
}
