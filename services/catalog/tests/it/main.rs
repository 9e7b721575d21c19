//! The catalog against a real Postgres: storing, history, judging, pages and who sees what.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint knows only functions marked as tests")]

mod history;
mod judging;
mod lake;
mod reading;
