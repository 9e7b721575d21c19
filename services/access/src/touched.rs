//! From a record to what it did and to what: reads of S3, queries of Athena, vends of Lake Formation, changes of a control.

use std::collections::BTreeMap;

use lakewarden_tenancy::Ownership;
use serde::Deserialize;

use crate::class::Bits;
use crate::identity::SessionTag;
use crate::record::{NamedResource, Record, Text, part, shorten};
use crate::resource::Resource;

/// What was done, as policies speak of it; the words stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Read,
    Write,
    Delete,
    List,
    Query,
    /// Lake Formation handed out credentials for data.
    Vend,
    Decrypt,
    Assume,
    /// A control of the lake was changed.
    Control,
    /// Seen and counted, judged by no policy.
    Other,
}

impl Action {
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::List,
        Self::Query,
        Self::Vend,
        Self::Decrypt,
        Self::Assume,
        Self::Control,
        Self::Other,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Query => "query",
            Self::Vend => "vend",
            Self::Decrypt => "decrypt",
            Self::Assume => "assume",
            Self::Control => "control",
            Self::Other => "other",
        }
    }

    /// The inverse of [`Action::as_str`]; a word from the future is counted and not judged.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.iter().copied().find(|action| action.as_str() == word).unwrap_or(Self::Other)
    }
}

/// What one record touched.
#[derive(Debug, PartialEq, Eq)]
pub struct Touched {
    pub action: Action,
    pub resource: Resource,
    /// The other thing involved: a copy's source, a query's output location, the tag a session asked for, what a key protects.
    pub second: Option<Resource>,
    pub bits: Bits,
}

/// `requestParameters`, as far as any event is read for it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameters<'a> {
    #[serde(borrow)]
    bucket_name: Text<'a>,
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    prefix: Text<'a>,
    #[serde(borrow, rename = "x-amz-copy-source")]
    copy_source: Text<'a>,
    #[serde(borrow)]
    work_group: Text<'a>,
    #[serde(borrow)]
    result_configuration: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    catalog_id: Text<'a>,
    #[serde(borrow)]
    database_name: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    table_name: Text<'a>,
    #[serde(borrow)]
    table_input: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    key_id: Text<'a>,
    #[serde(borrow)]
    encryption_context: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    table_arn: Text<'a>,
    #[serde(borrow)]
    data_locations: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    permissions: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    role_arn: Text<'a>,
    #[serde(borrow)]
    external_id: Text<'a>,
    #[serde(borrow)]
    tags: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    trail_name: Text<'a>,
    #[serde(borrow, rename = "trailARN")]
    trail_arn: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResultConfiguration<'a> {
    #[serde(borrow)]
    output_location: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// What the record touched, in the account it belongs to.
pub fn touched(record: &Record<'_>, account: &str, ownership: &Ownership) -> Touched {
    let touched = touched_by_service(record, account, ownership);
    // Within one resource the second thing says nothing that the first does not.
    Touched { second: touched.second.filter(|second| *second != touched.resource), ..touched }
}

fn touched_by_service(record: &Record<'_>, account: &str, ownership: &Ownership) -> Touched {
    let service = record.service();
    let event = record.event_name.as_str();
    let other = || Touched {
        action: Action::Other,
        resource: Resource::service(service, account),
        second: None,
        bits: Bits::NONE,
    };
    let parameters = || part::<Parameters<'_>>(record.request_parameters);
    match service {
        "s3" => touched_s3(event, &parameters(), ownership).unwrap_or_else(other),
        "athena" if event == "StartQueryExecution" => touched_athena(&parameters(), account, ownership),
        "glue" => touched_glue(event, &parameters(), account).unwrap_or_else(other),
        "kms" => touched_key(event, record, &parameters(), account, ownership).unwrap_or_else(other),
        "lakeformation" => touched_lake(event, &parameters(), account, ownership).unwrap_or_else(other),
        "sts" => touched_role(event, record, &parameters()).unwrap_or_else(other),
        "cloudtrail" => touched_trail(event, record, &parameters(), account).unwrap_or_else(other),
        _ => other(),
    }
}

fn simple(action: Action, resource: Resource) -> Touched {
    Touched { action, resource, second: None, bits: Bits::NONE }
}

fn touched_s3(event: &str, parameters: &Parameters<'_>, ownership: &Ownership) -> Option<Touched> {
    let bucket = shorten(parameters.bucket_name.get()?, 260);
    let key = shorten(parameters.key.as_str(), 1024);
    let action = action_on_s3(event)?;
    let resource = match action {
        Action::List => Resource::s3_object(bucket, shorten(parameters.prefix.as_str(), 1024), ownership),
        Action::Control => Resource::s3(bucket, ""),
        _ => Resource::s3_object(bucket, key, ownership),
    };
    let source = parameters.copy_source.get().map(|source| source.trim_start_matches('/'));
    let second = source.and_then(|source| Resource::s3_location(&format!("s3://{}", unescape(source)), ownership));
    Some(Touched { action, resource, second, bits: Bits::NONE })
}

fn action_on_s3(event: &str) -> Option<Action> {
    Some(match event {
        "GetObject"
        | "HeadObject"
        | "SelectObjectContent"
        | "GetObjectTorrent"
        | "GetObjectAttributes"
        | "GetObjectTagging"
        | "GetObjectAcl" => Action::Read,
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "AbortMultipartUpload"
        | "PutObjectTagging"
        | "DeleteObjectTagging"
        | "RestoreObject"
        | "PostObject" => Action::Write,
        "DeleteObject" | "DeleteObjects" | "DeleteBucket" => Action::Delete,
        "ListObjects"
        | "ListObjectsV2"
        | "ListObjectVersions"
        | "ListMultipartUploads"
        | "ListParts"
        | "HeadBucket" => Action::List,
        "PutObjectAcl" | "PutObjectRetention" | "PutObjectLegalHold" | "PutObjectLockConfiguration" => Action::Control,
        _ if event.contains("Bucket") && (event.starts_with("Put") || event.starts_with("Delete")) => Action::Control,
        _ => return None,
    })
}

fn touched_athena(parameters: &Parameters<'_>, account: &str, ownership: &Ownership) -> Touched {
    let configuration: ResultConfiguration<'_> = part(parameters.result_configuration);
    Touched {
        action: Action::Query,
        resource: Resource::workgroup(account, parameters.work_group.get().unwrap_or("primary")),
        second: configuration.output_location.get().and_then(|location| Resource::s3_location(location, ownership)),
        bits: Bits::NONE,
    }
}

fn touched_glue(event: &str, parameters: &Parameters<'_>, account: &str) -> Option<Touched> {
    let account = parameters.catalog_id.get().unwrap_or(account);
    let action = match event {
        "GetTable" | "GetTables" | "GetTableVersion" | "GetTableVersions" | "GetPartition" | "GetPartitions"
        | "BatchGetPartition" | "GetDatabase" | "SearchTables" => Action::List,
        "CreateTable"
        | "UpdateTable"
        | "CreateDatabase"
        | "UpdateDatabase"
        | "CreatePartition"
        | "BatchCreatePartition"
        | "UpdatePartition"
        | "BatchUpdatePartition" => Action::Write,
        "DeleteTable" | "BatchDeleteTable" | "DeleteDatabase" | "DeletePartition" | "BatchDeletePartition" => {
            Action::Delete
        }
        "PutResourcePolicy" | "DeleteResourcePolicy" | "PutDataCatalogEncryptionSettings" => {
            return Some(simple(Action::Control, Resource::control(&format!("arn:aws:glue::{account}:catalog"))));
        }
        _ => return None,
    };
    let input: Named<'_> = part(parameters.table_input);
    let is_database = event.ends_with("Database");
    let database = parameters.database_name.get().or(parameters.name.get().filter(|_| is_database))?;
    let table = [&parameters.table_name, &parameters.name, &input.name].into_iter().find_map(|text| text.get());
    Some(simple(action, Resource::glue(account, database, table.filter(|_| !is_database))))
}

fn touched_key(
    event: &str,
    record: &Record<'_>,
    parameters: &Parameters<'_>,
    account: &str,
    ownership: &Ownership,
) -> Option<Touched> {
    let action = match event {
        "Decrypt" | "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" | "Encrypt" | "ReEncrypt" => Action::Decrypt,
        "PutKeyPolicy" | "DisableKey" | "ScheduleKeyDeletion" | "DisableKeyRotation" | "CreateGrant" => Action::Control,
        _ => return None,
    };
    let named: Vec<NamedResource<'_>> = part(record.resources);
    let arn = named.iter().find_map(|resource| resource.arn.get().or(resource.arn_prefix.get()));
    let key = match (arn, parameters.key_id.get()) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(id)) if id.starts_with("arn:") => id.to_owned(),
        (None, Some(id)) => format!("arn:aws:kms::{account}:key/{id}"),
        (None, None) => return None,
    };
    let context: BTreeMap<String, Text<'_>> = part(parameters.encryption_context);
    let second = context.get("aws:s3:arn").and_then(|arn| Resource::s3_location(arn.as_str(), ownership));
    Some(Touched { action, resource: Resource::key(&key), second, bits: Bits::NONE })
}

fn touched_lake(event: &str, parameters: &Parameters<'_>, account: &str, ownership: &Ownership) -> Option<Touched> {
    if event == "GetDataAccess" {
        let locations: Vec<Text<'_>> = part(parameters.data_locations);
        let by_table = parameters.table_arn.get().and_then(Resource::glue_arn);
        let is_full = parameters.permissions.is_none();
        let by_location = locations.first().and_then(|location| Resource::s3_location(location.as_str(), ownership));
        return match (by_table, by_location) {
            (Some(table), second) => {
                let bits = if is_full { Bits::FULL_TABLE } else { Bits::NONE };
                Some(Touched { action: Action::Vend, resource: table, second, bits })
            }
            (None, Some(location)) => Some(Touched { bits: Bits::BY_LOCATION, ..simple(Action::Vend, location) }),
            (None, None) => None,
        };
    }
    let changes = [
        "GrantPermissions",
        "RevokePermissions",
        "BatchGrantPermissions",
        "BatchRevokePermissions",
        "PutDataLakeSettings",
        "RegisterResource",
        "DeregisterResource",
        "UpdateResource",
        "AddLFTagsToResource",
        "RemoveLFTagsFromResource",
        "CreateLFTag",
        "UpdateLFTag",
        "DeleteLFTag",
        "CreateDataCellsFilter",
        "UpdateDataCellsFilter",
        "DeleteDataCellsFilter",
        "CreateLakeFormationOptIn",
        "DeleteLakeFormationOptIn",
    ];
    let account = parameters.catalog_id.get().unwrap_or(account);
    changes.contains(&event).then(|| {
        simple(Action::Control, Resource::control(&format!("arn:aws:lakeformation::{account}:data-lake-settings")))
    })
}

fn touched_role(event: &str, record: &Record<'_>, parameters: &Parameters<'_>) -> Option<Touched> {
    if !matches!(event, "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity") {
        return None;
    }
    let named: Vec<NamedResource<'_>> = part(record.resources);
    let role = parameters.role_arn.get().or_else(|| named.iter().find_map(|resource| resource.arn.get()))?;
    let second = tags_of(parameters).first().map(|tag| Resource::tag(&tag.key, &tag.value));
    let bits = if parameters.external_id.get().is_some() { Bits::EXTERNAL_ID } else { Bits::NONE };
    Some(Touched { action: Action::Assume, resource: Resource::role(role), second, bits })
}

fn touched_trail(event: &str, record: &Record<'_>, parameters: &Parameters<'_>, account: &str) -> Option<Touched> {
    let changes = [
        "StopLogging",
        "StartLogging",
        "DeleteTrail",
        "UpdateTrail",
        "CreateTrail",
        "PutEventSelectors",
        "PutInsightSelectors",
        "DeleteEventDataStore",
        "StopEventDataStoreIngestion",
    ];
    if !changes.contains(&event) {
        return None;
    }
    let named: Vec<NamedResource<'_>> = part(record.resources);
    let name =
        [&parameters.name, &parameters.trail_name, &parameters.trail_arn].into_iter().find_map(|text| text.get());
    let arn = named.iter().find_map(|resource| resource.arn.get());
    let trail = match (arn, name) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(name)) if name.starts_with("arn:") => name.to_owned(),
        (None, name) => format!("arn:aws:cloudtrail::{account}:trail/{}", name.unwrap_or("unnamed")),
    };
    Some(simple(Action::Control, Resource::control(&trail)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tag<'a> {
    #[serde(borrow, alias = "Key")]
    key: Text<'a>,
    #[serde(borrow, alias = "Value")]
    value: Text<'a>,
}

fn tags_of(parameters: &Parameters<'_>) -> Vec<SessionTag> {
    let tags: Vec<Tag<'_>> = part(parameters.tags);
    tags.into_iter()
        .filter(|tag| tag.key.get().is_some())
        .map(|tag| SessionTag {
            key: crate::identity::clean(tag.key.as_str(), 128),
            value: crate::identity::clean(tag.value.as_str(), 256),
        })
        .collect()
}

/// A session that came into being with tags, by the access key it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedSession {
    pub access_key: String,
    pub tags: Vec<SessionTag>,
}

/// The session an AssumeRole event made, if it carries tags: later records name only its access key.
pub fn tagged_session(record: &Record<'_>) -> Option<TaggedSession> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Answer<'a> {
        #[serde(borrow)]
        credentials: Option<&'a serde_json::value::RawValue>,
    }
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Credentials<'a> {
        #[serde(borrow)]
        access_key_id: Text<'a>,
    }
    if record.service() != "sts" {
        return None;
    }
    let answer: Answer<'_> = part(record.response_elements);
    let credentials: Credentials<'_> = part(answer.credentials);
    let access_key = crate::identity::clean(credentials.access_key_id.get()?, 128);
    let tags = tags_of(&part(record.request_parameters));
    (!tags.is_empty()).then_some(TaggedSession { access_key, tags })
}

/// `%2F` and its kin; what is no escape stays.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
