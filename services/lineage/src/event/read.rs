//! From bytes to an event: repaired, parsed within a depth, redacted, classified, and refused with the place of the fault.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::redact::{is_suspicious, redact};
use super::repair::repair;
use super::{Event, EventType};

/// Longer names are somebody's mistake, and no index could hold them.
const NAME_BYTES_AT_MOST: usize = 4096;

/// Why an event is not one, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {reason}", if .pointer.is_empty() { "the event" } else { .pointer })]
pub struct Invalid {
    /// JSON pointer (RFC 6901) to the field; empty for the whole event.
    pub pointer: String,
    pub reason: String,
}

/// An event and what is kept of how it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub event: Event,
    /// The JSON as received, but for redactions and repairs.
    pub raw: String,
    /// SHA-256 of the JSON with sorted keys and no white space: the same event is the same however it was written.
    pub hash: [u8; 32],
    /// What was changed or not understood, for people.
    pub notes: Vec<String>,
}

/// Reads one event.
pub fn read_event(body: &[u8]) -> Result<Document, Invalid> {
    let (text, repairs) = repair(body);
    let mut notes: Vec<String> = repairs.into_iter().map(str::to_owned).collect();
    let mut value: Value = serde_json::from_str(&text).map_err(|error| Invalid::not_json(&error))?;
    let redacted = if is_suspicious(&text) { redact(&mut value) } else { 0 };
    let raw = if redacted > 0 {
        notes.push(format!("{redacted} credentials were redacted"));
        value.to_string()
    } else {
        text.into_owned()
    };
    let hash = canonical_hash(&value);
    Ok(Document { event: classify(value)?, raw, hash, notes })
}

/// By the last part of `schemaURL` where it says, else by what the event has.
fn classify(value: Value) -> Result<Event, Invalid> {
    let Value::Object(fields) = &value else {
        return Err(Invalid::new("", format!("an event is a JSON object, and this is {}", kind_of(&value))));
    };
    let has = |key: &str| fields.get(key).is_some_and(|field| !field.is_null());
    let said = fields.get("schemaURL").and_then(Value::as_str).and_then(|url| url.rsplit(['/', '#']).next());
    let event = match said {
        Some("JobEvent") if has("job") && !has("run") => Event::Job(from_value(value)?),
        Some("DatasetEvent") if has("dataset") => Event::Dataset(from_value(value)?),
        _ if !has("run") && has("job") && !has("eventType") => Event::Job(from_value(value)?),
        _ if !has("run") && has("job") && said != Some("RunEvent") => Event::Job(from_value(value)?),
        _ if !has("run") && !has("job") && has("dataset") => Event::Dataset(from_value(value)?),
        _ => Event::Run(from_value(value)?),
    };
    check_names(&event)?;
    Ok(event)
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(value).map_err(|error| Invalid::at_path(&error))
}

fn check_names(event: &Event) -> Result<(), Invalid> {
    if let Event::Run(event) = event {
        check_name(&event.run.run_id, || "/run/runId".to_owned())?;
        if event.event_type.is_some_and(EventType::is_terminal) && event.job.name.is_empty() {
            return Err(Invalid::new("/job/name", "must not be empty"));
        }
    }
    if let Some(job) = event.job() {
        check_name(&job.name, || "/job/name".to_owned())?;
        check_length(&job.namespace, || "/job/namespace".to_owned())?;
    }
    let lists = match event {
        Event::Run(event) => [("inputs", &event.inputs[..]), ("outputs", &event.outputs[..])],
        Event::Job(event) => [("inputs", &event.inputs[..]), ("outputs", &event.outputs[..])],
        Event::Dataset(event) => {
            check_name(&event.dataset.name, || "/dataset/name".to_owned())?;
            return check_length(&event.dataset.namespace, || "/dataset/namespace".to_owned());
        }
    };
    for (list, datasets) in lists {
        for (index, dataset) in datasets.iter().enumerate() {
            check_name(&dataset.name, || format!("/{list}/{index}/name"))?;
            check_length(&dataset.namespace, || format!("/{list}/{index}/namespace"))?;
        }
    }
    Ok(())
}

fn check_name(name: &str, pointer: impl Fn() -> String) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(Invalid::new(pointer(), "must not be empty"));
    }
    check_length(name, pointer)
}

fn check_length(name: &str, pointer: impl Fn() -> String) -> Result<(), Invalid> {
    if name.len() > NAME_BYTES_AT_MOST {
        let reason = format!("is {} bytes long; names may have {NAME_BYTES_AT_MOST}", name.len());
        return Err(Invalid::new(pointer(), reason));
    }
    Ok(())
}

impl Invalid {
    pub fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), reason: reason.into() }
    }

    fn not_json(error: &serde_json::Error) -> Self {
        let reason = if error.to_string().starts_with("recursion limit") {
            format!("is nested deeper than 127 levels (line {}, column {})", error.line(), error.column())
        } else {
            format!("is not JSON: {error}")
        };
        Self::new("", reason)
    }

    pub(super) fn at_path(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => write!(pointer, "/{index}").expect("a String takes everything"),
                Segment::Map { key } => push_token(&mut pointer, key),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let mut reason = error.inner().to_string();
        // serde names a missing field in the text only: the pointer should lead to where it belongs.
        if let Some(field) = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            push_token(&mut pointer, field);
            "is missing".clone_into(&mut reason);
        }
        Self { pointer, reason }
    }

    /// The same fault as seen from further up.
    #[must_use]
    pub fn below(mut self, parents: &[&str]) -> Self {
        let mut pointer = String::new();
        for parent in parents {
            push_token(&mut pointer, parent);
        }
        pointer.push_str(&self.pointer);
        self.pointer = pointer;
        self
    }
}

fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array; post arrays to /api/v1/lineage/batch",
        Value::Object(_) => "an object",
    }
}

/// SHA-256 of `value` with sorted keys and no white space.
pub fn canonical_hash(value: &Value) -> [u8; 32] {
    let mut text = String::with_capacity(1024);
    write_canonical(value, &mut text);
    Sha256::digest(text).into()
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, field)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                // Length before content: no quoting needed to keep two different objects different.
                write!(out, "{}\"{key}\":", key.len()).expect("a String takes everything");
                write_canonical(field, out);
            }
            out.push('}');
        }
        Value::String(text) => write!(out, "{}\"{text}\"", text.len()).expect("a String takes everything"),
        scalar => write!(out, "{scalar}").expect("a String takes everything"),
    }
}

/// The beginning of a refused body, for people to look at, without credentials.
pub fn redacted_excerpt(raw: &[u8], chars: usize) -> String {
    // A credential may straddle the cut: redact a little more than is shown.
    let (text, _) = repair(&raw[..raw.len().min(chars * 8)]);
    let mut excerpt = Value::String(text.chars().filter(|character| *character != '\0').collect());
    redact(&mut excerpt);
    excerpt.as_str().unwrap_or_default().chars().take(chars).collect()
}

/// The events of a body that holds one, an array of them, or one a line.
pub fn split_documents(body: &[u8]) -> Result<Vec<Vec<u8>>, Invalid> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace());
    match start.map(|at| body[at]) {
        None => Ok(Vec::new()),
        Some(b'[') => {
            let (text, _) = repair(body);
            let items: Vec<&serde_json::value::RawValue> =
                serde_json::from_str(&text).map_err(|error| Invalid::not_json(&error))?;
            Ok(items.into_iter().map(|item| item.get().as_bytes().to_vec()).collect())
        }
        Some(_) if is_one_value(body) => Ok(vec![body.to_vec()]),
        Some(_) => Ok(body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .map(<[u8]>::to_vec)
            .collect()),
    }
}

/// A pretty-printed event spans lines; NDJSON has a whole value on its first.
fn is_one_value(body: &[u8]) -> bool {
    let first_line = body.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    serde_json::from_slice::<serde::de::IgnoredAny>(first_line).is_err()
        && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(event: &Value) -> Invalid {
        read_event(event.to_string().as_bytes()).expect_err("must be refused")
    }

    fn run_event() -> Value {
        json!({"eventTime": "2026-01-01T00:00:00Z", "eventType": "START", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}})
    }

    #[test]
    fn the_kind_is_what_the_schema_url_or_else_the_shape_says() {
        let kind = |event: Value| match read_event(event.to_string().as_bytes()).unwrap().event {
            Event::Run(_) => "run",
            Event::Job(_) => "job",
            Event::Dataset(_) => "dataset",
        };
        let dataset = json!({"namespace": "n", "name": "d"});
        assert_eq!(kind(run_event()), "run");
        assert_eq!(kind(json!({"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "n", "name": "j"}})), "job");
        assert_eq!(kind(json!({"eventTime": "2026-01-01T00:00:00Z", "dataset": dataset})), "dataset");
        let mut all = run_event();
        all["dataset"] = dataset;
        assert_eq!(kind(all), "run", "an event with a run is a run event whatever else it has");
    }

    #[test]
    fn a_fault_is_named_by_its_place() {
        let mut event = run_event();
        event["inputs"] = json!([{"namespace": "n", "name": null}]);
        assert_eq!(refused(&event).pointer, "/inputs/0/name");
        event["inputs"] = json!([{"namespace": "n"}]);
        assert_eq!(refused(&event), Invalid::new("/inputs/0/name", "is missing"));
        assert_eq!(refused(&json!({"eventTime": "2026-01-01T00:00:00Z"})).pointer, "/run");
        let mut event = run_event();
        event["eventTime"] = json!("2026-02-30T00:00:00Z");
        assert_eq!(refused(&event).pointer, "/eventTime");
        let mut event = run_event();
        event["eventType"] = json!("FINISHED");
        assert!(refused(&event).pointer.starts_with("/eventType"), "{}", refused(&event));
        assert!(refused(&json!([])).reason.contains("/api/v1/lineage/batch"));
    }

    #[test]
    fn hostile_text_is_an_error_or_kept_and_never_a_crash() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let error = read_event(deep.as_bytes()).unwrap_err();
        assert!(error.reason.contains("nested deeper"), "{error}");
        let inside = format!(r#"{{"eventTime":"2026-01-01T00:00:00Z","x":{}"#, "{\"a\":".repeat(100_000));
        assert!(read_event(inside.as_bytes()).unwrap_err().reason.contains("nested deeper"));

        let mut huge = run_event();
        huge["run"]["facets"] = json!({"big": {"text": "x".repeat(10_000_000)}});
        assert!(read_event(huge.to_string().as_bytes()).is_ok());
        huge["job"]["name"] = json!("x".repeat(10_000_000));
        assert_eq!(refused(&huge).pointer, "/job/name");

        let odd =
            r#"{"eventTime":"2026-01-01T00:00:00Z","run":{"runId":"r\u0000"},"job":{"namespace":"n","name":"\ud800"}}"#;
        let document = read_event(odd.as_bytes()).unwrap();
        assert_eq!(document.event.job().unwrap().name, "\u{fffd}");
        assert_eq!(document.notes.len(), 2);
        for garbage in ["", "{", "nul", "{\"a\":1e999}", "\u{0}"] {
            assert!(read_event(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }

    #[test]
    fn white_space_and_the_order_of_keys_do_not_make_another_event() {
        let one = read_event(
            br#"{"eventTime":"2026-01-01T00:00:00Z","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}"#,
        );
        let other = read_event(
            br#" {"job": {"name":"j", "namespace":"n"}, "run": {"runId":"r"}, "eventTime":"2026-01-01T00:00:00Z"} "#,
        );
        assert_eq!(one.unwrap().hash, other.unwrap().hash);
    }

    #[test]
    fn a_body_is_one_event_an_array_or_one_a_line() {
        let count = |body: &str| split_documents(body.as_bytes()).unwrap().len();
        assert_eq!(count("  "), 0);
        assert_eq!(count("[{}, {}]"), 2);
        assert_eq!(count("{}\n{}\n\n{}\n"), 3);
        assert_eq!(count("{\n \"a\": 1\n}\n"), 1);
        assert_eq!(count("{}\nnot json\n{}"), 3, "a bad line is one bad event");
        assert!(split_documents(b"[{}, ").is_err());
    }
}
