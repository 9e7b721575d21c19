//! What a Lake Formation permission is on, and the one canonical way to write the name of a catalog asset.

use serde_json::Value;

/// The resource of a grant. `account` is the catalog's id, which is an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    Catalog {
        account: String,
    },
    Database {
        account: String,
        database: String,
    },
    Table {
        account: String,
        database: String,
        /// `None` for every table of the database.
        table: Option<String>,
        /// What of it: `None` the whole table, else `email,name`, `all but email`, or `filter north`.
        part: Option<String>,
    },
    Location {
        location: String,
    },
    LfTag {
        key: String,
        values: Vec<String>,
    },
    /// Every database or table whose tags match all conditions.
    TagPolicy {
        on: String,
        conditions: Vec<TagCondition>,
    },
    /// A kind this version does not know, by its own name.
    Other {
        name: String,
    },
}

/// One key of a tag expression; any of the values matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCondition {
    pub key: String,
    pub values: Vec<String>,
}

impl Resource {
    /// Every kind [`Resource::kind`] may answer.
    pub const KINDS: &[&str] = &["catalog", "database", "table", "location", "tag", "tag policy", "other"];

    /// Reads the `Resource` of a grant. The account that is not named is the catalog's own.
    pub fn parse(resource: &Value, catalog: &str) -> Option<Self> {
        let fields = resource.as_object()?;
        let (kind, body) = fields.iter().find(|(_, body)| !body.is_null())?;
        let account = || text(body, "CatalogId").unwrap_or_else(|| catalog.to_owned());
        let parsed = match kind.as_str() {
            "Catalog" => Self::Catalog { account: text(body, "Id").unwrap_or_else(|| catalog.to_owned()) },
            "Database" => Self::Database { account: account(), database: text(body, "Name")? },
            "Table" => Self::Table {
                account: account(),
                database: text(body, "DatabaseName")?,
                table: if body.get("TableWildcard").is_some_and(|wildcard| !wildcard.is_null()) {
                    None
                } else {
                    // `ALL_TABLES` is how listings spell the wildcard.
                    Some(text(body, "Name")?).filter(|name| name != "ALL_TABLES")
                },
                part: None,
            },
            "TableWithColumns" => Self::Table {
                account: account(),
                database: text(body, "DatabaseName")?,
                table: Some(text(body, "Name")?).filter(|name| name != "ALL_TABLES"),
                part: columns_of(body),
            },
            "DataCellsFilter" => Self::Table {
                account: text(body, "TableCatalogId").unwrap_or_else(|| catalog.to_owned()),
                database: text(body, "DatabaseName")?,
                table: Some(text(body, "TableName")?),
                part: Some(format!("filter {}", text(body, "Name")?)),
            },
            "DataLocation" => Self::Location { location: location_of_arn(&text(body, "ResourceArn")?) },
            "LFTag" => Self::LfTag { key: text(body, "TagKey")?, values: texts(body.get("TagValues")) },
            "LFTagPolicy" => Self::TagPolicy {
                on: text(body, "ResourceType").unwrap_or_else(|| "TABLE".to_owned()),
                conditions: conditions_of(body)?,
            },
            other => Self::Other { name: other.to_owned() },
        };
        Some(parsed)
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Catalog { .. } => "catalog",
            Self::Database { .. } => "database",
            Self::Table { .. } => "table",
            Self::Location { .. } => "location",
            Self::LfTag { .. } => "tag",
            Self::TagPolicy { .. } => "tag policy",
            Self::Other { .. } => "other",
        }
    }

    /// The canonical name, the same in findings, alerts and lineage.
    pub fn canonical(&self) -> String {
        match self {
            Self::Catalog { account } => format!("glue:{account}"),
            Self::Database { account, database } => database_name(account, database),
            Self::Table { account, database, table, part } => {
                let name = table_name(account, database, table.as_deref().unwrap_or("*"));
                part.as_ref().map_or(name.clone(), |part| format!("{name} ({part})"))
            }
            Self::Location { location } => location.clone(),
            Self::LfTag { key, values } => format!("lf-tag:{key}={}", values.join("|")),
            Self::TagPolicy { on, conditions } => {
                let conditions: Vec<String> = conditions
                    .iter()
                    .map(|condition| format!("{}={}", condition.key, condition.values.join("|")))
                    .collect();
                format!("lf-tags:{} {}", on.to_lowercase(), conditions.join(" & "))
            }
            Self::Other { name } => format!("lf:{name}"),
        }
    }

    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Table { table: None, .. })
    }
}

/// `glue:account/database`
pub fn database_name(account: &str, database: &str) -> String {
    format!("glue:{account}/{database}")
}

/// `glue:account/database.table`
pub fn table_name(account: &str, database: &str, table: &str) -> String {
    format!("glue:{account}/{database}.{table}")
}

/// `arn:aws:s3:::bucket/prefix` and what Hadoop writes, as `s3://bucket/prefix`.
pub fn location_of_arn(arn: &str) -> String {
    let path = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::")).map(|(_, path)| path);
    match path {
        Some(path) => format!("s3://{}", path.trim_end_matches("/*")),
        None => normal_location(arn),
    }
}

/// `s3a://` and `s3n://` are `s3://`.
pub fn normal_location(location: &str) -> String {
    match location.split_once("://") {
        Some(("s3a" | "s3n", rest)) => format!("s3://{rest}"),
        _ => location.to_owned(),
    }
}

/// Bucket and key of an S3 location; the key without leading slash.
pub fn bucket_and_key(location: &str) -> Option<(&str, &str)> {
    let path = location.strip_prefix("s3://")?;
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (!bucket.is_empty()).then_some((bucket, key))
}

/// Whether a location lies in an area, by whole segments: `s3://lake/tenant1` does not hold `s3://lake/tenant10/x`.
pub fn lies_in(location: &str, area: &str) -> bool {
    let (location, area) = (location.trim_end_matches('/'), area.trim_end_matches('/'));
    location.strip_prefix(area).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn columns_of(body: &Value) -> Option<String> {
    let names = texts(body.get("ColumnNames"));
    if !names.is_empty() {
        return Some(names.join(","));
    }
    let excluded = texts(body.pointer("/ColumnWildcard/ExcludedColumnNames"));
    (!excluded.is_empty()).then(|| format!("all but {}", excluded.join(",")))
}

fn conditions_of(body: &Value) -> Option<Vec<TagCondition>> {
    if let Some(name) = text(body, "ExpressionName") {
        return Some(vec![TagCondition { key: "expression".to_owned(), values: vec![name] }]);
    }
    let conditions = body.get("Expression")?.as_array()?;
    conditions
        .iter()
        .map(|condition| {
            Some(TagCondition { key: text(condition, "TagKey")?, values: texts(condition.get("TagValues")) })
        })
        .collect()
}

fn text(body: &Value, key: &str) -> Option<String> {
    body.get(key)?.as_str().map(str::to_owned)
}

/// Sorted, so that AWS's order makes no difference.
fn texts(list: Option<&Value>) -> Vec<String> {
    let mut texts: Vec<String> = list
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    texts.sort();
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_resource_has_one_name() {
        for (resource, kind, name) in [
            (json!({"Catalog": {}}), "catalog", "glue:111122223333"),
            (json!({"Database": {"CatalogId": "9", "Name": "acme_raw"}}), "database", "glue:9/acme_raw"),
            (json!({"Table": {"DatabaseName": "a", "Name": "t"}}), "table", "glue:111122223333/a.t"),
            (
                json!({"Table": {"DatabaseName": "a", "Name": "ALL_TABLES", "TableWildcard": {}}}),
                "table",
                "glue:111122223333/a.*",
            ),
            (
                json!({"TableWithColumns": {"DatabaseName": "a", "Name": "t", "ColumnNames": ["z", "b"]}}),
                "table",
                "glue:111122223333/a.t (b,z)",
            ),
            (
                json!({"TableWithColumns": {"DatabaseName": "a", "Name": "t", "ColumnWildcard": {}}}),
                "table",
                "glue:111122223333/a.t",
            ),
            (
                json!({"DataCellsFilter": {"TableCatalogId": "1", "DatabaseName": "a", "TableName": "t", "Name": "eu"}}),
                "table",
                "glue:1/a.t (filter eu)",
            ),
            (json!({"DataLocation": {"ResourceArn": "arn:aws:s3:::lake-raw/acme"}}), "location", "s3://lake-raw/acme"),
            (
                json!({"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [{"TagKey": "tenant", "TagValues": ["b", "a"]}]}}),
                "tag policy",
                "lf-tags:table tenant=a|b",
            ),
            (json!({"Novelty": {"x": 1}}), "other", "lf:Novelty"),
        ] {
            let parsed = Resource::parse(&resource, "111122223333").unwrap();
            assert_eq!((parsed.kind(), parsed.canonical().as_str()), (kind, name), "{resource}");
            assert!(Resource::KINDS.contains(&parsed.kind()));
        }
        assert_eq!(Resource::parse(&json!({"Database": {}}), "1"), None, "a database has a name");
        assert_eq!(Resource::parse(&json!("all"), "1"), None);
    }

    #[test]
    fn an_area_holds_whole_segments_only() {
        assert!(lies_in("s3://lake/tenant1/orders/", "s3://lake/tenant1/"));
        assert!(lies_in("s3://lake/tenant1", "s3://lake/tenant1/"));
        assert!(!lies_in("s3://lake/tenant10/orders", "s3://lake/tenant1"));
    }

    #[test]
    fn locations_are_spelt_one_way() {
        assert_eq!(location_of_arn("arn:aws-cn:s3:::lake/acme/*"), "s3://lake/acme");
        assert_eq!(normal_location("s3a://lake/acme/"), "s3://lake/acme/");
        assert_eq!(bucket_and_key("s3://lake"), Some(("lake", "")));
        assert_eq!(bucket_and_key("jdbc:postgres://x"), None);
    }
}
