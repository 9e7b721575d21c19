//! Lines that several pages show: a table, a change, a grant.

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, TenantId};

use crate::TableId;
use crate::masking::{Eyes, Shown};
use crate::snapshot::FieldChange;
use crate::store::pages as store;

pub(super) struct TableLine {
    pub(super) id: TableId,
    pub(super) name: String,
    pub(super) owner: Shown,
    /// Only where the data lies with somebody else than the owner by name.
    pub(super) lies_with: Option<Shown>,
    pub(super) layer: Option<Layer>,
    pub(super) format: String,
    pub(super) columns: i32,
    pub(super) location: Option<String>,
    pub(super) changed_at: DateTime<Utc>,
}

impl TableLine {
    pub(super) fn of(eyes: &Eyes<'_>, row: store::TableRow) -> Self {
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

pub(super) struct ChangeLine {
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) kind: String,
    pub(super) action: String,
    pub(super) asset: String,
    pub(super) href: String,
    pub(super) owner: Shown,
    pub(super) fields: Vec<FieldChange>,
    pub(super) more: usize,
}

impl ChangeLine {
    const FIELDS_SHOWN: usize = 4;

    pub(super) fn of(eyes: &Eyes<'_>, row: store::ChangeRow) -> Self {
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

pub(super) struct GrantLine {
    pub(super) principal: String,
    pub(super) principal_owner: Shown,
    pub(super) resource: String,
    pub(super) owner: Shown,
    pub(super) permission: String,
    pub(super) condition: String,
    pub(super) grantable: bool,
    pub(super) is_crossing: bool,
    pub(super) valid_from: DateTime<Utc>,
    pub(super) valid_to: Option<DateTime<Utc>>,
}

impl GrantLine {
    pub(super) fn of(eyes: &Eyes<'_>, row: &store::GrantLine) -> Self {
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

#[cfg(test)]
mod tests {
    use lakewarden_testkit::noon;

    use super::*;

    impl GrantLine {
        pub(in crate::pages) fn sample() -> Self {
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
        pub(in crate::pages) fn sample() -> Self {
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
}
