//! Costs against a real Postgres: imports and restatements, allocation, judging, pages and API through the router.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its ground has failed")]

mod conformance;
mod importing;
mod judging;
mod lake;
mod reading;
