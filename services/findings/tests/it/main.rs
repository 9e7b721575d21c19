//! Findings against a real Postgres: recording, resolving, acting, reading, the audit chain.

mod lake;
mod recording;
