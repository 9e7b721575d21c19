//! What pages and API read: each answer from one transaction of the viewer's own scope.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use lakewarden_alerts::{Delivery, PolicyKind};
use lakewarden_core::{Cursor, FindingId, Severity};
use lakewarden_http::Problem;
use lakewarden_identity::Viewer;
use serde::Serialize;

use crate::filter::{Filter, Query};
use crate::lens::{Change, Finding, Lens, Party, ShownEvidence};
use crate::store::read::{self, SeverityCount};
use crate::{Ctx, FindingsError, PolicyInfo};

const PAGE: usize = 50;

/// A page of the list.
#[derive(Debug, Serialize)]
pub(crate) struct FindingsPage {
    pub findings: Vec<Finding>,
    /// Pass it as `cursor` for the next page.
    pub next: Option<String>,
    /// How many there are under the filter, by severity, the worst first.
    pub by_severity: Vec<(Severity, i64)>,
}

/// One finding with all that belongs to it.
#[derive(Debug, Serialize)]
pub(crate) struct FindingWhole {
    pub finding: Finding,
    pub evidence: Vec<ShownEvidence>,
    pub history: Vec<Change>,
    /// Who was told; only for viewers who see every tenant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

/// Is anything wrong, since when, for whom: what the overview shows.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Unresolved findings, the worst severity first; every severity is there.
    pub by_severity: Vec<(Severity, i64)>,
    /// Whose data is hit: worst severity and number of unresolved findings, the worst hit first.
    pub by_owner: Vec<(Party, Severity, i64)>,
    /// Since when the oldest unresolved finding stands.
    pub since: Option<DateTime<Utc>>,
    /// The unresolved findings seen last.
    pub newest: Vec<Finding>,
}

/// A policy with what it found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PolicyLine {
    #[serde(flatten)]
    pub policy: PolicyInfo,
    pub unresolved: i64,
    pub ever: i64,
}

pub(crate) async fn list(ctx: &Ctx, viewer: &Viewer, query: &Query) -> Result<FindingsPage, Problem> {
    let (ownership, registry) = (ctx.ownership.get(), ctx.registry.get());
    let lens = Lens { viewer, ownership: &ownership, registry: &registry };
    let (filter, before) = query.parse(&ownership)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let mut findings = read::list_findings(&mut *tx, &lens, &filter, before, PAGE as i64 + 1).await?;
    let counts = read::count_by_severity(&mut *tx, &lens, &filter).await?;
    tx.commit().await?;
    let next = (findings.len() > PAGE).then(|| {
        findings.truncate(PAGE);
        let last = &findings[PAGE - 1];
        Cursor { at: last.last_seen, id: last.id.0 }.encode()
    });
    Ok(FindingsPage { findings, next, by_severity: by_severity(&counts) })
}

pub(crate) async fn get(ctx: &Ctx, viewer: &Viewer, id: FindingId) -> Result<FindingWhole, Problem> {
    let (ownership, registry) = (ctx.ownership.get(), ctx.registry.get());
    let lens = Lens { viewer, ownership: &ownership, registry: &registry };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let finding = read::find_finding(&mut *tx, &lens, id).await?.ok_or(FindingsError::NotFound(id))?;
    let evidence = read::list_evidence(&mut *tx, &finding).await?;
    let history = read::list_history(&mut *tx, &lens, id).await?;
    let deliveries =
        if viewer.sees_everything() { lakewarden_alerts::list_deliveries_of(&mut *tx, id).await? } else { Vec::new() };
    tx.commit().await?;
    Ok(FindingWhole { finding, evidence, history, deliveries })
}

/// The overview's numbers, from the viewer's own scope.
pub async fn summarize(ctx: &Ctx, viewer: &Viewer, newest: i64) -> Result<Summary, Problem> {
    let (ownership, registry) = (ctx.ownership.get(), ctx.registry.get());
    let lens = Lens { viewer, ownership: &ownership, registry: &registry };
    let (unresolved, start) = Query::default().parse(&ownership)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let counts = read::count_by_severity(&mut *tx, &lens, &unresolved).await?;
    let owners = read::count_by_owner(&mut *tx).await?;
    let since = read::find_oldest_opening(&mut *tx).await?;
    let newest = read::list_findings(&mut *tx, &lens, &unresolved, start, newest).await?;
    tx.commit().await?;
    let severity = |place: i16| Severity::ALL.get(place as usize - 1).copied().unwrap_or(Severity::Info);
    let by_owner =
        owners.iter().map(|owner| (lens.party(owner.tenant_id), severity(owner.worst), owner.findings)).collect();
    Ok(Summary { by_severity: by_severity(&counts), by_owner, since, newest })
}

fn by_severity(counts: &[SeverityCount]) -> Vec<(Severity, i64)> {
    let count = |severity| counts.iter().find(|count| count.severity == severity).map_or(0, |count| count.findings);
    Severity::ALL.iter().map(|severity| (*severity, count(*severity))).collect()
}

/// The newest unresolved findings of one policy.
pub(crate) async fn list_of_policy(
    ctx: &Ctx,
    viewer: &Viewer,
    policy: &str,
    limit: i64,
) -> Result<Vec<Finding>, Problem> {
    let (ownership, registry) = (ctx.ownership.get(), ctx.registry.get());
    let lens = Lens { viewer, ownership: &ownership, registry: &registry };
    let (unresolved, start) = Query::default().parse(&ownership)?;
    let filter = Filter { policy: Some(policy.to_owned()), ..unresolved };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let findings = read::list_findings(&mut *tx, &lens, &filter, start, limit).await?;
    tx.commit().await?;
    Ok(findings)
}

/// The policies in force that the viewer may read about, in the registry's order.
///
/// Policies of cost and quality are written for single tenants and name them, as a rule's text may. So a tenant's viewer
/// sees the policies every tenant lives under, those that found something about their own data, and no rule's text.
pub(crate) async fn policies(ctx: &Ctx, viewer: &Viewer) -> Result<Vec<PolicyLine>, Problem> {
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let counts = read::count_by_policy(&mut *tx).await?;
    tx.commit().await?;
    let counts: HashMap<&str, (i64, i64)> =
        counts.iter().map(|count| (count.policy_id.as_str(), (count.unresolved, count.ever))).collect();
    let line = |policy: &PolicyInfo| {
        let (unresolved, ever) = counts.get(policy.id.as_str()).copied().unwrap_or_default();
        PolicyLine { policy: policy.clone(), unresolved, ever }
    };
    let lines = ctx.registry.get().policies().iter().map(|policy| line(policy)).collect::<Vec<_>>();
    if viewer.sees_everything() {
        return Ok(lines);
    }
    let is_shared = |line: &PolicyLine| matches!(line.policy.kind, PolicyKind::Isolation | PolicyKind::Service);
    let without_text = |line: PolicyLine| PolicyLine {
        policy: PolicyInfo { text: String::new(), file: String::new(), ..line.policy },
        ..line
    };
    Ok(lines.into_iter().filter(|line| is_shared(line) || line.ever > 0).map(without_text).collect())
}
