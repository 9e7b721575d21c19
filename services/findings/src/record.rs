//! The one way by which findings open, refresh, reopen and resolve: in the transaction of the facts that say so.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use lakewarden_alerts::{Event, Notice, notify_all};
use lakewarden_core::{FindingId, Sha256};
use sqlx::PgConnection;

use crate::audit::{self, Act};
use crate::batch::{EVIDENCE_KEPT, Entry, merge};
use crate::status::{Action, Status};
use crate::store::change::{self, Changed};
use crate::store::evidence::{self, EvidenceColumns};
use crate::{Breach, Ctx, FindingsError, Fingerprint, Registry};

/// Who changes findings when no person does.
pub(crate) const SERVICE: &str = "lakewarden";
/// Evidence summaries that go into a message.
const SUMMARIES: usize = 3;

/// What a batch of breaches did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    pub opened: Vec<FindingId>,
    pub reopened: Vec<FindingId>,
    /// Findings that were open already and were only counted up.
    pub refreshed: u64,
}

/// Opens, refreshes or reopens a finding for each breach, in the caller's transaction.
///
/// A handful of statements whatever the batch's size. Only openings take the audit chain's lock, so refreshing does not
/// make one ingest wait for another.
pub async fn record(connection: &mut PgConnection, ctx: &Ctx, breaches: &[Breach]) -> Result<Recorded, FindingsError> {
    if breaches.is_empty() {
        return Ok(Recorded::default());
    }
    let now = ctx.clock.now();
    let entries = merge(&ctx.registry.get(), breaches)?;
    let fingerprints: Vec<Vec<u8>> = entries.keys().map(|fingerprint| fingerprint.0.as_bytes().to_vec()).collect();
    let existing = change::lock_existing(&mut *connection, &fingerprints).await?;
    let changed = change::upsert(&mut *connection, &entries, &existing, now).await?;
    add_evidence(&mut *connection, &entries, &changed).await?;

    let was_resolved = |finding: &&Changed| existing.get(&finding.fingerprint) == Some(&Status::Resolved);
    let opened: Vec<&Changed> = changed.iter().filter(|finding| finding.inserted).collect();
    let reopened: Vec<&Changed> = changed.iter().filter(was_resolved).collect();
    let recorded = Recorded {
        opened: opened.iter().map(|finding| finding.id).collect(),
        reopened: reopened.iter().map(|finding| finding.id).collect(),
        refreshed: (changed.len() - opened.len() - reopened.len()) as u64,
    };
    let shown = summaries_by_fingerprint(&entries);
    let first = Change { event: Event::Opened, who: SERVICE, why: "breached for the first time", now };
    announce(&mut *connection, ctx, &opened, &first, &shown).await?;
    let again = Change { event: Event::Reopened, who: SERVICE, why: "breached again", now };
    announce(connection, ctx, &reopened, &again, &shown).await?;
    Ok(recorded)
}

/// For policies about a state: after a complete look at it, resolves every finding of `policy_ids` that is no longer there.
pub async fn resolve_absent(
    connection: &mut PgConnection,
    ctx: &Ctx,
    policy_ids: &[&str],
    still_breached: &[Fingerprint],
) -> Result<u64, FindingsError> {
    let now = ctx.clock.now();
    let policy_ids: Vec<String> = policy_ids.iter().map(|id| (*id).to_owned()).collect();
    let still: Vec<Vec<u8>> = still_breached.iter().map(|fingerprint| fingerprint.0.as_bytes().to_vec()).collect();
    let resolved = change::resolve_absent(&mut *connection, &policy_ids, &still, now).await?;
    let resolved: Vec<&Changed> = resolved.iter().collect();
    let gone =
        Change { event: Event::Resolved, who: SERVICE, why: "no longer so when the state was last looked at", now };
    announce(connection, ctx, &resolved, &gone, &HashMap::new()).await?;
    Ok(resolved.len() as u64)
}

/// What a person does to one finding, with the reason given.
pub(crate) async fn act(
    connection: &mut PgConnection,
    ctx: &Ctx,
    id: FindingId,
    action: Action,
    who: &str,
    why: &str,
) -> Result<(), FindingsError> {
    let now = ctx.clock.now();
    let status = change::lock_status(&mut *connection, id).await?;
    if !action.is_possible_from(status) {
        return Err(FindingsError::WrongStatus { id, status: status.as_str(), wanted: action.event() });
    }
    let changed = change::set_status(&mut *connection, id, action.becomes(), now).await?;
    let event = match action {
        Action::Acknowledge => {
            change::insert_history(&mut *connection, &[&changed], action.event(), who, why, now).await?;
            let content = audit_content(&changed, action.event(), why, &[]);
            let act = Act { who: who.to_owned(), action: "finding.acknowledged".to_owned(), content };
            return Ok(audit::append(connection, now, vec![act]).await?);
        }
        Action::Resolve => Event::Resolved,
        Action::Reopen => Event::Reopened,
    };
    announce(connection, ctx, &[&changed], &Change { event, who, why, now }, &HashMap::new()).await
}

struct Change<'a> {
    event: Event,
    who: &'a str,
    why: &'a str,
    now: DateTime<Utc>,
}

/// What of an entry's evidence others are told: hashes for the audit log, summaries for people.
#[derive(Default)]
struct Shown {
    hashes: Vec<Sha256>,
    summaries: Vec<String>,
}

fn summaries_by_fingerprint(entries: &BTreeMap<Fingerprint, Entry>) -> HashMap<Vec<u8>, Shown> {
    let shown = |entry: &Entry| Shown {
        hashes: entry.breach.evidence.iter().map(|evidence| evidence.hash).collect(),
        summaries: entry.breach.evidence.iter().take(SUMMARIES).map(|evidence| evidence.summary.clone()).collect(),
    };
    entries.iter().map(|(fingerprint, entry)| (fingerprint.0.as_bytes().to_vec(), shown(entry))).collect()
}

/// Writes a change of status into history, audit chain and outbox.
async fn announce(
    connection: &mut PgConnection,
    ctx: &Ctx,
    findings: &[&Changed],
    change: &Change<'_>,
    shown: &HashMap<Vec<u8>, Shown>,
) -> Result<(), FindingsError> {
    if findings.is_empty() {
        return Ok(());
    }
    let event = change.event.as_str();
    change::insert_history(&mut *connection, findings, event, change.who, change.why, change.now).await?;
    let nothing = Shown::default();
    let shown_of = |finding: &Changed| shown.get(&finding.fingerprint).unwrap_or(&nothing);
    let acts = findings.iter().map(|finding| Act {
        who: change.who.to_owned(),
        action: format!("finding.{event}"),
        content: audit_content(finding, event, change.why, &shown_of(finding).hashes),
    });
    audit::append(&mut *connection, change.now, acts.collect()).await?;
    let registry = ctx.registry.get();
    let notices: Vec<Notice> =
        findings.iter().map(|finding| notice(&registry, finding, change, shown_of(finding))).collect();
    Ok(notify_all(connection, &ctx.alerts, &notices).await?)
}

fn audit_content(finding: &Changed, event: &str, why: &str, evidence: &[Sha256]) -> String {
    // serde_json writes an object's keys in order: the same content is the same text.
    serde_json::json!({
        "finding": finding.id,
        "fingerprint": hex(&finding.fingerprint),
        "policy": finding.policy_id,
        "policy_version": hex(&finding.policy_version),
        "severity": finding.severity,
        "tenant": finding.tenant_id,
        "actor": finding.actor_tenant_id,
        "count": finding.count,
        "event": event,
        "why": why,
        "evidence": evidence,
    })
    .to_string()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::from_slice(bytes).map(Sha256::to_hex).unwrap_or_default()
}

fn notice(registry: &Registry, finding: &Changed, change: &Change<'_>, shown: &Shown) -> Notice {
    let policy = registry.find(&finding.policy_id);
    Notice {
        finding: finding.id,
        fingerprint: hex(&finding.fingerprint),
        event: change.event,
        at: change.now,
        policy_id: finding.policy_id.clone(),
        policy_title: policy.map_or_else(|| finding.policy_id.clone(), |policy| policy.title.clone()),
        kind: finding.kind,
        severity: finding.severity,
        plane: finding.plane,
        title: finding.title.clone(),
        subject: finding.subject.clone(),
        tenant: finding.tenant_id,
        actor: finding.actor_tenant_id,
        asset: finding.asset.clone(),
        path: finding.path.clone(),
        count: finding.count,
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        evidence: shown.summaries.clone(),
        remediation: policy.map(|policy| policy.remediation.clone()).unwrap_or_default(),
        note: (change.event != Event::Opened).then(|| change.why.to_owned()),
    }
}

async fn add_evidence(
    connection: &mut PgConnection,
    entries: &BTreeMap<Fingerprint, Entry>,
    changed: &[Changed],
) -> Result<(), sqlx::Error> {
    let mut columns = EvidenceColumns::default();
    for finding in changed {
        let fingerprint = Sha256::from_slice(&finding.fingerprint).map(Fingerprint);
        let Some(entry) = fingerprint.and_then(|fingerprint| entries.get(&fingerprint)) else { continue };
        for evidence in &entry.breach.evidence {
            columns.push(finding.id, finding.tenant_id, evidence);
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    evidence::insert_new(&mut *connection, &columns).await?;
    evidence::trim(connection, &columns, EVIDENCE_KEPT as i64).await
}
