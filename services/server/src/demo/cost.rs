//! Ninety days of `GetCostAndUsage` by service and tenant tag: as it was answered three days ago, and as it is answered now.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use rand::Rng as _;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::lake::{Lake, PLATFORM, TENANTS};
use super::planted::{Planted, Stream};

const DAYS: i64 = 90;
/// AWS still estimates this many of the newest days.
const ESTIMATED_DAYS: i64 = 2;
/// The day that the second answer gives differently, counted from now.
const RESTATED_DAY: i64 = 6;
const SPIKE_DAY: i64 = 3;
const SPIKING: &str = "wayne";

/// What a service usually costs a day for a tenth of a usual tenant, in dollars.
const SERVICES: [(&str, &str); 7] = [
    ("Amazon Simple Storage Service", "1.10"),
    ("AWS Glue", "1.65"),
    ("Amazon Athena", "0.72"),
    ("AWS Key Management Service", "0.06"),
    ("AmazonCloudWatch", "0.14"),
    ("AWS CloudTrail", "0.09"),
    ("AWS Lake Formation", "0.03"),
];

/// What was answered at one time: pages of one query, in order.
#[derive(Debug)]
pub struct Answer {
    pub name: &'static str,
    pub pages: Vec<Value>,
}

/// Oldest first.
pub fn answers(lake: &Lake) -> Vec<Answer> {
    let today = lake.now.date_naive();
    vec![
        Answer { name: "get-cost-and-usage-earlier", pages: pages(lake, today - TimeDelta::days(3), true) },
        Answer { name: "get-cost-and-usage", pages: pages(lake, today, false) },
    ]
}

/// How much of a usual month (1500 dollars) a tenant spends.
fn tenths(tenant: &str) -> Decimal {
    Decimal::from(match tenant {
        "acme" => 26,
        "globex" => 17,
        "stark" => 20,
        "hooli" => 12,
        "umbrella" => 9,
        "initech" => 6,
        PLATFORM => 8,
        _ => 7,
    })
}

/// Three months' windows, a page each, as a query of ninety days is paged.
fn pages(lake: &Lake, until: NaiveDate, is_earlier: bool) -> Vec<Value> {
    let from = lake.now.date_naive() - TimeDelta::days(DAYS);
    let mut days: Vec<NaiveDate> = from.iter_days().take_while(|day| *day < until).collect();
    let mut pages = Vec::new();
    while !days.is_empty() {
        let rest = days.split_off(days.len().min(31));
        let results: Vec<Value> = days.iter().map(|day| result(lake, *day, until, is_earlier)).collect();
        let mut page = json!({
            "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "tenant"}],
            "ResultsByTime": results,
            "DimensionValueAttributes": [],
        });
        if !rest.is_empty() {
            page["NextPageToken"] = format!("page-{}", pages.len() + 2).into();
        }
        pages.push(page);
        days = rest;
    }
    pages
}

fn result(lake: &Lake, day: NaiveDate, until: NaiveDate, is_earlier: bool) -> Value {
    let groups: Vec<Value> = amounts(lake, day, until, is_earlier)
        .into_iter()
        .map(|((service, owner), amount)| group(service, &format!("tenant${}", owner.unwrap_or_default()), amount))
        .collect();
    json!({
        "TimePeriod": {"Start": day.to_string(), "End": (day + TimeDelta::days(1)).to_string()},
        "Total": {}, "Groups": groups, "Estimated": is_estimated(day, until),
    })
}

fn is_estimated(day: NaiveDate, until: NaiveDate) -> bool {
    until - day <= TimeDelta::days(ESTIMATED_DAYS)
}

/// What a day cost by service and owner; `None` carries no tag.
fn amounts(
    lake: &Lake,
    day: NaiveDate,
    until: NaiveDate,
    is_earlier: bool,
) -> Vec<((&'static str, Option<&'static str>), Decimal)> {
    let days_ago = (lake.now.date_naive() - day).num_days();
    let mut amounts = Vec::new();
    for (service, usual) in SERVICES {
        let usual: Decimal = usual.parse().expect("the table above holds decimals");
        for owner in TENANTS.into_iter().chain([PLATFORM]) {
            let mut amount = usual * tenths(owner) * wobble(lake, day, service, owner);
            if owner == SPIKING && service == "Amazon Athena" && days_ago == SPIKE_DAY {
                amount += Decimal::from(212);
            }
            if is_estimated(day, until) {
                amount *= Decimal::new(62, 2);
            }
            if !is_earlier && days_ago == RESTATED_DAY && service == "AWS Glue" {
                amount *= Decimal::new(107, 2);
            }
            amounts.push(((service, Some(owner)), amount));
        }
        // A sixth or so of the bill carries no tag, which is more than the policy allows.
        amounts.push(((service, None), usual * Decimal::from(19) * wobble(lake, day, service, "untagged")));
    }
    amounts
}

/// Within an eighth of what is usual, less at weekends; the same for the same day, service and owner.
fn wobble(lake: &Lake, day: NaiveDate, service: &str, owner: &str) -> Decimal {
    let mut random = lake.random(&format!("cost/{day}/{service}/{owner}"));
    let weekend = if day.weekday().number_from_monday() > 5 { 8_300 } else { 10_000 };
    Decimal::new(weekend * random.random_range(8_800..=11_200), 8)
}

fn group(service: &str, tag: &str, amount: Decimal) -> Value {
    let amount = format!("{:.10}", amount.round_dp(10));
    json!({"Keys": [service, tag], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}})
}

pub fn planted(lake: &Lake) -> Vec<Planted> {
    let plant = |policy, place: &str, what: String| Planted::new(Stream::Cost, policy, place, what);
    let day = lake.now.date_naive() - TimeDelta::days(SPIKE_DAY);
    let mut planted = vec![
        plant("cost-daily-spike", name_of(SPIKING), format!("{SPIKING} scanned 42 TB with Athena on {day}")),
        plant("cost-unallocated-share", "unallocated", "a sixth of the bill carries no tenant tag".to_owned()),
    ];
    let month = month_to_date(lake);
    for tenant in TENANTS {
        let spent = month.get(tenant).copied().unwrap_or_default();
        // The highest threshold that the month has reached so far is the one that is breached.
        let reached = BUDGET_POLICIES
            .into_iter()
            .find(|(percent, _)| spent * Decimal::ONE_HUNDRED >= Decimal::from(BUDGET * percent));
        if let Some((percent, policy)) = reached {
            let what = format!("{tenant} has spent {spent:.2} dollars this month, {percent} % of {BUDGET} or more");
            planted.push(plant(policy, name_of(tenant), what));
        }
    }
    planted
}

/// `default_monthly` of `policies/cost/budgets.toml`.
const BUDGET: u32 = 1_500;
const BUDGET_POLICIES: [(u32, &str); 3] =
    [(100, "cost-budget-exceeded"), (80, "cost-budget-near"), (50, "cost-budget-half")];

/// Tenants' names in `policies/tenants.toml`, which titles of cost findings use.
fn name_of(tenant: &str) -> &str {
    match tenant {
        "acme" => "Acme Corporation",
        "globex" => "Globex",
        "initech" => "Initech",
        "umbrella" => "Umbrella Health",
        "hooli" => "Hooli",
        "stark" => "Stark Industries",
        "wayne" => "Wayne Enterprises",
        other => other,
    }
}

/// What each tenant has spent in the month of the newest answered day.
fn month_to_date(lake: &Lake) -> BTreeMap<&'static str, Decimal> {
    let today = lake.now.date_naive();
    let mut spent = BTreeMap::new();
    let first = today.with_day(1).expect("every month has a first day");
    for day in first.iter_days().take_while(|day| *day < today) {
        for ((_, owner), amount) in amounts(lake, day, today, false) {
            if let Some(owner) = owner {
                *spent.entry(owner).or_default() += amount;
            }
        }
    }
    spent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Lake {
        Lake::new(7, "2026-11-22T12:34:56Z".parse().unwrap(), 30)
    }

    fn days(answer: &Answer) -> Vec<&Value> {
        answer.pages.iter().flat_map(|page| page["ResultsByTime"].as_array().unwrap()).collect()
    }

    #[test]
    fn ninety_days_are_answered_the_last_of_them_estimated() {
        let answers = answers(&lake());
        let now = days(&answers[1]);
        assert_eq!(now.len(), 90);
        let estimated: Vec<bool> = now.iter().map(|day| day["Estimated"].as_bool().unwrap()).collect();
        assert_eq!(estimated.iter().filter(|estimated| **estimated).count(), 2);
        assert!(estimated[88] && estimated[89]);
    }

    #[test]
    fn one_settled_day_is_restated_and_the_others_stand() {
        let answers = answers(&lake());
        let (earlier, now) = (days(&answers[0]), days(&answers[1]));
        let changed: Vec<usize> = (0..85).filter(|day| earlier[*day] != now[*day]).collect();
        assert_eq!(changed, [84]);
    }
}
