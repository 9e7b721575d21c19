//! What can go wrong with quality, by what a caller can do about it.

use lakewarden_findings::FindingsError;
use lakewarden_http::Problem;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum QualityError {
    #[error(transparent)]
    Findings(#[from] FindingsError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<QualityError> for Problem {
    fn from(error: QualityError) -> Self {
        match error {
            QualityError::Findings(error) => error.into(),
            QualityError::Database(error) => error.into(),
        }
    }
}
