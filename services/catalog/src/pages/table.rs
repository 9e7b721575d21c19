//! `/catalog/tables/{id}`: whose a table is and why, its columns, versions, grants and changes.

use askama::Template;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, Layer, TenantId};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};

use super::lines::{ChangeLine, GrantLine, TableLine};
use crate::masking::{Eyes, Shown};
use crate::resource::{database_name, table_name};
use crate::snapshot::{FieldChange, TableContent, changed_fields};
use crate::store::pages as store;
use crate::{CatalogError, Ctx, TableId, owners};

const CHANGES_SHOWN: i64 = 15;
const VERSIONS_SHOWN: i64 = 50;
const GRANTS_SHOWN: i64 = 200;

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
    let grants = store::list_grants_on(&mut *tx, &asset, &database, GRANTS_SHOWN).await?;
    let tags = store::list_tags_on(&mut *tx, &[asset.clone(), database.clone()]).await?;
    let changes = store::list_changes(&mut *tx, Some(id), None, Cursor::start(), CHANGES_SHOWN).await?;
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
                let values: Vec<String> =
                    tag.tag_values.iter().map(|value| eyes.tag_value(&tag.tag_key, value)).collect();
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
    let content =
        |row: &store::VersionRow| -> TableContent { serde_json::from_value(row.content.clone()).unwrap_or_default() };
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lakewarden_testkit::noon;

    use super::*;
    use crate::snapshot::Column;

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
    fn a_table_renders_without_the_other_tenants_name() {
        let page = TablePage::sample().render().unwrap();
        assert!(page.contains("another tenant") && page.contains("convention glue[0]"));
    }
}
