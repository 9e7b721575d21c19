//! Takes credentials out of events before anything of them is stored: producers send connection strings, SQL and environments.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

const REDACTED: &str = "[redacted]";

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that the tests compile")
}

/// Meets every text that any rule below could change, in one pass: most events need no more than this.
static SUSPICIOUS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)passw|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|authorization|(?-i:AKIA|ASIA)|://[^/\s:@]*:[^/\s@]+@|identified by",
    )
});
static SENSITIVE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(passw(or)?d|passphrase|pwd|secret|credentials?|api[_.-]?key|access[_.-]?key|private[_.-]?key|authorization|(^|[_.-])(auth|access|session|security|refresh|bearer)?[_.-]?token)([_.-]?(id|value|key|access[_.-]?key))?$",
    )
});
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"(?i)((?:passw(?:or)?d|pwd|secret[a-z_.-]*|(?:auth|access|session|security|refresh)[_-]?token|api[_-]?key|access[_-]?key[a-z_]*|private[_-]?key)["']?\s*(?:=|:|=>)\s*)("[^"]*"|'[^']*'|[^\s,;&)"']+)"#,
    )
});
static IDENTIFIED_BY: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(identified\s+by\s+)('[^']*'|[^\s;]+)"));
static AUTHORIZATION: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)((?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}"));
static USER_INFO: LazyLock<Regex> = LazyLock::new(|| compile(r"(://[^/\s:@]*:)[^/\s@]+@"));
static ACCESS_KEY_ID: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"));

/// True where [`redact`] may find something.
pub(super) fn is_suspicious(text: &str) -> bool {
    SUSPICIOUS.is_match(text)
}

/// Replaces credentials by `[redacted]`, in place; returns how many values were touched.
pub(super) fn redact(value: &mut Value) -> usize {
    match value {
        Value::String(text) => match redact_text(text) {
            Cow::Owned(clean) => {
                *text = clean;
                1
            }
            Cow::Borrowed(_) => 0,
        },
        Value::Array(items) => items.iter_mut().map(redact).sum(),
        Value::Object(fields) => {
            // {"name": "DB_PASSWORD", "value": "…"}: environment variables, parameters, catalog properties.
            let names_a_secret =
                ["name", "key"].iter().any(|key| fields.get(*key).and_then(Value::as_str).is_some_and(is_sensitive));
            fields
                .iter_mut()
                .map(|(key, value)| {
                    let secret = is_sensitive(key) || (names_a_secret && key == "value");
                    if secret && blank(value) { 1 } else { redact(value) }
                })
                .sum()
        }
        _ => 0,
    }
}

fn is_sensitive(key: &str) -> bool {
    SENSITIVE_KEY.is_match(key)
}

fn blank(value: &mut Value) -> bool {
    match value {
        Value::String(text) if !text.is_empty() && text != REDACTED => {
            REDACTED.clone_into(text);
            true
        }
        _ => false,
    }
}

fn redact_text(text: &str) -> Cow<'_, str> {
    if !is_suspicious(text) && !text.contains("earer ") {
        return Cow::Borrowed(text);
    }
    let mut clean = Cow::Borrowed(text);
    for (rule, replacement) in [
        (&ASSIGNMENT, "${1}[redacted]"),
        (&IDENTIFIED_BY, "${1}[redacted]"),
        (&AUTHORIZATION, "${1}[redacted]"),
        (&USER_INFO, "${1}[redacted]@"),
        (&ACCESS_KEY_ID, REDACTED),
    ] {
        if let Cow::Owned(replaced) = rule.replace_all(&clean, replacement) {
            clean = Cow::Owned(replaced);
        }
    }
    if clean == text { Cow::Borrowed(text) } else { clean }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_go_and_everything_else_stays() {
        let mut event = json!({
            "inputs": [{"namespace": "postgres://etl:hunter2@db:5432", "name": "shop.public.orders"}],
            "run": {"facets": {
                "debezium_config": {"database.password": "postgres", "database.user": "etl"},
                "environmentVariables": {"environmentVariables": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOME", "value": "/root"}]},
                "spark_properties": {"properties": {"spark.hadoop.fs.s3a.secret.key": "abc/def", "spark.master": "yarn"}},
            }},
            "job": {"facets": {"sql": {"query": "copy t from 's3://b' credentials 'aws_access_key_id=AKIAIOSFODNN7EXAMPLE;aws_secret_access_key=wJalr/XUt'"}}},
        });
        assert!(is_suspicious(&event.to_string()));
        assert_eq!(redact(&mut event), 5);
        let text = event.to_string();
        for secret in ["hunter2", "\"postgres\"", "abc/def", "AKIAIOSFODNN7EXAMPLE", "wJalr"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for kept in ["shop.public.orders", "/root", "yarn", "etl", "copy t from"] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
    }

    #[test]
    fn a_column_called_password_is_a_column() {
        let mut event = json!({
            "schema": {"fields": [{"name": "password", "type": "varchar"}, {"name": "token_count", "type": "int"}]},
            "columnLineage": {"fields": {"password": {"inputFields": [{"name": "users", "field": "password"}]}}},
            "sql": {"query": "select password, token from users where passwd is not null"},
        });
        let before = event.clone();
        assert_eq!(redact(&mut event), 0);
        assert_eq!(event, before);
    }
}
