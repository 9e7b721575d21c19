//! The hash chain of the audit log: each row is bound to the one before it, so that a changed, removed or inserted row shows.

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use serde::Serialize;
use sqlx::PgConnection;

use crate::store;

/// What stands before the first row.
pub const GENESIS: Sha256 = Sha256([0; 32]);
const VERIFY_PAGE: i64 = 2_000;

/// Something that was done, ready to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub who: String,
    /// `finding.opened`, `finding.resolved`, …
    pub action: String,
    /// Canonical JSON: exactly this text is hashed.
    pub content: String,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub act: Act,
    pub previous: Sha256,
    pub hash: Sha256,
}

/// Whether the chain holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum AuditVerdict {
    /// Every row follows from the one before. Keep `head` elsewhere to also notice a cut-off end.
    Intact { rows: i64, head: Sha256 },
    /// The first row that does not follow, and why.
    Broken { seq: i64, reason: String },
}

/// The row that follows `(previous_seq, previous)`.
pub fn next_row(previous_seq: i64, previous: Sha256, at: DateTime<Utc>, act: Act) -> AuditRow {
    let seq = previous_seq + 1;
    let hash = hash_of(seq, previous, at, &act);
    AuditRow { seq, at, act, previous, hash }
}

fn hash_of(seq: i64, previous: Sha256, at: DateTime<Utc>, act: &Act) -> Sha256 {
    Sha256::of_parts([
        previous.as_bytes(),
        &seq.to_be_bytes(),
        &at.timestamp_micros().to_be_bytes(),
        act.who.as_bytes(),
        act.action.as_bytes(),
        act.content.as_bytes(),
    ])
}

/// Appends in the caller's transaction. The lock is held until its end: there is one chain, so there is one writer.
pub(crate) async fn append(
    connection: &mut PgConnection,
    at: DateTime<Utc>,
    acts: Vec<Act>,
) -> Result<(), sqlx::Error> {
    if acts.is_empty() {
        return Ok(());
    }
    store::audit::lock(&mut *connection).await?;
    let (mut seq, mut previous) = store::audit::find_head(&mut *connection).await?.unwrap_or((0, GENESIS));
    let mut rows = Vec::with_capacity(acts.len());
    for act in acts {
        let row = next_row(seq, previous, at, act);
        (seq, previous) = (row.seq, row.hash);
        rows.push(row);
    }
    store::audit::insert(connection, &rows).await
}

/// Walks the whole chain.
pub async fn verify(connection: &mut PgConnection) -> Result<AuditVerdict, sqlx::Error> {
    let (mut seq, mut head) = (0, GENESIS);
    loop {
        let page = store::audit::list_after(&mut *connection, seq, VERIFY_PAGE).await?;
        if page.is_empty() {
            return Ok(AuditVerdict::Intact { rows: seq, head });
        }
        for row in page {
            if let Some(reason) = fault(seq, head, &row) {
                return Ok(AuditVerdict::Broken { seq: row.seq, reason });
            }
            (seq, head) = (row.seq, row.hash);
        }
    }
}

fn fault(previous_seq: i64, previous: Sha256, row: &AuditRow) -> Option<String> {
    if row.seq != previous_seq + 1 {
        return Some(format!("row {} is missing", previous_seq + 1));
    }
    if row.previous != previous {
        return Some("it does not follow from the row before".to_owned());
    }
    (row.hash != hash_of(row.seq, previous, row.at, &row.act)).then(|| "its content does not match its hash".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_a_row_shows() {
        let at = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        let act = Act { who: "ada".into(), action: "finding.resolved".into(), content: "{}".into() };
        let row = next_row(0, GENESIS, at, act.clone());
        assert_eq!(fault(0, GENESIS, &row), None);
        let changed = [
            AuditRow { act: Act { who: "bob".into(), ..act.clone() }, ..row.clone() },
            AuditRow { act: Act { content: "{ }".into(), ..act.clone() }, ..row.clone() },
            AuditRow { at: at + chrono::TimeDelta::seconds(1), ..row.clone() },
            AuditRow { previous: Sha256::of("else"), ..row.clone() },
            AuditRow { seq: 2, ..row.clone() },
        ];
        for row in changed {
            assert!(fault(0, GENESIS, &row).is_some(), "{row:?}");
        }
    }
}
