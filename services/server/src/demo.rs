//! The demo: a believable lake of eight tenants, generated from a seed and from "now", with breaches planted in it.

pub mod catalog;
pub mod cost;
pub mod lake;
pub mod lineage;
pub mod planted;
pub mod trail;

use lake::Lake;
use planted::Planted;

/// Everything that is wrong in the lake on purpose.
pub fn planted(lake: &Lake) -> Vec<Planted> {
    [lineage::planted(lake), trail::planted(lake), catalog::planted(lake), cost::planted(lake)].concat()
}
