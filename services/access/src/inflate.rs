//! Gzip or plain bytes to text, within a limit: a bomb stops at the limit, a truncated file yields what came before the cut.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use libdeflater::{DecompressionError, Decompressor};
use thiserror::Error;

/// The text of a file, and why its end is missing if it is.
#[derive(Debug)]
pub struct Inflated {
    pub text: String,
    pub cut: Option<String>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum InflateError {
    #[error("the file is larger than {limit} bytes once inflated; raise the limit if it is genuine")]
    TooLarge { limit: usize },
    #[error("the file is not gzip and not text: {0}")]
    Unreadable(String),
}

/// Smallest possible gzip member: header and trailer.
const MEMBER_MIN: usize = 18;
/// Deflate cannot do better, so a trailer that promises more lies.
const BEST_RATIO: usize = 1032;

/// Inflates `bytes` if they are gzip (by content, not by name), else takes them as they are.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Inflated, InflateError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        if bytes.len() > limit {
            return Err(InflateError::TooLarge { limit });
        }
        return Ok(Inflated { text: to_text(bytes.to_vec()), cut: None });
    }
    match inflate_whole(bytes, limit)? {
        Some(whole) => Ok(Inflated { text: to_text(whole), cut: None }),
        None => inflate_streaming(bytes, limit),
    }
}

/// The usual file: one member, complete. `None` where it is anything else, for the streaming decoder to sort out.
fn inflate_whole(bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>, InflateError> {
    let Some(trailer) = bytes.last_chunk::<8>().filter(|_| bytes.len() >= MEMBER_MIN) else { return Ok(None) };
    let (crc, size) = trailer.split_at(4);
    let crc = u32::from_le_bytes(crc.try_into().expect("four of eight bytes"));
    let size = u32::from_le_bytes(size.try_into().expect("four of eight bytes")) as usize;
    if size > bytes.len().saturating_mul(BEST_RATIO) {
        return Ok(None);
    }
    if size > limit {
        return Err(InflateError::TooLarge { limit });
    }
    let mut out = vec![0; size];
    match Decompressor::new().gzip_decompress(bytes, &mut out) {
        // Of several members libdeflate inflates the first; the trailer is the last one's.
        Ok(written) if written == size && libdeflater::crc32(&out) == crc => Ok(Some(out)),
        Ok(_) | Err(DecompressionError::BadData | DecompressionError::InsufficientSpace) => Ok(None),
    }
}

fn inflate_streaming(bytes: &[u8], limit: usize) -> Result<Inflated, InflateError> {
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(limit));
    let outcome = MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut out);
    if out.len() > limit {
        return Err(InflateError::TooLarge { limit });
    }
    match outcome {
        Ok(_) => Ok(Inflated { text: to_text(out), cut: None }),
        Err(error) if out.is_empty() => Err(InflateError::Unreadable(error.to_string())),
        Err(error) => Ok(Inflated { text: to_text(out), cut: Some(format!("the gzip stream breaks off: {error}")) }),
    }
}

/// Bytes that are no UTF-8 become `�`, so that one bad string does not lose a file.
fn to_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_several_members_and_plain_text_are_all_read() {
        let text = |bytes: &[u8]| inflate(bytes, 1000).unwrap().text;
        assert_eq!(text(&gzip(b"one")), "one");
        assert_eq!(text(&[gzip(b"one "), gzip(b"two")].concat()), "one two");
        assert_eq!(text(&[gzip(b"abc"), gzip(b"xyz")].concat()), "abcxyz", "members of one size");
        assert_eq!(text(b"{}"), "{}");
        assert_eq!(text(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn a_truncated_file_yields_what_came_before_the_cut() {
        let long: String = (0..20_000_u32).flat_map(|n| [n.to_string(), " ".to_owned()]).collect();
        let whole = gzip(long.as_bytes());
        let cut = inflate(&whole[..whole.len() / 2], 1_000_000).unwrap();
        assert!(cut.cut.is_some() && long.starts_with(&cut.text) && cut.text.len() > 1000);
        assert!(matches!(inflate(&whole[..12], 1000), Err(InflateError::Unreadable(_))));
    }

    #[test]
    fn a_bomb_is_refused_even_when_its_trailer_lies() {
        let mut bomb = gzip(&vec![b' '; 60_000_000]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb, 1_000_000).unwrap_err(), InflateError::TooLarge { limit: 1_000_000 });
        let end = bomb.len();
        bomb[end - 4..].copy_from_slice(&5u32.to_le_bytes());
        assert_eq!(inflate(&bomb, 1_000_000).unwrap_err(), InflateError::TooLarge { limit: 1_000_000 });
    }
}
