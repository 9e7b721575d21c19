//! Isolation: the Cedar policies over four planes, the judge, and the matrix of who touched whom.
//!
//! Tables: none of its own; crossings are findings, read back by actor, owner and plane. Jobs: none; the slices whose facts
//! these are (access, lineage, catalog) ask the [`Judge`] in their own transactions.

mod case;
mod facts;
mod judge;
mod matrix;
mod pack;
mod pages;
mod proof;
mod request;
mod store;

use lakewarden_core::{Clock, Live, LoadError};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;

pub use case::{CaseReport, run_cases};
pub use facts::*;
pub use judge::{Judge, Verdict};
pub use matrix::{Cell, Matrix, PlaneCount};
pub use pack::{Pack, SCHEMA_FILE};
pub use proof::PlaneProof;

/// What the slice needs.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
    pub pack: Live<Pack>,
    pub judge: Judge,
}

impl Ctx {
    pub fn new(db: Db, clock: Clock, ownership: Live<Ownership>, pack: Live<Pack>) -> Self {
        let judge = Judge::new(pack.clone(), ownership.clone());
        Self { db, clock, ownership, pack, judge }
    }
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new().get("/isolation", Who::Viewer, ctx.clone(), pages::show_matrix).get(
        "/api/v1/isolation",
        Who::Viewer,
        ctx,
        pages::get_matrix,
    )
}

/// None: this slice answers, it does not watch.
pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}

/// Reads the pack from the policies folder: the schema and every `isolation/*.cedar`, in the order of their names.
pub fn load_pack(policies: &std::path::Path) -> Result<Pack, LoadError> {
    let schema = read(policies, SCHEMA_FILE)?;
    let files = list(policies, "isolation", "cedar")?
        .into_iter()
        .map(|file| read(policies, &file).map(|text| (file, text)))
        .collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        return Err(refuse("isolation", "there is no *.cedar file; copy the ones Lakewarden ships with".to_owned()));
    }
    Pack::parse(&schema, &files)
}

/// Runs every `isolation/tests/*.toml` beside the policies; each report with its file.
pub fn check_pack(policies: &std::path::Path, pack: &Pack) -> Result<Vec<(String, CaseReport)>, LoadError> {
    list(policies, "isolation/tests", "toml")?
        .into_iter()
        .map(|file| {
            let text = read(policies, &file)?;
            Ok((file.clone(), run_cases(pack, &file, &text)?))
        })
        .collect()
}

fn list(policies: &std::path::Path, folder: &str, extension: &str) -> Result<Vec<String>, LoadError> {
    let entries = std::fs::read_dir(policies.join(folder)).map_err(|error| refuse(folder, error.to_string()))?;
    let mut files: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|found| found == extension))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| format!("{folder}/{name}"))
        .collect();
    files.sort();
    Ok(files)
}

fn read(policies: &std::path::Path, file: &str) -> Result<String, LoadError> {
    std::fs::read_to_string(policies.join(file)).map_err(|error| refuse(file, error.to_string()))
}

fn refuse(file: &str, message: String) -> LoadError {
    LoadError { file: file.to_owned(), line: None, message }
}
