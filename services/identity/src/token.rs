//! API tokens: hashed, limited to what they are for, looked up from memory for a few seconds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Clock, Scope, Sha256, TenantId};
use lakewarden_db::{Db, ErrorExt as _};
use sqlx::PgPool;
use thiserror::Error;

use crate::secret::{ApiSecret, new_secret};
use crate::{Caller, Producer, Viewer};

/// A revoked token works at most this much longer; in return a pipeline's thousand posts a second ask Postgres once.
const REMEMBERED_FOR: TimeDelta = TimeDelta::seconds(5);
/// More distinct tokens (or guesses at one) than this in a few seconds empty the memory.
const REMEMBERED_AT_MOST: usize = 10_000;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Ingest,
    Tenant(TenantId),
    All,
}

#[derive(Debug, Error)]
pub enum TokenError {
    #[error("a token named `{0}` exists already; choose another name or revoke that one")]
    NameTaken(String),
    #[error("no active token is named `{0}`")]
    Unknown(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A token as the administrator sees it: never its secret.
#[derive(Debug, Clone)]
pub struct Token {
    pub name: String,
    pub reach: Reach,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Makes a token and returns its secret, which is shown once and stored nowhere.
pub async fn create_token(
    pool: &PgPool,
    name: &str,
    reach: Reach,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<ApiSecret, TokenError> {
    let secret = new_secret("lwt");
    let (word, tenant) = match reach {
        Reach::Ingest => ("ingest", None),
        Reach::Tenant(tenant) => ("tenant", Some(tenant)),
        Reach::All => ("all", None),
    };
    sqlx::query(
        "insert into api_tokens (name, secret_hash, reach, tenant_id, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(name)
    .bind(secret.hash().as_bytes())
    .bind(word)
    .bind(tenant)
    .bind(now)
    .bind(expires_at)
    .execute(pool)
    .await
    .map_err(|error| match error.constraint() {
        Some("api_tokens_name_unique") => TokenError::NameTaken(name.to_owned()),
        _ => error.into(),
    })?;
    Ok(secret)
}

pub async fn list_tokens(pool: &PgPool) -> Result<Vec<Token>, sqlx::Error> {
    let rows: Vec<TokenRow> = sqlx::query_as(
        "select name, reach, tenant_id, created_at, expires_at, revoked_at, last_used_at from api_tokens order by name",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(TokenRow::into_token).collect())
}

pub async fn revoke_token(pool: &PgPool, name: &str, now: DateTime<Utc>) -> Result<(), TokenError> {
    let done = sqlx::query("update api_tokens set revoked_at = $2 where name = $1 and revoked_at is null")
        .bind(name)
        .bind(now)
        .execute(pool)
        .await?;
    if done.rows_affected() == 0 { Err(TokenError::Unknown(name.to_owned())) } else { Ok(()) }
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    name: String,
    reach: String,
    tenant_id: Option<TenantId>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TokenRow {
    fn into_token(self) -> Token {
        Token {
            reach: reach_of(&self.reach, self.tenant_id),
            name: self.name,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
        }
    }
}

fn reach_of(word: &str, tenant: Option<TenantId>) -> Reach {
    match (word, tenant) {
        ("all", _) => Reach::All,
        ("tenant", Some(tenant)) => Reach::Tenant(tenant),
        // The weakest reach for anything the check constraint should have refused.
        _ => Reach::Ingest,
    }
}

/// Callers by the hash of their token, each until an instant.
type Remembered = HashMap<Sha256, (Caller, DateTime<Utc>)>;

/// Finds the caller behind a bearer token, remembering answers for a few seconds.
#[derive(Clone)]
pub struct TokenLookup {
    db: Db,
    clock: Clock,
    remembered: Arc<Mutex<Remembered>>,
}

impl fmt::Debug for TokenLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenLookup")
    }
}

impl TokenLookup {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, remembered: Arc::default() }
    }

    /// The caller behind `bearer`; [`Caller::Anonymous`] for an unknown, expired or revoked token.
    pub async fn caller(&self, bearer: &str) -> Result<Caller, sqlx::Error> {
        let hash = Sha256::of(bearer);
        let now = self.clock.now();
        if let Some((caller, _)) = self.remembered().get(&hash).filter(|(_, until)| now < *until) {
            return Ok(caller.clone());
        }
        let caller = self.find(hash, now).await?;
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED_AT_MOST {
            remembered.clear();
        }
        remembered.insert(hash, (caller.clone(), now + REMEMBERED_FOR));
        Ok(caller)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().expect("no holder of the token memory panics")
    }

    async fn find(&self, hash: Sha256, now: DateTime<Utc>) -> Result<Caller, sqlx::Error> {
        // Found by the hash of 256 random bits: comparing in the index leaks nothing that helps a guess.
        let found: Option<(String, String, Option<TenantId>)> = sqlx::query_as(
            "update api_tokens set last_used_at = $2
             where secret_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)
             returning name, reach, tenant_id",
        )
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(self.db.system())
        .await?;
        Ok(match found {
            None => Caller::Anonymous,
            Some((name, reach, tenant)) => match reach_of(&reach, tenant) {
                Reach::Ingest => Caller::Producer(Producer { name }),
                Reach::Tenant(tenant) => {
                    Caller::Viewer(Viewer { name, scope: Scope::Tenant(tenant), is_administrator: false })
                }
                Reach::All => Caller::Viewer(Viewer { name, scope: Scope::All, is_administrator: false }),
            },
        })
    }
}
