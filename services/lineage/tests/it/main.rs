//! The slice through its routes, on a real Postgres.

mod flow;
mod ingest;
mod order;
mod pages;
mod support;
