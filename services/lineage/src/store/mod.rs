//! Every SQL statement of the slice.

pub mod events;
pub mod flows;
pub mod graph;
pub mod names;

pub mod owners;
pub mod read;
pub mod runs;
pub mod summary;
