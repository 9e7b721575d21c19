//! Every SQL statement of this slice.

pub(crate) mod audit;
pub(crate) mod change;
pub(crate) mod evidence;
pub(crate) mod read;
