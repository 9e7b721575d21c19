//! Every SQL statement of this slice.

mod lane;
mod outbox;
mod read;

pub(crate) use lane::*;
pub(crate) use outbox::*;
pub(crate) use read::*;
