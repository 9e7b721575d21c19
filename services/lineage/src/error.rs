//! What a caller of this slice can act on.

use lakewarden_http::{FieldError, Problem};
use thiserror::Error;

use crate::event::Invalid;

#[derive(Debug, Error)]
pub enum LineageError {
    #[error("the event is not acceptable: {0}")]
    Invalid(#[from] Invalid),
    #[error("too many events are waiting to be stored")]
    Overloaded,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A batch failed after this request joined it; the cause is in the log once.
    #[error("the batch with this event could not be stored: {reason}")]
    NotStored { reason: String, transient: bool },
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error(transparent)]
    Findings(#[from] lakewarden_findings::FindingsError),
}

impl LineageError {
    /// True where sending the same event again may succeed.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Unreadable { .. } | Self::Findings(_) => false,
            Self::Overloaded => true,
            Self::Database(error) => lakewarden_db::is_transient(error),
            Self::NotStored { transient, .. } => *transient,
        }
    }
}

impl From<LineageError> for Problem {
    fn from(error: LineageError) -> Self {
        match error {
            LineageError::Invalid(Invalid { pointer, reason }) => {
                let place = if pointer.is_empty() { "the event" } else { &pointer };
                Self::unprocessable(format!("{place}: {reason}"))
                    .with_errors(vec![FieldError { pointer, detail: reason }])
            }
            LineageError::Overloaded => {
                Self::unavailable("too many events are waiting to be stored; send this one again", 1)
            }
            LineageError::Database(error) => error.into(),
            LineageError::NotStored { transient: true, .. } => {
                Self::unavailable("the database is busy or restarting; nothing of this request was stored", 1)
            }
            LineageError::NotStored { ref reason, transient: false } => Self::internal(reason),
            LineageError::Unreadable { .. } => Self::bad_request(error.to_string()),
            LineageError::Findings(error) => Self::internal(&error),
        }
    }
}
