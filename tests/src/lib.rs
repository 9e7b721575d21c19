//! Black-box tests of the whole service; see `it/main.rs`.
