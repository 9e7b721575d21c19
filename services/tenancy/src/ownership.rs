//! Decides in one place, and explainably, who owns an asset.

use lakewarden_core::{LoadError, TenantId};

use crate::{AssetRef, Owned, RuleId, Tenant};

/// A compiled `tenants.toml`.
#[derive(Debug, Default)]
pub struct Ownership {
    tenants: Vec<Tenant>,
}

impl Ownership {
    /// Compiles the text of `tenants.toml`. Tenants get provisional ids by their place in the file, from 1; [`crate::sync`]
    /// gives them those of the database.
    pub fn parse(_text: &str) -> Result<Self, LoadError> {
        Ok(Self::default())
    }

    /// Who owns the asset, in which layer it lies, and by which rule.
    pub fn of(&self, _asset: &AssetRef<'_>) -> Owned {
        Owned::UNOWNED
    }

    /// Whether a role of this name may touch every tenant's data, because it is the platform's.
    pub fn is_platform_principal(&self, _role_name: &str) -> bool {
        false
    }

    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    pub fn tenant_by_slug(&self, slug: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.slug == slug)
    }

    /// The tenants in force, in the order of the file; without the platform.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// The rule in words, with its place: `convention s3[0] (tenants.toml:41): s3://lake-{layer}/{tenant}/`.
    pub fn explain(&self, _rule: RuleId) -> String {
        "no rule matched".to_owned()
    }
}
