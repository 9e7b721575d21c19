//! The library behind the binary `lakewarden`: configuration, commands and the demo.

pub mod demo;
