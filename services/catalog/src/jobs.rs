//! Judging the state of all catalogs: after every snapshot, and from time to time because policies and tenants change.

use std::time::Duration;

use lakewarden_core::{Plane, Sha256};
use lakewarden_db::{Job, JobError, Jobs};
use lakewarden_findings::{Breach, Fingerprint, fingerprint};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::state::{Facts, State};
use crate::store::{breaches as store, databases, grants, locations, snapshots, tables, tags};
use crate::{CatalogError, Ctx, breaches};

/// Looks at everything the catalogs hold and brings the findings of the grant and catalog planes up to date.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct JudgeCatalog;

impl Job for JudgeCatalog {
    const KIND: &'static str = "judge_catalog";

    fn key(&self) -> String {
        String::new()
    }
}

/// Policies are reloaded while the service runs; a state that did not change may breach them now.
const AGAIN: Duration = Duration::from_mins(5);

pub(crate) fn jobs(ctx: Ctx) -> Jobs {
    Jobs::new()
        .on::<JudgeCatalog, _, _>(move |_| {
            let ctx = ctx.clone();
            async move { judge_catalog(&ctx).await.map(drop).map_err(into_job_error) }
        })
        .every(AGAIN, JudgeCatalog)
}

fn into_job_error(error: CatalogError) -> JobError {
    match error {
        CatalogError::Database(error) => JobError::Database(error),
        other => JobError::Retry(other.to_string()),
    }
}

/// What a judgement found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub standing: usize,
    /// Of those, how many were not there at the last judgement.
    pub new: usize,
    pub resolved: u64,
}

/// Judges the state as it is committed; what no longer breaches a policy resolves itself.
pub async fn judge_catalog(ctx: &Ctx) -> Result<Judged, CatalogError> {
    let mut tx = ctx.db.begin().await?;
    let state = State {
        looks: snapshots::list_looks(&mut *tx).await?,
        databases: databases::list_databases(&mut *tx).await?,
        tables: tables::list_judged_tables(&mut *tx).await?,
        grants: grants::list_grants(&mut *tx).await?,
        tags: tags::list_tags(&mut *tx).await?,
        locations: locations::list_locations(&mut *tx).await?,
        settings: locations::list_settings(&mut *tx).await?,
    };
    let ownership = ctx.ownership.get();
    let found = breaches::judge(&Facts::new(&state, &ownership), &ctx.judge);
    let standing: Vec<Fingerprint> = found.iter().map(fingerprint).collect();
    let known: FxHashSet<Sha256> =
        store::list_fingerprints(&mut *tx).await?.iter().filter_map(|bytes| Sha256::from_slice(bytes)).collect();
    // What merely still stands is not counted again, and its evidence is known.
    let found: Vec<Breach> = found
        .into_iter()
        .zip(&standing)
        .map(
            |(breach, print)| {
                if known.contains(&print.0) { Breach { count: 0, evidence: Vec::new(), ..breach } } else { breach }
            },
        )
        .collect();
    let new = found.iter().filter(|breach| breach.count > 0).count();
    lakewarden_findings::record(&mut tx, &ctx.findings, &found).await?;
    let pack = ctx.pack.get();
    let ours = |plane: Option<Plane>| matches!(plane, Some(Plane::Grant | Plane::Catalog));
    let policies: Vec<&str> =
        pack.policies().iter().filter(|policy| ours(policy.plane)).map(|policy| policy.id.as_str()).collect();
    let resolved = lakewarden_findings::resolve_absent(&mut tx, &ctx.findings, &policies, &standing).await?;
    let prints: Vec<Vec<u8>> = standing.iter().map(|print| print.0.as_bytes().to_vec()).collect();
    store::replace_fingerprints(&mut tx, &prints).await?;
    tx.commit().await?;
    Ok(Judged { standing: standing.len(), new, resolved })
}
