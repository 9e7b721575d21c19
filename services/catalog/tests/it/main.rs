//! The catalog against a real Postgres: storing, history, judging, pages and who sees what.

mod history;
mod judging;
mod lake;
mod reading;
