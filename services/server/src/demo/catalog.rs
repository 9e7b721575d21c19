//! The Glue catalog and Lake Formation as the AWS CLI prints them: the state now, and one of eight days ago, so that there is
//! a history of changes.

mod grants;
mod tables;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::lake::{ACCOUNT, Dataset, Lake, Layer, OFFBOARDED, PLATFORM, REGION, TENANTS};
use super::planted::Planted;

/// What was asked of Glue and Lake Formation at one instant.
#[derive(Debug)]
pub struct Snapshot {
    pub taken_at: DateTime<Utc>,
    /// `{"account", "region", "taken_at", "documents": [answers of the AWS CLI]}`
    pub content: Value,
}

/// The two states of the catalog between which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Earlier,
    Now,
}

/// Oldest first.
pub fn snapshots(lake: &Lake) -> Vec<Snapshot> {
    let earlier = snapshot(lake, State::Earlier, lake.now - TimeDelta::days(8));
    vec![earlier, snapshot(lake, State::Now, lake.now)]
}

pub fn planted(lake: &Lake) -> Vec<Planted> {
    tables::planted(lake).into_iter().chain(grants::planted()).collect()
}

fn snapshot(lake: &Lake, state: State, taken_at: DateTime<Utc>) -> Snapshot {
    let tables = tables::all(lake, state);
    let databases = databases(&tables);
    let mut documents = vec![json!({"DatabaseList": databases.iter().map(|name| database(name)).collect::<Vec<_>>()})];
    for name in &databases {
        let of_database: Vec<Value> =
            tables.iter().filter(|table| table.database == *name).map(|table| table.record(taken_at)).collect();
        documents.push(json!({"DatabaseName": name, "TableList": of_database}));
    }
    documents.push(database_tags(&databases));
    documents.push(json!({"TableList": tables.iter().filter_map(tables::Table::tags).collect::<Vec<_>>()}));
    documents.push(json!({
        "PrincipalResourcePermissions": grants::permissions(state),
        "ResourceKinds": ["catalog", "database", "table", "location", "tag", "tag policy"],
    }));
    documents.push(json!({"ResourceInfoList": locations(taken_at)}));
    documents.push(json!({"DataLakeSettings": grants::settings(state)}));
    let taken = taken_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let content = json!({
        "account": ACCOUNT, "region": REGION, "taken_at": taken, "documents": documents,
        "complete": ["databases", "tags", "grants", "locations"],
    });
    Snapshot { taken_at, content }
}

fn databases(tables: &[tables::Table]) -> Vec<String> {
    let mut names: Vec<String> = tables.iter().map(|table| table.database.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn database(name: &str) -> Value {
    json!({"Name": name, "CatalogId": ACCOUNT, "Description": "", "CreateTime": "2025-03-04T09:15:00Z", "Parameters": {}})
}

/// Who a database belongs to by its name; `None` for those that have no owner or were never tagged.
fn tag_of(database: &str) -> Option<&str> {
    let (owner, layer) = database.split_once('_')?;
    let known = TENANTS.contains(&owner) || owner == OFFBOARDED;
    match owner {
        "shared" => Some(PLATFORM),
        _ => (known && layer != tables::UNTAGGED_LAYER).then_some(owner),
    }
}

fn database_tags(databases: &[String]) -> Value {
    let tagged = databases.iter().filter_map(|name| {
        let owner = tag_of(name)?;
        let tags = json!([{"CatalogId": ACCOUNT, "TagKey": "tenant", "TagValues": [owner]}]);
        Some(json!({"Database": {"CatalogId": ACCOUNT, "Name": name}, "LFTags": tags}))
    });
    json!({"DatabaseList": tagged.collect::<Vec<_>>()})
}

/// Every tenant's area in every layer is registered; of the one that left, one was forgotten.
fn locations(taken_at: DateTime<Utc>) -> Vec<Value> {
    let owners = TENANTS.into_iter().chain(["_shared"]);
    let areas = owners.flat_map(|owner| Layer::ALL.map(|layer| format!("lake-{}/{owner}", layer.word())));
    areas
        .chain([format!("lake-raw/{OFFBOARDED}")])
        .map(|area| {
            json!({
                "ResourceArn": format!("arn:aws:s3:::{area}"),
                "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess"),
                "LastModified": taken_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                "HybridAccessEnabled": false,
            })
        })
        .collect()
}

fn of(tenant: &'static str, layer: Layer, name: &'static str) -> Dataset {
    Dataset { tenant, layer, name, rows: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Lake {
        Lake::new(7, "2026-11-22T12:34:56Z".parse().unwrap(), 30)
    }

    fn count(snapshot: &Snapshot, key: &str) -> usize {
        let documents = snapshot.content["documents"].as_array().unwrap();
        documents.iter().filter_map(|document| document[key].as_array()).map(Vec::len).sum()
    }

    #[test]
    fn tables_and_grants_were_added_between_the_two_states() {
        let [earlier, now] = <[Snapshot; 2]>::try_from(snapshots(&lake())).unwrap();
        assert!(earlier.taken_at < now.taken_at);
        assert!(count(&now, "TableList") > 210, "{}", count(&now, "TableList"));
        assert!(count(&earlier, "TableList") < count(&now, "TableList"));
        assert!(count(&earlier, "PrincipalResourcePermissions") < count(&now, "PrincipalResourcePermissions"));
    }
}
