//! What every TOML file of policies shares: mistakes with their line, and each policy's own text.

use lakewarden_core::LoadError;

/// A mistake at a byte of the file.
pub fn at_offset(file: &str, text: &str, offset: usize, message: impl Into<String>) -> LoadError {
    let line = text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1;
    LoadError { file: file.to_owned(), line: Some(line), message: message.into() }
}

/// A mistake that the TOML reader found.
pub fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> LoadError {
    match error.span() {
        Some(span) => at_offset(file, text, span.start, error.message()),
        None => LoadError { file: file.to_owned(), line: None, message: error.message().to_owned() },
    }
}

/// The text of each `[[policy]]`, in order, without the comments that introduce the next one.
pub fn policy_texts(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = text
        .split_inclusive('\n')
        .scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, line))
        })
        .filter(|(_, line)| line.trim_start().starts_with("[[policy]]"))
        .map(|(start, _)| start)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| without_trailing_comments(&text[start..end])).collect()
}

fn without_trailing_comments(text: &str) -> &str {
    let mut text = text.trim_end();
    while let Some((before, last)) = text.rsplit_once('\n') {
        if !last.trim_start().starts_with('#') {
            break;
        }
        text = before.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_its_own_text() {
        let text = "# head\n[a]\n\n[[policy]]\nid = 1\n# inside\nx = 2\n\n# about the next\n[[policy]]\nid = 2\n";
        assert_eq!(policy_texts(text), ["[[policy]]\nid = 1\n# inside\nx = 2", "[[policy]]\nid = 2"]);
        assert_eq!(policy_texts("nothing"), Vec::<&str>::new());
    }
}
