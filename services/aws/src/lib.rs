//! The collectors: Glue, Lake Formation, CloudTrail files on S3 and Cost Explorer, read-only, by the AWS SDKs.
//!
//! The only crate that compiles the SDKs, and `lakewarden-aws` the only process that holds AWS credentials. A collector fetches;
//! what it fetched goes through the same functions as an import of the AWS CLI's JSON. Every round is recorded with its source.
//! An answer that is not the API's (an HTML page, half a document) makes the round fail as unavailable; it never reads as
//! "nothing there". Tables: none of its own.

pub mod call;
pub mod config;
pub mod connection;
pub mod cost;
pub mod glue;
pub mod lake_formation;
pub mod listing;
pub mod recorder;
pub mod round;
pub mod trail;
pub mod trail_key;
