//! The collectors against moto over HTTP, and against a stub that pages, throttles and breaks as AWS does and moto does not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint knows only functions marked as tests")]

mod emulator;
mod lake;
mod moto;
mod stub;
mod unwell;
