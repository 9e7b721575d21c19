//! Every SQL statement of the slice.

pub mod events;
pub mod graph;
pub mod names;

pub mod runs;
pub mod summary;
