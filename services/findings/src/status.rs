//! Where a finding stands, and which changes of that a person may make.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    Open,
    /// Somebody is on it; it still counts as unresolved.
    Acknowledged,
    Resolved,
    /// An accepted breach.
    Excepted,
}

impl Status {
    pub const ALL: &[Self] = &[Self::Open, Self::Acknowledged, Self::Resolved, Self::Excepted];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Excepted => "excepted",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|status| status.as_str() == text).ok_or(())
    }
}

/// What a person does to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Acknowledge,
    Resolve,
    Reopen,
}

impl Action {
    /// The word in the finding's history.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledged",
            Self::Resolve => "resolved",
            Self::Reopen => "reopened",
        }
    }

    pub const fn becomes(self) -> Status {
        match self {
            Self::Acknowledge => Status::Acknowledged,
            Self::Resolve => Status::Resolved,
            Self::Reopen => Status::Open,
        }
    }

    pub fn is_possible_from(self, status: Status) -> bool {
        match self {
            Self::Acknowledge => status == Status::Open,
            Self::Resolve => status != Status::Resolved,
            Self::Reopen => status != Status::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_leaves_a_finding_where_it_stands() {
        for action in [Action::Acknowledge, Action::Resolve, Action::Reopen] {
            assert!(!action.is_possible_from(action.becomes()), "{action:?}");
        }
        assert!(!Action::Acknowledge.is_possible_from(Status::Resolved), "what is over is not being worked on");
    }
}
