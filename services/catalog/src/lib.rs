//! Glue databases, tables and versions, Lake Formation permissions, tags and locations: what exists, who may, and every change.
//!
//! Tables: `catalog_snapshots`, `glue_databases`, `glue_tables`, `glue_table_versions`, `lf_grants`, `lf_tags`,
//! `registered_locations`, `lf_settings`, `catalog_changes`, `catalog_breaches`. Jobs: `judge_catalog`, after every snapshot and
//! every five minutes.

mod api;
mod breaches;
mod difference;
mod document;
mod entry;
mod error;
mod ingest;
mod jobs;
mod masking;
mod owners;
mod pages;
mod reassign;
mod resource;
mod snapshot;
mod state;
mod store;
mod tables;

use lakewarden_core::{Clock, Live, typed_id};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;

use lakewarden_identity::Who;
use lakewarden_isolation::{Judge, Pack};
use lakewarden_tenancy::Ownership;

pub use document::{Asked, Document, Parsed, parse};
pub use error::CatalogError;
pub use ingest::{Stored, import, import_documents, source_name, store_snapshot};
pub use jobs::{JudgeCatalog, Judged, judge_catalog};
pub use reassign::reassign_owners;
pub use resource::Resource;
pub use snapshot::{
    Column, Complete, Database, FieldChange, GlueSnapshot, Grant, RegisteredLocation, Table, TableContent, Tagged,
};

typed_id!(
    /// Row of `glue_tables`.
    TableId(i64)
);

/// What the slice needs.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
    pub pack: Live<Pack>,
    pub judge: Judge,
    pub findings: lakewarden_findings::Ctx,
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .get("/catalog", Who::Viewer, ctx.clone(), pages::show_catalog)
        .get("/catalog/tables/{id}", Who::Viewer, ctx.clone(), pages::show_table)
        .get("/catalog/grants", Who::Viewer, ctx.clone(), pages::show_grants)
        .get("/api/v1/catalog/tables", Who::Viewer, ctx.clone(), api::list_tables)
        .get("/api/v1/catalog/grants", Who::Viewer, ctx.clone(), api::list_grants)
        .post("/api/v1/catalog", Who::Producer, ctx, api::post_catalog)
}

pub fn jobs(ctx: Ctx) -> Jobs {
    jobs::jobs(ctx)
}
