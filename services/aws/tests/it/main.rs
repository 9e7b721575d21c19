//! The collectors against moto over HTTP, and against a stub that pages, throttles and breaks as AWS does and moto does not.

mod emulator;
mod lake;
mod moto;
mod stub;
mod unwell;
