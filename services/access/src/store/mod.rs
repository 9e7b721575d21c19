//! Every SQL statement of the slice.

mod explore;
mod intern;
mod owners;
mod record;

pub use explore::*;
pub use intern::*;
pub use owners::*;
pub use record::*;
