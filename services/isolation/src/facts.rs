//! What is judged: one struct a plane, reduced to exactly what a policy may read, so that equal facts share one verdict.

use lakewarden_core::{Layer, TenantId};
use lakewarden_tenancy::Owner;

/// What kind of identity acted or was granted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    Role,
    User,
    Root,
    /// No credentials at all.
    Anonymous,
    /// An AWS service acting by itself.
    Service,
    /// SAML, web identity, Identity Center.
    Federated,
    /// Known only as an account.
    External,
}

impl PrincipalKind {
    pub const ALL: &[Self] =
        &[Self::Role, Self::User, Self::Root, Self::Anonymous, Self::Service, Self::Federated, Self::External];

    /// The word policies and tables use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Root => "root",
            Self::Anonymous => "anonymous",
            Self::Service => "service",
            Self::Federated => "federated",
            Self::External => "external",
        }
    }
}

/// How an account stands to the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountTrust {
    /// One of the lake's own accounts, or a tenant's declared one.
    Own,
    Trusted,
    Foreign,
}

impl AccountTrust {
    pub const ALL: &[Self] = &[Self::Own, Self::Trusted, Self::Foreign];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Trusted => "trusted",
            Self::Foreign => "foreign",
        }
    }
}

/// Who acts. `owner` is the tenant the principal belongs to, the platform for its permitted principals, or unowned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrincipalFacts {
    pub owner: Owner,
    pub kind: PrincipalKind,
    pub account: AccountTrust,
    pub long_lived_key: bool,
}

/// What is touched, granted, or there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssetFacts {
    pub owner: Owner,
    pub layer: Option<Layer>,
    /// Sorted; tenants with whom the owner shares it on purpose.
    pub shared_with: Vec<TenantId>,
}

impl AssetFacts {
    pub fn owned_by(owner: Owner) -> Self {
        Self { owner, layer: None, shared_with: Vec::new() }
    }
}

/// What was done, with the bits of context that policies of that action read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessAction {
    Read(DataContext),
    List(DataContext),
    Write(DataContext),
    Delete(DataContext),
    /// Lake Formation handed out credentials (GetDataAccess).
    Vend(DataContext),
    /// KMS Decrypt and GenerateDataKey; the asset is the key.
    Decrypt(DataContext),
    /// Athena or Redshift Data ran a query; the asset is what it was run on, or the workgroup.
    Query {
        denied: bool,
        output_owner: Option<TenantId>,
        workgroup_owner: Option<TenantId>,
    },
    /// The asset is the assumed role; `tag_tenant` the tenant named by a session tag.
    Assume {
        denied: bool,
        tag_tenant: Option<TenantId>,
    },
    /// A call that changes what watches or guards the lake.
    ChangeControl {
        denied: bool,
        event: String,
    },
}

/// Context of an access to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataContext {
    pub denied: bool,
    pub tls: bool,
    pub signature_v2: bool,
    pub presigned: bool,
    pub cross_account: bool,
    pub via_lake_formation: bool,
}

impl DataContext {
    /// An ordinary, allowed, signed request over TLS.
    pub const PLAIN: Self = Self {
        denied: false,
        tls: true,
        signature_v2: false,
        presigned: false,
        cross_account: false,
        via_lake_formation: false,
    };
}

/// Access plane: a class of CloudTrail records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessFact {
    pub principal: PrincipalFacts,
    pub action: AccessAction,
    pub asset: AssetFacts,
}

/// Flow plane: data of `from` reaches `to` over `hops` jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlowFact {
    pub from: AssetFacts,
    pub to: AssetFacts,
    pub hops: u16,
    pub aggregated: bool,
    pub masked: bool,
}

/// Grant plane: a Lake Formation permission. `permission` is its name (`SELECT`, `DATA_LOCATION_ACCESS`, …), or
/// `DATA_LAKE_ADMIN` for an administrator of the data lake settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrantFact {
    pub principal: PrincipalFacts,
    pub asset: AssetFacts,
    pub permission: String,
    pub iam_allowed_principals: bool,
    pub grantable: bool,
    pub wildcard: bool,
    pub via_tag: bool,
    /// Sorted; tenants whose assets the tag expression selects.
    pub tag_tenants: Vec<TenantId>,
}

/// What exists in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetKind {
    Database,
    Table,
    Location,
}

impl AssetKind {
    pub const ALL: &[Self] = &[Self::Database, Self::Table, Self::Location];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Table => "table",
            Self::Location => "location",
        }
    }
}

/// Catalog plane: an asset as it stands. `None` means "not observed", which no policy takes for a breach.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostureFact {
    pub kind: AssetKind,
    pub asset: AssetFacts,
    /// Whose area the location lies in.
    pub location_owner: Option<TenantId>,
    pub database_owner: Option<TenantId>,
    /// Whom the owner tag names.
    pub tag_owner: Option<TenantId>,
    /// Whether there is an owner tag.
    pub tagged: Option<bool>,
    /// Whether the location is registered with Lake Formation.
    pub registered: Option<bool>,
    pub encrypted: Option<bool>,
}

impl PostureFact {
    /// An asset of which nothing but its owner is known.
    pub fn of(kind: AssetKind, asset: AssetFacts) -> Self {
        Self {
            kind,
            asset,
            location_owner: None,
            database_owner: None,
            tag_owner: None,
            tagged: None,
            registered: None,
            encrypted: None,
        }
    }
}

/// A fact of any plane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    Access(AccessFact),
    Flow(FlowFact),
    Grant(GrantFact),
    Posture(PostureFact),
}
