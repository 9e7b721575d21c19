//! The bootstrap administrator and server-side sessions.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Scope, Sha256};
use rand::TryRngCore as _;
use sqlx::PgPool;

use crate::Viewer;
use crate::secret::{ApiSecret, new_secret};

/// Name of the cookie that carries a session's secret.
pub const SESSION_COOKIE: &str = "lakewarden_session";

const IDLE: TimeDelta = TimeDelta::hours(8);
const ABSOLUTE: TimeDelta = TimeDelta::days(7);
/// How stale `last_seen_at` may grow before a request writes it again.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A fresh session: the cookie's value and when it ends at the latest.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub secret: ApiSecret,
    pub expires_at: DateTime<Utc>,
}

/// Makes the first administrator where there is none, with the given password or a random one, which is returned so that it
/// can be printed once. `None` where an administrator exists already and nothing was changed.
pub async fn bootstrap_administrator(
    pool: &PgPool,
    username: &str,
    password: Option<&ApiSecret>,
    now: DateTime<Utc>,
) -> Result<Option<ApiSecret>, sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select exists (select from administrators)").fetch_one(pool).await?;
    if exists {
        return Ok(None);
    }
    let password = password.cloned().unwrap_or_else(|| new_secret("lwp"));
    let hash = hash_password(password.reveal());
    let done = sqlx::query(
        "insert into administrators (username, password_hash, created_at) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(username)
    .bind(hash)
    .bind(now)
    .execute(pool)
    .await?;
    Ok((done.rows_affected() == 1).then_some(password))
}

/// Checks the password and opens a session; `None` for a wrong name or password, without telling which.
pub async fn sign_in(
    pool: &PgPool,
    username: &str,
    password: &str,
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>, sqlx::Error> {
    let stored: Option<String> = sqlx::query_scalar("select password_hash from administrators where username = $1")
        .bind(username)
        .fetch_optional(pool)
        .await?;
    let password = password.to_owned();
    // Tens of milliseconds of hashing by design: off the async threads. An unknown name costs the same as a wrong password.
    let matches = tokio_blocking(move || verify_password(&password, stored.as_deref())).await;
    if !matches {
        return Ok(None);
    }
    let secret = new_secret("lws");
    let expires_at = now + ABSOLUTE;
    sqlx::query(
        "insert into sessions (id_hash, username, created_at, last_seen_at, expires_at) values ($1, $2, $3, $3, $4)",
    )
    .bind(secret.hash().as_bytes())
    .bind(username)
    .bind(now)
    .bind(expires_at)
    .execute(pool)
    .await?;
    sqlx::query("delete from sessions where expires_at < $1").bind(now).execute(pool).await?;
    Ok(Some(SignedIn { secret, expires_at }))
}

/// The person behind a session cookie, unless it is unknown, idle for too long, or over.
pub async fn find_session(pool: &PgPool, cookie: &str, now: DateTime<Utc>) -> Result<Option<Viewer>, sqlx::Error> {
    let hash = Sha256::of(cookie);
    let found: Option<(String, DateTime<Utc>)> = sqlx::query_as(
        "select username, last_seen_at from sessions where id_hash = $1 and expires_at > $2 and last_seen_at > $3",
    )
    .bind(hash.as_bytes())
    .bind(now)
    .bind(now - IDLE)
    .fetch_optional(pool)
    .await?;
    let Some((name, last_seen_at)) = found else { return Ok(None) };
    if now - last_seen_at > TOUCH_EVERY {
        sqlx::query("update sessions set last_seen_at = $2 where id_hash = $1")
            .bind(hash.as_bytes())
            .bind(now)
            .execute(pool)
            .await?;
    }
    Ok(Some(Viewer { name, scope: Scope::All, is_administrator: true }))
}

pub async fn sign_out(pool: &PgPool, cookie: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from sessions where id_hash = $1").bind(Sha256::of(cookie).as_bytes()).execute(pool).await?;
    Ok(())
}

fn hash_password(password: &str) -> String {
    let mut salt = [0u8; 16];
    rand::rngs::OsRng.try_fill_bytes(&mut salt).expect("the operating system has random bytes");
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a valid salt");
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .expect("default Argon2 parameters are valid")
        .to_string()
}

fn verify_password(password: &str, stored: Option<&str>) -> bool {
    let Some(parsed) = stored.and_then(|hash| PasswordHash::new(hash).ok()) else {
        hash_password(password);
        return false;
    };
    Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
}

async fn tokio_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("password hashing does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_against_its_hash_only() {
        let hash = hash_password("correct horse");
        assert!(verify_password("correct horse", Some(&hash)));
        assert!(!verify_password("wrong horse", Some(&hash)));
        assert!(!verify_password("anything", None), "an unknown name is a wrong password");
    }
}
