//! Keyset paging: the last row's sort key, opaque to the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use thiserror::Error;

/// The key of the last row of a page in a list ordered by `(at desc, id desc)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub at: DateTime<Utc>,
    pub id: i64,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("the `cursor` parameter is not one this service handed out; leave it out to start from the first page")]
pub struct CursorError;

impl Cursor {
    /// Before every row: where the first page of a descending list starts.
    pub const fn start() -> Self {
        Self { at: DateTime::<Utc>::MAX_UTC, id: i64::MAX }
    }

    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.at.timestamp_micros(), self.id))
    }

    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let raw = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let raw = std::str::from_utf8(&raw).map_err(|_| CursorError)?;
        let (at, id) = raw.split_once('.').ok_or(CursorError)?;
        let at = at.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(CursorError)?;
        Ok(Self { at, id: id.parse().map_err(|_| CursorError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip_and_garbage_is_refused() {
        let cursor = Cursor { at: DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap(), id: 42 };
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        for garbage in ["", "!!", "YWJj", "OTk5OTk5OTk5OTk5OTk5OTk5OTkuMQ"] {
            assert_eq!(Cursor::decode(garbage), Err(CursorError), "{garbage}");
        }
    }
}
