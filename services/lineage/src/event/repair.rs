//! Makes text of what is almost JSON text: bytes that are not UTF-8, lone surrogates, and NUL, which Postgres cannot store.

use std::borrow::Cow;

const REPLACEMENT: &str = "\\ufffd";

/// The body as text Postgres can hold, and what was replaced by U+FFFD on the way.
pub(super) fn repair(body: &[u8]) -> (Cow<'_, str>, Vec<&'static str>) {
    let mut notes = Vec::new();
    let text = String::from_utf8_lossy(body);
    if matches!(text, Cow::Owned(_)) {
        notes.push("bytes that are not UTF-8 were replaced by U+FFFD");
    }
    // JSON keeps raw control characters out of strings; only escapes can smuggle these in.
    if !text.contains("\\u") {
        return (text, notes);
    }
    let (escaped, nul, surrogate) = replace_escapes(&text);
    if nul {
        notes.push("NUL characters were replaced by U+FFFD");
    }
    if surrogate {
        notes.push("lone surrogates were replaced by U+FFFD");
    }
    if nul || surrogate { (Cow::Owned(escaped), notes) } else { (text, notes) }
}

/// Replaces `\u0000` and unpaired `\ud800`…`\udfff`; says whether it met any.
fn replace_escapes(text: &str) -> (String, bool, bool) {
    let bytes = text.as_bytes();
    let (mut nul, mut surrogate) = (false, false);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = escaped_unit(bytes, at) else {
            // Another escape: skip what it escapes, so that `\\u0000` is left alone.
            at += 2;
            continue;
        };
        let paired = (0xd800..0xdc00).contains(&unit)
            && escaped_unit(bytes, at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        if paired {
            at += 12;
            continue;
        }
        let lone = (0xd800..0xe000).contains(&unit);
        if lone || unit == 0 {
            (nul, surrogate) = (nul || unit == 0, surrogate || lone);
            out.push_str(&text[from..at]);
            out.push_str(REPLACEMENT);
            from = at + 6;
        }
        at += 6;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    (out, nul, surrogate)
}

fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::repair;

    #[test]
    fn only_what_cannot_be_stored_is_replaced() {
        for (given, expected, notes) in [
            (r#""plain""#, r#""plain""#, 0),
            (r#""a\u0000b""#, r#""a\ufffdb""#, 1),
            (r#""\\u0000""#, r#""\\u0000""#, 0),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#, 0),
            (r#""\ud83d""#, r#""\ufffd""#, 1),
            (r#""\udc00\u0000""#, r#""\ufffd\ufffd""#, 2),
            (r#""\u00"#, r#""\u00"#, 0),
        ] {
            let (text, made) = repair(given.as_bytes());
            assert_eq!((text.as_ref(), made.len()), (expected, notes), "{given}");
        }
        assert_eq!(repair(b"\"\xff\"").0, "\"\u{fffd}\"");
    }
}
