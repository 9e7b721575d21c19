//! Budgets, shares and spikes at their edges.

use lakewarden_core::Sha256;

use super::*;

const POLICIES: &str = r#"
[budgets]
currency = "USD"
default_monthly = "100"

[[policy]]
id = "half"
title = "t"
severity = "info"
remediation = "r"
[policy.budget]
at_percent = 50

[[policy]]
id = "all"
title = "t"
severity = "high"
remediation = "r"
[policy.budget]
at_percent = 100

[[policy]]
id = "nobody"
title = "t"
severity = "low"
remediation = "r"
[policy.unallocated]
max_percent = 10
ignore_below = "10"

[[policy]]
id = "spike"
title = "t"
severity = "low"
remediation = "r"
[policy.spike]
times_median = 3
of_days = 4
at_least = "5"
recent_days = 3
"#;

const TENANTS: &str = "[[tenant]]\nslug = \"acme\"\nname = \"Acme Inc\"\n";

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

fn spend(day: NaiveDate, payer: Option<i32>, amount: &str) -> DailySpend {
    DailySpend {
        day,
        payer: payer.map(TenantId),
        currency: Currency::USD,
        amount: amount.parse().unwrap(),
        estimated: false,
        fetch_id: 1,
    }
}

fn titles(today: NaiveDate, spend: &[DailySpend]) -> Vec<(String, String)> {
    let policies = Policies::parse(&[("cost/test.toml".into(), POLICIES.into())]).unwrap();
    let ownership = lakewarden_tenancy::Ownership::parse(TENANTS).unwrap();
    let fetch =
        Fetch { id: 1, source: "payer".into(), pages_sha256: Sha256::of("pages"), received_at: midnight(today) };
    let mut days: Vec<NaiveDate> = spend.iter().map(|spend| spend.day).collect();
    days.dedup();
    let fetches = BTreeMap::from([(1, fetch)]);
    let facts = Facts { today, ownership: &ownership, spend, days: &days, fetches: &fetches };
    let breaches = judge(&policies, &facts);
    assert!(breaches.iter().all(|breach| breach.evidence.len() == 1 && breach.count == 0));
    breaches.into_iter().map(|breach| (breach.policy_id, breach.title)).collect()
}

#[test]
fn only_the_highest_threshold_reached_is_breached() {
    let today = day(11, 22);
    let policy_ids = |amount: &str| {
        titles(today, &[spend(day(11, 1), Some(1), amount)]).into_iter().map(|(policy, _)| policy).collect::<Vec<_>>()
    };
    assert_eq!(policy_ids("49.99"), Vec::<String>::new());
    assert_eq!(policy_ids("50"), ["half"]);
    assert_eq!(policy_ids("99.999"), ["half"]);
    assert_eq!(policy_ids("100"), ["all"]);
    let titles = titles(today, &[spend(day(11, 1), Some(1), "99.9")]);
    assert_eq!(titles[0].1, "Acme Inc has spent 99% of its budget for November 2026: $99.90 of $100.00");
}

#[test]
fn the_month_before_is_judged_until_it_has_settled() {
    let spend = [spend(day(10, 31), Some(1), "100")];
    assert_eq!(titles(day(11, 10), &spend).len(), 1);
    assert_eq!(titles(day(11, 11), &spend).len(), 0);
}

#[test]
fn what_nobody_pays_for_is_a_share_of_months_worth_judging() {
    let today = day(11, 22);
    let shares = |nobody: &str, acme: &str| {
        titles(today, &[spend(day(11, 2), None, nobody), spend(day(11, 2), Some(1), acme)]).into_iter().next()
    };
    assert_eq!(shares("1", "9"), None, "exactly the limit");
    assert_eq!(shares("5", "4"), None, "a small month");
    let title = "27% of the bill for November 2026 belongs to nobody: $3.00 of $11.00".to_owned();
    assert_eq!(shares("3", "8"), Some(("nobody".into(), title)));
}

#[test]
fn a_spike_stands_out_from_enough_days_and_is_recent() {
    let days = |amounts: &[&str]| -> Vec<DailySpend> {
        amounts.iter().zip(15..).map(|(amount, number)| spend(day(11, number), Some(1), amount)).collect()
    };
    let spikes = |today: NaiveDate, amounts: &[&str]| {
        titles(today, &days(amounts))
            .into_iter()
            .filter(|(policy, _)| policy == "spike")
            .map(|(_, title)| title)
            .collect::<Vec<_>>()
    };
    let today = day(11, 19);
    assert_eq!(
        spikes(today, &["2", "2", "3", "2", "9"]),
        ["Acme Inc cost $9.00 on 2026-11-19; a usual day costs $2.00"]
    );
    assert_eq!(spikes(today, &["2", "2", "3", "2", "6"]), Vec::<String>::new(), "not more than three times");
    assert_eq!(spikes(today, &["1", "1", "1", "1", "4.5"]), Vec::<String>::new(), "less than five more");
    assert_eq!(spikes(today, &["9"]), Vec::<String>::new(), "nothing to compare with");
    assert_eq!(spikes(day(11, 23), &["2", "2", "3", "2", "9"]), Vec::<String>::new(), "too long ago");
}
