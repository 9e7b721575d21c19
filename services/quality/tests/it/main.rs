//! Quality against a real Postgres: judging what lineage observed, pages and API through the router.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its ground has failed")]

mod judging;
mod lake;
mod reading;
