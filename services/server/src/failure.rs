//! How a command ends when it does not succeed: one message that says what, where and what to do, and an exit code.

use std::fmt;
use std::process::ExitCode;

use lakewarden_db::DbError;
use lakewarden_db::embedded::EmbeddedError;

use crate::config::ConfigError;

#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// `EX_DATAERR`: what could be read was taken, the rest is in quarantine.
    pub fn quarantined(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 65 }
    }

    /// `EX_CONFIG`: the configuration or the machine lacks something.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 78 }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    #[cfg(test)]
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::configuration(error.to_string())
    }
}

impl From<EmbeddedError> for Failure {
    fn from(error: EmbeddedError) -> Self {
        match error {
            EmbeddedError::NoBinaries
            | EmbeddedError::NotBinaries(_)
            | EmbeddedError::TooOld { .. }
            | EmbeddedError::OtherVersion { .. } => Self::configuration(error.to_string()),
            EmbeddedError::InUse(_)
            | EmbeddedError::NotPrivate(_)
            | EmbeddedError::Io { .. }
            | EmbeddedError::Failed { .. }
            | EmbeddedError::NotStarted { .. }
            | EmbeddedError::Prepare(_) => Self::new(error.to_string()),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::RoleBypassesRowSecurity { .. } => Self::configuration(error.to_string()),
            DbError::Connect(_) | DbError::Migrate(_) | DbError::RowSecurityMissing(_) | DbError::Query(_) => {
                Self::new(error.to_string())
            }
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::new(format!("Postgres did not answer as expected: {error}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_postgres_is_told_apart_from_a_service_that_runs_already() {
        assert_eq!(Failure::from(EmbeddedError::NoBinaries).code(), 78);
        assert_eq!(Failure::from(EmbeddedError::InUse("/srv".into())).code(), 1);
    }
}
