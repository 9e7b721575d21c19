//! The one way by which findings open, refresh, reopen and resolve themselves.

use lakewarden_core::FindingId;
use sqlx::PgConnection;

use crate::{Breach, Ctx, FindingsError, Fingerprint};

/// What a batch of breaches did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    pub opened: Vec<FindingId>,
    pub reopened: Vec<FindingId>,
    /// Findings that were open already and were only counted up.
    pub refreshed: u64,
}

/// Opens, refreshes or reopens a finding for each breach, in the caller's transaction.
pub async fn record(_connection: &mut PgConnection, ctx: &Ctx, breaches: &[Breach]) -> Result<Recorded, FindingsError> {
    let registry = ctx.registry.get();
    for breach in breaches {
        registry.find(&breach.policy_id).ok_or_else(|| FindingsError::UnknownPolicy(breach.policy_id.clone()))?;
    }
    Ok(Recorded::default())
}

/// For policies about a state: after a complete look at it, resolves every finding of `policy_ids` that is no longer there.
pub async fn resolve_absent(
    _connection: &mut PgConnection,
    _ctx: &Ctx,
    _policy_ids: &[&str],
    _still_breached: &[Fingerprint],
) -> Result<u64, FindingsError> {
    Ok(0)
}
