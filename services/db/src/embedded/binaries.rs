//! Finding PostgreSQL's server programs on this machine, and knowing their version.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::EmbeddedError;

/// The oldest major version whose SQL our migrations and queries are written for.
pub const OLDEST_MAJOR: u32 = 15;

/// A directory with `initdb`, `postgres` and `pg_ctl` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

impl Binaries {
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The newest usable version, or the one that made the data directory (`wanted`) where there is one already.
    /// `given` is the folder the operator named; then nothing else is looked at.
    pub fn find(given: Option<&Path>, wanted: Option<u32>) -> Result<Self, EmbeddedError> {
        let found = match given {
            Some(dir) => vec![Self::at(dir).ok_or_else(|| EmbeddedError::NotBinaries(dir.to_owned()))?],
            None => installed(),
        };
        choose(found, wanted)
    }

    fn at(dir: &Path) -> Option<Self> {
        if !["initdb", "postgres", "pg_ctl"].iter().all(|name| dir.join(name).is_file()) {
            return None;
        }
        let answer = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
        Some(Self { dir: dir.to_owned(), major: parse_major(&String::from_utf8_lossy(&answer.stdout))? })
    }
}

fn installed() -> Vec<Binaries> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    // Debian and Ubuntu keep the server programs of each version side by side and off the PATH.
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        dirs.extend(versions.filter_map(Result::ok).map(|version| version.path().join("bin")));
    }
    if let Ok(answer) = Command::new("pg_config").arg("--bindir").output() {
        dirs.push(PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim()));
    }
    dirs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut found: Vec<Binaries> = dirs.iter().filter_map(|dir| Binaries::at(dir)).collect();
    // Stable: of two folders with one version, the one named first stays first.
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found
}

fn choose(found: Vec<Binaries>, wanted: Option<u32>) -> Result<Binaries, EmbeddedError> {
    let newest = found.iter().map(|binaries| binaries.major).max();
    match (wanted, newest) {
        (_, None) => Err(EmbeddedError::NoBinaries),
        (None, Some(newest)) if newest < OLDEST_MAJOR => Err(EmbeddedError::TooOld { found: newest }),
        (None, Some(_)) => found.into_iter().next().ok_or(EmbeddedError::NoBinaries),
        (Some(made_by), Some(newest)) => found
            .into_iter()
            .find(|binaries| binaries.major == made_by)
            .ok_or(EmbeddedError::OtherVersion { made_by, found: newest }),
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`.
fn parse_major(answer: &str) -> Option<u32> {
    let version = answer.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// True where the process behind `pid` is a postmaster of exactly this data directory.
pub fn is_postmaster_of(pid: u32, data: &Path) -> bool {
    let Ok(command_line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mut arguments = command_line.split(|byte| *byte == 0);
    let program = arguments.next().unwrap_or_default();
    let is_postgres = program.ends_with(b"postgres") || program.ends_with(b"postmaster");
    is_postgres && arguments.any(|argument| argument == OsStr::as_encoded_bytes(data.as_os_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32) -> Binaries {
        Binaries { dir: format!("/usr/lib/postgresql/{major}/bin").into(), major }
    }

    #[test]
    fn versions_are_read_from_releases_betas_and_development_builds() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("postgres (PostgreSQL) 20devel"), Some(20));
        assert_eq!(parse_major("command not found"), None);
    }

    #[test]
    fn a_new_directory_gets_the_newest_version_and_an_old_one_the_version_that_made_it() {
        let found = || vec![version(17), version(15)];
        assert_eq!(choose(found(), None).unwrap().major, 17);
        assert_eq!(choose(found(), Some(15)).unwrap().major, 15);
        assert!(matches!(choose(found(), Some(16)), Err(EmbeddedError::OtherVersion { made_by: 16, found: 17 })));
    }

    #[test]
    fn no_version_and_only_old_versions_are_told_apart() {
        assert!(matches!(choose(Vec::new(), Some(15)), Err(EmbeddedError::NoBinaries)));
        assert!(matches!(choose(vec![version(13)], None), Err(EmbeddedError::TooOld { found: 13 })));
    }

    #[test]
    fn a_folder_without_the_programs_is_refused_by_name() {
        let error = Binaries::find(Some(Path::new("/nowhere/bin")), None).unwrap_err();
        assert!(error.to_string().contains("/nowhere/bin"), "{error}");
    }
}
