//! One CloudTrail record as far as the service reads it: borrowed from the file, and tolerant of every form real trails show.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A scalar as text. Absent, null and structured values are the empty text: producers disagree, and no record is lost for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> Text<'a> {
    /// `None` where the field was absent, null or empty.
    pub fn get(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_ref())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_cow(self) -> Cow<'a, str> {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }
}

/// The fields every record is read for; sub-trees stay as they were written until something needs them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record<'a> {
    #[serde(borrow)]
    pub event_time: Text<'a>,
    /// What log shippers call the time where they dropped `eventTime`.
    #[serde(borrow, rename = "@timestamp")]
    pub shipped_time: Text<'a>,
    #[serde(borrow)]
    pub event_source: Text<'a>,
    #[serde(borrow)]
    pub event_name: Text<'a>,
    #[serde(borrow, rename = "eventID")]
    pub event_id: Text<'a>,
    #[serde(borrow)]
    pub recipient_account_id: Text<'a>,
    #[serde(borrow)]
    pub error_code: Text<'a>,
    #[serde(borrow)]
    pub vpc_endpoint_id: Text<'a>,
    #[serde(borrow)]
    pub user_identity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub request_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub response_elements: Option<&'a RawValue>,
    #[serde(borrow)]
    pub additional_event_data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub resources: Option<&'a RawValue>,
    pub tls_details: Option<IgnoredAny>,
}

/// `additionalEventData`, as S3 writes it. Byte counts were integers until 2021 and are floats since.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AdditionalData<'a> {
    #[serde(borrow, rename = "SignatureVersion")]
    pub signature_version: Text<'a>,
    #[serde(borrow, rename = "CipherSuite")]
    pub cipher_suite: Text<'a>,
    #[serde(borrow, rename = "AuthenticationMethod")]
    pub authentication_method: Text<'a>,
    #[serde(borrow, rename = "bytesTransferredOut")]
    pub bytes_out: Text<'a>,
}

impl AdditionalData<'_> {
    /// Bytes that left; what is no number, negative or absurd counts as none.
    pub fn bytes_out(&self) -> i64 {
        let bytes = self.bytes_out.as_str().parse::<f64>().unwrap_or(0.0);
        if bytes.is_finite() && bytes > 0.0 { bytes.min(1e15) as i64 } else { 0 }
    }
}

/// An entry of `resources`. List calls carry `ARNPrefix` in place of `ARN`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NamedResource<'a> {
    #[serde(borrow, rename = "ARN")]
    pub arn: Text<'a>,
    #[serde(borrow, rename = "ARNPrefix")]
    pub arn_prefix: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
}

/// Reads a sub-tree; one of an unexpected form counts as empty, and the record goes on.
pub fn part<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

impl Record<'_> {
    /// When it happened, or why that cannot be said.
    pub fn time(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        let text = self.event_time.get().or_else(|| self.shipped_time.get()).ok_or("eventTime is missing")?;
        let time = parse_time(text).ok_or_else(|| format!("eventTime `{}` is not a time", shorten(text, 60)))?;
        if time < EARLIEST || time > now + chrono::TimeDelta::days(1) {
            return Err(format!(
                "eventTime `{}` cannot be: CloudTrail began in 2013, and tomorrow has not happened",
                shorten(text, 60)
            ));
        }
        Ok(time)
    }

    /// `s3:GetObject`; events without a name (Insights) count under their service alone.
    pub fn operation(&self) -> String {
        let service = self.service();
        match self.event_name.get() {
            Some(name) => format!("{service}:{}", shorten(name, 100)),
            None => format!("{service}:unnamed"),
        }
    }

    /// `s3` for `s3.amazonaws.com`.
    pub fn service(&self) -> &str {
        let source = self.event_source.as_str();
        let service = source.strip_suffix(".amazonaws.com").unwrap_or(source);
        if service.is_empty() { "unknown" } else { shorten(service, 60) }
    }
}

/// Before CloudTrail existed: 2013-01-01.
const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(1_356_998_400, 0) {
    Some(time) => time,
    None => unreachable!(),
};

/// At most `limit` bytes, cut at a character.
pub fn shorten(text: &str, limit: usize) -> &str {
    if text.len() <= limit { text } else { &text[..text.floor_char_boundary(limit)] }
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    parse_usual_time(text.as_bytes())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
        .or_else(|| {
            ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
                .map(|time| time.and_utc())
        })
}

/// `2023-07-10T11:54:42Z`, the form AWS writes, without chrono's general parser: this runs for every record.
fn parse_usual_time(text: &[u8]) -> Option<DateTime<Utc>> {
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z'] = text else { return None };
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let date = chrono::NaiveDate::from_ymd_opt(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
    Some(date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn time(json: &str) -> Result<DateTime<Utc>, String> {
        serde_json::from_str::<Record<'_>>(json).unwrap().time(now())
    }

    #[test]
    fn times_are_read_in_every_form_seen_in_real_trails() {
        let expected: DateTime<Utc> = "2021-10-19T04:50:27Z".parse().unwrap();
        for json in [
            r#"{"eventTime":"2021-10-19T04:50:27Z"}"#,
            r#"{"eventTime":"2021-10-19 04:50:27"}"#,
            r#"{"eventTime":"2021-10-19T06:50:27+02:00"}"#,
            r#"{"@timestamp":"2021-10-19T04:50:27.000Z"}"#,
        ] {
            assert_eq!(time(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn impossible_times_are_refused_with_a_reason() {
        for json in [
            "{}",
            r#"{"eventTime":null}"#,
            r#"{"eventTime":{"a":1}}"#,
            r#"{"eventTime":"2023-02-30T00:00:00Z"}"#,
            r#"{"eventTime":"0001-01-01T00:00:00Z"}"#,
            r#"{"eventTime":"9999-12-31T23:59:59Z"}"#,
            r#"{"eventTime":"yesterday"}"#,
        ] {
            assert!(time(json).unwrap_err().contains("eventTime"), "{json}");
        }
    }

    #[test]
    fn fields_of_the_wrong_type_do_not_lose_the_record() {
        let json =
            r#"{"eventName":["x"],"eventID":7,"eventSource":{},"userIdentity":"root","resources":3,"tlsDetails":null}"#;
        let record: Record<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(record.operation(), "unknown:unnamed");
        assert_eq!(record.event_id.as_str(), "7");
        assert!(part::<Vec<NamedResource<'_>>>(record.resources).is_empty());
    }

    #[test]
    fn bytes_are_read_as_integer_and_as_float() {
        for (json, bytes) in [("5", 5), ("5.0", 5), ("1.5e3", 1500), ("-1", 0), ("null", 0), ("\"x\"", 0)] {
            let json = format!(r#"{{"bytesTransferredOut":{json}}}"#);
            assert_eq!(serde_json::from_str::<AdditionalData<'_>>(&json).unwrap().bytes_out(), bytes, "{json}");
        }
    }
}
