//! Lake Formation permissions: each tenant's roles on its own data, and a few that should not be.

use serde_json::{Value, json};

use super::State;
use crate::demo::lake::{ACCOUNT, Layer, PLATFORM, TENANTS};
use crate::demo::planted::{Planted, Stream};

/// A row of `list-permissions`.
#[derive(Debug, Clone)]
struct Grant {
    principal: String,
    resource: Value,
    permissions: &'static [&'static str],
    grantable: &'static [&'static str],
}

impl Grant {
    fn new(principal: impl Into<String>, resource: Value, permissions: &'static [&'static str]) -> Self {
        Self { principal: principal.into(), resource, permissions, grantable: &[] }
    }

    fn record(&self) -> Value {
        json!({
            "Principal": {"DataLakePrincipalIdentifier": self.principal},
            "Resource": self.resource,
            "Permissions": self.permissions,
            "PermissionsWithGrantOption": self.grantable,
        })
    }
}

fn role(tenant: &str, duty: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{tenant}-{duty}")
}

fn database(name: &str) -> Value {
    json!({"Database": {"CatalogId": ACCOUNT, "Name": name}})
}

fn table(database: &str, name: &str) -> Value {
    json!({"Table": {"CatalogId": ACCOUNT, "DatabaseName": database, "Name": name}})
}

fn location(area: &str) -> Value {
    json!({"DataLocation": {"CatalogId": ACCOUNT, "ResourceArn": format!("arn:aws:s3:::{area}")}})
}

fn tagged(values: &[&str]) -> Value {
    let expression = json!([{"TagKey": "tenant", "TagValues": values}]);
    json!({"LFTagPolicy": {"CatalogId": ACCOUNT, "ResourceType": "TABLE", "Expression": expression}})
}

pub fn permissions(state: State) -> Vec<Value> {
    let mut grants: Vec<Grant> = TENANTS.into_iter().flat_map(regular).collect();
    grants.push(Grant::new(role(PLATFORM, "etl"), database("shared_processed"), &["ALL"]));
    let planted = planted_grants().into_iter().filter(|(_, since, _)| state == State::Now || *since == State::Earlier);
    grants.extend(planted.map(|(grant, _, _)| grant));
    if state == State::Earlier {
        // Taken away since: a reader that was an intern.
        grants.push(Grant::new(role("acme", "reader"), table("acme_raw", "customers"), &["SELECT"]));
    }
    grants.iter().map(Grant::record).collect()
}

/// What a tenant's own roles may do.
fn regular(tenant: &'static str) -> Vec<Grant> {
    let mut grants = Vec::new();
    for layer in Layer::ALL {
        let name = format!("{tenant}_{}", layer.word());
        grants.push(Grant::new(role(tenant, "etl"), database(&name), &["CREATE_TABLE", "ALTER", "DESCRIBE"]));
        grants.push(Grant::new(
            role(tenant, "etl"),
            location(&format!("lake-{}/{tenant}", layer.word())),
            &["DATA_LOCATION_ACCESS"],
        ));
    }
    grants.push(Grant::new(role(tenant, "analyst"), database(&format!("{tenant}_analytics")), &["DESCRIBE"]));
    grants.push(Grant::new(role(tenant, "analyst"), tagged(&[tenant]), &["SELECT", "DESCRIBE"]));
    grants.push(Grant::new(role(tenant, "reader"), table(&format!("{tenant}_analytics"), "customer_360"), &["SELECT"]));
    grants
}

/// Grants that breach a policy: since when, and the policy, the place and what to say.
fn planted_grants() -> Vec<(Grant, State, Planted)> {
    let plant = |policy, place: &str, what: &str| Planted::new(Stream::Catalog, policy, place, what);
    let glue = |path: &str| format!("glue:{ACCOUNT}/{path}");
    let all_of = json!({"Table": {"CatalogId": ACCOUNT, "DatabaseName": "shared_processed", "Name": "ALL_TABLES", "TableWildcard": {}}});
    let passed_on = Grant {
        grantable: &["SELECT"],
        ..Grant::new(role("wayne", "analyst"), table("wayne_analytics", "sales_daily"), &["SELECT"])
    };
    vec![
        (
            Grant::new(role("acme", "analyst"), table("globex_processed", "customers"), &["SELECT"]),
            State::Now,
            plant(
                "grant-cross-tenant",
                &glue("globex_processed.customers"),
                "acme-analyst may select globex's customers",
            ),
        ),
        (
            Grant::new(role("hooli", "etl"), location("lake-raw/stark"), &["DATA_LOCATION_ACCESS"]),
            State::Earlier,
            plant(
                "grant-location-cross-tenant",
                "s3://lake-raw/stark",
                "hooli-etl may create tables over stark's raw area",
            ),
        ),
        (
            Grant::new("IAM_ALLOWED_PRINCIPALS", table("umbrella_raw", "web_events"), &["ALL"]),
            State::Earlier,
            plant(
                "grant-iam-allowed-principals",
                &glue("umbrella_raw.web_events"),
                "umbrella's web_events are open to whatever IAM allows",
            ),
        ),
        (
            passed_on,
            State::Now,
            plant("grant-grantable", &glue("wayne_analytics.sales_daily"), "wayne-analyst may pass its permission on"),
        ),
        (
            Grant::new(role("initech", "reader"), all_of, &["SELECT"]),
            State::Now,
            plant(
                "grant-wildcard",
                &glue("shared_processed.*"),
                "initech-reader may select every table of the shared database",
            ),
        ),
        (
            Grant::new(role("stark", "analyst"), tagged(&["stark", "wayne"]), &["SELECT"]),
            State::Now,
            plant(
                "grant-tag-spans-tenants",
                "lf-tags:table tenant=stark|wayne",
                "stark-analyst's tag grant names wayne as well",
            ),
        ),
        (
            Grant::new("999988887777", table("globex_analytics", "sales_monthly"), &["SELECT"]),
            State::Now,
            plant(
                "grant-external-account",
                &glue("globex_analytics.sales_monthly"),
                "globex's sales_monthly is shared with an unknown account",
            ),
        ),
    ]
}

pub fn planted() -> Vec<Planted> {
    let mut planted: Vec<Planted> = planted_grants().into_iter().map(|(_, _, planted)| planted).collect();
    planted.push(Planted::new(
        Stream::Catalog,
        "grant-tag-spans-tenants",
        "lf-tags:table tenant=stark",
        "stark-analyst's own tag grant selects hooli's funnel, which is tagged as stark's",
    ));
    planted.push(Planted::new(
        Stream::Catalog,
        "grant-tenant-administrator",
        format!("glue:{ACCOUNT} settings {}", crate::demo::lake::REGION),
        "umbrella-analyst administers the data lake",
    ));
    planted
}

pub fn settings(state: State) -> Value {
    let administrator = |arn: String| json!({"DataLakePrincipalIdentifier": arn});
    let mut administrators = vec![administrator(role(PLATFORM, "admin"))];
    if state == State::Now {
        administrators.push(administrator(role("umbrella", "analyst")));
    }
    json!({
        "DataLakeAdmins": administrators,
        "ReadOnlyAdmins": [],
        "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [],
        "Parameters": {"CROSS_ACCOUNT_VERSION": "4", "SET_CONTEXT": "TRUE"},
        "AllowExternalDataFiltering": false,
        "AllowFullTableExternalDataAccess": false,
    })
}
