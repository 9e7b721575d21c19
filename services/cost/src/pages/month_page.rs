//! `/cost`: who costs what in a month.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use lakewarden_core::{Cursor, Money, Scope, TenantId};
use lakewarden_http::charts::{Markup, Series};
use lakewarden_http::{CurrentViewer, Page as _, Problem, Section, Shell, show};
use lakewarden_tenancy::Ownership;

use super::listing::RestatementRow;
use super::{DailyChart, MonthDays, MonthLink, month_links};
use crate::api::MonthQuery;
use crate::bill::{Bill, Row, payer_slug};
use crate::policy::Policies;
use crate::store::{self, DailySpend, LineFilter};
use crate::{Ctx, month};

/// Payers with a colour of their own.
const COLOURS: usize = 10;
const RESTATEMENTS: i64 = 10;

#[derive(Template)]
#[template(path = "cost/month.html")]
struct MonthPage {
    shell: Shell,
    months: Vec<MonthLink>,
    chosen: Option<Chosen>,
}

/// The month shown, if there is one.
struct Chosen {
    name: String,
    slug: String,
    sections: Vec<BillSection>,
    estimated_days: usize,
    missing_days: usize,
    restatements: Vec<RestatementRow>,
}

/// One currency of the month.
struct BillSection {
    bill: Bill,
    chart: Markup,
    budgets: Vec<Option<BudgetUse>>,
}

/// How much of its budget a tenant has spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BudgetUse {
    pub budget: Money,
    pub percent: String,
    /// `good`, `warn` or `bad`: the class of the number.
    pub tone: &'static str,
    pub bar: Markup,
}

impl BudgetUse {
    pub(super) fn of(policies: &Policies, slug: &str, spent: Money) -> Option<Self> {
        use rust_decimal::prelude::ToPrimitive as _;
        let budget = policies.budgets.of(slug).filter(|budget| !budget.is_zero())?;
        if policies.budgets.currency != Some(spent.currency) {
            return None;
        }
        let (part, whole) = (spent.amount.to_f64().unwrap_or_default(), budget.to_f64().unwrap_or_default());
        let (tone, class) = match part / whole {
            share if share >= 1.0 => ("bad", "series-bad"),
            share if share >= 0.8 => ("warn", "series-warning"),
            _ => ("good", "series-good"),
        };
        let bar = lakewarden_http::charts::share(part, whole, class);
        Some(Self { budget: Money::new(budget, spent.currency), percent: show::percent(part, whole), tone, bar })
    }
}

impl BillSection {
    fn new(bill: Bill, spend: &[DailySpend], days: &MonthDays, ownership: &Ownership, policies: &Policies) -> Self {
        let budget = |row: &Row| {
            let tenant = row.payer.filter(|tenant| !tenant.is_platform())?;
            BudgetUse::of(policies, &payer_slug(ownership, Some(tenant)), row.total.money())
        };
        Self { budgets: bill.rows.iter().map(budget).collect(), chart: draw(&bill, spend, days), bill }
    }

    fn has_budgets(&self) -> bool {
        self.budgets.iter().any(Option::is_some)
    }

    fn unallocated_share(&self) -> String {
        show::percent(self.bill.unallocated_cents as f64, self.bill.total.cents as f64)
    }

    fn tenants(&self) -> usize {
        self.bill.rows.iter().filter(|row| !row.is_unallocated() && !row.is_platform()).count()
    }
}

fn draw(bill: &Bill, spend: &[DailySpend], days: &MonthDays) -> Markup {
    let mut series: Vec<Series> = Vec::new();
    let mut place: BTreeMap<Option<TenantId>, usize> = BTreeMap::new();
    let (own, rest): (Vec<&Row>, Vec<&Row>) = {
        let mut ranked: Vec<&Row> = bill.rows.iter().filter(|row| !row.is_unallocated()).collect();
        let rest = ranked.split_off(ranked.len().min(COLOURS));
        (ranked, rest)
    };
    for (index, row) in own.iter().enumerate() {
        place.insert(row.payer, index);
        series.push(Series::nth(index, &row.name).linked(&row.href));
    }
    if !rest.is_empty() {
        place.extend(rest.iter().map(|row| (row.payer, series.len())));
        series.push(Series::of_class("series-12", format!("{} others", rest.len())));
    }
    if let Some(row) = bill.rows.iter().find(|row| row.is_unallocated()) {
        place.insert(None, series.len());
        series.push(Series::rest(&row.name).linked(&row.href));
    }
    let points = spend
        .iter()
        .filter(|spend| spend.currency == bill.currency)
        .filter_map(|spend| Some((spend.day, *place.get(&spend.payer)?, spend.amount)))
        .collect();
    let title = format!("Daily cost by payer, {}", month::name(bill.month));
    DailyChart { title, currency: bill.currency, series, days, points, payer: None }.render()
}

pub async fn show_month(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<MonthQuery>,
) -> Result<Response, Problem> {
    let ownership = ctx.ownership.get();
    if let Scope::Tenant(tenant) = viewer.scope {
        let asked = query.month.as_deref().and_then(month::parse);
        let suffix = asked.map(|month| format!("?month={}", month::slug(month))).unwrap_or_default();
        return Ok(Redirect::to(&format!("/cost/{}{suffix}", payer_slug(&ownership, Some(tenant)))).into_response());
    }
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let months = store::list_months(&mut *tx).await?;
    let chosen = query.choose(&months)?;
    let shown = match chosen {
        None => None,
        Some(month) => {
            let next = month::next(month);
            let cells = store::list_cells(&mut *tx, month).await?;
            let spend = store::list_daily_spend(&mut *tx, month, next).await?;
            let days = MonthDays::of(month, &store::list_days(&mut *tx, month, next).await?);
            let filter = LineFilter { from: month, to: next, ..LineFilter::default() };
            let restated = store::list_restatements(&mut *tx, &filter, Cursor::start(), RESTATEMENTS).await?;
            let policies = ctx.policies.get();
            let section = |bill| BillSection::new(bill, &spend, &days, &ownership, &policies);
            Some(Chosen {
                name: month::name(month),
                slug: month::slug(month),
                sections: Bill::of_month(month, &cells, &ownership).into_iter().map(section).collect(),
                estimated_days: days.estimated(),
                missing_days: days.missing(),
                restatements: restated.iter().map(|one| RestatementRow::of(one, &ownership)).collect(),
            })
        }
    };
    tx.commit().await?;
    let shell = Shell::new("Cost", Section::Cost, &viewer).with_lead(
        "What each tenant cost, by the amounts that AWS billed; what no tenant pays for is shown, never spread.",
    );
    let months = chosen.map(|chosen| month_links("/cost", &months, chosen)).unwrap_or_default();
    Ok(MonthPage { shell, months, chosen: shown }.render_page()?.into_response())
}

impl MonthPage {
    #[cfg(test)]
    fn sample() -> Self {
        use crate::store::MonthCell;
        use lakewarden_core::Currency;
        let first = chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        let ownership = Ownership::parse("[[tenant]]\nslug = \"acme\"\nname = \"Acme <b>\"\n").unwrap();
        let policies = Policies {
            budgets: crate::policy::Budgets {
                currency: Some(Currency::USD),
                default_monthly: Some("10".parse().unwrap()),
                ..Default::default()
            },
            ..Policies::default()
        };
        let cell = |payer: Option<i32>, service: &str, cents| MonthCell {
            currency: Currency::USD,
            payer: payer.map(TenantId),
            service: service.into(),
            amount: crate::amount::from_cents(cents),
            cents,
        };
        let cells = [cell(Some(1), "AWS Glue", 900), cell(None, "Amazon S3", 100), cell(Some(0), "AWS Glue", 5)];
        let days = MonthDays::of(first, &BTreeMap::from([(first, false), (first.succ_opt().unwrap(), true)]));
        let bill = Bill::of_month(first, &cells, &ownership).remove(0);
        Self {
            shell: Shell::sample(Section::Cost),
            months: month_links("/cost", &[first], first),
            chosen: Some(Chosen {
                name: month::name(first),
                slug: month::slug(first),
                sections: vec![BillSection::new(bill, &[], &days, &ownership, &policies)],
                estimated_days: days.estimated(),
                missing_days: days.missing(),
                restatements: vec![RestatementRow::sample()],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_totals_budgets_and_what_is_estimated() {
        let html = MonthPage::sample().render().unwrap();
        for text in ["$10.05", "90%", "1 day is estimated", "Unallocated", "/cost/lines?month=2026-09", "(estimated)"] {
            assert!(html.contains(text), "{text} is missing");
        }
        assert!(!html.contains("Acme <b>"), "names are escaped");
        let empty = MonthPage { chosen: None, months: Vec::new(), ..MonthPage::sample() }.render().unwrap();
        assert!(empty.contains("import cost"), "an empty page says what to do");
    }
}
