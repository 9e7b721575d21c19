//! Statements on what the last judging left for pages: what is broken, and outcomes by day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Layer, Severity, TenantId};
use sqlx::PgExecutor;

use crate::facts::{Dataset, DatasetId};
use crate::judge::{Broken, Kind};
use crate::store::DayOutcomes;

/// A policy that a dataset breached when it was last judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBroken {
    pub policy_id: String,
    pub dataset: DatasetId,
    pub kind: Kind,
    pub severity: Severity,
    pub title: String,
    pub asset: String,
    pub since: DateTime<Utc>,
    pub tenant: Option<TenantId>,
}

/// Where a dataset belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub tenant: Option<TenantId>,
    pub layer: Option<Layer>,
}

/// Removes what is no longer broken.
pub async fn delete_broken_but(executor: impl PgExecutor<'_>, broken: &[Broken<'_>]) -> Result<(), sqlx::Error> {
    let (policies, datasets, subjects) = keys(broken);
    sqlx::query!(
        "delete from quality_broken b where not exists (
             select from unnest($1::text[], $2::integer[], $3::text[]) k (policy_id, dataset_id, subject)
             where k.policy_id = b.policy_id and k.dataset_id = b.dataset_id and k.subject = b.subject)",
        &policies,
        &datasets,
        &subjects,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Writes what is broken; a row that says the same already is not touched.
pub async fn upsert_broken(executor: impl PgExecutor<'_>, broken: &[Broken<'_>]) -> Result<(), sqlx::Error> {
    let (policies, datasets, subjects) = keys(broken);
    let kinds: Vec<String> = broken.iter().map(|one| one.kind.as_str().to_owned()).collect();
    let severities: Vec<String> = broken.iter().map(|one| one.policy.info.severity.to_string()).collect();
    let titles: Vec<String> = broken.iter().map(|one| one.title.clone()).collect();
    let assets: Vec<String> = broken.iter().map(|one| one.dataset.asset.clone()).collect();
    let since: Vec<DateTime<Utc>> = broken.iter().map(|one| one.since).collect();
    let tenants: Vec<Option<i32>> = broken.iter().map(|one| one.dataset.tenant.map(|tenant| tenant.0)).collect();
    sqlx::query!(
        "insert into quality_broken as b (policy_id, dataset_id, subject, kind, severity, title, asset, since, tenant_id)
         select * from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::timestamptz[], $9::integer[])
         on conflict (policy_id, dataset_id, subject) do update
         set kind = excluded.kind, severity = excluded.severity, title = excluded.title, asset = excluded.asset,
             since = excluded.since, tenant_id = excluded.tenant_id
         where (b.severity, b.title, b.since, b.tenant_id)
               is distinct from (excluded.severity, excluded.title, excluded.since, excluded.tenant_id)",
        &policies,
        &datasets,
        &subjects,
        &kinds,
        &severities,
        &titles,
        &assets,
        &since,
        &tenants as &[Option<i32>],
    )
    .execute(executor)
    .await?;
    Ok(())
}

fn keys(broken: &[Broken<'_>]) -> (Vec<String>, Vec<i32>, Vec<String>) {
    (
        broken.iter().map(|one| one.policy.info.id.clone()).collect(),
        broken.iter().map(|one| one.dataset.id.0).collect(),
        broken.iter().map(|one| one.subject.clone()).collect(),
    )
}

/// Writes outcomes by day; a row that says the same already is not touched.
pub async fn upsert_days(
    executor: impl PgExecutor<'_>,
    outcomes: &[DayOutcomes],
    datasets: &BTreeMap<DatasetId, Dataset>,
) -> Result<(), sqlx::Error> {
    let ids: Vec<i32> = outcomes.iter().map(|one| one.dataset.0).collect();
    let days: Vec<NaiveDate> = outcomes.iter().map(|one| one.day).collect();
    let passed: Vec<i64> = outcomes.iter().map(|one| one.passed).collect();
    let failed: Vec<i64> = outcomes.iter().map(|one| one.failed).collect();
    let owner =
        |one: &DayOutcomes| datasets.get(&one.dataset).and_then(|dataset| dataset.tenant).map(|tenant| tenant.0);
    let tenants: Vec<Option<i32>> = outcomes.iter().map(owner).collect();
    sqlx::query!(
        "insert into quality_days as d (dataset_id, day, passed, failed, tenant_id)
         select * from unnest($1::integer[], $2::date[], $3::bigint[], $4::bigint[], $5::integer[])
         on conflict (dataset_id, day) do update
         set passed = excluded.passed, failed = excluded.failed, tenant_id = excluded.tenant_id
         where (d.passed, d.failed, d.tenant_id) is distinct from (excluded.passed, excluded.failed, excluded.tenant_id)",
        &ids,
        &days,
        &passed,
        &failed,
        &tenants as &[Option<i32>],
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Canonical datasets that were observed, with where they belong.
pub async fn list_places(executor: impl PgExecutor<'_>) -> Result<BTreeMap<DatasetId, Place>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id as "id: DatasetId", tenant_id as "tenant: TenantId", layer from datasets d
           where id = canonical_id and exists (select from datasets s where s.canonical_id = d.id and s.observed)"#,
    )
    .fetch_all(executor)
    .await?;
    let layer = |word: Option<String>| word.and_then(|word| word.parse().ok());
    Ok(rows.into_iter().map(|row| (row.id, Place { tenant: row.tenant, layer: layer(row.layer) })).collect())
}

pub async fn list_broken(executor: impl PgExecutor<'_>) -> Result<Vec<StoredBroken>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select policy_id, dataset_id as "dataset: DatasetId", kind, severity as "severity: Severity", title, asset, since,
                  tenant_id as "tenant: TenantId"
           from quality_broken order by policy_id, dataset_id, subject"#,
    )
    .fetch_all(executor)
    .await?;
    let stored = rows.into_iter().filter_map(|row| {
        Some(StoredBroken {
            kind: Kind::ALL.into_iter().find(|kind| kind.as_str() == row.kind)?,
            policy_id: row.policy_id,
            dataset: row.dataset,
            severity: row.severity,
            title: row.title,
            asset: row.asset,
            since: row.since,
            tenant: row.tenant,
        })
    });
    Ok(stored.collect())
}

pub async fn list_days(executor: impl PgExecutor<'_>, from: NaiveDate) -> Result<Vec<DayOutcomes>, sqlx::Error> {
    sqlx::query_as!(
        DayOutcomes,
        r#"select dataset_id as "dataset: DatasetId", day, passed, failed from quality_days where day >= $1 order by day, dataset_id"#,
        from,
    )
    .fetch_all(executor)
    .await
}
