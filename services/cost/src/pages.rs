//! Costs as pages: the month, one payer, the lines behind an amount, what AWS changed.

mod listing;
mod month_page;
mod payer_page;

pub use listing::{show_lines, show_restatements};
pub use month_page::show_month;
pub use payer_page::show_payer;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use lakewarden_core::{Currency, Money, Scope};
use lakewarden_http::charts::{Bar, Markup, Series, StackedBars, Unit};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Owner;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::amount::from_cents;
use crate::month;

/// A month to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MonthLink {
    name: String,
    href: String,
    is_chosen: bool,
}

fn month_links(path: &str, months: &[NaiveDate], chosen: NaiveDate) -> Vec<MonthLink> {
    let link = |&other: &NaiveDate| MonthLink {
        name: month::name(other),
        href: format!("{path}?month={}", month::slug(other)),
        is_chosen: other == chosen,
    };
    months.iter().take(14).map(link).collect()
}

/// The days of a month that were collected, are estimated or are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct MonthDays {
    /// From the first day of the month to the last collected one; true is estimated, None was not collected.
    days: Vec<(NaiveDate, Option<bool>)>,
}

impl MonthDays {
    fn of(of_month: NaiveDate, collected: &BTreeMap<NaiveDate, bool>) -> Self {
        let last = collected.keys().next_back().copied();
        let days = of_month.iter_days().take_while(|day| last.is_some_and(|last| *day <= last));
        Self { days: days.map(|day| (day, collected.get(&day).copied())).collect() }
    }

    fn estimated(&self) -> usize {
        self.days.iter().filter(|(_, estimated)| *estimated == Some(true)).count()
    }

    fn missing(&self) -> usize {
        self.days.iter().filter(|(_, estimated)| estimated.is_none()).count()
    }
}

/// One amount of a chart: its day, its series, how much.
type Point = (NaiveDate, usize, Decimal);

struct DailyChart<'a> {
    title: String,
    currency: Currency,
    series: Vec<Series>,
    days: &'a MonthDays,
    points: Vec<Point>,
    /// Added to a day's link.
    payer: Option<&'a str>,
}

impl DailyChart<'_> {
    fn render(self) -> Markup {
        let mut values: BTreeMap<NaiveDate, Vec<Decimal>> = BTreeMap::new();
        for (day, series, amount) in self.points {
            values.entry(day).or_insert_with(|| vec![Decimal::ZERO; self.series.len()])[series] += amount;
        }
        let bar = |&(day, estimated): &(NaiveDate, Option<bool>)| {
            let drawn = values.get(&day).map_or_else(
                || vec![0.0; self.series.len()],
                |amounts| amounts.iter().map(|amount| amount.to_f64().unwrap_or_default()).collect(),
            );
            let payer = self.payer.map(|slug| format!("&payer={slug}")).unwrap_or_default();
            Bar::day(day, drawn).estimated(estimated == Some(true)).linked(format!("/cost/lines?day={day}{payer}"))
        };
        StackedBars {
            description: format!("{} days, stacked; the table below the chart has the amounts.", self.days.days.len()),
            title: self.title,
            unit: if self.currency == Currency::USD { Unit::Usd } else { Unit::Count },
            bars: self.days.days.iter().map(bar).collect(),
            series: self.series,
            ..StackedBars::default()
        }
        .render()
    }
}

/// Row-level security shows a tenant nothing of others; naming one gets the same answer as naming nobody.
fn may_see(viewer: &Viewer, payer: Owner) -> bool {
    match viewer.scope {
        Scope::All => true,
        Scope::Tenant(own) => payer == Owner::Tenant(own),
    }
}

fn money(cents: i64, currency: Currency) -> Money {
    Money::new(from_cents(cents), currency)
}

/// Days of an address: one day, or a month.
fn span_of(day: Option<&str>, of_month: Option<&str>) -> Option<(NaiveDate, NaiveDate)> {
    match (day.filter(|text| !text.is_empty()), of_month.filter(|text| !text.is_empty())) {
        (Some(day), _) => {
            let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
            Some((day, day.checked_add_days(Days::new(1))?))
        }
        (None, Some(text)) => month::parse(text).map(|first| (first, month::next(first))),
        (None, None) => None,
    }
}
