//! SQL of `catalog_breaches`: what stood at the last judgement.

use sqlx::{PgConnection, PgExecutor};

pub async fn list_fingerprints(executor: impl PgExecutor<'_>) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!("select fingerprint from catalog_breaches").fetch_all(executor).await
}

/// Afterwards exactly these stand.
pub async fn replace_fingerprints(connection: &mut PgConnection, standing: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    delete_others(connection, standing).await?;
    insert_missing(connection, standing).await
}

async fn delete_others(connection: &mut PgConnection, standing: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from catalog_breaches where fingerprint <> all($1)", standing).execute(connection).await?;
    Ok(())
}

async fn insert_missing(connection: &mut PgConnection, standing: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into catalog_breaches (fingerprint) select distinct unnest($1::bytea[]) on conflict do nothing",
        standing,
    )
    .execute(connection)
    .await?;
    Ok(())
}
