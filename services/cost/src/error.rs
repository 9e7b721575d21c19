//! What can go wrong with costs, by what a caller can do about it.

use lakewarden_findings::FindingsError;
use lakewarden_http::{FieldError, Problem};
use thiserror::Error;

use crate::cost_explorer::BadPage;

#[derive(Debug, Error)]
pub enum CostError {
    /// Nothing was stored but the quarantine.
    #[error("{reason}; nothing of this was taken")]
    Refused { reason: String, bad: Vec<BadPage> },
    #[error(transparent)]
    Findings(#[from] FindingsError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<CostError> for Problem {
    fn from(error: CostError) -> Self {
        match error {
            CostError::Refused { ref bad, .. } => {
                let fault = |bad: &BadPage| FieldError { pointer: bad.place.clone(), detail: bad.reason.clone() };
                let errors = bad.iter().take(20).map(fault).collect();
                Self::unprocessable(error.to_string()).with_errors(errors)
            }
            CostError::Findings(error) => error.into(),
            CostError::Database(error) => error.into(),
        }
    }
}
