//! What each command does, one file for each kind of it.

pub mod check_config;
pub mod database;
pub mod import;
pub mod openapi;
pub mod policy;
pub mod serve;
pub mod token;
