//! What an observation names, and the answer to "whose is it?".

use lakewarden_core::{Layer, TenantId};

/// A thing that has an owner, as the observation that mentions it spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetRef<'a> {
    /// `key` without a leading `/`; empty for the bucket itself.
    S3 {
        bucket: &'a str,
        key: &'a str,
    },
    GlueDatabase {
        account: &'a str,
        database: &'a str,
    },
    GlueTable {
        account: &'a str,
        database: &'a str,
        table: &'a str,
    },
    /// OpenLineage. Namespaces of S3, Glue, Athena, Postgres and Redshift are understood and mapped onto the rules of those.
    Dataset {
        namespace: &'a str,
        name: &'a str,
    },
    /// OpenLineage.
    Job {
        namespace: &'a str,
        name: &'a str,
    },
    Role {
        account: &'a str,
        name: &'a str,
    },
    User {
        account: &'a str,
        name: &'a str,
    },
    /// A session tag or a tag of the role.
    PrincipalTag {
        key: &'a str,
        value: &'a str,
    },
    Account(&'a str),
    CostTag {
        key: &'a str,
        value: &'a str,
    },
    Workgroup(&'a str),
}

/// The answer to "whose is it?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    Tenant(TenantId),
    /// The lake's operator.
    Platform,
    /// No rule matched: itself a finding, never a silent pass.
    Unowned,
}

impl Owner {
    /// What stands in a row's `tenant_id`: the platform is tenant 0, an unowned row has none.
    pub fn tenant_id(self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) => Some(tenant),
            Self::Platform => Some(TenantId::PLATFORM),
            Self::Unowned => None,
        }
    }

    /// The inverse of [`Owner::tenant_id`].
    pub fn from_tenant_id(id: Option<TenantId>) -> Self {
        match id {
            None => Self::Unowned,
            Some(id) if id.is_platform() => Self::Platform,
            Some(id) => Self::Tenant(id),
        }
    }
}

/// Names the rule that decided; [`crate::Ownership::explain`] puts it into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

impl RuleId {
    /// No rule matched.
    pub const NONE: Self = Self(u32::MAX);
}

/// Who owns an asset, in which layer it lies, and which rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owned {
    pub owner: Owner,
    pub layer: Option<Layer>,
    pub rule: RuleId,
}

impl Owned {
    pub const UNOWNED: Self = Self { owner: Owner::Unowned, layer: None, rule: RuleId::NONE };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_survives_the_way_through_a_row() {
        for owner in [Owner::Tenant(TenantId(7)), Owner::Platform, Owner::Unowned] {
            assert_eq!(Owner::from_tenant_id(owner.tenant_id()), owner);
        }
    }
}
