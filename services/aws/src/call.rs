//! What a call to AWS came to, sorted by what a person can do about it.

use aws_sdk_glue::config::http::HttpResponse;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

/// Codes with which AWS says "slower".
const THROTTLING: &[&str] = &[
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"];

/// Why a call brought nothing, after all its retries.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// No answer, or none of the API's: nothing is known, least of all that nothing is there.
    #[error("{operation} is unavailable: {reason}")]
    Unavailable { operation: &'static str, reason: String },
    #[error("{operation} was throttled after every retry; collect less often or raise the account's quota")]
    Throttled { operation: &'static str },
    #[error("{operation} was denied ({code}): {message}; give the collector's role the read permission")]
    Denied { operation: &'static str, code: String, message: String },
    #[error("{operation} was refused ({code}): {message}")]
    Refused { operation: &'static str, code: String, message: String },
}

impl CallError {
    pub fn of<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let unavailable = |reason: String| Self::Unavailable { operation, reason };
        match error {
            SdkError::ServiceError(answer) => match answer.err().code() {
                Some(code) if THROTTLING.contains(&code) => Self::Throttled { operation },
                Some(code) => {
                    let message = answer.err().message().unwrap_or("no message").to_owned();
                    let code = code.to_owned();
                    if DENIED.contains(&code.as_str()) {
                        Self::Denied { operation, code, message }
                    } else {
                        Self::Refused { operation, code, message }
                    }
                }
                None => unavailable(not_the_api(answer.raw())),
            },
            SdkError::ResponseError(answer) => unavailable(not_the_api(answer.raw())),
            SdkError::TimeoutError(_) => unavailable("no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => unavailable(
                failure.as_connector_error().map_or_else(|| "no connection".to_owned(), ToString::to_string),
            ),
            SdkError::ConstructionFailure(_) => {
                unavailable("the request could not be built; check region and credentials".to_owned())
            }
            _ => unavailable("the SDK gave no reason".to_owned()),
        }
    }

    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

fn not_the_api(response: &HttpResponse) -> String {
    let kind = response.headers().get("content-type").unwrap_or("no content type");
    format!("answered {} with {kind}, which is not the API's answer", response.status().as_u16())
}
