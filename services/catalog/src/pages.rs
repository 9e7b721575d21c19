//! The catalog as pages: what exists and what changed, one table with its history, who may do what.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Cursor, Layer, Scope, TenantId};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use lakewarden_tenancy::Ownership;
use serde::Deserialize;

use crate::masking::{Eyes, Shown};
use crate::resource::{database_name, table_name};
use crate::snapshot::{FieldChange, TableContent, changed_fields};
use crate::store::pages::{self as store, GrantFilter, TableFilter, Totals};
use crate::{CatalogError, Ctx, TableId, owners};

const TABLES_A_PAGE: i64 = 100;
const CHANGES_A_PAGE: i64 = 15;
const GRANTS_A_PAGE: i64 = 100;
const VERSIONS_SHOWN: i64 = 50;
const GRANTS_OF_A_TABLE: i64 = 200;

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

/// A tenant's slug, `platform`, or nothing.
pub(crate) fn tenant_filter(ownership: &Ownership, slug: &str) -> Result<Option<TenantId>, Problem> {
    match slug.trim() {
        "" => Ok(None),
        "platform" => Ok(Some(TenantId::PLATFORM)),
        slug => match ownership.tenant_by_slug(slug) {
            Some(tenant) => Ok(Some(tenant.id)),
            None => Err(Problem::bad_request(format!("tenant: there is no tenant `{slug}`"))),
        },
    }
}

pub(crate) fn cursor_of(text: &str) -> Result<Cursor, Problem> {
    match text {
        "" => Ok(Cursor::start()),
        text => Cursor::decode(text).map_err(|error| Problem::bad_request(error.to_string())),
    }
}

/// Slugs for the filter; a tenant's own auditor has none to choose from.
fn tenant_choices(eyes: &Eyes<'_>) -> Vec<String> {
    match eyes.scope {
        Scope::All => {
            let slugs = eyes.ownership.tenants().iter().map(|tenant| tenant.slug.clone());
            slugs.chain(["platform".to_owned()]).collect()
        }
        Scope::Tenant(_) => Vec::new(),
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

struct TableLine {
    id: TableId,
    name: String,
    owner: Shown,
    /// Only where the data lies with somebody else than the owner by name.
    lies_with: Option<Shown>,
    layer: Option<Layer>,
    format: String,
    columns: i32,
    location: Option<String>,
    changed_at: DateTime<Utc>,
}

struct ChangeLine {
    occurred_at: DateTime<Utc>,
    kind: String,
    action: String,
    asset: String,
    href: String,
    owner: Shown,
    fields: Vec<FieldChange>,
    more: usize,
}

impl ChangeLine {
    const FIELDS_SHOWN: usize = 4;

    fn of(eyes: &Eyes<'_>, row: store::ChangeRow) -> Self {
        let fields: Vec<FieldChange> = serde_json::from_value(row.fields).unwrap_or_default();
        let more = fields.len().saturating_sub(Self::FIELDS_SHOWN);
        Self {
            occurred_at: row.occurred_at,
            kind: row.kind,
            action: row.action,
            asset: short_name(&row.asset).to_owned(),
            href: row.table_id.map(|id| format!("/catalog/tables/{id}")).unwrap_or_default(),
            owner: eyes.owner(row.tenant_id),
            fields: fields.into_iter().take(Self::FIELDS_SHOWN).map(|field| eyes.change(field)).collect(),
            more,
        }
    }
}

/// `glue:1/acme_raw.orders` as `acme_raw.orders`.
fn short_name(asset: &str) -> &str {
    match asset.strip_prefix("glue:").and_then(|name| name.split_once('/')) {
        Some((_, path)) => path,
        None => asset,
    }
}

impl TableLine {
    fn of(eyes: &Eyes<'_>, row: store::TableRow) -> Self {
        let lies_elsewhere = row.location_tenant_id.is_some() && row.location_tenant_id != row.tenant_id;
        Self {
            id: row.id,
            name: format!("{}.{}", row.database_name, row.name),
            owner: eyes.owner(row.tenant_id),
            lies_with: lies_elsewhere.then(|| eyes.owner(row.location_tenant_id)),
            layer: row.layer,
            format: row.format,
            columns: row.column_count,
            location: row.location.map(|location| eyes.location(&location)),
            changed_at: row.changed_at,
        }
    }
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
    let changes =
        store::list_changes(&mut *tx, None, filter.tenant, cursor_of(&query.older)?, CHANGES_A_PAGE).await?;
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

fn address(path: &str, pairs: &BTreeMap<&str, &str>) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", askama::filters::urlencode_strict(value).map(|text| text.to_string()).unwrap_or_default()))
        .collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[derive(Template)]
#[template(path = "catalog/table.html")]
struct TablePage {
    shell: Shell,
    asset: String,
    account: String,
    region: String,
    owner: Shown,
    owner_rule: String,
    lies_with: Option<Shown>,
    lies_rule: String,
    layer: Option<Layer>,
    first_seen_at: DateTime<Utc>,
    dropped_at: Option<DateTime<Utc>>,
    content: TableContent,
    tags: Vec<(String, String, bool)>,
    versions: Vec<VersionLine>,
    grants: Vec<GrantLine>,
    ended_grants: Vec<GrantLine>,
    changes: Vec<ChangeLine>,
}

struct VersionLine {
    glue_version: Option<String>,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
    fields: Vec<FieldChange>,
    is_first: bool,
}

struct GrantLine {
    principal: String,
    principal_owner: Shown,
    resource: String,
    owner: Shown,
    permission: String,
    condition: String,
    grantable: bool,
    is_crossing: bool,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
}

impl GrantLine {
    fn of(eyes: &Eyes<'_>, row: &store::GrantLine) -> Self {
        let is_tenant = |tenant: Option<TenantId>| tenant.filter(|tenant| !tenant.is_platform());
        let (of, to) = (is_tenant(row.tenant_id), is_tenant(row.principal_tenant_id));
        Self {
            principal: eyes.principal(&row.principal, row.principal_tenant_id),
            principal_owner: eyes.owner(row.principal_tenant_id),
            resource: short_name(&row.resource).to_owned(),
            owner: eyes.owner(row.tenant_id),
            permission: row.permission.clone(),
            condition: row.condition.clone(),
            grantable: row.grantable,
            is_crossing: of.is_some() && to.is_some() && of != to,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        }
    }
}

pub async fn show_table(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<TableId>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let eyes = Eyes { scope: viewer.scope, ownership: &ownership };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let table = store::find_table(&mut *tx, id).await?.ok_or(CatalogError::TableNotFound(id))?;
    let asset = table_name(&table.account, &table.database_name, &table.name);
    let database = database_name(&table.account, &table.database_name);
    let versions = store::list_versions(&mut *tx, id, VERSIONS_SHOWN).await?;
    let grants = store::list_grants_on(&mut *tx, &asset, &database, GRANTS_OF_A_TABLE).await?;
    let tags = store::list_tags_on(&mut *tx, &[asset.clone(), database.clone()]).await?;
    let changes = store::list_changes(&mut *tx, Some(id), None, Cursor::start(), CHANGES_A_PAGE).await?;
    tx.commit().await?;

    let owned = owners::of_table(&ownership, &table.account, &table.database_name, &table.name);
    let lies = table.location.as_deref().map(|location| owners::of_location(&ownership, location));
    let line = TableLine::of(&eyes, table.clone());
    let may_explain = |tenant: Option<TenantId>| eyes.owner(tenant) != Shown::AnotherTenant;
    let (ended, now): (Vec<_>, Vec<_>) = grants.iter().partition(|row| row.valid_to.is_some());
    let content = versions.first().and_then(|row| serde_json::from_value(row.content.clone()).ok()).unwrap_or_default();
    TablePage {
        shell: Shell::new(line.name.clone(), Section::Catalog, &viewer).under("Catalog", "/catalog"),
        account: table.account.clone(),
        region: table.region.clone(),
        owner: line.owner,
        owner_rule: ownership.explain(owned.rule),
        lies_rule: lies
            .filter(|lies| may_explain(lies.owner.tenant_id()))
            .map(|lies| ownership.explain(lies.rule))
            .unwrap_or_default(),
        lies_with: lies.map(|lies| eyes.owner(lies.owner.tenant_id())),
        layer: table.layer,
        first_seen_at: table.first_seen_at,
        dropped_at: table.dropped_at,
        content: eyes.content(content),
        tags: tags
            .into_iter()
            .map(|tag| {
                let values: Vec<String> = tag.tag_values.iter().map(|value| eyes.tag_value(&tag.tag_key, value)).collect();
                (tag.tag_key, values.join(", "), tag.resource == database)
            })
            .collect(),
        versions: version_lines(&eyes, &versions),
        grants: now.into_iter().map(|row| GrantLine::of(&eyes, row)).collect(),
        ended_grants: ended.into_iter().map(|row| GrantLine::of(&eyes, row)).collect(),
        changes: changes.into_iter().map(|row| ChangeLine::of(&eyes, row)).collect(),
        asset,
    }
    .render_page()
}

/// Each version with what it changed of the one before it.
fn version_lines(eyes: &Eyes<'_>, newest_first: &[store::VersionRow]) -> Vec<VersionLine> {
    let content = |row: &store::VersionRow| -> TableContent { serde_json::from_value(row.content.clone()).unwrap_or_default() };
    newest_first
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let before = newest_first.get(index + 1).map(content);
            let fields = before.as_ref().map(|before| changed_fields(&before.facets(), &content(row).facets()));
            VersionLine {
                glue_version: row.glue_version.clone(),
                valid_from: row.valid_from,
                valid_to: row.valid_to,
                is_first: before.is_none(),
                fields: fields.unwrap_or_default().into_iter().map(|field| eyes.change(field)).collect(),
            }
        })
        .collect()
}

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
    use crate::snapshot::Column;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    impl GrantLine {
        fn sample() -> Self {
            Self {
                principal: "arn:aws:iam::111122223333:role/acme-etl".into(),
                principal_owner: Shown::Tenant("acme".into()),
                resource: "globex_raw.orders".into(),
                owner: Shown::Tenant("globex".into()),
                permission: "SELECT".into(),
                condition: String::new(),
                grantable: true,
                is_crossing: true,
                valid_from: noon(),
                valid_to: None,
            }
        }
    }

    impl ChangeLine {
        fn sample() -> Self {
            Self {
                occurred_at: noon(),
                kind: "table".into(),
                action: "altered".into(),
                asset: "acme_raw.orders".into(),
                href: "/catalog/tables/7".into(),
                owner: Shown::Tenant("acme".into()),
                fields: vec![FieldChange {
                    field: "columns.email".into(),
                    before: None,
                    after: Some("string <script>".into()),
                }],
                more: 2,
            }
        }
    }

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

    impl TablePage {
        fn sample() -> Self {
            let column = |name: &str| Column { name: name.into(), kind: "string".into(), comment: "e-mail".into() };
            Self {
                shell: Shell::sample(Section::Catalog),
                asset: "glue:111122223333/acme_raw.orders".into(),
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                owner: Shown::Tenant("acme".into()),
                owner_rule: "convention glue[0]".into(),
                lies_with: Some(Shown::AnotherTenant),
                lies_rule: String::new(),
                layer: Some(Layer::Raw),
                first_seen_at: noon(),
                dropped_at: None,
                content: TableContent {
                    location: Some("s3://lake-raw/globex/orders/".into()),
                    format: "parquet".into(),
                    columns: vec![column("email")],
                    partition_keys: vec![column("dt")],
                    parameters: BTreeMap::from([("classification".into(), "parquet".into())]),
                },
                tags: vec![("tenant".into(), "acme".into(), true)],
                versions: vec![
                    VersionLine {
                        glue_version: Some("3".into()),
                        valid_from: noon(),
                        valid_to: None,
                        fields: ChangeLine::sample().fields,
                        is_first: false,
                    },
                    VersionLine {
                        glue_version: None,
                        valid_from: noon(),
                        valid_to: Some(noon()),
                        fields: Vec::new(),
                        is_first: true,
                    },
                ],
                grants: vec![GrantLine::sample()],
                ended_grants: vec![GrantLine { valid_to: Some(noon()), ..GrantLine::sample() }],
                changes: vec![ChangeLine::sample()],
            }
        }
    }

    #[test]
    fn every_page_of_the_catalog_renders_and_escapes() {
        let page = CatalogPage::sample().render().unwrap();
        assert!(page.contains("acme_raw.orders") && page.contains("href=\"/catalog/tables/7\""));
        assert!(!page.contains("<script>"), "values come from AWS and are escaped");
        let page = TablePage::sample().render().unwrap();
        assert!(page.contains("another tenant") && page.contains("convention glue[0]"));
        let grants = GrantsPage {
            shell: Shell::sample(Section::Catalog),
            query: GrantsQuery::default(),
            tenants: vec!["acme".into()],
            shows: ["crossing", "all"],
            grants: vec![GrantLine::sample()],
            next: String::new(),
        };
        assert!(grants.render().unwrap().contains("acme-etl"));
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
