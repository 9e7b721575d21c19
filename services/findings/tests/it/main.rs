//! Findings against a real Postgres: recording, resolving, acting, reading, the audit chain.

mod acting;
mod lake;
mod reading;
mod recording;
