//! `/cost/{payer}`: one tenant's month by service, beside the month before and its budget.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::NaiveDate;
use lakewarden_core::{Currency, Cursor, Money, TenantId};
use lakewarden_http::charts::{Markup, Series};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell, show};
use rust_decimal::Decimal;

use super::listing::RestatementRow;
use super::month_page::BudgetUse;
use super::{DailyChart, MonthDays, MonthLink, may_see, money, month_links};
use crate::api::MonthQuery;
use crate::bill::{find_payer, lines_href, payer_name};
use crate::policy::Policies;
use crate::store::{self, LineFilter, MonthCell, ServiceSpend};
use crate::{Ctx, month};

/// Services with a colour of their own.
const COLOURS: usize = 10;
const RESTATEMENTS: i64 = 10;

#[derive(Template)]
#[template(path = "cost/payer.html")]
struct PayerPage {
    shell: Shell,
    months: Vec<MonthLink>,
    slug: String,
    month_name: String,
    month_slug: String,
    sections: Vec<PayerSection>,
    estimated_days: usize,
    restatements: Vec<RestatementRow>,
}

/// One currency of the payer's month.
struct PayerSection {
    services: Vec<ServiceRow>,
    total: Money,
    before: Money,
    change: String,
    exact: Decimal,
    budget: Option<BudgetUse>,
    chart: Markup,
}

struct ServiceRow {
    service: String,
    href: String,
    amount: Money,
    before: Money,
    change: String,
    share: String,
}

/// Cents of a service in the month and in the one before.
type Pair = (i64, i64);

impl PayerPage {
    fn has_costs(&self) -> bool {
        !self.sections.is_empty()
    }
}

struct Month<'a> {
    first: NaiveDate,
    slug: &'a str,
    payer: Option<TenantId>,
    days: &'a MonthDays,
    spend: &'a [ServiceSpend],
    cells: &'a [MonthCell],
    before: &'a [MonthCell],
}

impl PayerSection {
    fn all(month: &Month<'_>, policies: &Policies) -> Vec<Self> {
        let mut by_currency: BTreeMap<Currency, BTreeMap<&str, Pair>> = BTreeMap::new();
        for cell in month.cells.iter().filter(|cell| cell.payer == month.payer) {
            by_currency.entry(cell.currency).or_default().entry(&cell.service).or_default().0 += cell.cents;
        }
        for cell in month.before.iter().filter(|cell| cell.payer == month.payer) {
            by_currency.entry(cell.currency).or_default().entry(&cell.service).or_default().1 += cell.cents;
        }
        by_currency.into_iter().map(|(currency, services)| Self::of(month, policies, currency, &services)).collect()
    }

    fn of(month: &Month<'_>, policies: &Policies, currency: Currency, services: &BTreeMap<&str, Pair>) -> Self {
        let total: i64 = services.values().map(|pair| pair.0).sum();
        let before: i64 = services.values().map(|pair| pair.1).sum();
        let mut ranked: Vec<(&str, Pair)> = services.iter().map(|(service, pair)| (*service, *pair)).collect();
        ranked.sort_by_key(|(service, (cents, before))| (-cents, -before, *service));
        let row = |&(service, (cents, before)): &(&str, Pair)| ServiceRow {
            service: service.to_owned(),
            href: lines_href(month.first, Some(month.slug), Some(service)),
            amount: money(cents, currency),
            before: money(before, currency),
            change: change(cents, before),
            share: show::percent(cents as f64, total as f64),
        };
        let tenant = month.payer.filter(|tenant| !tenant.is_platform());
        let exact = month.cells.iter().filter(|cell| cell.payer == month.payer && cell.currency == currency);
        Self {
            services: ranked.iter().map(row).collect(),
            budget: tenant.and_then(|_| BudgetUse::of(policies, month.slug, money(total, currency))),
            total: money(total, currency),
            before: money(before, currency),
            change: change(total, before),
            exact: exact.map(|cell| cell.amount).sum::<Decimal>().normalize(),
            chart: draw(month, currency, &ranked),
        }
    }
}

fn draw(month: &Month<'_>, currency: Currency, ranked: &[(&str, Pair)]) -> Markup {
    let own = if ranked.len() > COLOURS + 1 { &ranked[..COLOURS] } else { ranked };
    let mut series: Vec<Series> = own
        .iter()
        .enumerate()
        .map(|(n, (service, _))| {
            Series::nth(n, *service).linked(lines_href(month.first, Some(month.slug), Some(service)))
        })
        .collect();
    if own.len() < ranked.len() {
        series.push(Series::rest(format!("{} others", ranked.len() - own.len())));
    }
    let place = |service: &str| own.iter().position(|(one, _)| *one == service).unwrap_or(own.len());
    let points = month
        .spend
        .iter()
        .filter(|spend| spend.currency == currency)
        .map(|spend| (spend.day, place(&spend.service).min(series.len() - 1), spend.amount))
        .collect();
    let title = format!("Daily cost by service, {}", month::name(month.first));
    DailyChart { title, currency, series, days: month.days, points, payer: Some(month.slug) }.render()
}

/// `+12.5%`, `-3%`; `new` where there was nothing before.
fn change(cents: i64, before: i64) -> String {
    if before <= 0 {
        return if cents == 0 { "–".to_owned() } else { "new".to_owned() };
    }
    let share = show::percent((cents - before).unsigned_abs() as f64, before as f64);
    match cents.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{share}"),
        std::cmp::Ordering::Equal => "±0%".to_owned(),
        std::cmp::Ordering::Greater => format!("+{share}"),
    }
}

pub async fn show_payer(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(slug): Path<String>,
    Query(query): Query<MonthQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let owner = find_payer(&ownership, &slug).ok_or_else(|| Problem::not_found("payer of that name"))?;
    if !may_see(&viewer, owner) {
        return Err(Problem::not_found("payer of that name"));
    }
    let payer = owner.tenant_id();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let months = store::list_months(&mut *tx).await?;
    let first = query.choose(&months)?.unwrap_or_else(|| month::first_of(ctx.clock.now().date_naive()));
    let next = month::next(first);
    let cells = store::list_cells(&mut *tx, first).await?;
    let before = store::list_cells(&mut *tx, month::previous(first)).await?;
    let spend = store::list_service_spend(&mut *tx, first, payer).await?;
    let days = MonthDays::of(first, &store::list_days(&mut *tx, first, next).await?);
    let filter = LineFilter { from: first, to: next, payer: Some(owner), service: None };
    let restated = store::list_restatements(&mut *tx, &filter, Cursor::start(), RESTATEMENTS).await?;
    tx.commit().await?;
    let shown = Month { first, slug: &slug, payer, days: &days, spend: &spend, cells: &cells, before: &before };
    let sections = PayerSection::all(&shown, &ctx.policies.get());
    let lead = match payer {
        None => "Lines that no tag or account gives to anybody. Tag what is behind the largest services.",
        Some(TenantId::PLATFORM) => "What the platform itself costs.",
        Some(_) => "What this tenant cost, by service, by the amounts that AWS billed.",
    };
    let mut shell = Shell::new(payer_name(&ownership, payer), Section::Cost, &viewer).with_lead(lead);
    if viewer.sees_everything() {
        shell = shell.under("Cost", format!("/cost?month={}", month::slug(first)));
    }
    PayerPage {
        shell,
        months: month_links(&format!("/cost/{slug}"), &months, first),
        slug,
        month_name: month::name(first),
        month_slug: month::slug(first),
        sections,
        estimated_days: days.estimated(),
        restatements: restated.iter().map(|one| RestatementRow::of(one, &ownership)).collect(),
    }
    .render_page()
}

impl PayerPage {
    #[cfg(test)]
    fn sample() -> Self {
        let first = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        let cell = |service: &str, cents| MonthCell {
            currency: Currency::USD,
            payer: Some(TenantId(1)),
            service: service.into(),
            amount: crate::amount::from_cents(cents),
            cents,
        };
        let cells = [cell("AWS Glue", 900), cell("Amazon S3", 100)];
        let before = [cell("AWS Glue", 600), cell("Amazon Athena", 50)];
        let spend = [ServiceSpend {
            day: first,
            service: "AWS Glue".into(),
            currency: Currency::USD,
            amount: Decimal::from(9),
        }];
        let days = MonthDays::of(first, &BTreeMap::from([(first, true)]));
        let month = Month {
            first,
            slug: "acme",
            payer: Some(TenantId(1)),
            days: &days,
            spend: &spend,
            cells: &cells,
            before: &before,
        };
        Self {
            shell: Shell::sample(Section::Cost),
            months: month_links("/cost/acme", &[first], first),
            slug: "acme".into(),
            month_name: month::name(first),
            month_slug: month::slug(first),
            sections: PayerSection::all(&month, &Policies::default()),
            estimated_days: 1,
            restatements: vec![RestatementRow::sample()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_compares_with_the_month_before() {
        let html = PayerPage::sample().render().unwrap();
        for text in ["$10.00", "+50%", "new", "-100%", "$6.50", "AWS Glue"] {
            assert!(html.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn changes_are_signed() {
        for (cents, before, shown) in [(0, 0, "–"), (5, 0, "new"), (5, 5, "±0%"), (15, 10, "+50%"), (9, 10, "-10%")]
        {
            assert_eq!(change(cents, before), shown);
        }
    }
}
