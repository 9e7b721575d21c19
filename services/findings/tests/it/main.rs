//! Findings against a real Postgres: recording, resolving, acting, reading, the audit chain.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint knows only functions marked as tests")]

mod acting;
mod lake;
mod reading;
mod recording;
