//! The caller of a request, and what a route asks of one.

use lakewarden_core::Scope;

/// Whoever stands behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    /// A pipeline: posts observations, reads nothing.
    Producer(Producer),
    /// A person or a program that reads.
    Viewer(Viewer),
}

/// The holder of a token that may ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// The token's name: shown on the sources page as the origin of what it posts.
    pub name: String,
}

/// The holder of a session, or of a token that may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub name: String,
    pub scope: Scope,
    /// The signed-in administrator: may acknowledge, silence, release.
    pub is_administrator: bool,
}

impl Viewer {
    pub fn sees_everything(&self) -> bool {
        self.scope == Scope::All
    }
}

/// Who may call a route. Every route declares one; there is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Anyone, signed in or not: health, sign-in, assets.
    Public,
    /// Tokens that may ingest, tokens that see everything, and the administrator.
    Producer,
    /// Anyone signed in; rows are confined to the caller's scope.
    Viewer,
    /// Viewers who see every tenant: the operator's pages.
    Operator,
    /// The administrator.
    Administrator,
}

impl Who {
    pub fn admits(self, caller: &Caller) -> bool {
        match caller {
            Caller::Anonymous => self == Self::Public,
            Caller::Producer(_) => matches!(self, Self::Public | Self::Producer),
            Caller::Viewer(viewer) => match self {
                Self::Public | Self::Viewer => true,
                Self::Producer | Self::Operator => viewer.sees_everything(),
                Self::Administrator => viewer.is_administrator,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use lakewarden_core::TenantId;

    use super::*;

    #[test]
    fn each_route_admits_exactly_its_callers() {
        let viewer = |scope, is_administrator| Caller::Viewer(Viewer { name: "v".into(), scope, is_administrator });
        let callers = [
            Caller::Anonymous,
            Caller::Producer(Producer { name: "airflow".into() }),
            viewer(Scope::Tenant(TenantId(1)), false),
            viewer(Scope::All, false),
            viewer(Scope::All, true),
        ];
        for (who, admitted) in [
            (Who::Public, [true, true, true, true, true]),
            (Who::Producer, [false, true, false, true, true]),
            (Who::Viewer, [false, false, true, true, true]),
            (Who::Operator, [false, false, false, true, true]),
            (Who::Administrator, [false, false, false, false, true]),
        ] {
            assert_eq!(callers.each_ref().map(|caller| who.admits(caller)), admitted, "{who:?}");
        }
    }
}
