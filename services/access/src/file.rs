//! A trail file's text cut into records: `{"Records":[…]}`, a bare list, one record a line, or an EventBridge event.
//!
//! Records are found before they are read, so one that cannot be read loses none of the others; where the text itself
//! breaks off, what stands before the break is kept.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Every record of a text in order, and what of the text could not be cut.
#[derive(Debug, Default)]
pub struct Cut<'a> {
    pub records: Vec<&'a str>,
    /// Why the rest is missing: the text breaks off, or is no trail at all.
    pub broken: Option<String>,
}

pub fn cut(text: &str) -> Cut<'_> {
    let mut found = Cut::default();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let before = found.records.len();
        let mut reader = serde_json::Deserializer::from_str(rest);
        let shape = Document { records: &mut found.records }.deserialize(&mut reader);
        // A trail file is one document; only where more follows is its end looked for.
        let end = if shape.is_ok() && reader.end().is_ok() { rest.len() } else { end_of_first_document(rest) };
        match shape {
            Ok(Shape::Trail) => {}
            Ok(Shape::Record) => found.records.push(rest[..end].trim_ascii()),
            Err(error) => {
                let read = found.records.len() - before;
                found.broken = Some(format!("after {read} records of this part: {error}"));
            }
        }
        rest = rest[end..].trim_ascii_start();
    }
    if text.trim_ascii().is_empty() {
        found.broken = Some("the file is empty".to_owned());
    }
    found
}

/// The whole text where the document has no end.
fn end_of_first_document(text: &str) -> usize {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match documents.next() {
        Some(Ok(_)) => documents.byte_offset(),
        _ => text.len(),
    }
}

enum Shape {
    /// A container whose records were pushed.
    Trail,
    /// The document is itself one record.
    Record,
}

struct Document<'r, 'a> {
    records: &'r mut Vec<&'a str>,
}

impl<'a> DeserializeSeed<'a> for Document<'_, 'a> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Document<'_, 'a> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloudTrail records: an object with `Records`, a list of records, or a record")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Shape, A::Error> {
        while let Some(record) = seq.next_element::<&RawValue>()? {
            self.records.push(record.get());
        }
        Ok(Shape::Trail)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Record;
        let mut is_empty = true;
        while let Some(key) = map.next_key::<std::borrow::Cow<'a, str>>()? {
            is_empty = false;
            match key.as_ref() {
                "Records" => {
                    map.next_value_seed(Records { records: self.records })?;
                    shape = Shape::Trail;
                }
                // EventBridge wraps one record.
                "detail" => {
                    self.records.push(map.next_value::<&RawValue>()?.get());
                    shape = Shape::Trail;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_empty { Err(A::Error::custom("an empty object holds no records")) } else { Ok(shape) }
    }
}

struct Records<'r, 'a> {
    records: &'r mut Vec<&'a str>,
}

impl<'a> DeserializeSeed<'a> for Records<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Records<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`Records` to be a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(record) = seq.next_element::<&RawValue>()? {
            self.records.push(record.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<&str> {
        let cut = cut(text);
        assert_eq!(cut.broken, None, "{text}");
        cut.records
    }

    #[test]
    fn every_form_a_trail_comes_in_is_cut_into_its_records() {
        assert_eq!(records(r#"{"Records":[{"a":1}, 7 ]}"#), [r#"{"a":1}"#, "7"]);
        assert_eq!(records(r#"[{"a":1},{"b":2}]"#), [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(records("{\"a\":1}\n{\"b\":2}\n"), [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(records(r#"{"Records":[{"a":1}]} {"Records":[{"b":2}]}"#).len(), 2);
        assert_eq!(records(r#"{"detail-type":"AWS API Call via CloudTrail","detail":{"a":1}}"#), [r#"{"a":1}"#]);
        assert_eq!(records(r#"{"Records":[]}"#).len(), 0);
    }

    #[test]
    fn where_the_text_breaks_off_the_records_before_the_break_are_kept() {
        let cut = cut(r#"{"Records":[{"a":1},{"b":2},{"c""#);
        assert_eq!(cut.records, [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert!(cut.broken.unwrap().contains("after 2 records"));
    }

    #[test]
    fn what_is_no_trail_is_broken_and_not_a_panic() {
        let deep = format!("{{\"Records\":[{}", "[".repeat(100_000));
        for text in ["", "  ", "hello", "{}", "7", r#"{"Records":7}"#, r#"{"Records":{"a":1}}"#, "[[[", deep.as_str()] {
            let cut = cut(text);
            assert!(cut.broken.is_some() && cut.records.is_empty(), "{}", crate::record::shorten(text, 40));
        }
    }

    #[test]
    fn deep_nesting_inside_one_record_leaves_the_others_alone() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = format!(r#"{{"Records":[{{"a":{deep}}},{{"b":2}}]}}"#);
        assert_eq!(records(&text).len(), 2);
    }
}
