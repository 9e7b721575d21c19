//! Policies about the watcher itself: built in, because they must hold when no file can be read.

use lakewarden_alerts::PolicyKind;
use lakewarden_core::{Severity, Sha256};

use crate::PolicyInfo;

/// A file of `policies/` is broken; its last good version is in force.
pub const POLICY_FILE_BROKEN: &str = "service-policy-file-broken";
/// A policy could not be evaluated, so nobody knows whether it holds.
pub const EVALUATION_ERROR: &str = "service-evaluation-error";
/// Something was observed on an asset that no ownership rule matches.
pub const UNOWNED_ASSET: &str = "service-unowned-asset";
/// A source has stopped delivering.
pub const SOURCE_SILENT: &str = "service-source-silent";

struct BuiltIn {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    controls: &'static [&'static str],
    remediation: &'static str,
    text: &'static str,
}

const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        id: POLICY_FILE_BROKEN,
        title: "A policy file is broken; its last good version stays in force",
        severity: Severity::High,
        controls: &["SOC2:CC8.1", "ISO27001:A.8.32"],
        remediation: "Open the file at the line named in the evidence, correct it and save; the service reads it again by \
                      itself. `lakewarden check-config` checks a file before it is put in place.",
        text: "A file of the policies folder that cannot be read, parsed or compiled is a finding until it can.",
    },
    BuiltIn {
        id: EVALUATION_ERROR,
        title: "A policy could not be evaluated",
        severity: Severity::High,
        controls: &["SOC2:CC7.2", "ISO27001:A.8.16"],
        remediation: "The evidence names the policy and the error. Correct the policy so that it handles the fact shown; \
                      until then that fact is not proven to be harmless.",
        text: "A policy whose evaluation ends in an error, instead of yes or no, is a finding: no verdict is not a pass.",
    },
    BuiltIn {
        id: UNOWNED_ASSET,
        title: "An asset has no owner",
        severity: Severity::Medium,
        controls: &["SOC2:CC6.1", "ISO27001:A.5.9"],
        remediation: "Add a convention or an explicit entry to policies/tenants.toml; `lakewarden who-owns <asset>` shows \
                      which rules were tried.",
        text: "An asset on which something was observed and which no rule of policies/tenants.toml matches is a finding.",
    },
    BuiltIn {
        id: SOURCE_SILENT,
        title: "A source has stopped delivering",
        severity: Severity::Medium,
        controls: &["SOC2:CC7.2", "ISO27001:A.8.15"],
        remediation: "Open the source on the sources page: its last delivery, last error and gaps are shown there.",
        text: "A source that delivered regularly and has been silent for longer than its usual pause is a finding: what is \
               not observed is not proven.",
    },
];

/// The policies every installation has.
pub fn service_policies() -> Vec<PolicyInfo> {
    BUILT_IN
        .iter()
        .map(|policy| PolicyInfo {
            id: policy.id.to_owned(),
            title: policy.title.to_owned(),
            severity: policy.severity,
            kind: PolicyKind::Service,
            plane: None,
            controls: policy.controls.iter().map(|control| (*control).to_owned()).collect(),
            remediation: policy.remediation.to_owned(),
            text: policy.text.to_owned(),
            file: String::new(),
            version: Sha256::of(policy.text),
        })
        .collect()
}
