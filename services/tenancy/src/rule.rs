//! The rules of `tenants.toml`, and how one is put into words.

use lakewarden_core::Layer;

use crate::words::TenantIndex;

/// What a rule is about; each kind has patterns of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Glue,
    Dataset,
    Job,
    Role,
    User,
    Workgroup,
    PrincipalTag,
    CostTag,
}

impl Kind {
    pub(crate) const COUNT: usize = 9;

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Glue => "glue",
            Self::Dataset => "dataset",
            Self::Job => "job",
            Self::Role => "role",
            Self::User => "user",
            Self::Workgroup => "workgroup",
            Self::PrincipalTag => "principal_tag",
            Self::CostTag => "cost_tag",
        }
    }
}

/// Where in the file a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Convention(Kind),
    PlatformRole,
    PlatformUser,
    PlatformAccount,
    TenantAccount,
    Own,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) origin: Origin,
    /// Its place among its like, from 0.
    pub(crate) index: u32,
    pub(crate) line: u32,
    /// What it matches, as written, and what is fixed about its answer.
    pub(crate) text: Box<str>,
    /// `None` where the pattern captures it.
    pub(crate) owner: Option<TenantIndex>,
    pub(crate) layer: Option<Layer>,
}

impl Rule {
    /// `convention s3[0]`.
    pub(crate) fn label(&self) -> String {
        match self.origin {
            Origin::Convention(kind) => format!("convention {}[{}]", kind.as_str(), self.index),
            Origin::PlatformRole => format!("platform role[{}]", self.index),
            Origin::PlatformUser => format!("platform user[{}]", self.index),
            Origin::PlatformAccount => format!("platform account[{}]", self.index),
            Origin::TenantAccount => format!("tenant account[{}]", self.index),
            Origin::Own => format!("own[{}]", self.index),
        }
    }

    /// `convention s3[0] (tenants.toml:41): s3://lake-{layer}/{tenant}/`.
    pub(crate) fn explain(&self) -> String {
        format!("{} ({}:{}): {}", self.label(), crate::FILE, self.line, self.text)
    }
}
