//! A tenant as `policies/tenants.toml` describes it.

use lakewarden_core::TenantId;
use serde::Serialize;

/// A customer whose data lives in the lake, or the platform itself ([`TenantId::PLATFORM`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    pub id: TenantId,
    /// Lower case; what `{tenant}` captures in conventions.
    pub slug: String,
    pub name: String,
    /// Other spellings that mean this tenant in paths and names.
    pub aliases: Vec<String>,
    /// Whom to tell: an address or a channel.
    pub contact: Option<String>,
    /// AWS accounts of the tenant's own.
    pub accounts: Vec<String>,
    /// Where the tenant's data may lie; empty where there is no restriction.
    pub regions: Vec<String>,
    /// What the tenant's data is: `confidential`, `phi`, …; free text, for policies and pages.
    pub classification: Option<String>,
    /// Nothing of the tenant's may be deleted.
    pub legal_hold: bool,
    /// The contract ended: any new data or access is a breach.
    pub offboarded: bool,
}
