//! One binary of black-box tests: what holds for the repository and for the service as a whole.

mod api;
mod pages;
mod support;
mod tidy;
