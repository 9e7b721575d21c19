//! `/catalog`: databases and tables by tenant and layer, and what changed.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Cursor, Layer};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use lakewarden_tenancy::Ownership;
use serde::Deserialize;

use super::lines::{ChangeLine, TableLine};
use super::{address, cursor_of, tenant_choices, tenant_filter};
use crate::masking::{Eyes, Shown};
use crate::store::pages::{self as store, TableFilter, Totals};
use crate::{Ctx, TableId};

const TABLES_A_PAGE: i64 = 100;
const CHANGES_A_PAGE: i64 = 15;

/// `?name=&tenant=&layer=&database=&after=&older=`
#[derive(Debug, Default, Deserialize)]
pub struct CatalogQuery {
    #[serde(default)]
    pub name: String,
    /// A tenant's slug.
    #[serde(default)]
    pub tenant: String,
    #[serde(default)]
    pub layer: String,
    #[serde(default)]
    pub database: String,
    /// Table after which the list goes on.
    #[serde(default)]
    pub after: String,
    /// Cursor in the feed.
    #[serde(default)]
    pub older: String,
}

impl CatalogQuery {
    pub(crate) fn filter(&self, ownership: &Ownership, limit: i64) -> Result<TableFilter, Problem> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let layer = text(&self.layer).map(|layer| layer.parse::<Layer>()).transpose();
        let after = text(&self.after).map(|id| id.parse::<TableId>()).transpose();
        Ok(TableFilter {
            name: text(&self.name),
            tenant: tenant_filter(ownership, &self.tenant)?,
            layer: layer.map_err(|error| Problem::bad_request(format!("layer: {error}")))?,
            database: text(&self.database),
            after: after.map_err(|_| Problem::bad_request("after: expected the id of a table"))?,
            limit,
        })
    }
}

#[derive(Template)]
#[template(path = "catalog/list.html")]
struct CatalogPage {
    shell: Shell,
    totals: Totals,
    looked_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    query: CatalogQuery,
    tenants: Vec<String>,
    databases: Vec<DatabaseLine>,
    tables: Vec<TableLine>,
    next: String,
    changes: Vec<ChangeLine>,
    older: String,
}

struct DatabaseLine {
    name: String,
    owner: Shown,
    layer: Option<Layer>,
    location: Option<String>,
    tables: i64,
}

pub async fn show_catalog(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<CatalogQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let eyes = Eyes { scope: viewer.scope, ownership: &ownership };
    let filter = query.filter(&ownership, TABLES_A_PAGE)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let totals = store::count_all(&mut *tx, now - TimeDelta::days(7)).await?;
    let databases = store::list_database_summaries(&mut *tx, filter.tenant).await?;
    let tables = store::list_tables(&mut *tx, &filter).await?;
    let changes = store::list_changes(&mut *tx, None, filter.tenant, cursor_of(&query.older)?, CHANGES_A_PAGE).await?;
    let looks = crate::store::snapshots::list_looks(&mut *tx).await?;
    tx.commit().await?;
    let full = tables.len() as i64 == TABLES_A_PAGE;
    let next = tables.last().filter(|_| full).map(|last| query.with(&[("after", &last.id.to_string())]));
    let full = changes.len() as i64 == CHANGES_A_PAGE;
    let older = changes.last().filter(|_| full).map(|last| {
        let cursor = Cursor { at: last.occurred_at, id: last.id };
        query.with(&[("older", &cursor.encode())])
    });
    CatalogPage {
        shell: Shell::new("Catalog", Section::Catalog, &viewer)
            .with_lead("Glue databases and tables, whose they are, where their data lies, and what changed."),
        totals,
        looked_at: looks.iter().map(|looks| looks.taken_at).max(),
        now,
        tenants: tenant_choices(&eyes),
        databases: databases
            .into_iter()
            .map(|row| DatabaseLine {
                name: row.name,
                owner: eyes.owner(row.tenant_id),
                layer: row.layer,
                location: row.location.map(|location| eyes.location(&location)),
                tables: row.tables,
            })
            .collect(),
        tables: tables.into_iter().map(|row| TableLine::of(&eyes, row)).collect(),
        next: next.unwrap_or_default(),
        changes: changes.into_iter().map(|row| ChangeLine::of(&eyes, row)).collect(),
        older: older.unwrap_or_default(),
        query,
    }
    .render_page()
}

impl CatalogQuery {
    /// This page's address with some parameters replaced.
    fn with(&self, replaced: &[(&str, &str)]) -> String {
        let mut pairs = BTreeMap::from([
            ("name", self.name.as_str()),
            ("tenant", &self.tenant),
            ("layer", &self.layer),
            ("database", &self.database),
            ("after", &self.after),
            ("older", &self.older),
        ]);
        pairs.extend(replaced.iter().copied());
        address("/catalog", &pairs)
    }

    fn is_narrowed(&self) -> bool {
        [&self.name, &self.tenant, &self.layer, &self.database].into_iter().any(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use lakewarden_testkit::noon;

    use super::*;

    impl CatalogPage {
        fn sample() -> Self {
            Self {
                shell: Shell::sample(Section::Catalog),
                totals: Totals { databases: 24, tables: 212, grants: 840, changes: 7 },
                looked_at: Some(noon()),
                now: noon(),
                query: CatalogQuery::default(),
                tenants: vec!["acme".into(), "globex".into()],
                databases: vec![DatabaseLine {
                    name: "acme_raw".into(),
                    owner: Shown::Tenant("acme".into()),
                    layer: Some(Layer::Raw),
                    location: Some("s3://lake-raw/acme/".into()),
                    tables: 12,
                }],
                tables: vec![TableLine {
                    id: TableId(7),
                    name: "acme_raw.orders".into(),
                    owner: Shown::Tenant("acme".into()),
                    lies_with: Some(Shown::Tenant("globex".into())),
                    layer: Some(Layer::Raw),
                    format: "parquet".into(),
                    columns: 14,
                    location: Some("s3://lake-raw/globex/orders/".into()),
                    changed_at: noon(),
                }],
                next: "/catalog?after=7".into(),
                changes: vec![ChangeLine::sample()],
                older: String::new(),
            }
        }
    }

    #[test]
    fn the_catalog_renders_and_escapes() {
        let page = CatalogPage::sample().render().unwrap();
        assert!(page.contains("acme_raw.orders") && page.contains("href=\"/catalog/tables/7\""));
        assert!(!page.contains("<script>"), "values come from AWS and are escaped");
    }

    #[test]
    fn an_empty_catalog_says_how_to_fill_it() {
        let page = CatalogPage {
            looked_at: None,
            databases: Vec::new(),
            tables: Vec::new(),
            changes: Vec::new(),
            totals: Totals::default(),
            ..CatalogPage::sample()
        };
        assert!(page.render().unwrap().contains("lakewarden import glue"));
    }

    #[test]
    fn addresses_keep_filters_and_encode_them() {
        let query = CatalogQuery { name: "a&b".into(), ..CatalogQuery::default() };
        assert_eq!(query.with(&[("after", "7")]), "/catalog?after=7&name=a%26b");
    }
}
