//! Two pools on one database: the service's own work, and callers' work behind row-level security.

use std::str::FromStr;
use std::time::Duration;

use lakewarden_core::Scope;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor as _, PgPool, Postgres, Transaction};

use crate::DbError;

pub type Tx = Transaction<'static, Postgres>;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

#[derive(Debug, Clone)]
pub struct DbConfig {
    /// A Postgres URL. The role must own its database but not be a superuser.
    pub url: String,
    pub max_connections: u32,
    /// How long a request waits for a connection before it is answered "busy, try again".
    pub acquire_timeout: Duration,
}

impl DbConfig {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), max_connections: 16, acquire_timeout: Duration::from_secs(5) }
    }
}

/// A handle to the database; clones share the pools.
#[derive(Debug, Clone)]
pub struct Db {
    system: PgPool,
    callers: PgPool,
}

impl Db {
    /// Connects, migrates, and refuses a role or schema under which tenants would not be kept apart.
    pub async fn open(config: &DbConfig) -> Result<Self, DbError> {
        let db = Self::connect(config).await?;
        db.migrate().await?;
        db.audit_row_security().await?;
        Ok(db)
    }

    /// Connects without migrating: for tests whose database is a clone of a migrated template.
    pub async fn connect(config: &DbConfig) -> Result<Self, DbError> {
        let options = PgConnectOptions::from_str(&config.url)
            .map_err(DbError::Connect)?
            .application_name("lakewarden")
            // Plans for whole-graph statements are dominated by JIT compilation otherwise.
            .options([("jit", "off")]);
        let pool = |max| {
            PgPoolOptions::new().max_connections(max).acquire_timeout(config.acquire_timeout).test_before_acquire(false)
        };
        let system = pool(config.max_connections)
            .connect_with(options.clone().options([("lakewarden.scope", "all")]))
            .await
            .map_err(DbError::Connect)?;
        let callers = pool(config.max_connections.div_ceil(2)).connect_lazy_with(options);
        Ok(Self { system, callers })
    }

    pub async fn migrate(&self) -> Result<(), DbError> {
        Ok(MIGRATOR.run(&self.system).await?)
    }

    /// The service's own connections: every row. For single statements of jobs and collectors.
    pub fn system(&self) -> &PgPool {
        &self.system
    }

    /// A transaction of the service's own: ingest, judging, jobs.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.system.begin().await
    }

    /// A transaction that sees only what `scope` may see. Pages and API reads use nothing else.
    pub async fn begin_as(&self, scope: Scope) -> Result<Tx, sqlx::Error> {
        let mut tx = self.callers.begin().await?;
        let statement = match scope {
            Scope::All => "set local lakewarden.scope = 'all'".to_owned(),
            Scope::Tenant(tenant) => {
                format!("set local lakewarden.scope = 'tenant'; set local lakewarden.tenant_id = '{tenant}'")
            }
        };
        // An integer formatted by us: nothing of the caller's text reaches the statement.
        tx.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statement))).await?;
        Ok(tx)
    }

    /// Fails where a table with tenant data is not confined, or the role could look past the confinement.
    pub async fn audit_row_security(&self) -> Result<(), DbError> {
        let role: (String, bool) =
            sqlx::query_as("select rolname::text, rolsuper or rolbypassrls from pg_roles where rolname = current_user")
                .fetch_one(&self.system)
                .await?;
        if role.1 {
            return Err(DbError::RoleBypassesRowSecurity { role: role.0 });
        }
        let open: Vec<String> = sqlx::query_scalar(
            "select c.relname::text
             from pg_class c
             join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
             where c.relkind in ('r', 'p') and not c.relispartition
               and c.relname not in ('api_tokens')
               and not (c.relrowsecurity and c.relforcerowsecurity
                        and exists (select from pg_policy p where p.polrelid = c.oid))
             order by 1",
        )
        .fetch_all(&self.system)
        .await?;
        if open.is_empty() { Ok(()) } else { Err(DbError::RowSecurityMissing(open)) }
    }

    /// True when Postgres answers: the readiness probe.
    pub async fn is_ready(&self) -> bool {
        sqlx::query("select 1").execute(&self.system).await.is_ok()
    }

    pub async fn close(&self) {
        self.callers.close().await;
        self.system.close().await;
    }
}
