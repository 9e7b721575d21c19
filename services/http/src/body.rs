//! Reading a request body whole, inflated, and never larger than allowed: the limit counts inflated bytes.

use std::io::Read as _;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use thiserror::Error;

use crate::Problem;

/// Limits of one route, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// As received.
    pub received: usize,
    /// After inflating: a bomb stops here, not at the end of memory.
    pub inflated: usize,
}

#[derive(Debug, Error)]
pub enum BodyError {
    #[error("the body is larger than {limit} bytes{}", if *.inflated { " once inflated" } else { "" })]
    TooLarge { limit: usize, inflated: bool },
    #[error("content-encoding `{0}` is not supported; send gzip or no encoding")]
    UnknownEncoding(String),
    #[error("the body says it is gzip but cannot be inflated: {0}")]
    BadGzip(std::io::Error),
    #[error("the body ended early: {0}")]
    Aborted(String),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::too_large(error.to_string()),
            BodyError::UnknownEncoding(_) | BodyError::BadGzip(_) | BodyError::Aborted(_) => {
                Self::bad_request(error.to_string())
            }
        }
    }
}

/// Reads the whole body, inflating gzip (by header; several members are one stream).
pub async fn read_body(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Bytes, BodyError> {
    let received = receive(body, limits.received).await?;
    match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase()) {
        None => Ok(received),
        Some(encoding) if encoding == "identity" || encoding.is_empty() => Ok(received),
        Some(encoding) if encoding == "gzip" || encoding == "x-gzip" => inflate(&received, limits.inflated),
        Some(other) => Err(BodyError::UnknownEncoding(other)),
    }
}

async fn receive(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Aborted(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            if buffer.len() + data.len() > limit {
                return Err(BodyError::TooLarge { limit, inflated: false });
            }
            buffer.extend_from_slice(&data);
        }
    }
    Ok(buffer.freeze())
}

fn inflate(received: &[u8], limit: usize) -> Result<Bytes, BodyError> {
    let mut inflated = Vec::with_capacity(received.len().saturating_mul(4).min(limit));
    MultiGzDecoder::new(received).take(limit as u64 + 1).read_to_end(&mut inflated).map_err(BodyError::BadGzip)?;
    if inflated.len() > limit {
        return Err(BodyError::TooLarge { limit, inflated: true });
    }
    Ok(inflated.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 60_000_000]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(inflate(&bomb, 1_000_000), Err(BodyError::TooLarge { inflated: true, .. })));
    }

    #[test]
    fn several_members_are_one_stream_and_a_truncated_one_is_an_error() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(inflate(&two, 100).unwrap().as_ref(), b"one two");
        assert!(matches!(inflate(&two[..two.len() - 4], 100), Err(BodyError::BadGzip(_))));
    }
}
