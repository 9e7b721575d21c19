//! The house rules a compiler does not check: arrows between crates, file headers, file sizes, names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Right to left: a crate may use those after it, and those alone. Crates of one line stand side by side and never meet.
const CHAIN: &[&[&str]] = &[
    &["server", "aws"],
    &["app"],
    &["lineage", "access", "catalog", "quality", "cost"],
    &["isolation"],
    &["findings"],
    &["alerts"],
    &["sources"],
    &["tenancy"],
    &["http"],
    &["identity"],
    &["db"],
    &["core"],
];

/// A source file above this is split by noun.
const LINES_AT_MOST: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

fn tracked(pattern: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", pattern])
        .current_dir(root())
        .output()
        .expect("git is installed");
    let list = String::from_utf8(output.stdout).expect("file names are UTF-8");
    list.lines().map(|line| root().join(line)).filter(|path| path.exists()).collect()
}

#[test]
fn arrows_between_crates_never_go_left_or_sideways() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let place: BTreeMap<&str, usize> =
        CHAIN.iter().enumerate().flat_map(|(index, line)| line.iter().map(move |name| (*name, index))).collect();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = short_name(&package["name"]);
        let Some(&from) = place.get(name) else { continue };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let target = short_name(&dependency["name"]);
            let Some(&to) = place.get(target) else { continue };
            let development = dependency["kind"] == "dev";
            if !development && to <= from {
                wrong.push(format!("{name} → {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows against the chain of docs/architecture.md: {}", wrong.join(", "));
}

fn short_name(value: &serde_json::Value) -> &str {
    let name = value.as_str().expect("a name");
    name.strip_prefix("lakewarden-").unwrap_or(name)
}

#[test]
fn every_source_file_opens_by_saying_why_it_exists() {
    let silent: Vec<_> = tracked("*.rs")
        .into_iter()
        .filter(|path| !std::fs::read_to_string(path).is_ok_and(|text| text.starts_with("//! ")))
        .collect();
    assert!(silent.is_empty(), "files without a `//!` sentence on their first line: {silent:#?}");
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = tracked("*.rs")
        .into_iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).ok()?.lines().count();
            (lines > LINES_AT_MOST).then_some((path, lines))
        })
        .collect();
    assert!(long.is_empty(), "files over {LINES_AT_MOST} lines, to be split by noun: {long:#?}");
}

#[test]
fn no_module_is_named_after_nothing() {
    let nameless: Vec<_> = tracked("*.rs")
        .into_iter()
        .filter(|path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            ["util", "utils", "common", "helpers", "types", "misc"].contains(&stem)
        })
        .collect();
    assert!(nameless.is_empty(), "modules named after nothing: {nameless:#?}");
}

#[test]
fn migrations_are_named_by_time_slice_and_matter() {
    let odd: Vec<_> = tracked("migrations/*.sql")
        .into_iter()
        .filter(|path| {
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let (time, rest) = name.split_once('_').unwrap_or_default();
            let opens_with_why = std::fs::read_to_string(path).is_ok_and(|text| text.starts_with("-- "));
            time.len() != 14
                || !time.bytes().all(|byte| byte.is_ascii_digit())
                || !rest.contains('_')
                || !opens_with_why
        })
        .collect();
    assert!(odd.is_empty(), "migrations without <timestamp>_<slice>_<what>.sql or a header that says why: {odd:#?}");
}

#[test]
fn nothing_is_switched_off_or_left_for_later() {
    // Spelt in two pieces, so that this file does not find itself.
    let marks = [["todo", "!("], ["unimplemented", "!("], ["FIX", "ME"], ["#[ig", "nore"], ["assert!(tr", "ue)"]];
    let mut found = Vec::new();
    for path in tracked("*.rs") {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for mark in marks.map(|parts| parts.concat()) {
            if text.contains(&mark) {
                found.push(format!("{}: {mark}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn sql_stands_in_store_files_only() {
    let exempt = ["db", "identity", "testkit"];
    let stray: Vec<_> = tracked("services/*.rs")
        .into_iter()
        .filter(|path| {
            let text = path.to_string_lossy();
            let in_store = text.ends_with("/store.rs") || text.contains("/store/");
            let crate_name =
                text.split("/services/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
            !in_store && !text.contains("/tests/") && !text.contains("/benches/") && !exempt.contains(&crate_name)
        })
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            ["sqlx::query", "query!(", "query_as!(", "query_scalar!("].iter().any(|mark| code.contains(mark))
        })
        .collect();
    assert!(stray.is_empty(), "SQL outside store.rs: {stray:#?}");
}
