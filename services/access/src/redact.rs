//! Credentials never reach storage: AWS masks some, not all, so everything that can open a door is blanked here.

use serde_json::Value;

/// What stands in place of a secret.
pub const REDACTED: &str = "REDACTED";

/// Keys whose value is a secret wherever they stand; compared without case, `-` and `_`.
const SECRETS: &[&str] = &[
    "sessiontoken",
    "secretaccesskey",
    "secretkey",
    "password",
    "masteruserpassword",
    "newpassword",
    "oldpassword",
    "secretstring",
    "secretbinary",
    "clientsecret",
    "privatekey",
    "keymaterial",
    "plaintext",
    "authtoken",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "signintoken",
    "bearertoken",
    "tokenvalue",
    "samlassertion",
    "webidentitytoken",
    "xamzsecuritytoken",
    "xamzcredential",
    "xamzsignature",
    "authorizationtoken",
    "serverscerts",
    "userdata",
    "authparameters",
];

/// The record as it may be stored: secrets blanked, and NUL characters (which Postgres cannot hold) shown as `�`.
/// A record that cannot be read as JSON at all is kept as a note of that.
pub fn redacted(raw: &str) -> Value {
    match serde_json::from_str(raw) {
        Ok(mut value) => {
            redact(&mut value);
            value
        }
        Err(error) => serde_json::json!({ "unreadable": error.to_string() }),
    }
}

/// The first characters of something that may not be JSON, with anything that follows a secret's name blanked.
pub fn redacted_excerpt(raw: &str, limit: usize) -> String {
    let text = match serde_json::from_str(raw) {
        Ok(mut value) => {
            redact(&mut value);
            value.to_string()
        }
        // Broken JSON cannot be redacted field by field, so nothing of it is kept if a secret's name stands in it.
        Err(_) if names_a_secret(raw) => REDACTED.to_owned(),
        Err(_) => raw.replace('\0', "\u{fffd}"),
    };
    crate::record::shorten(&text, limit).to_owned()
}

fn names_a_secret(raw: &str) -> bool {
    let folded = fold(raw);
    SECRETS.iter().any(|secret| folded.contains(secret))
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', "\u{fffd}"), value))
                    .collect();
            }
            for (key, value) in fields.iter_mut() {
                if !value.is_null() && SECRETS.contains(&fold(key).as_str()) {
                    *value = Value::String(REDACTED.to_owned());
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => {
            if text.contains('\0') {
                *text = text.replace('\0', "\u{fffd}");
            }
            if text.contains("X-Amz-Security-Token=") || text.contains("X-Amz-Signature=") {
                REDACTED.clone_into(text);
            }
        }
        _ => {}
    }
}

fn fold(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_blanked_wherever_they_stand() {
        let raw = r#"{"responseElements":{"credentials":{"accessKeyId":"ASIA1","sessionToken":"S3CRET","expiration":"x"}},
            "requestParameters":{"masterUserPassword":"S3CRET","list":[{"X-Amz-Security-Token":"S3CRET"}],"password":null},
            "url":"https://b.s3.amazonaws.com/k?X-Amz-Signature=S3CRET"}"#;
        let value = redacted(raw);
        assert!(!value.to_string().contains("S3CRET"), "{value}");
        assert_eq!(value["responseElements"]["credentials"]["accessKeyId"], "ASIA1", "the key id joins sessions");
        assert_eq!(value["requestParameters"]["password"], Value::Null);
    }

    #[test]
    fn nul_characters_and_broken_records_can_be_stored() {
        assert_eq!(redacted(r#"{"a":"x\u0000y","k\u0000":1}"#).to_string().matches('\u{fffd}').count(), 2);
        assert!(redacted("{").get("unreadable").is_some());
        assert_eq!(redacted_excerpt(r#"{"sessionToken":"abc"#, 100), REDACTED);
        assert_eq!(redacted_excerpt("{\"a\":1", 100), "{\"a\":1");
    }

    #[test]
    fn a_record_nested_a_hundred_thousand_deep_is_refused_and_not_followed() {
        let raw = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(redacted(&raw).get("unreadable").is_some());
    }
}
