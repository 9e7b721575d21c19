//! The service as its callers meet it.

mod callers;
