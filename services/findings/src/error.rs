//! What can go wrong with findings, by what a caller can do about it.

use lakewarden_alerts::AlertsError;
use lakewarden_core::FindingId;
use lakewarden_http::Problem;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum FindingsError {
    #[error("policy `{0}` is not in the registry; the slice that judges it must register it first")]
    UnknownPolicy(String),
    #[error("finding {0} does not exist, or is not yours to see")]
    NotFound(FindingId),
    #[error("finding {id} is {status}, so it cannot be {wanted}")]
    WrongStatus { id: FindingId, status: &'static str, wanted: &'static str },
    #[error(transparent)]
    Alerts(#[from] AlertsError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<FindingsError> for Problem {
    fn from(error: FindingsError) -> Self {
        match error {
            FindingsError::UnknownPolicy(_) => Self::internal(&error),
            FindingsError::NotFound(id) => Self::not_found(format_args!("finding {id}")),
            FindingsError::WrongStatus { .. } => Self::conflict(error.to_string()),
            FindingsError::Alerts(error) => error.into(),
            FindingsError::Database(error) => error.into(),
        }
    }
}
