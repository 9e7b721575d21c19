//! Every SQL statement of this slice.

pub(crate) mod audit;
pub(crate) mod change;
pub(crate) mod evidence;

use lakewarden_core::Sha256;

/// Hashes are written by us and are 32 bytes long; anything else in the column is damage and must not stop a page.
fn hash(bytes: &[u8]) -> Sha256 {
    Sha256::from_slice(bytes).unwrap_or(Sha256([0; 32]))
}
