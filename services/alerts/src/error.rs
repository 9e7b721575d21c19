//! What can go wrong when people are to be told.

use lakewarden_http::Problem;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum AlertsError {
    #[error("a notice could not be written as JSON: {0}")]
    Notice(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<AlertsError> for Problem {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Database(error) => error.into(),
            AlertsError::Notice(error) => Self::internal(&error),
        }
    }
}
