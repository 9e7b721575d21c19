//! Delivery against a real Postgres and a real HTTP listener: nothing lost, nothing flooded, nothing leaked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint knows only functions marked as tests")]

mod delivering;
mod listener;
mod pages;
