//! A pattern over the segments of an asset, and the segments of an asset.

use crate::template::{Part, Template};

/// More segments than this no pattern has and no lookup reads.
pub(crate) const MOST_SEGMENTS: usize = 24;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) segments: Vec<Template>,
    /// Also fits everything below: `s3://bucket/prefix/`, `{tenant}.{rest}`, a Glue database and its tables.
    pub(crate) open: bool,
}

impl Pattern {
    /// `s3://lake-{layer}/{tenant}/`: with a slash (or `…`, `{rest}`) at the end everything below, without one exactly this.
    pub(crate) fn s3(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("s3://").ok_or_else(|| format!("`{text}` does not begin with s3://"))?;
        let (path, open) = strip_rest(path, &['/']);
        Self::new(path.split('/'), open)
    }

    /// `{tenant}_{layer}` for a database and all its tables, `shared.{tenant}_*` for tables.
    pub(crate) fn glue(text: &str) -> Result<Self, String> {
        let (name, rest) = strip_rest(text, &['.']);
        let segments: Vec<&str> = name.split('.').collect();
        if segments.len() > 2 {
            return Err(format!("`{text}` has more parts than database.table"));
        }
        let open = rest || segments.len() == 1;
        Self::new(segments, open)
    }

    /// One name: a role, a user, a workgroup, an account.
    pub(crate) fn name(text: &str) -> Result<Self, String> {
        Self::new([text], false)
    }

    /// A namespace, taken whole, and a name by its parts between `.` and `/`; either left out fits anything.
    pub(crate) fn namespaced(namespace: Option<&str>, name: Option<&str>) -> Result<Self, String> {
        let namespace = namespace.map_or_else(|| Ok(Template::anything()), Template::parse)?;
        let Some(name) = name else { return Ok(Self { segments: vec![namespace], open: true }) };
        let (name, open) = strip_rest(name, &['.', '/']);
        let name = Self::new(name.trim_start_matches('/').split(['.', '/']), open)?;
        Ok(Self { segments: std::iter::once(namespace).chain(name.segments).collect(), ..name })
    }

    pub(crate) fn tag(key: &str, value: &str) -> Result<Self, String> {
        if key.is_empty() {
            return Err("the tag's key is empty".to_owned());
        }
        Ok(Self { segments: vec![Template::literal(key), Template::parse(value)?], open: false })
    }

    /// A pattern of plain text: what an explicit entry is.
    pub(crate) fn literal<'a>(segments: impl IntoIterator<Item = &'a str>, open: bool) -> Result<Self, String> {
        let segments: Vec<Template> = segments.into_iter().map(Template::literal).collect();
        Self { segments, open }.checked()
    }

    fn new<'a>(segments: impl IntoIterator<Item = &'a str>, open: bool) -> Result<Self, String> {
        let segments = segments.into_iter().map(Template::parse).collect::<Result<Vec<_>, _>>()?;
        Self { segments, open }.checked()
    }

    fn checked(self) -> Result<Self, String> {
        if self.segments.len() >= MOST_SEGMENTS {
            return Err(format!("more than {} segments", MOST_SEGMENTS - 1));
        }
        Ok(self)
    }

    pub(crate) fn captures(&self, part: &Part) -> Option<usize> {
        self.segments.iter().position(|segment| segment.has(part))
    }
}

/// Cuts what says "and everything below" off the end of a pattern.
fn strip_rest<'a>(text: &'a str, separators: &[char]) -> (&'a str, bool) {
    let cut = ["{rest}", "…", "**"].iter().find_map(|rest| text.strip_suffix(rest)).unwrap_or(text);
    let trimmed = cut.strip_suffix(separators).unwrap_or(cut);
    (trimmed, trimmed.len() < text.len())
}

/// The segments of one asset, on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments<'a> {
    list: [&'a str; MOST_SEGMENTS],
    length: usize,
}

impl<'a> Segments<'a> {
    /// Reads as many as any pattern can have; the rest makes no difference.
    pub(crate) fn new(segments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self { list: [""; MOST_SEGMENTS], length: 0 };
        for (place, segment) in all.list.iter_mut().zip(segments) {
            *place = segment;
            all.length += 1;
        }
        all
    }

    pub(crate) fn as_slice(&self) -> &[&'a str] {
        &self.list[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_pattern_says_whether_it_is_open() {
        for (text, segments, open) in [
            ("s3://lake-{layer}/{tenant}/…", 2, true),
            ("s3://lake-{layer}/{tenant}/", 2, true),
            ("s3://lake-raw", 1, false),
            ("s3://lake-raw/", 1, true),
            ("s3://lake-raw/a/b.csv", 3, false),
            ("s3://lake-raw/{rest}", 1, true),
        ] {
            let pattern = Pattern::s3(text).unwrap();
            assert_eq!((pattern.segments.len(), pattern.open), (segments, open), "{text}");
        }
        assert!(Pattern::glue("{tenant}_{layer}").unwrap().open);
        assert!(!Pattern::glue("shared.{tenant}_*").unwrap().open);
        assert!(Pattern::namespaced(Some("airflow-prod"), Some("{tenant}.{rest}")).unwrap().open);
        assert!(
            Pattern::s3("lake-raw/x").is_err() && Pattern::s3("s3://a//b").is_err() && Pattern::glue("a.b.c").is_err()
        );
    }
}
