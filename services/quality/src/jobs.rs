//! Judging quality every minute: data also goes stale when nothing happens.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lakewarden_core::TimeWindow;
use lakewarden_db::{Job, JobError, Jobs, enqueue};
use lakewarden_findings::{Breach, Evidence, Fingerprint, fingerprint, record, resolve_absent};
use lakewarden_tenancy::Owner;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::judge::{Broken, judge};
use crate::score::since;
use crate::store::state;
use crate::store::{self, EventProof};
use crate::{Ctx, QualityError};

const EVERY: Duration = Duration::from_mins(1);

/// Looks at the newest observations of all datasets and brings the findings of the quality policies in line with them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct JudgeQuality;

impl Job for JudgeQuality {
    const KIND: &'static str = "judge_quality";

    fn key(&self) -> String {
        String::new()
    }
}

pub fn jobs(ctx: Ctx) -> Jobs {
    Jobs::new()
        .on(move |_: JudgeQuality| {
            let ctx = ctx.clone();
            async move { judge_quality(&ctx).await.map_err(|error| JobError::Retry(error.to_string())) }
        })
        .every(EVERY, JudgeQuality)
}

/// Judges every dataset, in one transaction.
pub async fn judge_quality(ctx: &Ctx) -> Result<(), QualityError> {
    let policies = ctx.policies.get();
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin().await?;
    let facts = store::read_facts(&mut tx, policies.writes_needed()).await?;
    let broken = judge(&policies, &facts, &ownership, ctx.clock.now());
    let wanted: BTreeSet<(Uuid, DateTime<Utc>)> = broken.iter().map(|one| (one.said.event, one.said.at)).collect();
    let (events, times): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let proofs = store::list_event_proofs(&mut *tx, &events, &times).await?;
    let breaches: Vec<Breach> = broken.iter().map(|one| breach(one, proofs.get(&one.said.event))).collect();
    record(&mut tx, &ctx.findings, &breaches).await?;
    let policy_ids: Vec<&str> = policies.policies.iter().map(|policy| policy.info.id.as_str()).collect();
    let still: Vec<Fingerprint> = breaches.iter().map(fingerprint).collect();
    resolve_absent(&mut tx, &ctx.findings, &policy_ids, &still).await?;
    state::delete_broken_but(&mut *tx, &broken).await?;
    state::upsert_broken(&mut *tx, &broken).await?;
    let outcomes = store::list_outcomes(&mut *tx, None, since(ctx.clock.now())).await?;
    state::upsert_days(&mut *tx, &outcomes, &facts.datasets).await?;
    tx.commit().await?;
    Ok(())
}

/// Nothing here stores owners; findings of datasets that changed hands are judged anew.
pub async fn reassign_owners(ctx: &Ctx) -> Result<u64, QualityError> {
    let mut tx = ctx.db.begin().await?;
    enqueue(&mut tx, &JudgeQuality, ctx.clock.now()).await?;
    tx.commit().await?;
    Ok(0)
}

fn breach(broken: &Broken<'_>, proof: Option<&EventProof>) -> Breach {
    let evidence = proof.map(|proof| Evidence {
        source: proof.source.clone(),
        reference: format!("event {}", proof.event),
        hash: proof.hash,
        occurred_at: broken.said.at,
        summary: broken.title.clone(),
        record: json!({
            "dataset": { "namespace": broken.dataset.namespace, "name": broken.dataset.name },
            "event": proof.event, "run": broken.said.run, "observed_at": broken.said.at,
        }),
    });
    Breach {
        policy_id: broken.policy.info.id.clone(),
        subject: broken.subject.clone(),
        title: broken.title.clone(),
        owner: Owner::from_tenant_id(broken.dataset.tenant),
        actor: None,
        plane: None,
        asset: Some(broken.dataset.asset.clone()),
        window: TimeWindow::at(broken.since),
        count: 0,
        path: Vec::new(),
        evidence: evidence.into_iter().collect(),
    }
}
