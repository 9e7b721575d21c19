//! Pages of a listing put together to the one answer that the AWS CLI prints.

use aws_sdk_glue::config::http::HttpResponse;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::call::CallError;

/// A listing, and why it broke off if it did. An incomplete answer carries a `NextToken`, so that nothing reads it as complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub answer: Value,
    pub failure: Option<CallError>,
}

/// Fetches every page; the recorder has them then.
pub async fn drain<T, E: ProvideErrorMetadata>(
    operation: &'static str,
    mut next: impl AsyncFnMut() -> Option<Result<T, SdkError<E, HttpResponse>>>,
) -> Result<(), CallError> {
    while let Some(page) = next().await {
        page.map_err(|error| CallError::of(operation, &error))?;
    }
    Ok(())
}

/// Puts recorded pages together. A page without the list it should have is no answer of the API's.
pub fn merge(operation: &'static str, key: &str, pages: &[Bytes], outcome: Result<(), CallError>) -> Listing {
    let mut failure = outcome.err();
    let mut entries = Vec::new();
    for page in pages {
        let mut page = serde_json::from_slice::<Value>(page).unwrap_or_default();
        if let Some(list) = page.get_mut(key).and_then(Value::as_array_mut) {
            entries.append(list);
        } else {
            let reason = format!("answered without {key}");
            failure.get_or_insert(CallError::Unavailable { operation, reason });
        }
    }
    if pages.is_empty() {
        let reason = "gave no answer".to_owned();
        failure.get_or_insert(CallError::Unavailable { operation, reason });
    }
    let mut answer = json!({ key: entries });
    if failure.is_some() {
        answer["NextToken"] = json!("the listing broke off");
    }
    Listing { answer, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_one_answer() {
        let pages = [Bytes::from_static(br#"{"L":[1],"NextToken":"x"}"#), Bytes::from_static(br#"{"L":[2]}"#)];
        let listing = merge("List", "L", &pages, Ok(()));
        assert_eq!(listing, Listing { answer: json!({"L": [1, 2]}), failure: None });
    }

    #[test]
    fn what_broke_off_or_is_no_answer_never_reads_as_complete() {
        let broken = CallError::Throttled { operation: "List" };
        let one = [Bytes::from_static(br#"{"L":[1]}"#)];
        let listing = merge("List", "L", &one, Err(broken.clone()));
        assert_eq!(listing.failure, Some(broken));
        assert!(listing.answer["NextToken"].is_string());
        for page in ["<html>", "{}", "[]", r#"{"L":null}"#] {
            let listing = merge("List", "L", &[Bytes::from(page.to_owned())], Ok(()));
            assert!(listing.failure.is_some_and(|failure| failure.is_unavailable()), "{page}");
        }
        assert!(merge("List", "L", &[], Ok(())).failure.is_some(), "no page at all");
    }
}
