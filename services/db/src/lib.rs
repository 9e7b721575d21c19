//! Postgres: connecting, migrating, scoped transactions, the job queue and the embedded cluster.
//!
//! Tables: `jobs`. Every other slice reaches Postgres through [`Db`]: [`Db::begin`] for the service's own work,
//! [`Db::begin_as`] for a caller's, which row-level security then confines.

pub mod embedded;
mod error;
pub mod jobs;
mod pool;

pub use error::{DbError, ErrorExt, is_transient};
pub use jobs::{Job, JobError, Jobs, enqueue, enqueue_at};
pub use pool::{Db, DbConfig, Tx};
