//! The `[aws]` section of `lakewarden.toml`, and what of the rest the collectors need.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// Looked for in the working directory where no file is named.
pub const FILE: &str = "lakewarden.toml";

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {reason}")]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{path}: {reason}")]
    Parse { path: PathBuf, reason: String },
    #[error("{key} {reason}")]
    Value { key: &'static str, reason: String },
}

/// What is collected, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// Accounts whose catalogs are looked at; the collector's role must be allowed to read them.
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Between two looks at Glue and Lake Formation.
    pub catalog_every_minutes: u64,
    /// Between two listings of each trail's bucket.
    pub trails_every_minutes: u64,
    pub trails: Vec<TrailConfig>,
    pub cost: Option<CostConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailConfig {
    pub bucket: String,
    /// What stands before `AWSLogs/`.
    #[serde(default)]
    pub prefix: String,
    /// Where the bucket lies.
    pub region: String,
    /// How much later than its neighbours a file may appear.
    #[serde(default = "an_hour")]
    pub lateness_minutes: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostConfig {
    /// The payer account, as the sources page shows it.
    pub account: String,
    /// The cost allocation tag that names tenants.
    #[serde(default = "tenant")]
    pub tag: String,
    /// Every page costs 0.01 USD, and AWS renews the figures up to three times a day.
    #[serde(default = "eight")]
    pub every_hours: u64,
    /// Months before this one that the first round reads.
    #[serde(default = "three")]
    pub history_months: u32,
}

fn an_hour() -> i64 {
    60
}

fn tenant() -> String {
    "tenant".to_owned()
}

fn eight() -> u64 {
    8
}

fn three() -> u32 {
    3
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            regions: Vec::new(),
            catalog_every_minutes: 15,
            trails_every_minutes: 5,
            trails: Vec::new(),
            cost: None,
        }
    }
}

impl TrailConfig {
    /// Empty, or with a trailing slash.
    pub fn prefix(&self) -> String {
        let prefix = self.prefix.trim_matches('/');
        if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
    }
}

/// Everything the process needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub aws: AwsConfig,
    pub database_url: Option<String>,
    pub policies: PathBuf,
    pub base_url: String,
}

/// The file is the server's: its other keys are checked there.
#[derive(Deserialize)]
#[serde(default)]
struct File {
    aws: AwsConfig,
    database: Database,
    policies: PathBuf,
    base_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Database {
    url: Option<String>,
}

impl Default for File {
    fn default() -> Self {
        Self { aws: AwsConfig::default(), database: Database::default(), policies: "policies".into(), base_url: None }
    }
}

impl Config {
    /// Reads the file named, or `lakewarden.toml`. Paths in it are relative to it.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(FILE));
        let text =
            std::fs::read_to_string(path).map_err(|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        let mut config = Self::parse(path, &text)?;
        config.policies = path.parent().unwrap_or(Path::new("")).join(&config.policies);
        Ok(config)
    }

    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let config = Self {
            aws: file.aws,
            database_url: file.database.url,
            policies: file.policies,
            base_url: file.base_url.unwrap_or_else(|| "http://localhost:8080".to_owned()),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let accounts = self.aws.accounts.iter().chain(self.aws.cost.as_ref().map(|cost| &cost.account));
        for account in accounts {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                let reason = format!("holds `{account}`, which is not an account of 12 digits");
                return Err(ConfigError::Value { key: "aws.accounts", reason });
            }
        }
        if self.aws.accounts.is_empty() != self.aws.regions.is_empty() {
            let reason = "and aws.regions go together: name the accounts and the regions to look at".to_owned();
            return Err(ConfigError::Value { key: "aws.accounts", reason });
        }
        for (key, every) in [
            ("aws.catalog_every_minutes", self.aws.catalog_every_minutes),
            ("aws.trails_every_minutes", self.aws.trails_every_minutes),
            ("aws.cost.every_hours", self.aws.cost.as_ref().map_or(1, |cost| cost.every_hours)),
        ] {
            if every == 0 {
                return Err(ConfigError::Value { key, reason: "must be at least 1".to_owned() });
            }
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

    #[test]
    fn the_section_is_read_beside_the_servers_own_keys() {
        let config = parse(
            "listen = '0.0.0.0:80'\n[aws]\naccounts = ['111122223333']\nregions = ['eu-west-1']\n\
             [[aws.trails]]\nbucket = 'lake-logs'\nprefix = '/audit/'\nregion = 'eu-west-1'\n\
             [aws.cost]\naccount = '111122223333'\n",
        )
        .unwrap();
        assert_eq!((config.aws.catalog_every_minutes, config.aws.trails[0].prefix().as_str()), (15, "audit/"));
        assert_eq!(config.aws.cost.unwrap().tag, "tenant");
    }

    #[test]
    fn a_misspelt_key_and_an_impossible_value_are_errors_that_say_where() {
        let error = parse("[aws]\nregion = ['eu-west-1']\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("region"), "{error}");
        for text in [
            "[aws]\naccounts = ['1']\nregions = ['eu-west-1']",
            "[aws]\naccounts = ['111122223333']",
            "[aws]\ntrails_every_minutes = 0",
        ] {
            assert!(matches!(parse(text), Err(ConfigError::Value { .. })), "{text}");
        }
    }
}
