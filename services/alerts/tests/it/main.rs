//! Delivery against a real Postgres and a real HTTP listener: nothing lost, nothing flooded, nothing leaked.

mod delivering;
mod listener;
mod pages;
