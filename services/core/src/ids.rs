//! Typed ids: a finding's id is never handed to a function that wants a tenant's.

/// Declares a newtype over a database integer: transparent for sqlx and serde, shown as the number.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize, ::sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub $inner);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = <$inner as ::std::str::FromStr>::Err;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

typed_id!(
    /// Row of `tenants`. The platform has a row of its own, [`TenantId::PLATFORM`]; an unowned asset has none.
    TenantId(i32)
);
typed_id!(
    /// Row of `findings`.
    FindingId(i64)
);
typed_id!(
    /// Row of `sources`.
    SourceId(i32)
);

impl TenantId {
    /// The lake's operator: created by the first migration, before any tenant.
    pub const PLATFORM: Self = Self(0);

    pub fn is_platform(self) -> bool {
        self == Self::PLATFORM
    }
}

/// Whose rows a caller may see; row-level security in Postgres holds the same line a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every tenant, the platform and what is unowned.
    All,
    /// One tenant's rows and nothing else.
    Tenant(TenantId),
}
