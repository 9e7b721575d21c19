//! Where the cluster lies: a folder its user can reach, and a socket folder whose path Unix accepts.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use lakewarden_core::Sha256;

use super::EmbeddedError;

/// Linux refuses longer paths of Unix sockets; the name Postgres gives its socket counts.
const LONGEST_SOCKET_PATH: usize = 107;
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// `nobody` on every Linux.
const NOBODY: u32 = 65534;

/// The user Postgres runs as. `None`: as ourselves, because we are not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAs(pub Option<(u32, u32)>);

impl RunAs {
    /// Postgres refuses to run as root: then it runs as the user `postgres` where there is one, else as `nobody`.
    pub fn choose() -> Self {
        if !we_are_root() {
            return Self(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self(Some(find_user(&users, "postgres").unwrap_or((NOBODY, NOBODY))))
    }

    fn own(self, path: &Path) -> Result<(), EmbeddedError> {
        match self.0 {
            Some((uid, gid)) => {
                chown(path, Some(uid), Some(gid)).map_err(|error| EmbeddedError::at("give away", path, error))
            }
            None => Ok(()),
        }
    }
}

fn we_are_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|ours| ours.uid() == 0)
}

fn find_user(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The folder the cluster really uses: the one asked for, unless Postgres' user could not reach it (root's checkout under
/// `/root`, say). Then a folder of `/var/lib/lakewarden` that is always the same for the one asked for.
pub fn reachable(asked: &Path, run_as: RunAs) -> Result<PathBuf, EmbeddedError> {
    std::fs::create_dir_all(asked).map_err(|error| EmbeddedError::at("create", asked, error))?;
    let asked = asked.canonicalize().map_err(|error| EmbeddedError::at("find", asked, error))?;
    let can_pass = |dir: &Path| {
        std::fs::metadata(dir).is_ok_and(|found| {
            let owned = run_as.0.is_some_and(|(uid, _)| found.uid() == uid);
            found.permissions().mode() & if owned { 0o100 } else { 0o001 } != 0
        })
    };
    if run_as.0.is_none() || asked.ancestors().skip(1).all(can_pass) {
        return Ok(asked);
    }
    let instead = Path::new("/var/lib/lakewarden").join(Sha256::of(asked.as_os_str().as_encoded_bytes()).short());
    std::fs::create_dir_all(&instead).map_err(|error| EmbeddedError::at("create", &instead, error))?;
    tracing::info!(
        asked = %asked.display(), used = %instead.display(),
        "the database lies elsewhere, because the user Postgres runs as cannot reach the folder asked for"
    );
    Ok(instead)
}

/// Makes `dir` a folder nobody but Postgres' user (and root) can enter.
pub fn make_private(dir: &Path, run_as: RunAs) -> Result<(), EmbeddedError> {
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => run_as.own(dir),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check_private(dir, run_as),
        Err(error) => Err(EmbeddedError::at("create", dir, error)),
    }
}

/// Whoever can enter the socket's folder is let in without a password, so a folder another user prepared is refused.
fn check_private(dir: &Path, run_as: RunAs) -> Result<(), EmbeddedError> {
    let found = std::fs::symlink_metadata(dir).map_err(|error| EmbeddedError::at("read", dir, error))?;
    let ours = std::fs::metadata("/proc/self").map_or(0, |ours| ours.uid());
    let expected = run_as.0.map_or(ours, |(uid, _)| uid);
    if found.is_dir() && found.uid() == expected && found.permissions().mode() & 0o777 == 0o700 {
        Ok(())
    } else {
        Err(EmbeddedError::NotPrivate(dir.to_owned()))
    }
}

/// The socket's folder: beside the data, or a short one named by the data's hash where that path would be too long.
pub fn socket_dir(dir: &Path, run_as: RunAs) -> PathBuf {
    let beside = dir.join("socket");
    if beside.as_os_str().len() + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH {
        return beside;
    }
    let short = format!("lakewarden-{}", Sha256::of(dir.as_os_str().as_encoded_bytes()).short());
    // Root's runtime folder is closed to the user Postgres drops to.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| run_as.0.is_none()).map(PathBuf::from);
    runtime
        .filter(|base| {
            base.is_dir() && base.as_os_str().len() + 1 + short.len() + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH
        })
        .unwrap_or_else(|| PathBuf::from("/tmp"))
        .join(short)
}

/// A connection URL of `user` and `database` over the socket in `dir`.
pub fn url(user: &str, database: &str, dir: &Path) -> String {
    use std::fmt::Write as _;
    let mut host = String::new();
    for byte in dir.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => host.push(char::from(*byte)),
            other => write!(host, "%{other:02X}").expect("writing to a string cannot fail"),
        }
    }
    format!("postgres://{user}@localhost/{database}?host={host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_path_gets_a_short_socket_folder() {
        let run_as = RunAs(Some((NOBODY, NOBODY)));
        assert_eq!(socket_dir(Path::new("/srv/lake"), run_as), Path::new("/srv/lake/socket"));
        let long = PathBuf::from(format!("/srv/{}", "deep/".repeat(30)));
        let short = socket_dir(&long, run_as);
        assert!(short.starts_with("/tmp") && short.as_os_str().len() + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH);
        assert_eq!(short, socket_dir(&long, run_as), "the same for the same data");
    }

    #[test]
    fn the_url_survives_spaces_and_other_characters() {
        let url = url("lakewarden", "lakewarden", Path::new("/srv/my lake?&"));
        assert_eq!(url, "postgres://lakewarden@localhost/lakewarden?host=/srv/my%20lake%3F%26");
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        assert_eq!(options.get_socket().unwrap(), Path::new("/srv/my lake?&"));
    }

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres2:x:1:1::/:\npostgres:x:105:111:PostgreSQL:/var/lib/postgresql:";
        assert_eq!(find_user(passwd, "postgres"), Some((105, 111)));
        assert_eq!(find_user(passwd, "nobody"), None);
    }

    #[test]
    fn a_socket_folder_that_others_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("socket");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(make_private(&open, RunAs(None)), Err(EmbeddedError::NotPrivate(_))));
    }
}
