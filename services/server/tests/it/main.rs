//! The demo's lake fed through the service's own doors: what was planted is found, and nothing of weight besides.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod planted;
