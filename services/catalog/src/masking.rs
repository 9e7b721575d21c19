//! What a viewer may read of the other side: a tenant's auditor never learns another tenant's name.

use lakewarden_core::{Scope, TenantId};
use lakewarden_tenancy::{Owner, Ownership};

use crate::owners::{self, IAM_ALLOWED_PRINCIPALS, tenant_of};
use crate::resource::normal_location;
use crate::snapshot::{FieldChange, TableContent};

/// Shows an owner, or that there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    Tenant(String),
    Platform,
    Unowned,
    AnotherTenant,
}

impl Shown {
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Tenant(slug) => slug,
            Self::Platform => "platform",
            Self::Unowned => "unowned",
            Self::AnotherTenant => "another tenant",
        }
    }
}

/// One viewer's eyes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eyes<'a> {
    pub scope: Scope,
    pub ownership: &'a Ownership,
}

impl Eyes<'_> {
    fn may_name(&self, tenant: TenantId) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Tenant(own) => own == tenant,
        }
    }

    pub(crate) fn owner(&self, tenant: Option<TenantId>) -> Shown {
        match Owner::from_tenant_id(tenant) {
            Owner::Platform => Shown::Platform,
            Owner::Unowned => Shown::Unowned,
            Owner::Tenant(tenant) if self.may_name(tenant) => {
                let slug = self.ownership.tenant(tenant).map(|tenant| tenant.slug.clone());
                Shown::Tenant(slug.unwrap_or_else(|| format!("tenant {tenant}")))
            }
            Owner::Tenant(_) => Shown::AnotherTenant,
        }
    }

    /// A principal by name where it is the viewer's own, else by what it is.
    pub(crate) fn principal(&self, principal: &str, tenant: Option<TenantId>) -> String {
        let is_own = tenant.is_some_and(|tenant| !tenant.is_platform() && self.may_name(tenant));
        if self.scope == Scope::All || is_own || principal.eq_ignore_ascii_case(IAM_ALLOWED_PRINCIPALS) {
            return principal.to_owned();
        }
        match tenant {
            Some(tenant) if tenant.is_platform() => "a principal of the platform".to_owned(),
            Some(_) => "another tenant's principal".to_owned(),
            None => "a principal of no known tenant".to_owned(),
        }
    }

    pub(crate) fn location(&self, location: &str) -> String {
        let owner = tenant_of(owners::of_location(self.ownership, &normal_location(location)).owner);
        match owner {
            Some(tenant) if !self.may_name(tenant) => "a location of another tenant".to_owned(),
            _ => location.to_owned(),
        }
    }

    fn value(&self, field: &str, value: &str) -> String {
        if value.contains("://") {
            return self.location(value);
        }
        if field == "principal" {
            let tenant = owners::Principal::parse(value).owner(self.ownership).tenant_id();
            return self.principal(value, tenant);
        }
        field.strip_prefix("tags.").map_or_else(
            || value.to_owned(),
            |key| {
                let values: Vec<String> = value.split('|').map(|value| self.tag_value(key, value)).collect();
                values.join(", ")
            },
        )
    }

    pub(crate) fn tag_value(&self, key: &str, value: &str) -> String {
        match owners::of_tag(self.ownership, key, value) {
            Some(tenant) if !self.may_name(tenant) => "another tenant".to_owned(),
            _ => value.to_owned(),
        }
    }

    pub(crate) fn change(&self, change: FieldChange) -> FieldChange {
        FieldChange {
            before: change.before.map(|value| self.value(&change.field, &value)),
            after: change.after.map(|value| self.value(&change.field, &value)),
            field: change.field,
        }
    }

    pub(crate) fn content(&self, content: TableContent) -> TableContent {
        TableContent {
            location: content.location.map(|location| self.location(&location)),
            parameters: content
                .parameters
                .into_iter()
                .map(|(key, value)| {
                    let value = self.value("parameters", &value);
                    (key, value)
                })
                .collect(),
            ..content
        }
    }
}
