//! Single entries of AWS's answers: a database, a table, a permission. Lenient but for what names them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::document::instant;
use crate::resource::{Resource, database_name, location_of_arn, normal_location, table_name};
use crate::snapshot::{Column, Database, Grant, RegisteredLocation, Table, TableContent, Tagged};

/// Why an entry was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// JSON pointer inside the entry.
    pub pointer: &'static str,
    pub reason: String,
}

fn bad(pointer: &'static str, reason: impl Into<String>) -> BadEntry {
    BadEntry { pointer, reason: reason.into() }
}

fn name_at(entry: &Value, pointer: &'static str) -> Result<String, BadEntry> {
    match entry.pointer(pointer) {
        Some(Value::String(name)) if !name.is_empty() => Ok(name.clone()),
        Some(Value::String(_)) => Err(bad(pointer, "the name is empty")),
        Some(_) => Err(bad(pointer, "expected a text")),
        None => Err(bad(pointer, "is missing")),
    }
}

fn text_at(entry: &Value, pointer: &str) -> Option<String> {
    entry.pointer(pointer)?.as_str().map(str::to_owned)
}

pub(crate) fn database(entry: &Value) -> Result<Database, BadEntry> {
    Ok(Database {
        name: name_at(entry, "/Name")?,
        location: text_at(entry, "/LocationUri").map(|location| normal_location(&location)),
        description: text_at(entry, "/Description").unwrap_or_default(),
        parameters: parameters(entry.get("Parameters"))?,
        record: entry.clone(),
    })
}

pub(crate) fn table(entry: &Value) -> Result<Table, BadEntry> {
    let parameters = parameters(entry.get("Parameters"))?;
    let columns = columns(entry, "/StorageDescriptor/Columns")?;
    Ok(Table {
        database: name_at(entry, "/DatabaseName")?,
        name: name_at(entry, "/Name")?,
        content: TableContent {
            location: text_at(entry, "/StorageDescriptor/Location")
                .filter(|location| !location.is_empty())
                .map(|location| normal_location(&location)),
            format: format_of(entry, &parameters),
            columns,
            partition_keys: self::columns(entry, "/PartitionKeys")?,
            parameters,
        },
        version: text_at(entry, "/VersionId"),
        updated_at: entry.get("UpdateTime").or_else(|| entry.get("CreateTime")).and_then(instant),
        record: entry.clone(),
    })
}

pub(crate) fn table_version(entry: &Value) -> Result<Table, BadEntry> {
    let body = entry.get("Table").ok_or_else(|| bad("/Table", "is missing"))?;
    let table = table(body)?;
    Ok(Table { version: text_at(entry, "/VersionId").or(table.version), ..table })
}

/// One row of ListPermissions is several permissions.
pub(crate) fn grants(entry: &Value, catalog: &str) -> Result<Vec<Grant>, BadEntry> {
    let principal = name_at(entry, "/Principal/DataLakePrincipalIdentifier")?;
    let resource = entry.get("Resource").ok_or_else(|| bad("/Resource", "is missing"))?;
    let parsed = Resource::parse(resource, catalog)
        .ok_or_else(|| bad("/Resource", "names no resource: expected one of Database, Table, DataLocation, …"))?;
    let words = |key: &str| -> Vec<String> {
        let list = entry.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let grantable = words("PermissionsWithGrantOption");
    let mut permissions = words("Permissions");
    permissions.extend(grantable.iter().cloned());
    permissions.sort();
    permissions.dedup();
    if permissions.is_empty() {
        return Err(bad("/Permissions", "holds no permission"));
    }
    let record = json!({
        "Principal": entry.get("Principal"), "Resource": resource, "Condition": entry.get("Condition"),
    });
    let grant = |permission: String| Grant {
        principal: principal.clone(),
        resource: parsed.clone(),
        grantable: grantable.contains(&permission),
        permission,
        record: record.clone(),
    };
    Ok(permissions.into_iter().map(grant).collect())
}

pub(crate) fn location(entry: &Value) -> Result<RegisteredLocation, BadEntry> {
    Ok(RegisteredLocation {
        location: location_of_arn(&name_at(entry, "/ResourceArn")?),
        role_arn: text_at(entry, "/RoleArn"),
        hybrid: entry.get("HybridAccessEnabled").and_then(Value::as_bool).unwrap_or(false),
        record: without(entry, &["LastModified"]),
    })
}

/// An entry of SearchDatabasesByLFTags.
pub(crate) fn tagged_database(entry: &Value, catalog: &str) -> Result<Tagged, BadEntry> {
    let name = name_at(entry, "/Database/Name")?;
    let account = text_at(entry, "/Database/CatalogId").unwrap_or_else(|| catalog.to_owned());
    Ok(Tagged { resource: database_name(&account, &name), tags: tags(entry.get("LFTags")) })
}

/// An entry of SearchTablesByLFTags. The database's tags stand with the database.
pub(crate) fn tagged_table(entry: &Value, catalog: &str) -> Result<Tagged, BadEntry> {
    let database = name_at(entry, "/Table/DatabaseName")?;
    let name = name_at(entry, "/Table/Name")?;
    let account = text_at(entry, "/Table/CatalogId").unwrap_or_else(|| catalog.to_owned());
    let tags = tags(entry.get("LFTagsOnTable"));
    Ok(Tagged { resource: table_name(&account, &database, &name), tags })
}

/// GetResourceLFTags: inherited tags are the database's own, which has an answer of its own.
pub(crate) fn tags_of_answer(resource: String, answer: &Value) -> Tagged {
    let is_table = resource.contains('.');
    let list = answer.get(if is_table { "LFTagsOnTable" } else { "LFTagOnDatabase" });
    Tagged { resource, tags: tags(list) }
}

fn tags(list: Option<&Value>) -> BTreeMap<String, Vec<String>> {
    let pairs = list.and_then(Value::as_array).into_iter().flatten();
    pairs
        .filter_map(|pair| {
            let mut values: Vec<String> = pair
                .get("TagValues")?
                .as_array()?
                .iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect();
            values.sort();
            Some((pair.get("TagKey")?.as_str()?.to_owned(), values))
        })
        .collect()
}

fn parameters(value: Option<&Value>) -> Result<BTreeMap<String, String>, BadEntry> {
    match value {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(fields)) => Ok(fields
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect()),
        Some(_) => Err(bad("/Parameters", "expected an object")),
    }
}

fn columns(entry: &Value, pointer: &'static str) -> Result<Vec<Column>, BadEntry> {
    match entry.pointer(pointer) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(columns)) => columns
            .iter()
            .map(|column| {
                Ok(Column {
                    name: text_at(column, "/Name").ok_or_else(|| bad(pointer, "holds a column without a name"))?,
                    kind: text_at(column, "/Type").unwrap_or_default(),
                    comment: text_at(column, "/Comment").unwrap_or_default(),
                })
            })
            .collect(),
        Some(_) => Err(bad(pointer, "expected a list of columns")),
    }
}

/// What the data is written as, in one word.
fn format_of(entry: &Value, parameters: &BTreeMap<String, String>) -> String {
    if text_at(entry, "/TableType").is_some_and(|kind| kind == "VIRTUAL_VIEW") {
        return "view".to_owned();
    }
    if let Some(kind) = parameters.get("table_type") {
        return kind.to_lowercase();
    }
    if let Some(classification) = parameters.get("classification").filter(|word| !word.is_empty()) {
        return classification.to_lowercase();
    }
    let classes = [
        text_at(entry, "/StorageDescriptor/SerdeInfo/SerializationLibrary"),
        text_at(entry, "/StorageDescriptor/InputFormat"),
    ];
    let classes = classes.map(|class| class.unwrap_or_default().to_lowercase()).join(" ");
    let known = ["parquet", "orc", "avro", "json", "csv", "ion", "grok", "regex"];
    let word = known.into_iter().find(|word| classes.contains(word));
    word.unwrap_or(if classes.contains("lazysimple") || classes.contains("textinput") { "text" } else { "unknown" })
        .to_owned()
}

fn without(entry: &Value, keys: &[&str]) -> Value {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        fields.retain(|key, _| !keys.contains(&key.as_str()));
    }
    entry
}
