//! Configuration: `lakewarden.toml`, then `LAKEWARDEN_…` variables over it. What is not understood is an error, not a default.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lakewarden_identity::ApiSecret;
use serde::Deserialize;
use thiserror::Error;

/// Looked for in the working directory where no file is named.
pub const FILE: &str = "lakewarden.toml";

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {message}", path.display())]
    Parse { path: PathBuf, message: String },
    #[error("the variable {name} {reason}")]
    Variable { name: String, reason: String },
    #[error("{key} {reason}")]
    Value { key: &'static str, reason: String },
}

/// Everything the service can be told. `deploy/config.example.toml` documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    pub base_url: Option<String>,
    pub data_dir: PathBuf,
    pub policies: PathBuf,
    pub database: DatabaseConfig,
    pub administrator: AdministratorConfig,
    pub log: LogConfig,
    /// Read and checked by `lakewarden-aws`, which shares this file.
    pub aws: toml::Table,
    /// Variables that look like ours and are no setting: a typing error, or an address that `alerts.toml` names.
    #[serde(skip)]
    pub unknown_variables: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// None: the embedded cluster in `data_dir`.
    pub url: Option<DatabaseUrl>,
    pub max_connections: u32,
    pub acquire_timeout_seconds: u64,
    /// Folder of PostgreSQL's server programs, for the embedded cluster.
    pub binaries: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdministratorConfig {
    pub username: String,
    /// Only from the environment, so that it stands in no file. None: made up and printed once.
    #[serde(skip)]
    pub password: Option<ApiSecret>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// A Postgres URL, whose password is not for logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            base_url: None,
            data_dir: ".lakewarden".into(),
            policies: "policies".into(),
            database: DatabaseConfig::default(),
            administrator: AdministratorConfig::default(),
            log: LogConfig::default(),
            aws: toml::Table::new(),
            unknown_variables: Vec::new(),
        }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: None, max_connections: 16, acquire_timeout_seconds: 5, binaries: None }
    }
}

impl Default for AdministratorConfig {
    fn default() -> Self {
        Self { username: "admin".to_owned(), password: None }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Config {
    /// Reads the file (the one named, or `lakewarden.toml` if there is one) and the environment.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let file = named.map(Path::to_path_buf).or_else(|| Some(PathBuf::from(FILE)).filter(|file| file.exists()));
        let mut config = match &file {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                let folder = path.parent().unwrap_or(Path::new(""));
                Self::parse(path, &text)?.relative_to(folder)
            }
            None => Self::default(),
        };
        config.apply(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )?;
        config.check()?;
        Ok(config)
    }

    /// Parses the text of a file; `path` is for messages only.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })
    }

    /// Where people and alerts' links find the service.
    pub fn base_url(&self) -> String {
        match &self.base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    /// Paths in a file are meant from the file's folder.
    fn relative_to(mut self, folder: &Path) -> Self {
        self.data_dir = folder.join(&self.data_dir);
        self.policies = folder.join(&self.policies);
        self.database.binaries = self.database.binaries.map(|binaries| folder.join(binaries));
        self
    }

    fn apply(&mut self, variables: impl IntoIterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (name, value) in variables {
            if value.is_empty() {
                continue;
            }
            let wrong = |reason: &str| ConfigError::Variable { name: name.clone(), reason: reason.to_owned() };
            match name.as_str() {
                "LAKEWARDEN_CONFIG" => {}
                "LAKEWARDEN_LISTEN" => {
                    self.listen =
                        value.parse().map_err(|_| wrong("must be an address and a port, such as 0.0.0.0:8080"))?;
                }
                "LAKEWARDEN_BASE_URL" => self.base_url = Some(value),
                "LAKEWARDEN_DATA_DIR" => self.data_dir = value.into(),
                "LAKEWARDEN_POLICIES" => self.policies = value.into(),
                // The name every tool knows; ours wins where both are set.
                "DATABASE_URL" if self.database.url.is_none() => self.database.url = Some(DatabaseUrl(value)),
                "LAKEWARDEN_DATABASE_URL" => self.database.url = Some(DatabaseUrl(value)),
                "LAKEWARDEN_DATABASE_MAX_CONNECTIONS" => {
                    self.database.max_connections = value.parse().map_err(|_| wrong("must be a whole number"))?;
                }
                "LAKEWARDEN_PG_BIN" => self.database.binaries = Some(value.into()),
                "LAKEWARDEN_ADMINISTRATOR_USERNAME" => self.administrator.username = value,
                "LAKEWARDEN_ADMINISTRATOR_PASSWORD" => self.administrator.password = Some(ApiSecret::new(value)),
                "LAKEWARDEN_LOG_FORMAT" => {
                    self.log.format = match value.as_str() {
                        "text" => LogFormat::Text,
                        "json" => LogFormat::Json,
                        _ => return Err(wrong("must be `text` or `json`")),
                    }
                }
                "LAKEWARDEN_LOG_FILTER" => self.log.filter = value,
                unknown if unknown.starts_with("LAKEWARDEN_") => self.unknown_variables.push(name),
                _ => {}
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |key, reason: &str| Err(ConfigError::Value { key, reason: reason.to_owned() });
        if let Some(url) = &self.base_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return value("base_url", "must begin with http:// or https://");
        }
        if let Some(url) = &self.database.url
            && !(url.0.starts_with("postgres://") || url.0.starts_with("postgresql://"))
        {
            return value("database.url", "must begin with postgres:// or postgresql://");
        }
        if !(4..=500).contains(&self.database.max_connections) {
            return value("database.max_connections", "must be between 4 and 500");
        }
        if self.administrator.username.trim().is_empty() {
            return value("administrator.username", "must not be empty");
        }
        if self.administrator.password.as_ref().is_some_and(|password| password.reveal().len() < 12) {
            return value("LAKEWARDEN_ADMINISTRATOR_PASSWORD", "must have at least 12 characters");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("lakewarden.toml"), text)
    }

    fn applied(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        config.apply(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn the_example_documents_every_key_with_its_default() {
        let text = include_str!("../../../deploy/config.example.toml");
        // Every key is there, commented out with its default: reading it with the comments removed must give the defaults.
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let example = parse(&uncommented).unwrap();
        assert_eq!(parse(text).unwrap().listen, Config::default().listen);
        assert_eq!(example.listen, Config::default().listen);
        assert_eq!(example.log.filter, Config::default().log.filter);
        for key in [
            "listen",
            "base_url",
            "data_dir",
            "policies",
            "url",
            "max_connections",
            "acquire_timeout_seconds",
            "binaries",
            "username",
            "format",
            "filter",
        ] {
            assert!(text.contains(&format!("#: {key} = ")), "{key} is not documented");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = parse("listen = \"0.0.0.0:80\"\n\n[database]\nurll = \"x\"\n").unwrap_err().to_string();
        assert!(error.starts_with("lakewarden.toml:") && error.contains("line 4") && error.contains("urll"), "{error}");
    }

    #[test]
    fn variables_win_over_the_file_and_ours_over_the_common_name() {
        let ours = ("LAKEWARDEN_DATABASE_URL", "postgres://ours");
        let common = ("DATABASE_URL", "postgres://common");
        for variables in [[ours, common], [common, ours]] {
            let config = applied(&variables).unwrap();
            assert_eq!(config.database.url.unwrap().reveal(), "postgres://ours");
        }
        assert_eq!(applied(&[("LAKEWARDEN_LISTEN", "0.0.0.0:9000")]).unwrap().listen.port(), 9000);
    }

    #[test]
    fn a_variable_that_may_be_mistyped_is_remembered_and_others_are_none_of_ours() {
        let config = applied(&[("LAKEWARDEN_LISTN", "x"), ("PATH", "/bin"), ("LAKEWARDEN_PG_BIN", "")]).unwrap();
        assert_eq!(config.unknown_variables, ["LAKEWARDEN_LISTN"]);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let config = applied(&[
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("LAKEWARDEN_ADMINISTRATOR_PASSWORD", "hunter2hunter2"),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (name, value) in [
            ("LAKEWARDEN_LISTEN", "8080"),
            ("LAKEWARDEN_BASE_URL", "lake.example"),
            ("DATABASE_URL", "mysql://x"),
            ("LAKEWARDEN_DATABASE_MAX_CONNECTIONS", "1"),
            ("LAKEWARDEN_LOG_FORMAT", "xml"),
            ("LAKEWARDEN_ADMINISTRATOR_PASSWORD", "short"),
        ] {
            assert!(applied(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn paths_of_a_file_are_meant_from_its_folder() {
        let config = parse("policies = \"policies\"").unwrap().relative_to(Path::new("/etc/lakewarden"));
        assert_eq!(config.policies, Path::new("/etc/lakewarden/policies"));
    }
}
