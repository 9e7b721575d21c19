//! What can go wrong with Postgres, sorted by what a caller can do about it.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum DbError {
    #[error("cannot connect to Postgres: {0}")]
    Connect(#[source] sqlx::Error),
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error(
        "the database role `{role}` may bypass row-level security, so tenants would not be kept apart; connect as a role \
         without SUPERUSER and BYPASSRLS (create role lakewarden login; create database lakewarden owner lakewarden)"
    )]
    RoleBypassesRowSecurity { role: String },
    #[error("tables with a tenant_id but without forced row-level security and a policy: {}", .0.join(", "))]
    RowSecurityMissing(Vec<String>),
    #[error("Postgres did not answer as expected: {0}")]
    Query(#[from] sqlx::Error),
}

/// Reading a sqlx error by the names our migrations gave to constraints.
pub trait ErrorExt {
    /// The name of the violated constraint, if that is what went wrong.
    fn constraint(&self) -> Option<&str>;
}

impl ErrorExt for sqlx::Error {
    fn constraint(&self) -> Option<&str> {
        match self {
            sqlx::Error::Database(error) => error.constraint(),
            _ => None,
        }
    }
}

/// True where trying again may help: Postgres restarting, a lost connection, a deadlock, an exhausted pool.
pub fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // 08: connection; 40: serialization failure, deadlock; 53: out of resources; 57P0x: shutdown, starting up
            ["08", "40", "53", "57P0"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
