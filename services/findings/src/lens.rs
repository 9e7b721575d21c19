//! What a viewer may be shown of a finding. The one place that decides it: nothing leaves `store::read` but through here.
//!
//! Row-level security lets a tenant's auditor read the findings about their own data. Many of those say what *another*
//! tenant did, and must not say who. So where a finding has another side, its words (title, subject, path, evidence) are
//! withheld from a tenant's viewer; what remains is what was hit, by which rule, when, how often, and the evidence's hash,
//! source and time, so that the platform can be asked about exactly that record.

use chrono::{DateTime, Utc};
use lakewarden_alerts::PolicyKind;
use lakewarden_core::{FindingId, Plane, Scope, Severity, Sha256, TenantId};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use serde::Serialize;

use crate::Registry;
use crate::record::SERVICE;
use crate::status::Status;

/// A finding as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct FindingRow {
    pub id: FindingId,
    pub fingerprint: Vec<u8>,
    pub policy_id: String,
    pub policy_version: Vec<u8>,
    pub severity: Severity,
    pub kind: PolicyKind,
    pub plane: Option<Plane>,
    pub subject: String,
    pub title: String,
    pub tenant_id: Option<TenantId>,
    pub actor_tenant_id: Option<TenantId>,
    pub asset: Option<String>,
    pub path: Vec<String>,
    pub status: Status,
    pub count: i64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub opened_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// Evidence as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct EvidenceRow {
    pub source: String,
    pub reference: String,
    pub hash: Vec<u8>,
    pub occurred_at: DateTime<Utc>,
    pub summary: String,
    pub record: serde_json::Value,
}

/// A line of the history as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow {
    pub at: DateTime<Utc>,
    pub event: String,
    pub who: String,
    pub why: String,
    pub policy_version: Vec<u8>,
}

/// One side of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Party {
    Tenant {
        slug: String,
        name: String,
    },
    Platform,
    Unowned,
    /// Somebody whose name this viewer may not know.
    AnotherTenant,
}

/// A finding as this viewer may see it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub id: FindingId,
    pub fingerprint: Sha256,
    pub policy_id: String,
    pub policy_title: String,
    pub policy_version: Sha256,
    pub severity: Severity,
    pub kind: PolicyKind,
    pub plane: Option<Plane>,
    pub title: String,
    /// `None` where it is withheld, like the path and the words of the evidence.
    pub subject: Option<String>,
    pub owner: Party,
    pub actor: Option<Party>,
    pub asset: Option<String>,
    pub path: Vec<String>,
    pub status: Status,
    pub count: i64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub opened_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// Something is not shown, because it would name another tenant.
    pub withheld: bool,
}

/// Evidence as this viewer may see it; hash, source and time are shown to everyone who may see the finding.
#[derive(Debug, Clone, Serialize)]
pub struct ShownEvidence {
    pub source: String,
    pub hash: Sha256,
    pub occurred_at: DateTime<Utc>,
    pub reference: Option<String>,
    pub summary: Option<String>,
    pub record: Option<serde_json::Value>,
}

/// A line of a finding's history as this viewer may see it.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub at: DateTime<Utc>,
    pub event: String,
    pub who: String,
    pub why: Option<String>,
    pub policy_version: Sha256,
}

/// Through whose eyes rows are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lens<'a> {
    pub viewer: &'a Viewer,
    pub ownership: &'a Ownership,
    pub registry: &'a Registry,
}

impl Lens<'_> {
    pub(crate) fn finding(&self, row: FindingRow) -> Finding {
        let withheld = self.withholds(row.plane, row.actor_tenant_id);
        let policy_title =
            self.registry.find(&row.policy_id).map_or_else(|| row.policy_id.clone(), |policy| policy.title.clone());
        // What a flow hits lies at its far end, which is the other side's.
        let asset_is_foreign = withheld && row.plane == Some(Plane::Flow);
        Finding {
            id: row.id,
            fingerprint: hash(&row.fingerprint),
            policy_id: row.policy_id,
            policy_version: hash(&row.policy_version),
            severity: row.severity,
            kind: row.kind,
            plane: row.plane,
            title: if withheld { policy_title.clone() } else { row.title },
            policy_title,
            subject: (!withheld).then_some(row.subject),
            owner: self.party(row.tenant_id),
            actor: row.actor_tenant_id.map(|actor| self.party(Some(actor))),
            asset: row.asset.filter(|_| !asset_is_foreign),
            path: if withheld { Vec::new() } else { row.path },
            status: row.status,
            count: row.count,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            withheld,
        }
    }

    /// `finding` is the one the evidence belongs to, seen through the same lens.
    pub(crate) fn evidence(finding: &Finding, row: EvidenceRow) -> ShownEvidence {
        let shown = !finding.withheld;
        ShownEvidence {
            source: row.source,
            hash: hash(&row.hash),
            occurred_at: row.occurred_at,
            reference: shown.then_some(row.reference),
            summary: shown.then_some(row.summary),
            record: shown.then_some(row.record),
        }
    }

    /// A person's note may name anybody, so a tenant's viewer reads only what the service wrote.
    pub(crate) fn change(&self, row: HistoryRow) -> Change {
        let shown = self.viewer.sees_everything() || row.who == SERVICE;
        Change {
            at: row.at,
            event: row.event,
            who: if shown { row.who } else { "the platform's staff".to_owned() },
            why: shown.then_some(row.why),
            policy_version: hash(&row.policy_version),
        }
    }

    /// A flow passes through datasets of third tenants as well, so there no actor is not enough.
    fn withholds(&self, plane: Option<Plane>, actor: Option<TenantId>) -> bool {
        match (self.viewer.scope, actor) {
            (Scope::All, _) => false,
            (Scope::Tenant(own), Some(actor)) => actor != own && (!actor.is_platform() || plane == Some(Plane::Flow)),
            (Scope::Tenant(_), None) => plane == Some(Plane::Flow),
        }
    }

    pub(crate) fn party(&self, tenant: Option<TenantId>) -> Party {
        match (tenant, self.viewer.scope) {
            (None, _) => Party::Unowned,
            (Some(id), _) if id.is_platform() => Party::Platform,
            (Some(id), Scope::Tenant(own)) if id != own => Party::AnotherTenant,
            (Some(id), _) => match self.ownership.tenant(id) {
                Some(tenant) => Party::Tenant { slug: tenant.slug.clone(), name: tenant.name.clone() },
                None => Party::Tenant { slug: id.to_string(), name: format!("tenant {id}") },
            },
        }
    }
}

/// Hashes are written by us and are 32 bytes long; anything else in the column is damage and must not stop a page.
pub(crate) fn hash(bytes: &[u8]) -> Sha256 {
    Sha256::from_slice(bytes).unwrap_or(Sha256([0; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);

    fn row(plane: Option<Plane>, actor: Option<TenantId>) -> FindingRow {
        let at = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        FindingRow {
            id: FindingId(1),
            fingerprint: vec![1; 32],
            policy_id: crate::UNOWNED_ASSET.into(),
            policy_version: vec![2; 32],
            severity: Severity::High,
            kind: PolicyKind::Isolation,
            plane,
            subject: "role/globex-etl".into(),
            title: "globex-etl did it".into(),
            tenant_id: Some(OWN),
            actor_tenant_id: actor,
            asset: Some("s3://lake/acme".into()),
            path: vec!["acme.a".into(), "globex.b".into()],
            status: Status::Open,
            count: 1,
            first_seen: at,
            last_seen: at,
            opened_at: at,
            resolved_at: None,
        }
    }

    fn seen(scope: Scope, row: FindingRow) -> Finding {
        let viewer = Viewer { name: "v".into(), scope, is_administrator: false };
        let (ownership, registry) = (Ownership::default(), Registry::new(crate::service_policies()).unwrap());
        Lens { viewer: &viewer, ownership: &ownership, registry: &registry }.finding(row)
    }

    #[test]
    fn a_tenant_reads_nothing_that_names_the_other_side() {
        for (plane, actor) in [
            (Some(Plane::Access), Some(OTHER)),
            (Some(Plane::Grant), Some(OTHER)),
            (Some(Plane::Flow), Some(OTHER)),
            (Some(Plane::Flow), None),
            (Some(Plane::Flow), Some(TenantId::PLATFORM)),
            (None, Some(OTHER)),
        ] {
            let finding = seen(Scope::Tenant(OWN), row(plane, actor));
            let text = serde_json::to_string(&finding).unwrap();
            assert!(finding.withheld && !text.contains("globex"), "{plane:?} {actor:?}: {text}");
        }
    }

    #[test]
    fn a_tenant_reads_everything_about_their_own_and_the_operator_about_all() {
        for (plane, actor) in
            [(None, None), (Some(Plane::Access), Some(OWN)), (Some(Plane::Catalog), Some(TenantId::PLATFORM))]
        {
            let finding = seen(Scope::Tenant(OWN), row(plane, actor));
            assert!(!finding.withheld && finding.subject.is_some(), "{plane:?} {actor:?}");
        }
        let finding = seen(Scope::All, row(Some(Plane::Flow), Some(OTHER)));
        assert_eq!((finding.withheld, finding.path.len(), finding.title.as_str()), (false, 2, "globex-etl did it"));
    }

    #[test]
    fn the_words_of_evidence_and_of_people_are_withheld_with_the_finding() {
        let finding = seen(Scope::Tenant(OWN), row(Some(Plane::Access), Some(OTHER)));
        let evidence = EvidenceRow {
            source: "trail main".into(),
            reference: "globex-1".into(),
            hash: vec![3; 32],
            occurred_at: finding.first_seen,
            summary: "globex did".into(),
            record: serde_json::json!({ "arn": "globex" }),
        };
        let shown = Lens::evidence(&finding, evidence);
        assert_eq!((shown.source.as_str(), shown.hash), ("trail main", Sha256([3; 32])));
        assert!(!serde_json::to_string(&shown).unwrap().contains("globex"));

        let viewer = Viewer { name: "v".into(), scope: Scope::Tenant(OWN), is_administrator: false };
        let (ownership, registry) = (Ownership::default(), Registry::default());
        let lens = Lens { viewer: &viewer, ownership: &ownership, registry: &registry };
        let note = HistoryRow {
            at: finding.first_seen,
            event: "acknowledged".into(),
            who: "ada".into(),
            why: "talked to globex".into(),
            policy_version: vec![2; 32],
        };
        assert!(!serde_json::to_string(&lens.change(note)).unwrap().contains("globex"));
    }
}
