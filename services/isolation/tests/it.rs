//! The shipped pack against its own cases, broken packs, and the matrix through the router.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::PathBuf;
use std::sync::Arc;

use lakewarden_core::{Live, Plane, Sha256, TenantId, TimeWindow};
use lakewarden_findings::{Breach, PolicyInfo, Registry};
use lakewarden_identity::Reach;
use lakewarden_isolation::*;
use lakewarden_tenancy::Owner;
use lakewarden_testkit::{TestClient, TestDb, clock, noon};

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

struct Service {
    db: lakewarden_db::Db,
    isolation: Ctx,
    findings: lakewarden_findings::Ctx,
}

/// The slice on the shipped policies and tenants.
async fn service() -> Service {
    let TestDb { db, .. } = TestDb::new().await;
    let (clock, now) = (clock(), clock().now());
    let text = std::fs::read_to_string(policies().join("tenants.toml")).unwrap();
    let parsed = lakewarden_tenancy::Ownership::parse(&text).unwrap();
    let ownership = lakewarden_tenancy::sync(&db, parsed, now).await.unwrap();
    let ownership = Live::new(ownership, Sha256::of(text), now);
    let pack = load_pack(&policies()).unwrap();
    let infos = pack.policies().iter().map(|policy| PolicyInfo::clone(policy));
    let registry = Live::new(Registry::new(infos).unwrap(), Sha256::of("registry"), now);
    let version = pack.version();
    let isolation = Ctx::new(db.clone(), clock.clone(), ownership.clone(), Live::new(pack, version, now));
    let alerts = lakewarden_alerts::Ctx::new(
        db.clone(),
        clock.clone(),
        Live::new(lakewarden_alerts::AlertPolicy::default(), Sha256::of("none"), now),
        ownership.clone(),
        Arc::new(lakewarden_alerts::NoRadius),
        "http://localhost",
    );
    let findings = lakewarden_findings::Ctx { db: db.clone(), clock, registry, ownership, alerts };
    Service { db, isolation, findings }
}

impl Service {
    fn tenant(&self, slug: &str) -> TenantId {
        self.isolation.ownership.get().tenant_by_slug(slug).unwrap().id
    }

    async fn record_crossing(&self, actor: &str, owner: &str) {
        let breach = Breach {
            policy_id: "access-cross-tenant-read".into(),
            subject: format!("role/{actor}-etl read s3://lake-raw/{owner}"),
            title: format!("{actor}-etl read {owner}'s data"),
            owner: Owner::Tenant(self.tenant(owner)),
            actor: Some(self.tenant(actor)),
            plane: Some(Plane::Access),
            asset: None,
            window: TimeWindow::at(noon()),
            count: 1,
            path: Vec::new(),
            evidence: Vec::new(),
        };
        let mut tx = self.db.begin().await.unwrap();
        lakewarden_findings::record(&mut tx, &self.findings, &[breach]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn reader(&self, name: &str, reach: Reach) -> TestClient {
        let clock = &self.isolation.clock;
        TestClient::anonymous(&self.db, clock, routes(self.isolation.clone()))
            .with_reach(&self.db, clock, name, reach)
            .await
    }
}

#[tokio::test]
async fn a_crossing_stands_in_its_cell_and_a_plane_nobody_observed_is_not_proven() {
    let service = service().await;
    service.record_crossing("acme", "globex").await;
    let officer = service.reader("officer", Reach::All).await;
    let page = officer.get("/isolation").await.text();
    assert!(page.contains("/findings?actor=acme&amp;tenant=globex&amp;plane=access"), "{page}");
    assert!(page.contains("not proven"), "{page}");
    let answer = officer.get("/api/v1/isolation").await.json();
    let cells = answer["matrix"]["rows"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    let crossed: Vec<_> = cells.filter(|cell| !cell["planes"].as_array().unwrap().is_empty()).collect();
    assert_eq!((crossed.len(), &crossed[0]["actor"], &crossed[0]["owner"]), (1, &"acme".into(), &"globex".into()));
    assert_eq!(answer["planes"][0]["state"], "never");
}

#[tokio::test]
async fn a_tenants_auditor_learns_that_it_was_crossed_but_not_by_whom() {
    let service = service().await;
    service.record_crossing("acme", "globex").await;
    service.record_crossing("globex", "acme").await;
    let auditor = service.reader("auditor", Reach::Tenant(service.tenant("globex"))).await;
    for path in ["/isolation", "/api/v1/isolation"] {
        let text = auditor.get(path).await.text();
        assert!(text.contains("globex") && !text.contains("acme"), "{path}: {text}");
    }
    assert_eq!(auditor.get("/api/v1/isolation").await.json()["planes"][0]["findings"], 1, "its own, not the other's");
}
