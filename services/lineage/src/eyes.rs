//! What a viewer may read of an owner: a tenant's auditor never learns another tenant's name.

use lakewarden_core::{Scope, TenantId};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::{Owner, Ownership};

/// An owner as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Tenant(String),
    Platform,
    Unowned,
    AnotherTenant,
}

impl Shown {
    pub fn of(viewer: &Viewer, ownership: &Ownership, tenant: Option<TenantId>) -> Self {
        match Owner::from_tenant_id(tenant) {
            Owner::Platform => Self::Platform,
            Owner::Unowned => Self::Unowned,
            Owner::Tenant(id) if viewer.scope == Scope::All || viewer.scope == Scope::Tenant(id) => {
                Self::Tenant(ownership.tenant(id).map_or_else(|| format!("tenant {id}"), |tenant| tenant.slug.clone()))
            }
            Owner::Tenant(_) => Self::AnotherTenant,
        }
    }

    pub fn word(&self) -> &str {
        match self {
            Self::Tenant(slug) => slug,
            Self::Platform => "platform",
            Self::Unowned => "unowned",
            Self::AnotherTenant => "another tenant",
        }
    }
}

/// Colour of a tenant in drawings: the same on every page.
pub fn series_of(ownership: &Ownership, tenant: Option<TenantId>) -> String {
    match Owner::from_tenant_id(tenant) {
        Owner::Tenant(id) => {
            let index = ownership.tenants().iter().position(|tenant| tenant.id == id).unwrap_or_default();
            format!("series-{}", index % 12 + 1)
        }
        Owner::Platform | Owner::Unowned => "series-rest".to_owned(),
    }
}
