//! The audit log's rows.

use lakewarden_core::Sha256;
use sqlx::{PgConnection, PgExecutor};

use crate::audit::{Act, AuditRow};
use crate::lens::hash;

/// Any number will do, as long as every process agrees.
const CHAIN_LOCK: i64 = 0x1a5e_a0d1;

pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock($1)", CHAIN_LOCK).execute(connection).await?;
    Ok(())
}

pub(crate) async fn find_head(executor: impl PgExecutor<'_>) -> Result<Option<(i64, Sha256)>, sqlx::Error> {
    let row =
        sqlx::query!("select seq, hash from audit_log order by seq desc limit 1").fetch_optional(executor).await?;
    Ok(row.map(|row| (row.seq, hash(&row.hash))))
}

pub(crate) async fn insert(executor: impl PgExecutor<'_>, rows: &[AuditRow]) -> Result<(), sqlx::Error> {
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let ats: Vec<_> = rows.iter().map(|row| row.at).collect();
    let whos: Vec<String> = rows.iter().map(|row| row.act.who.clone()).collect();
    let actions: Vec<String> = rows.iter().map(|row| row.act.action.clone()).collect();
    let contents: Vec<String> = rows.iter().map(|row| row.act.content.clone()).collect();
    let previous: Vec<Vec<u8>> = rows.iter().map(|row| row.previous.as_bytes().to_vec()).collect();
    let hashes: Vec<Vec<u8>> = rows.iter().map(|row| row.hash.as_bytes().to_vec()).collect();
    sqlx::query!(
        "insert into audit_log (seq, at, who, action, content, previous_hash, hash)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[])",
        &seqs,
        &ats,
        &whos,
        &actions,
        &contents,
        &previous,
        &hashes,
    )
    .execute(executor)
    .await?;
    Ok(())
}

pub(crate) async fn list_after(
    executor: impl PgExecutor<'_>,
    seq: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, sqlx::Error> {
    let rows = sqlx::query!(
        "select seq, at, who, action, content, previous_hash, hash from audit_log where seq > $1 order by seq limit $2",
        seq,
        limit,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditRow {
            seq: row.seq,
            at: row.at,
            act: Act { who: row.who, action: row.action, content: row.content },
            previous: hash(&row.previous_hash),
            hash: hash(&row.hash),
        })
        .collect())
}
