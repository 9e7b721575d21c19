//! The JSON that `aws glue …` and `aws lakeformation …` print, recognised by its shape and put together to snapshots.
//!
//! A file holds one answer, an array of answers, or an envelope `{"account", "region", "taken_at", "documents": […]}`. Two
//! answers do not say what was asked, so the question may stand beside them: `DatabaseName` beside a `TableList`, `Resource`
//! beside LF-tags. An entry that cannot be read goes to quarantine, and its listing then counts as incomplete.
//! An envelope may also declare `"complete": ["tags", "grants", …]`: all of these were asked for, so what is missing is not there.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use lakewarden_core::Sha256;
use lakewarden_sources::Rejected;
use serde_json::Value;

use crate::entry::{self, BadEntry};
use crate::resource::Resource;
use crate::snapshot::GlueSnapshot;

/// What is known of the documents beside their content.
#[derive(Debug, Clone)]
pub struct Asked {
    pub account: Option<String>,
    pub region: Option<String>,
    /// When the answers were given, where a document does not say so itself.
    pub taken_at: DateTime<Utc>,
}

/// One file, or one body.
#[derive(Debug, Clone)]
pub struct Document {
    /// File name or other place, for quarantine.
    pub file: String,
    pub content: Value,
}

/// What the documents hold, by catalog.
#[derive(Debug)]
pub struct Parsed {
    pub snapshots: Vec<GlueSnapshot>,
    pub rejected: Vec<Rejected>,
}

impl Document {
    /// Reads one file; what is not JSON is a rejection of the file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejected> {
        serde_json::from_slice::<Value>(bytes).map(|content| Self::new(file, content)).map_err(|error| Rejected {
            place: file.to_owned(),
            reason: format!("this is not JSON: {error}"),
            excerpt: excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)])),
            hash: Sha256::of(bytes),
        })
    }

    pub fn new(file: &str, mut content: Value) -> Self {
        remove_nul(&mut content);
        Self { file: file.to_owned(), content }
    }
}

/// Puts documents together: one snapshot for each catalog they speak of.
pub fn parse(documents: &[Document], asked: &Asked) -> Parsed {
    let fallback = documents.iter().find_map(|document| find_catalog_id(&document.content, 0));
    let mut reader = Reader { fallback, snapshots: BTreeMap::new(), rejected: Vec::new() };
    for document in documents {
        let region = asked.region.clone().or_else(|| region_in(&document.file));
        let asked = Asked { region, ..asked.clone() };
        reader.read(&document.file, "", &document.content, &asked);
    }
    Parsed { snapshots: reader.snapshots.into_values().collect(), rejected: reader.rejected }
}

struct Reader {
    /// The account the documents name anywhere: for those that name none.
    fallback: Option<String>,
    snapshots: BTreeMap<(String, String), GlueSnapshot>,
    rejected: Vec<Rejected>,
}

impl Reader {
    fn read(&mut self, file: &str, pointer: &str, content: &Value, asked: &Asked) {
        if let Some(answers) = content.as_array() {
            for (index, answer) in answers.iter().enumerate() {
                self.read(file, &format!("{pointer}/{index}"), answer, asked);
            }
            return;
        }
        if let Some(documents) = content.get("documents") {
            let said = |key: &str| content.get(key).and_then(Value::as_str).map(str::to_owned);
            let asked = Asked {
                account: said("account").or_else(|| asked.account.clone()),
                region: said("region").or_else(|| asked.region.clone()),
                taken_at: content.get("taken_at").and_then(instant).unwrap_or(asked.taken_at),
            };
            self.read(file, &format!("{pointer}/documents"), documents, &asked);
            self.declare_complete(content.get("complete"), &asked);
            return;
        }
        let place = Place { file, pointer };
        if !self.read_answer(&place, content, asked) {
            self.reject(
                &place,
                content,
                "not an answer of Glue or Lake Formation: expected an object with DatabaseList, TableList, TableVersions, \
                 PrincipalResourcePermissions, DataLakeSettings, ResourceInfoList, or Resource with LFTagOnDatabase",
            );
        }
    }

    /// An envelope may say that everything of a kind was asked for, which single answers cannot show.
    fn declare_complete(&mut self, kinds: Option<&Value>, asked: &Asked) {
        let is_declared =
            |kind: &str| kinds.and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|k| k == kind));
        let of_catalog = |(account, region): &(String, String)| {
            asked.account.as_ref().is_none_or(|asked| asked == account)
                && asked.region.as_ref().is_none_or(|asked| asked == region)
        };
        for (_, snapshot) in self.snapshots.iter_mut().filter(|(key, _)| of_catalog(key)) {
            let complete = &mut snapshot.complete;
            complete.tags |= is_declared("tags");
            complete.locations |= is_declared("locations");
            complete.databases |= is_declared("databases");
            if is_declared("grants") {
                complete.grants_on.extend(Resource::KINDS);
            }
        }
    }

    /// False where the shape is unknown.
    fn read_answer(&mut self, place: &Place<'_>, answer: &Value, asked: &Asked) -> bool {
        let account = asked
            .account
            .clone()
            .or_else(|| find_catalog_id(answer, 0))
            .or_else(|| self.fallback.clone())
            .unwrap_or_else(|| "unknown".to_owned());
        let region = asked.region.clone().unwrap_or_else(|| "unknown".to_owned());
        let key = (account.clone(), region.clone());
        let mut snapshot =
            self.snapshots.remove(&key).unwrap_or_else(|| GlueSnapshot::empty(account, region, asked.taken_at));
        snapshot.taken_at = snapshot.taken_at.max(asked.taken_at);
        let known = self.fill(&mut snapshot, place, answer);
        if known || !snapshot.is_empty() {
            self.snapshots.insert(key, snapshot);
        }
        known
    }

    fn fill(&mut self, snapshot: &mut GlueSnapshot, place: &Place<'_>, answer: &Value) -> bool {
        let ended = answer.get("NextToken").is_none_or(Value::is_null);
        let list = |key: &str| answer.get(key).and_then(Value::as_array);
        if let Some(entries) = list("DatabaseList") {
            self.databases(snapshot, place, entries, ended);
        } else if let Some(entries) = list("TableList") {
            self.tables(snapshot, place, entries, answer, ended);
        } else if let Some(entries) = list("TableVersions") {
            let (versions, _) = self.each(place, "TableVersions", entries, entry::table_version);
            snapshot.table_versions.extend(versions);
        } else if let Some(entries) = list("PrincipalResourcePermissions") {
            self.grants(snapshot, place, entries, answer, ended);
        } else if let Some(entries) = list("ResourceInfoList") {
            let (locations, whole) = self.each(place, "ResourceInfoList", entries, entry::location);
            snapshot.locations.extend(locations);
            snapshot.complete.locations |= ended && whole;
        } else if let Some(settings) = answer.get("DataLakeSettings").filter(|settings| settings.is_object()) {
            snapshot.settings = Some(settings.clone());
        } else if let Some(resource) = answer.get("Resource") {
            match Resource::parse(resource, &snapshot.account) {
                Some(resource) => snapshot.tags.push(entry::tags_of_answer(resource.canonical(), answer)),
                None => return false,
            }
        } else if let Some(database) = answer.get("Database") {
            let (databases, _) = self.each(place, "Database", std::slice::from_ref(database), entry::database);
            snapshot.databases.extend(databases);
        } else if let Some(table) = answer.get("Table") {
            let (tables, _) = self.each(place, "Table", std::slice::from_ref(table), entry::table);
            snapshot.tables.extend(tables);
        } else {
            return false;
        }
        true
    }

    fn databases(&mut self, snapshot: &mut GlueSnapshot, place: &Place<'_>, entries: &[Value], ended: bool) {
        if entries.iter().any(|entry| entry.get("Database").is_some()) {
            // SearchDatabasesByLFTags: the entries are tags.
            let account = snapshot.account.clone();
            let (tags, _) = self.each(place, "DatabaseList", entries, |entry| entry::tagged_database(entry, &account));
            snapshot.tags.extend(tags);
            return;
        }
        let (databases, whole) = self.each(place, "DatabaseList", entries, entry::database);
        snapshot.databases.extend(databases);
        snapshot.complete.databases |= ended && whole;
    }

    fn tables(
        &mut self,
        snapshot: &mut GlueSnapshot,
        place: &Place<'_>,
        entries: &[Value],
        answer: &Value,
        ended: bool,
    ) {
        if entries.iter().any(|entry| entry.get("Table").is_some()) {
            // SearchTablesByLFTags: the entries are tags.
            let account = snapshot.account.clone();
            let (tags, _) = self.each(place, "TableList", entries, |entry| entry::tagged_table(entry, &account));
            snapshot.tags.extend(tags);
            return;
        }
        let (tables, whole) = self.each(place, "TableList", entries, entry::table);
        if ended && whole {
            let asked = answer.get("DatabaseName").and_then(Value::as_str).map(str::to_owned);
            let named = tables.iter().map(|table| table.database.clone());
            snapshot.complete.tables_of.extend(named.chain(asked));
        }
        snapshot.tables.extend(tables);
    }

    fn grants(
        &mut self,
        snapshot: &mut GlueSnapshot,
        place: &Place<'_>,
        entries: &[Value],
        answer: &Value,
        ended: bool,
    ) {
        let account = snapshot.account.clone();
        let (grants, whole) =
            self.each(place, "PrincipalResourcePermissions", entries, |entry| entry::grants(entry, &account));
        let grants: Vec<_> = grants.into_iter().flatten().collect();
        if ended && whole {
            // Beside the answer, the kinds that were asked for; without them only what is there proves it was looked at.
            let asked = answer.get("ResourceKinds").and_then(Value::as_array).into_iter().flatten();
            let asked = Resource::KINDS.iter().copied().filter(|kind| asked.clone().any(|word| word == *kind));
            snapshot.complete.grants_on.extend(grants.iter().map(|grant| grant.resource.kind()).chain(asked));
        }
        snapshot.grants.extend(grants);
    }

    /// Reads every entry; the second answer is whether none was bad.
    fn each<T>(
        &mut self,
        place: &Place<'_>,
        key: &str,
        entries: &[Value],
        read: impl Fn(&Value) -> Result<T, BadEntry>,
    ) -> (Vec<T>, bool) {
        let mut good = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match read(entry) {
                Ok(entry) => good.push(entry),
                Err(bad) => {
                    let pointer = format!("{}/{key}/{index}{}", place.pointer, bad.pointer);
                    self.reject(&Place { file: place.file, pointer: &pointer }, entry, &bad.reason);
                }
            }
        }
        let whole = good.len() == entries.len();
        (good, whole)
    }

    fn reject(&mut self, place: &Place<'_>, content: &Value, reason: &str) {
        let text = content.to_string();
        self.rejected.push(Rejected {
            place: format!("{}#{}", place.file, place.pointer),
            reason: reason.to_owned(),
            excerpt: excerpt(&text),
            hash: Sha256::of(&text),
        });
    }
}

struct Place<'a> {
    file: &'a str,
    pointer: &'a str,
}

/// An instant as the CLI prints it (ISO 8601) or as the API sends it (seconds).
pub(crate) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(seconds) = value.as_f64() {
        return DateTime::from_timestamp_micros((seconds * 1e6) as i64);
    }
    let text = value.as_str()?;
    let with_zone = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok();
    with_zone.or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok().map(|at| at.and_utc()))
}

/// The first `CatalogId` that looks like an account, not too deep.
fn find_catalog_id(value: &Value, depth: u8) -> Option<String> {
    if depth > 5 {
        return None;
    }
    match value {
        Value::Object(fields) => fields
            .get("CatalogId")
            .and_then(Value::as_str)
            .filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()))
            .map(str::to_owned)
            .or_else(|| fields.values().find_map(|field| find_catalog_id(field, depth + 1))),
        Value::Array(entries) => entries.iter().find_map(|entry| find_catalog_id(entry, depth + 1)),
        _ => None,
    }
}

/// A path segment that is spelt like a region: `exports/eu-west-1/tables.json`.
fn region_in(file: &str) -> Option<String> {
    let is_region = |segment: &&str| {
        let parts: Vec<&str> = segment.split('-').collect();
        let words = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        matches!(parts.len(), 3 | 4)
            && parts[0].len() == 2
            && parts[..parts.len() - 1].iter().all(words)
            && parts[parts.len() - 1].parse::<u8>().is_ok()
    };
    file.split(['/', '\\']).find(is_region).map(str::to_owned)
}

/// Postgres cannot store NUL in JSON.
fn remove_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(entries) => entries.iter_mut().for_each(remove_nul),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, field)| (key.replace('\0', "\u{fffd}"), field))
                    .collect();
            }
            fields.values_mut().for_each(remove_nul);
        }
        _ => {}
    }
}

fn excerpt(text: &str) -> String {
    text.replace('\0', "\u{fffd}").chars().take(300).collect()
}
