//! A database of its own for each test, cloned from a template that was migrated once.

use lakewarden_core::Sha256;
use lakewarden_db::{Db, DbConfig};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
/// Any number will do, as long as every test process agrees.
const TEMPLATE_LOCK: i64 = 0x1a5e_3a9d;

/// A migrated, empty database. Dropped with its cluster, not by itself: a failed test can be looked into.
#[derive(Debug, Clone)]
pub struct TestDb {
    pub db: Db,
    pub url: String,
}

impl TestDb {
    /// # Panics
    /// Where `TEST_DATABASE_URL` is not set or Postgres does not answer: a test without a database proves nothing.
    pub async fn new() -> Self {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL is not set; run `make test`, or `scripts/postgres run cargo test …`");
        let template = TEMPLATE.get_or_init(|| make_template(&server)).await;
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let mut connection = connect(&server).await;
        for statement in [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template {template}"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("clone the template");
        }
        let url = with_database(&server, &name);
        let config = DbConfig { max_connections: 6, ..DbConfig::new(&url) };
        let db = Db::connect(&config).await.expect("connect to the clone");
        Self { db, url }
    }
}

/// Migrates a template named after the migrations' hash, unless another test process has.
async fn make_template(server: &str) -> String {
    let name = format!("template_{}", migrations_hash().short());
    let mut connection = connect(server).await;
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut connection).await.expect("lock");
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut connection)
        .await
        .expect("look for the template");
    if !exists {
        let building = format!("{name}_building");
        for statement in
            [format!("drop database if exists {building} with (force)"), format!("create database {building}")]
        {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("make the template");
        }
        let db = Db::open(&DbConfig::new(with_database(server, &building))).await.expect("migrate the template");
        db.close().await;
        sqlx::raw_sql(AssertSqlSafe(format!("alter database {building} rename to {name}")))
            .execute(&mut connection)
            .await
            .expect("publish the template");
    }
    connection.close().await.expect("release the lock");
    name
}

fn migrations_hash() -> Sha256 {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let mut files: Vec<_> =
        std::fs::read_dir(dir).expect("migrations").filter_map(Result::ok).map(|f| f.path()).collect();
    files.sort();
    let contents: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("read a migration")).collect();
    Sha256::of_parts(contents.iter().map(Vec::as_slice))
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("TEST_DATABASE_URL is a Postgres URL");
    options.connect().await.expect("connect to the test cluster")
}

fn with_database(server: &str, name: &str) -> String {
    let (base, query) =
        server.split_once('?').map_or((server, String::new()), |(base, query)| (base, format!("?{query}")));
    let (base, _) = base.rsplit_once('/').expect("a URL with a database");
    format!("{base}/{name}{query}")
}
