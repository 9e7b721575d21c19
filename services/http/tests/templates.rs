//! The templates of every slice against the design system: no class it does not know, nothing inline that the browser refuses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn templates() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of templates").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                let text = std::fs::read_to_string(&path).expect("a template is text");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 5, "the templates are found");
    found
}

/// The class names of the style sheet: what follows a dot in front of a declaration block.
fn known_classes() -> BTreeSet<String> {
    let sheet = include_str!("../assets/lakewarden.css");
    sheet
        .split('.')
        .skip(1)
        .map(|rest| {
            rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect::<String>()
        })
        .filter(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        .collect()
}

/// Whole class names written in a template; a name with an expression inside (`badge-{{ severity }}`) is not whole.
fn classes(template: &str) -> Vec<String> {
    let mut out = Vec::new();
    for value in template.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let (mut plain, mut depth) = (String::new(), 0);
        let mut letters = value.chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, letters.peek()) {
                ('{', Some('{')) => depth += 1,
                ('{', Some('%')) => (depth, plain) = (depth + 1, plain + " "),
                ('}' | '%', Some('}')) if depth > 0 => {
                    letters.next();
                    depth -= 1;
                    plain.push(if letter == '%' { ' ' } else { '§' });
                }
                _ if depth == 0 => plain.push(letter),
                _ => {}
            }
        }
        out.extend(plain.split_whitespace().filter(|name| !name.contains('§')).map(str::to_owned));
    }
    out
}

#[test]
fn every_class_of_a_template_is_in_the_style_sheet() {
    let known = known_classes();
    let unknown: BTreeSet<String> = templates()
        .iter()
        .flat_map(|(path, text)| classes(text).into_iter().map(move |class| (path, class)))
        .filter(|(_, class)| !known.contains(class))
        .map(|(path, class)| format!("{class} in {}", path.file_name().unwrap_or_default().to_string_lossy()))
        .collect();
    assert!(unknown.is_empty(), "see templates/components/README.md for the classes there are: {unknown:#?}");
}

#[test]
fn no_template_has_a_style_or_a_script_of_its_own() {
    for (path, text) in templates() {
        for inline in [" style=\"", " onclick=", " onchange=", "<style", "<script>", "javascript:"] {
            assert!(!text.contains(inline), "{}: `{inline}` is refused by the content security policy", path.display());
        }
    }
}
