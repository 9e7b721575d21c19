//! A private Postgres cluster that lives and dies with the service, so that one command is enough on a fresh machine.
//!
//! It listens on a Unix socket in a folder only its user can enter; that folder is the reason why no password is needed.
//! One process at a time owns the data directory, by a lock that the kernel releases however the process ends.

mod binaries;
mod place;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use thiserror::Error;

pub use self::binaries::OLDEST_MAJOR;
use self::binaries::{Binaries, is_postmaster_of};
use self::place::RunAs;

/// A crashed cluster replays its log before it answers; this is for a slow disk with much to replay.
const START_WITHIN: Duration = Duration::from_mins(1);
const START_POLL: Duration = Duration::from_millis(20);
/// A server log past this size is set aside at the next start.
const LOG_LIMIT_BYTES: u64 = 10_000_000;

/// Sized so that the whole service stays within 200 MB; durability is as Postgres ships it.
const SETTINGS: [&str; 13] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "shared_buffers=64MB",
    "max_connections=60",
    "work_mem=8MB",
    "maintenance_work_mem=48MB",
    "max_wal_size=1GB",
    "wal_compression=on",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=warning",
];

#[derive(Debug, Error)]
pub enum EmbeddedError {
    #[error(
        "no PostgreSQL server programs found; install them (Debian, Ubuntu: `sudo apt-get install -y postgresql`; Fedora: \
         `sudo dnf install -y postgresql-server`), or name their folder in LAKEWARDEN_PG_BIN, or set DATABASE_URL"
    )]
    NoBinaries,
    #[error("{} has no initdb, postgres and pg_ctl; LAKEWARDEN_PG_BIN must name the folder that has them", .0.display())]
    NotBinaries(PathBuf),
    #[error("PostgreSQL {found} is too old; install version {OLDEST_MAJOR} or newer, or set DATABASE_URL")]
    TooOld { found: u32 },
    #[error(
        "the data directory was made by PostgreSQL {made_by}, but version {found} is installed; install version {made_by}, or \
         move the data: `pg_dumpall` with the old version, a new directory, `psql` with the new one (docs/operations.md)"
    )]
    OtherVersion { made_by: u32, found: u32 },
    #[error("another lakewarden already runs on {}; stop it first, or choose another data_dir", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} must belong to the user Postgres runs as and be closed to all others (chmod 700); remove it and start again",
        .0.display()
    )]
    NotPrivate(PathBuf),
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{program} failed:\n{output}")]
    Failed { program: &'static str, output: String },
    #[error("Postgres did not start; the end of {}:\n{tail}", log.display())]
    NotStarted { log: PathBuf, tail: String },
    #[error("cannot prepare the database of the embedded cluster: {0}")]
    Prepare(#[from] sqlx::Error),
}

impl EmbeddedError {
    fn at(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }
}

/// A running cluster. [`Cluster::stop`] or dropping it stops Postgres; a killed process takes Postgres along by itself where
/// `setpriv` is installed, and otherwise the next start stops the orphan.
#[derive(Debug)]
pub struct Cluster {
    pg_ctl: Command,
    keeper: Option<JoinHandle<()>>,
    url: String,
    /// Held, never read: releasing it lets the next process in.
    _lock: File,
}

/// The paths and programs of one cluster.
struct Layout {
    binaries: Binaries,
    run_as: RunAs,
    data: PathBuf,
    socket: PathBuf,
    log: PathBuf,
}

impl Cluster {
    /// Starts the cluster in `dir`, making it where there is none. `binaries` is the operator's `LAKEWARDEN_PG_BIN`.
    pub async fn start(dir: &Path, binaries: Option<&Path>) -> Result<Self, EmbeddedError> {
        let run_as = RunAs::choose();
        let dir = place::reachable(dir, run_as)?;
        let lock = lock(&dir)?;
        let data = dir.join("data");
        let made_by = read_version(&data)?;
        let binaries = Binaries::find(binaries, made_by)?;
        let socket = place::socket_dir(&dir, run_as);
        let layout = Layout { binaries, run_as, socket, log: dir.join("postgres.log"), data };
        if made_by.is_none() {
            layout.initialise(&dir)?;
        }
        layout.clear_leftovers()?;
        place::make_private(&layout.socket, run_as)?;
        let keeper = layout.spawn()?;
        let mut pg_ctl = layout.command("pg_ctl");
        pg_ctl.arg("-D").arg(&layout.data).args(["stop", "-m", "fast", "-s", "-w", "-t", "30"]);
        let url = place::url("lakewarden", "lakewarden", &layout.socket);
        let cluster = Self { pg_ctl, keeper: Some(keeper), url, _lock: lock };
        let connection = cluster.wait_until_ready(&layout).await?;
        prepare(connection).await?;
        Ok(cluster)
    }

    /// The URL of the cluster in `dir`, whoever runs it: for commands beside a running service.
    pub fn url_in(dir: &Path) -> Result<String, EmbeddedError> {
        let run_as = RunAs::choose();
        let dir = place::reachable(dir, run_as)?;
        Ok(place::url("lakewarden", "lakewarden", &place::socket_dir(&dir, run_as)))
    }

    /// A URL of the database `lakewarden`, as the role `lakewarden`, which is no superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops Postgres in order and waits for it. Dropping the cluster does the same.
    pub async fn stop(self) {
        tokio::task::spawn_blocking(move || drop(self)).await.expect("stopping Postgres does not panic");
    }

    async fn wait_until_ready(&self, layout: &Layout) -> Result<PgConnection, EmbeddedError> {
        let url = place::url("postgres", "postgres", &layout.socket);
        let attempts = START_WITHIN.as_millis() / START_POLL.as_millis();
        for _ in 0..attempts {
            if let Ok(connection) = PgConnection::connect(&url).await {
                return Ok(connection);
            }
            if self.keeper.as_ref().is_none_or(JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(START_POLL).await;
        }
        Err(EmbeddedError::NotStarted { log: layout.log.clone(), tail: tail(&layout.log) })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        if !keeper.is_finished()
            && let Err(error) = run("pg_ctl", &mut self.pg_ctl)
        {
            tracing::warn!(error = %error, "the embedded Postgres did not stop in order; it will recover at its next start");
            return;
        }
        let _ = keeper.join();
    }
}

impl Layout {
    /// A program of Postgres, as its user and in a folder that user can enter.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        self.confine(&mut command);
        command
    }

    fn confine(&self, command: &mut Command) {
        command.current_dir("/").env("LC_ALL", "C").env_remove("PGDATA").stdin(Stdio::null());
        if let Some((uid, gid)) = self.run_as.0 {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes the cluster beside its place and then moves it there, so that a half-made one is never mistaken for one.
    fn initialise(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let unfinished = dir.join("data.unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(|error| EmbeddedError::at("remove", &unfinished, error))?;
        }
        place::make_private(&unfinished, self.run_as)?;
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&unfinished).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--data-checksums"]);
        run("initdb", &mut initdb)?;
        std::fs::rename(&unfinished, &self.data).map_err(|error| EmbeddedError::at("create", &self.data, error))
    }

    /// We hold the lock, so a postmaster of this directory is an orphan of a killed process, and any other process behind the
    /// number in `postmaster.pid` has merely inherited it.
    fn clear_leftovers(&self) -> Result<(), EmbeddedError> {
        let file = self.data.join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        if pid.is_some_and(|pid| is_postmaster_of(pid, &self.data)) {
            tracing::warn!("stopping the Postgres that a killed lakewarden left behind");
            let mut stop = self.command("pg_ctl");
            return run("pg_ctl", stop.arg("-D").arg(&self.data).args(["stop", "-m", "fast", "-s", "-w", "-t", "60"]));
        }
        std::fs::remove_file(&file).map_err(|error| EmbeddedError::at("remove", &file, error))
    }

    /// Spawns the postmaster from a thread that then waits for it: the kernel's signal at a parent's death is sent when the
    /// *thread* that spawned ends, and this one ends only after Postgres.
    fn spawn(&self) -> Result<JoinHandle<()>, EmbeddedError> {
        let mut command = self.postmaster();
        let (report, started) = mpsc::channel();
        let keeper = std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || match command.spawn() {
                Ok(mut postmaster) => {
                    let _ = report.send(Ok(()));
                    let _ = postmaster.wait();
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            })
            .map_err(|error| EmbeddedError::at("watch", &self.data, error))?;
        let outcome = started.recv().expect("the thread reports before it ends");
        outcome.map_err(|error| EmbeddedError::at("start", &self.binaries.program("postgres"), error))?;
        Ok(keeper)
    }

    fn postmaster(&self) -> Command {
        let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).is_file());
        let mut command = match setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "INT", "--"]).arg(self.binaries.program("postgres"));
                self.confine(&mut command);
                command
            }
            None => self.command("postgres"),
        };
        command.arg("-D").arg(&self.data);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", quoted(&self.socket)));
        command.stdout(Stdio::null()).stderr(open_log(&self.log));
        // Its own process group: Ctrl-C reaches us first, and we stop Postgres after the requests in flight.
        command.process_group(0);
        command
    }
}

/// A list setting with one element, which may contain commas and spaces.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\"\""))
}

fn lock(dir: &Path) -> Result<File, EmbeddedError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| EmbeddedError::at("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(EmbeddedError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(EmbeddedError::at("lock", &path, error)),
    }
}

/// The major version that made the data directory; `None` where there is none yet.
fn read_version(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = data.join("PG_VERSION");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            EmbeddedError::at("read the version in", &path, std::io::Error::from(std::io::ErrorKind::InvalidData))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedError::at("read", &path, error)),
    }
}

fn open_log(path: &Path) -> Stdio {
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT_BYTES) {
        let _ = std::fs::rename(path, path.with_extension("log.1"));
    }
    OpenOptions::new().create(true).append(true).open(path).map_or_else(|_| Stdio::null(), Stdio::from)
}

fn tail(path: &Path) -> String {
    let Ok(mut file) = File::open(path) else { return "(no log)".to_owned() };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::new();
    let _ = file.seek(SeekFrom::Start(length.saturating_sub(2000))).and_then(|_| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn run(program: &'static str, command: &mut Command) -> Result<(), EmbeddedError> {
    let answer = command.output().map_err(|error| EmbeddedError::at("run", Path::new(program), error))?;
    if answer.status.success() {
        return Ok(());
    }
    let output = [answer.stdout, answer.stderr].concat();
    Err(EmbeddedError::Failed { program, output: String::from_utf8_lossy(&output).trim().to_owned() })
}

/// The role and database of the service. As no superuser, or row-level security would not confine it.
async fn prepare(mut connection: PgConnection) -> Result<(), EmbeddedError> {
    let has_role: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = 'lakewarden')")
        .fetch_one(&mut connection)
        .await?;
    let has_database: bool = sqlx::query_scalar("select exists (select from pg_database where datname = 'lakewarden')")
        .fetch_one(&mut connection)
        .await?;
    let missing = [
        (has_role, "create role lakewarden login nosuperuser nobypassrls"),
        (has_database, "create database lakewarden owner lakewarden"),
    ];
    for (_, statement) in missing.into_iter().filter(|(exists, _)| !exists) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests;
