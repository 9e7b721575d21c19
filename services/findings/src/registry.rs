//! Every policy in force, whichever slice judges it: where titles, severities and remediation are taken from.

use std::collections::HashMap;
use std::sync::Arc;

use lakewarden_alerts::PolicyKind;
use lakewarden_core::{Plane, Severity, Sha256};
use serde::Serialize;

/// A policy as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyInfo {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub kind: PolicyKind,
    pub plane: Option<Plane>,
    /// `SOC2:CC6.1`, `ISO27001:A.8.3`.
    pub controls: Vec<String>,
    /// What to do about a breach.
    pub remediation: String,
    /// The rule itself, as written.
    pub text: String,
    /// Path below the policies folder; empty for policies built in.
    pub file: String,
    /// Of the file's content.
    pub version: Sha256,
}

/// Two policies that call themselves the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy id `{id}` is used in `{first}` and again in `{second}`; ids must be unique across all policy files")]
pub struct DuplicatePolicy {
    pub id: String,
    pub first: String,
    pub second: String,
}

/// The policies in force, in the order given.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    policies: Vec<Arc<PolicyInfo>>,
    by_id: HashMap<String, Arc<PolicyInfo>>,
}

impl Registry {
    pub fn new(policies: impl IntoIterator<Item = PolicyInfo>) -> Result<Self, DuplicatePolicy> {
        let mut registry = Self::default();
        for policy in policies {
            let policy = Arc::new(policy);
            if let Some(first) = registry.by_id.insert(policy.id.clone(), Arc::clone(&policy)) {
                return Err(DuplicatePolicy {
                    id: first.id.clone(),
                    first: first.file.clone(),
                    second: policy.file.clone(),
                });
            }
            registry.policies.push(policy);
        }
        Ok(registry)
    }

    pub fn find(&self, id: &str) -> Option<&Arc<PolicyInfo>> {
        self.by_id.get(id)
    }

    pub fn policies(&self) -> &[Arc<PolicyInfo>] {
        &self.policies
    }

    /// One hash over all policies: the version of the registry.
    pub fn version(&self) -> Sha256 {
        Sha256::of_parts(self.policies.iter().flat_map(|policy| [policy.id.as_bytes(), policy.version.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_policies_of_one_id_are_refused_with_both_places() {
        let policy = |file: &str| PolicyInfo { file: file.into(), ..crate::service_policies().remove(0) };
        let error = Registry::new([policy("quality/a.dqdl"), policy("cost/b.toml")]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("quality/a.dqdl") && text.contains("cost/b.toml"), "{text}");
    }
}
