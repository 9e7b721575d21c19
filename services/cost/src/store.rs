//! Every SQL statement of the slice.

mod read;
mod write;

pub use read::*;
pub use write::*;
