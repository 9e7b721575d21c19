//! `/catalog/grants`: who may do what with whose data.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use lakewarden_core::{Cursor, Scope};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use serde::Deserialize;

use super::lines::GrantLine;
use super::{address, cursor_of, tenant_choices, tenant_filter};
use crate::Ctx;
use crate::masking::{Eyes, Shown};
use crate::store::pages::{self as store, GrantFilter};

const GRANTS_A_PAGE: i64 = 100;

/// `?principal=&tenant=&holder=&show=&cursor=`
#[derive(Debug, Default, Deserialize)]
pub struct GrantsQuery {
    #[serde(default)]
    pub principal: String,
    /// Slug of the resource's owner.
    #[serde(default)]
    pub tenant: String,
    /// Slug of the principal's owner.
    #[serde(default)]
    pub holder: String,
    /// `crossing` for those between tenants, `all` for revoked ones too.
    #[serde(default)]
    pub show: String,
    #[serde(default)]
    pub cursor: String,
}

impl GrantsQuery {
    pub(crate) fn filter(&self, eyes: &Eyes<'_>, limit: i64) -> Result<GrantFilter, Problem> {
        let mut holder = tenant_filter(eyes.ownership, &self.holder)?;
        let principal = Some(self.principal.trim().to_owned()).filter(|text| !text.is_empty());
        if let (Scope::Tenant(own), true) = (eyes.scope, principal.is_some() || holder.is_some()) {
            // Searching among principals whose names are hidden would give the names away.
            holder = Some(own);
        }
        Ok(GrantFilter {
            principal,
            tenant: tenant_filter(eyes.ownership, &self.tenant)?,
            principal_tenant: holder,
            crossing: self.show == "crossing",
            ended: self.show == "all",
            before: cursor_of(&self.cursor)?,
            limit,
        })
    }
}

#[derive(Template)]
#[template(path = "catalog/grants.html")]
struct GrantsPage {
    shell: Shell,
    query: GrantsQuery,
    tenants: Vec<String>,
    shows: [&'static str; 2],
    grants: Vec<GrantLine>,
    next: String,
}

pub async fn show_grants(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<GrantsQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let eyes = Eyes { scope: viewer.scope, ownership: &ownership };
    let filter = query.filter(&eyes, GRANTS_A_PAGE)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let grants = store::list_grants(&mut *tx, &filter).await?;
    tx.commit().await?;
    let full = grants.len() as i64 == GRANTS_A_PAGE;
    let next = grants.last().filter(|_| full).map(|last| {
        let cursor = Cursor { at: last.valid_from, id: last.id }.encode();
        let pairs = BTreeMap::from([
            ("principal", query.principal.as_str()),
            ("tenant", &query.tenant),
            ("holder", &query.holder),
            ("show", &query.show),
            ("cursor", &cursor),
        ]);
        address("/catalog/grants", &pairs)
    });
    GrantsPage {
        shell: Shell::new("Grants", Section::Catalog, &viewer)
            .with_lead("Lake Formation permissions: who may do what with whose data.")
            .under("Catalog", "/catalog"),
        tenants: tenant_choices(&eyes),
        shows: ["crossing", "all"],
        grants: grants.iter().map(|row| GrantLine::of(&eyes, row)).collect(),
        next: next.unwrap_or_default(),
        query,
    }
    .render_page()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_grants_renders() {
        let page = GrantsPage {
            shell: Shell::sample(Section::Catalog),
            query: GrantsQuery::default(),
            tenants: vec!["acme".into()],
            shows: ["crossing", "all"],
            grants: vec![GrantLine::sample()],
            next: String::new(),
        };
        assert!(page.render().unwrap().contains("acme-etl"));
    }
}
