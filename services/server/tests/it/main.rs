//! The demo's lake fed through the service's own doors: what was planted is found, and nothing of weight besides.

mod planted;
