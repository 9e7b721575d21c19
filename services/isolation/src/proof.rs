//! Whether a plane's silence proves anything: without observations, no finding is no proof.

use chrono::{DateTime, Utc};
use lakewarden_core::Plane;
use lakewarden_sources::{Source, SourceKind, State};
use serde::Serialize;

/// What a plane's verdicts stand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaneProof {
    pub plane: Plane,
    /// What a finding on this plane means.
    pub meaning: &'static str,
    /// The worst state of the plane's sources; `never` where there is none.
    pub state: State,
    /// The last hour that any source of the plane speaks of.
    pub observed_until: Option<DateTime<Utc>>,
}

impl PlaneProof {
    /// Every plane, from the sources as they are at `now`.
    pub fn of_all(sources: &[Source], now: DateTime<Utc>) -> Vec<Self> {
        [
            (Plane::Access, SourceKind::CloudTrail, "did happen: CloudTrail saw it"),
            (Plane::Flow, SourceKind::OpenLineage, "moved on: lineage shows a path"),
            (Plane::Grant, SourceKind::LakeFormation, "could happen: a permission allows it"),
            (Plane::Catalog, SourceKind::Glue, "lies there: the catalog says so"),
        ]
        .into_iter()
        .map(|(plane, kind, meaning)| {
            let of_kind = || sources.iter().filter(|source| source.kind == kind);
            let state = of_kind().map(|source| State::of(kind, source.last_hour, now)).max().unwrap_or(State::Never);
            Self { plane, meaning, state, observed_until: of_kind().filter_map(|source| source.last_hour).max() }
        })
        .collect()
    }

    /// True where no finding on this plane means that nothing was found, up to now.
    pub fn is_proven(&self) -> bool {
        self.state == State::Ok
    }

    pub fn state_word(&self) -> &'static str {
        self.state.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_nobody_observed_is_not_proven() {
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        let proof = PlaneProof::of_all(&[], now);
        assert_eq!(proof.len(), Plane::ALL.len());
        assert!(proof.iter().all(|plane| !plane.is_proven() && plane.observed_until.is_none()));
    }
}
