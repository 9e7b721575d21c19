//! The demo: a believable lake of eight tenants, generated from a seed and from "now", with breaches planted in it.

pub mod catalog;
pub mod cost;
mod feed;
pub mod lake;
pub mod lineage;
pub mod planted;
mod run;
pub mod trail;
mod webhook;

use lake::Lake;
use planted::Planted;

pub use feed::{feed, write_files};
pub use run::{DAYS, run};

/// Everything that is wrong in the lake on purpose.
pub fn planted(lake: &Lake) -> Vec<Planted> {
    [lineage::planted(lake), trail::planted(lake), catalog::planted(lake), cost::planted(lake)].concat()
}

fn planted_json(lake: &Lake) -> String {
    serde_json::to_string_pretty(&planted(lake)).expect("the list has string keys only")
}
