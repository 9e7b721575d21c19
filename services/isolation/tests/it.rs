//! The shipped pack against its own cases, broken packs, and the matrix through the router.

use std::path::PathBuf;

use lakewarden_core::{Live, Sha256};
use lakewarden_isolation::*;
use lakewarden_tenancy::Owner;
use lakewarden_testkit::clock;

fn policies() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies"))
}

#[test]
fn the_shipped_policies_breach_exactly_what_their_cases_say() {
    let pack = load_pack(&policies()).expect("the shipped pack is valid");
    let reports = check_pack(&policies(), &pack).expect("the shipped cases are valid");
    let failures: Vec<_> =
        reports.iter().flat_map(|(file, report)| report.failures.iter().map(move |f| format!("{file}: {f}"))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let tested: Vec<&String> = reports.iter().flat_map(|(_, report)| &report.breached).collect();
    let untested: Vec<_> =
        pack.policies().iter().filter(|policy| !tested.contains(&&policy.id)).map(|p| &p.id).collect();
    assert!(untested.is_empty(), "policies no case breaches: {untested:?}");
    assert!(pack.policies().len() >= 16);
}

#[test]
fn a_policy_carries_what_pages_and_reports_need() {
    let pack = load_pack(&policies()).unwrap();
    for policy in pack.policies() {
        assert!(
            policy.plane.is_some() && !policy.controls.is_empty() && !policy.remediation.is_empty(),
            "{}",
            policy.id
        );
        assert!(policy.text.starts_with("@id(") && policy.text.ends_with(';'), "{}", policy.text);
    }
}

fn parse_with(text: &str) -> lakewarden_core::LoadError {
    let schema = std::fs::read_to_string(policies().join(SCHEMA_FILE)).unwrap();
    let permit = ("isolation/permits.cedar".to_owned(), "permit (principal, action, resource);".to_owned());
    Pack::parse(&schema, &[permit, ("isolation/new.cedar".to_owned(), text.to_owned())]).unwrap_err()
}

#[test]
fn a_syntax_error_is_refused_with_file_and_line() {
    let error = parse_with("\n\n@id(\"a\")\nforbid (principal, action, resource) whem { true };");
    assert_eq!((error.file.as_str(), error.line), ("isolation/new.cedar", Some(4)), "{error}");
}

#[test]
fn a_misspelt_attribute_is_refused_with_file_line_and_policy() {
    let error = parse_with(
        "// a comment\n@id(\"mine\") @title(\"t\") @severity(\"high\") @control(\"c\") @remediation(\"r\")\n\
         forbid (principal is Lake::Principal, action == Lake::Action::\"read\", resource) when { principal.platfrom };",
    );
    assert_eq!((error.file.as_str(), error.line), ("isolation/new.cedar", Some(2)), "{error}");
    assert!(error.message.contains("mine") && error.message.contains("platfrom"), "{error}");
}

#[test]
fn a_policy_without_a_severity_or_with_two_planes_is_refused() {
    let error = parse_with(
        "@id(\"a\") @title(\"t\") @control(\"c\") @remediation(\"r\") forbid (principal, action == Lake::Action::\"read\", resource);",
    );
    assert!(error.message.contains("@severity"), "{error}");
    let error = parse_with(
        "@id(\"a\") @title(\"t\") @severity(\"low\") @control(\"c\") @remediation(\"r\")\n\
         forbid (principal, action in [Lake::Action::\"read\", Lake::Action::\"grant\"], resource);",
    );
    assert!(error.message.contains("single plane"), "{error}");
}

#[test]
fn a_case_that_does_not_hold_says_what_came_instead() {
    let pack = load_pack(&policies()).unwrap();
    let text = "[[tenant]]\nslug = \"a\"\n[[case]]\nname = \"own data\"\naction = \"read\"\nprincipal = \"a\"\nasset = \"a\"\nbreaches = [\"x\"]\n";
    let report = run_cases(&pack, "isolation/tests/t.toml", text).unwrap();
    assert_eq!((report.passed, report.failures.len()), (0, 1));
    let error = run_cases(&pack, "isolation/tests/t.toml", "[[case]]\nnmae = 1\n").unwrap_err();
    assert_eq!(error.line, Some(2), "{error}");
}

#[test]
fn a_verdict_is_remembered_until_policies_or_tenants_change() {
    let pack = load_pack(&policies()).unwrap();
    let version = pack.version();
    let now = clock().now();
    let pack = Live::new(pack, version, now);
    let ownership = Live::new(lakewarden_tenancy::Ownership::default(), Sha256::of("none"), now);
    let judge = Judge::new(pack.clone(), ownership);
    let fact = || {
        let asset = AssetFacts::owned_by(Owner::Unowned);
        PostureFact::of(AssetKind::Table, asset)
    };
    let first = judge.posture(fact());
    assert_eq!(first.breached.iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(), ["catalog-unowned"]);
    assert!(std::sync::Arc::ptr_eq(&first, &judge.posture(fact())), "the second time it is the same verdict");
    let epoch = judge.epoch();
    pack.replace(load_pack(&policies()).unwrap(), Sha256::of("another version"), now);
    assert_ne!(epoch, judge.epoch());
    assert!(!std::sync::Arc::ptr_eq(&first, &judge.posture(fact())), "a new pack judges again");
}
