//! From posted bytes to committed rows: events are read by the request that brings them and stored in shared batches.

mod commit;
mod delivered;
mod import;
mod intake;
mod merge;
mod names;
mod partitions;
mod remembered;
mod write;

use lakewarden_core::Sha256;
use lakewarden_sources::Rejected;

pub use import::{ImportProgress, import};
pub use intake::{Intake, Outcome};
pub(crate) use names::{owner_of, rule_number};
pub use partitions::{PreparedMonths, ensure_partitions};
pub(crate) use remembered::Entity;

use crate::Ctx;
use crate::error::LineageError;
use crate::event::{Invalid, read_event, redacted_excerpt};
use crate::facts::Facts;

/// Longest part of a refused event that is kept for people to look at.
const EXCERPT_CHARS: usize = 500;

/// Reads one event as received.
pub fn read(raw: &[u8]) -> Result<Facts, Invalid> {
    Facts::read(read_event(raw)?)
}

/// Ingests events of one producer. Each has its own outcome, in the order given; refused ones are in quarantine. What is
/// answered `Ok` is committed.
pub async fn ingest(ctx: &Ctx, producer: &str, events: &[Vec<u8>]) -> Vec<Result<Outcome, LineageError>> {
    ingest_from(ctx, producer, events, |index| format!("#{index}")).await
}

/// Like [`ingest`], with a name for the place of each event that a person can find again.
pub(crate) async fn ingest_from(
    ctx: &Ctx,
    producer: &str,
    events: &[Vec<u8>],
    place: impl Fn(usize) -> String,
) -> Vec<Result<Outcome, LineageError>> {
    let mut outcomes: Vec<Option<Result<Outcome, LineageError>>> = Vec::with_capacity(events.len());
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for (index, raw) in events.iter().enumerate() {
        match read(raw) {
            Ok(facts) => {
                accepted.push(facts);
                outcomes.push(None);
            }
            Err(invalid) => {
                refused.push(rejected(&place(index), raw, &invalid));
                outcomes.push(Some(Err(invalid.into())));
            }
        }
    }
    if !refused.is_empty()
        && let Err(error) = delivered::keep_refused(ctx, producer, &refused).await
    {
        tracing::warn!(%error, "refused events could not be put into quarantine; the producer was told all the same");
    }
    let mut stored = ctx.intake.store(ctx, producer, accepted).await.into_iter();
    outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(|| stored.next().expect("one outcome for each accepted event")))
        .collect()
}

fn rejected(place: &str, raw: &[u8], invalid: &Invalid) -> Rejected {
    Rejected {
        place: if invalid.pointer.is_empty() { place.to_owned() } else { format!("{place}{}", invalid.pointer) },
        reason: invalid.reason.clone(),
        excerpt: redacted_excerpt(raw, EXCERPT_CHARS),
        hash: Sha256::of(raw),
    }
}
