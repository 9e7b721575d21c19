//! Evidence: added by batch, trimmed to the newest.

use chrono::{DateTime, Utc};
use lakewarden_core::{FindingId, TenantId};
use sqlx::PgExecutor;

use crate::Evidence;

/// Evidence in columns, as `unnest` wants it.
#[derive(Debug, Default)]
pub(crate) struct EvidenceColumns {
    finding_ids: Vec<i64>,
    tenant_ids: Vec<Option<i32>>,
    sources: Vec<String>,
    references: Vec<String>,
    hashes: Vec<Vec<u8>>,
    occurred_ats: Vec<DateTime<Utc>>,
    summaries: Vec<String>,
    records: Vec<serde_json::Value>,
}

impl EvidenceColumns {
    pub(crate) fn push(&mut self, finding: FindingId, tenant: Option<TenantId>, evidence: &Evidence) {
        self.finding_ids.push(finding.0);
        self.tenant_ids.push(tenant.map(|tenant| tenant.0));
        self.sources.push(evidence.source.clone());
        self.references.push(evidence.reference.clone());
        self.hashes.push(evidence.hash.as_bytes().to_vec());
        self.occurred_ats.push(evidence.occurred_at);
        self.summaries.push(evidence.summary.clone());
        self.records.push(evidence.record.clone());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.finding_ids.is_empty()
    }
}

pub(crate) async fn insert_new(executor: impl PgExecutor<'_>, columns: &EvidenceColumns) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into evidence (finding_id, tenant_id, source, reference, hash, occurred_at, summary, record)
         select * from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[],
                              $7::text[], $8::jsonb[])
         on conflict on constraint evidence_record_unique do nothing",
        &columns.finding_ids,
        &columns.tenant_ids as &[Option<i32>],
        &columns.sources,
        &columns.references,
        &columns.hashes,
        &columns.occurred_ats,
        &columns.summaries,
        &columns.records,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes all but the newest `kept` of each finding the columns name.
pub(crate) async fn trim(
    executor: impl PgExecutor<'_>,
    columns: &EvidenceColumns,
    kept: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from evidence e
         using (select id, row_number() over (partition by finding_id order by occurred_at desc, id desc) as place
                from evidence where finding_id = any($1)) ranked
         where ranked.id = e.id and ranked.place > $2",
        &columns.finding_ids,
        kept,
    )
    .execute(executor)
    .await?;
    Ok(())
}
