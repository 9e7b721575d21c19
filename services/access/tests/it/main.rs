//! The access plane against a real Postgres: import, upload, judging, pages, and everything that can be wrong with a file.

mod explorer;
mod hostile;
mod imports;
mod judging;
mod lake;
mod owners;
