//! The flow plane.
pub mod columns;
pub mod event;
pub mod facts;
pub mod identity;
