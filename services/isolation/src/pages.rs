//! The isolation matrix as a page and as JSON.

use askama::Template;
use axum::Json;
use axum::extract::State;
use lakewarden_core::{Plane, Scope};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use lakewarden_identity::Viewer;
use lakewarden_sources::list_sources;
use serde::Serialize;

use crate::Ctx;
use crate::matrix::{Cell, Crossing, Matrix, PlaneCount};
use crate::proof::PlaneProof;
use crate::store::list_crossings;

#[derive(Template)]
#[template(path = "isolation/matrix.html")]
struct MatrixPage {
    shell: Shell,
    matrix: Matrix,
    proof: Vec<PlaneProof>,
    /// For a tenant's own auditor: what others did to their data, without saying who.
    own: Option<OwnCrossings>,
    policies: usize,
    pack: String,
    broken: Option<String>,
}

/// One tenant's view: the other side has no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OwnCrossings {
    tenant: String,
    planes: Vec<PlaneCount>,
}

impl MatrixPage {
    fn crossings(&self) -> Vec<&Cell> {
        self.matrix.crossings()
    }
}

/// One letter a plane, for cells too small for words; the cell's label spells it out.
fn plane_letter(plane: Plane) -> char {
    match plane {
        Plane::Access => 'A',
        Plane::Flow => 'F',
        Plane::Grant => 'G',
        Plane::Catalog => 'C',
    }
}

impl PlaneCount {
    pub fn letter(&self) -> char {
        plane_letter(self.plane)
    }
}

pub async fn show_matrix(State(ctx): State<Ctx>, CurrentViewer(viewer): CurrentViewer) -> Result<Html, Problem> {
    let Standing { matrix, proof, own } = read(&ctx, &viewer).await?;
    let loaded = ctx.pack.loaded();
    MatrixPage {
        shell: Shell::new("Isolation", Section::Isolation, &viewer),
        matrix,
        proof,
        own,
        policies: loaded.value.policies().len(),
        pack: loaded.version.short(),
        broken: loaded.broken.as_ref().map(ToString::to_string),
    }
    .render_page()
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum MatrixAnswer {
    All { matrix: Matrix, planes: Vec<PlaneProof> },
    Own(OwnCrossings),
}

pub async fn get_matrix(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Json<MatrixAnswer>, Problem> {
    let Standing { matrix, proof, own } = read(&ctx, &viewer).await?;
    Ok(Json(own.map_or(MatrixAnswer::All { matrix, planes: proof }, MatrixAnswer::Own)))
}

/// What the page and the JSON tell.
struct Standing {
    matrix: Matrix,
    proof: Vec<PlaneProof>,
    own: Option<OwnCrossings>,
}

async fn read(ctx: &Ctx, viewer: &Viewer) -> Result<Standing, Problem> {
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let crossings = list_crossings(&mut *tx).await?;
    let sources = list_sources(&mut *tx).await?;
    tx.commit().await?;
    let ownership = ctx.ownership.get();
    match viewer.scope {
        Scope::All => {
            let matrix = Matrix::of(&ownership, &crossings);
            Ok(Standing { matrix, proof: PlaneProof::of_all(&sources, ctx.clock.now()), own: None })
        }
        Scope::Tenant(id) => {
            let tenant = ownership.tenant(id).map(|tenant| tenant.slug.clone()).unwrap_or_default();
            let own = OwnCrossings { tenant, planes: by_plane(&crossings) };
            let matrix = Matrix { tenants: Vec::new(), rows: Vec::new() };
            Ok(Standing { matrix, proof: Vec::new(), own: Some(own) })
        }
    }
}

/// Crossings of any actor added up by plane.
fn by_plane(crossings: &[Crossing]) -> Vec<PlaneCount> {
    Plane::ALL
        .iter()
        .filter_map(|plane| {
            let of_plane = || crossings.iter().filter(|crossing| crossing.plane == *plane);
            Some(PlaneCount {
                plane: *plane,
                severity: of_plane().map(|crossing| crossing.severity).min()?,
                findings: of_plane().map(|crossing| crossing.findings).sum(),
                last_seen: of_plane().map(|crossing| crossing.last_seen).max()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use lakewarden_core::Severity;

    use super::*;

    fn cell(actor: &str, owner: &str, planes: Vec<PlaneCount>) -> Cell {
        Cell { actor: actor.into(), owner: owner.into(), planes }
    }

    fn sample() -> MatrixPage {
        let seen = PlaneCount {
            plane: Plane::Access,
            severity: Severity::Critical,
            findings: 3,
            last_seen: DateTime::from_timestamp(1_795_348_800, 0).unwrap(),
        };
        MatrixPage {
            shell: Shell::sample(Section::Isolation),
            matrix: Matrix {
                tenants: vec!["acme".into(), "globex".into()],
                rows: vec![
                    vec![cell("acme", "acme", vec![]), cell("acme", "globex", vec![seen])],
                    vec![cell("globex", "acme", vec![]), cell("globex", "globex", vec![])],
                ],
            },
            proof: PlaneProof::of_all(&[], DateTime::from_timestamp(1_795_348_800, 0).unwrap()),
            own: None,
            policies: 39,
            pack: "0123456789ab".into(),
            broken: None,
        }
    }

    #[test]
    fn a_cell_opens_the_findings_of_its_pair_and_plane() {
        let page = sample().render().unwrap();
        assert!(page.contains("/findings?actor=acme&amp;tenant=globex&amp;plane=access"), "{page}");
        assert!(page.contains("acme → globex"));
    }

    #[test]
    fn a_tenants_own_view_names_nobody_else() {
        let mut page = sample();
        let planes = page.matrix.rows[0][1].planes.clone();
        page.own = Some(OwnCrossings { tenant: "globex".into(), planes });
        page.matrix = Matrix { tenants: vec![], rows: vec![] };
        let page = page.render().unwrap();
        assert!(page.contains("another tenant") && !page.contains("acme"), "{page}");
    }
}
