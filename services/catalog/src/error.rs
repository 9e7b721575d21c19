//! What can go wrong with the catalog, by what a caller can do about it.

use lakewarden_findings::FindingsError;
use lakewarden_http::Problem;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum CatalogError {
    #[error("nothing in the body is an answer of Glue or Lake Formation: {first}")]
    NothingUsable { first: String },
    #[error("table {0} does not exist, or is not yours to see")]
    TableNotFound(crate::TableId),
    #[error(transparent)]
    Findings(#[from] FindingsError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NothingUsable { .. } => Self::unprocessable(error.to_string()),
            CatalogError::TableNotFound(id) => Self::not_found(format_args!("table {id}")),
            CatalogError::Findings(error) => error.into(),
            CatalogError::Database(error) => error.into(),
        }
    }
}
