//! The kinds of source, and what each may be expected to deliver when.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Where observations come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum SourceKind {
    /// A producer of lineage events, by the name of its token.
    OpenLineage,
    /// A trail, by account or bucket.
    CloudTrail,
    /// A catalog, by account and region.
    Glue,
    /// Permissions, by account and region.
    LakeFormation,
    /// A payer account.
    CostExplorer,
}

/// In what steps coverage is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    Hour,
    Day,
}

impl Every {
    pub fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

impl SourceKind {
    pub const ALL: &[Self] =
        &[Self::OpenLineage, Self::CloudTrail, Self::Glue, Self::LakeFormation, Self::CostExplorer];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenLineage => "openlineage",
            Self::CloudTrail => "cloudtrail",
            Self::Glue => "glue",
            Self::LakeFormation => "lakeformation",
            Self::CostExplorer => "costexplorer",
        }
    }

    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::OpenLineage => "OpenLineage",
            Self::CloudTrail => "CloudTrail",
            Self::Glue => "Glue",
            Self::LakeFormation => "Lake Formation",
            Self::CostExplorer => "Cost Explorer",
        }
    }

    /// A busy account's trail has records in every hour. Pipelines rest at night, catalogs are read once a day and bills are
    /// by day: for them a day with anything in it is a covered day.
    pub const fn every(self) -> Every {
        match self {
            Self::CloudTrail => Every::Hour,
            Self::OpenLineage | Self::Glue | Self::LakeFormation | Self::CostExplorer => Every::Day,
        }
    }

    /// How long after the end of the last covered hour a source is late: CloudTrail delivers within about 15 minutes, Cost
    /// Explorer settles a day within two.
    pub const fn late_after(self) -> TimeDelta {
        match self {
            Self::CloudTrail => TimeDelta::hours(2),
            Self::OpenLineage | Self::Glue | Self::LakeFormation => TimeDelta::hours(26),
            Self::CostExplorer => TimeDelta::hours(72),
        }
    }

    /// When being late has become being silent.
    pub const fn silent_after(self) -> TimeDelta {
        match self {
            Self::CloudTrail => TimeDelta::hours(24),
            Self::OpenLineage | Self::Glue | Self::LakeFormation => TimeDelta::hours(72),
            Self::CostExplorer => TimeDelta::hours(168),
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
