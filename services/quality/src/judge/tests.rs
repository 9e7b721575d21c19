//! Checks, ages and row counts at their edges.

use lakewarden_core::Layer;
use lakewarden_testkit::noon;
use uuid::Uuid;

use super::*;
use crate::facts::DatasetId;

const POLICIES: &str = r#"
[[policy]]
id = "checks"
title = "t"
severity = "high"
remediation = "r"
[policy.assertion]
names = "not_*"

[[policy]]
id = "daily"
title = "t"
severity = "low"
remediation = "r"
[policy.datasets]
tenant = "acme"
[policy.freshness]
max_age_hours = 24

[[policy]]
id = "rows"
title = "t"
severity = "low"
remediation = "r"
[policy.row_count]
of_writes = 4
drop_percent = 50
"#;

fn said(hours_ago: i64) -> Said {
    Said { at: noon() - TimeDelta::hours(hours_ago), event: Uuid::nil(), run: None }
}

fn orders(tenant: Option<i32>) -> Facts {
    let id = DatasetId(1);
    let dataset = Dataset {
        id,
        namespace: "s3://lake-raw".into(),
        name: "acme/orders".into(),
        asset: "s3://lake-raw/acme/orders".into(),
        tenant: tenant.map(TenantId),
        layer: Some(Layer::Raw),
    };
    Facts { datasets: [(id, dataset)].into(), ..Facts::default() }
}

fn titles(facts: &Facts) -> Vec<(String, String)> {
    let policies = Policies::parse(&[("quality/t.toml".into(), POLICIES.into())]).unwrap();
    let ownership = Ownership::parse("[[tenant]]\nslug = \"acme\"\nname = \"Acme\"\n").unwrap();
    let broken = judge(&policies, facts, &ownership, noon());
    broken.into_iter().map(|broken| (broken.policy.info.id.clone(), broken.title)).collect()
}

#[test]
fn a_check_whose_newest_outcome_is_a_failure_is_broken() {
    let check = |assertion: &str, column: Option<&str>, success| AssertionState {
        dataset: DatasetId(1),
        assertion: assertion.into(),
        column: column.map(Into::into),
        success,
        said: said(1),
    };
    let assertions = vec![
        check("not_null", Some("id"), false),
        check("not_null", Some("name"), true),
        check("not_empty", None, false),
        check("unique", Some("id"), false),
    ];
    let found = titles(&Facts { assertions, ..orders(None) });
    let expected = [("checks", "not_null(id) failed on acme/orders"), ("checks", "not_empty failed on acme/orders")];
    assert_eq!(found, expected.map(|(policy, title)| (policy.to_owned(), title.to_owned())));
}

#[test]
fn a_dataset_is_stale_only_past_its_age_and_where_the_policy_binds() {
    let last = |tenant, hours_ago| Facts { last_writes: [(DatasetId(1), said(hours_ago))].into(), ..orders(tenant) };
    assert_eq!(titles(&last(Some(1), 24)), []);
    assert_eq!(titles(&last(Some(2), 25)), [], "another tenant's");
    assert_eq!(titles(&orders(Some(1))), [], "never written: nothing to say");
    let expected = "acme/orders was last written 2026-11-21 11:00 UTC, more than 24 h ago";
    assert_eq!(titles(&last(Some(1), 25)), [("daily".to_owned(), expected.to_owned())]);
}

#[test]
fn a_drop_is_measured_against_the_median_of_enough_writes() {
    let counts = |rows: &[i64]| {
        let counts = rows.iter().zip(1..).map(|(&rows, hours)| RowCount { rows, said: said(hours) }).collect();
        titles(&Facts { row_counts: [(DatasetId(1), counts)].into(), ..orders(None) })
    };
    assert_eq!(counts(&[49, 100, 90, 110, 1000]).len(), 1);
    assert_eq!(counts(&[53, 100, 90, 110, 1000]), [], "half of the median is still usual");
    assert_eq!(counts(&[0, 100]), [], "one write is too little to say what is usual");
    assert_eq!(counts(&[0, 100, 100]).len(), 1);
    assert_eq!(counts(&[0, 0, 0]), [], "empty is usual there");
    assert_eq!(counts(&[]), []);
}
