//! The pages: the list of findings, one finding, the list of policies, one policy.

mod finding;
mod list;
mod policies;

pub(crate) use finding::{acknowledge_finding, reopen_finding, resolve_finding, show_finding};
pub(crate) use list::list_findings;
pub(crate) use policies::{list_policies, show_policy};
