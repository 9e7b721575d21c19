//! What can go wrong with access records, sorted by what a caller can do about it.

use std::path::PathBuf;

use lakewarden_findings::FindingsError;
use lakewarden_http::Problem;
use thiserror::Error;

use crate::inflate::InflateError;
use crate::reading::ReadError;

#[derive(Debug, Error)]
pub enum AccessError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("there is no trail file (.json or .json.gz) in {}", list(.0))]
    NothingToImport(Vec<PathBuf>),
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Findings(#[from] FindingsError),
    #[error("reading a trail file ended unexpectedly: {0}")]
    Reader(String),
}

impl AccessError {
    /// Whether the same call may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) | Self::Findings(FindingsError::Database(error)) => {
                lakewarden_db::is_transient(error)
            }
            _ => false,
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Read(ReadError::Inflate(error @ InflateError::TooLarge { .. })) => {
                Self::too_large(error.to_string())
            }
            AccessError::Read(error) => Self::unprocessable(error.to_string()),
            AccessError::NothingToImport(_) | AccessError::Unreadable { .. } => Self::bad_request(error.to_string()),
            AccessError::Database(error) => error.into(),
            AccessError::Findings(error) => error.into(),
            AccessError::Reader(_) => Self::internal(&error),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
