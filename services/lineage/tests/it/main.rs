//! The slice through its routes, on a real Postgres.

mod ingest;
mod order;
mod support;
