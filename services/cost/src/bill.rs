//! A month as finance reads it: who costs what, in cents that add up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakewarden_core::{Currency, Money, TenantId};
use lakewarden_tenancy::{Owner, Ownership};
use rust_decimal::Decimal;

use crate::amount::from_cents;
use crate::month;
use crate::store::MonthCell;

/// Services with a column of their own; the others share one.
const COLUMNS: usize = 6;
pub const UNALLOCATED: &str = "unallocated";
pub const PLATFORM: &str = "platform";

/// How a payer is called in addresses: a tenant's slug, `platform`, `unallocated`.
pub fn payer_slug(ownership: &Ownership, payer: Option<TenantId>) -> String {
    match payer {
        None => UNALLOCATED.to_owned(),
        Some(TenantId::PLATFORM) => PLATFORM.to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| format!("tenant-{id}"), |tenant| tenant.slug.clone()),
    }
}

/// How a payer is called on pages.
pub fn payer_name(ownership: &Ownership, payer: Option<TenantId>) -> String {
    match payer {
        None => "Unallocated".to_owned(),
        Some(TenantId::PLATFORM) => "Platform".to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| format!("Tenant {id}"), |tenant| tenant.name.clone()),
    }
}

/// The payer of an address; None where there is none of that name.
pub fn find_payer(ownership: &Ownership, slug: &str) -> Option<Owner> {
    match slug {
        UNALLOCATED => Some(Owner::Unowned),
        PLATFORM => Some(Owner::Platform),
        _ => ownership.tenant_by_slug(slug).map(|tenant| Owner::Tenant(tenant.id)),
    }
}

/// One amount of the table, and where its lines are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    pub cents: i64,
    pub currency: Currency,
    /// Empty where there is nothing to open.
    pub href: String,
}

impl Amount {
    pub fn money(&self) -> Money {
        Money::new(from_cents(self.cents), self.currency)
    }
}

/// What one payer costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub payer: Option<TenantId>,
    pub name: String,
    pub href: String,
    /// One for each column; None where there is no line.
    pub cells: Vec<Option<Amount>>,
    pub total: Amount,
}

impl Row {
    pub fn is_unallocated(&self) -> bool {
        self.payer.is_none()
    }

    pub fn is_platform(&self) -> bool {
        self.payer == Some(TenantId::PLATFORM)
    }
}

/// One month in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    pub month: NaiveDate,
    pub currency: Currency,
    /// The services that cost most, and the rest as one.
    pub columns: Vec<String>,
    /// The dearest tenant first; platform and unallocated last.
    pub rows: Vec<Row>,
    pub column_totals: Vec<Amount>,
    pub total: Amount,
    /// To the last digit that AWS gave.
    pub exact: Decimal,
    pub unallocated_cents: i64,
}

impl Bill {
    /// One bill for each currency among a month's cells.
    pub fn of_month(month: NaiveDate, cells: &[MonthCell], ownership: &Ownership) -> Vec<Self> {
        let mut by_currency: BTreeMap<Currency, Vec<&MonthCell>> = BTreeMap::new();
        for cell in cells {
            by_currency.entry(cell.currency).or_default().push(cell);
        }
        by_currency.into_iter().map(|(currency, cells)| Self::of(month, currency, &cells, ownership)).collect()
    }

    fn of(month: NaiveDate, currency: Currency, cells: &[&MonthCell], ownership: &Ownership) -> Self {
        let services = dearest(cells);
        let (own, rest) = services.split_at(if services.len() > COLUMNS + 1 { COLUMNS } else { services.len() });
        let columns: Vec<String> =
            own.iter().cloned().chain((!rest.is_empty()).then(|| format!("{} others", rest.len()))).collect();
        let place = |service: &str| own.iter().position(|one| one == service).unwrap_or(own.len());
        let mut by_payer: BTreeMap<Option<TenantId>, Vec<&MonthCell>> = BTreeMap::new();
        for cell in cells {
            by_payer.entry(cell.payer).or_default().push(cell);
        }
        let amount = |cents, href| Amount { cents, currency, href };
        let mut rows: Vec<Row> = by_payer
            .into_iter()
            .map(|(payer, cells)| {
                let slug = payer_slug(ownership, payer);
                let mut sums: Vec<Option<i64>> = vec![None; columns.len()];
                for cell in &cells {
                    *sums[place(&cell.service)].get_or_insert(0) += cell.cents;
                }
                let link = |(index, cents): (usize, Option<i64>)| {
                    cents.map(|cents| amount(cents, lines_href(month, Some(&slug), own.get(index).map(String::as_str))))
                };
                Row {
                    payer,
                    name: payer_name(ownership, payer),
                    href: format!("/cost/{slug}?month={}", month::slug(month)),
                    cells: sums.into_iter().enumerate().map(link).collect(),
                    total: amount(cells.iter().map(|cell| cell.cents).sum(), lines_href(month, Some(&slug), None)),
                }
            })
            .collect();
        rows.sort_by_key(|row| (row.payer.is_none(), row.is_platform(), -row.total.cents, row.name.clone()));
        let column_totals = (0..columns.len())
            .map(|index| {
                let cents = rows.iter().filter_map(|row| row.cells[index].as_ref()).map(|cell| cell.cents).sum();
                amount(cents, lines_href(month, None, own.get(index).map(String::as_str)))
            })
            .collect();
        Self {
            month,
            currency,
            columns,
            unallocated_cents: rows.iter().filter(|row| row.is_unallocated()).map(|row| row.total.cents).sum(),
            total: amount(rows.iter().map(|row| row.total.cents).sum(), lines_href(month, None, None)),
            exact: cells.iter().map(|cell| cell.amount).sum::<Decimal>().normalize(),
            rows,
            column_totals,
        }
    }

    pub fn unallocated(&self) -> Money {
        Money::new(from_cents(self.unallocated_cents), self.currency)
    }
}

/// Services by what they cost over all payers, the dearest first.
fn dearest(cells: &[&MonthCell]) -> Vec<String> {
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for cell in cells {
        *sums.entry(&cell.service).or_default() += cell.amount;
    }
    let mut services: Vec<(&str, Decimal)> = sums.into_iter().collect();
    services.sort_by(|a, b| b.1.abs().cmp(&a.1.abs()).then(a.0.cmp(b.0)));
    services.into_iter().map(|(service, _)| service.to_owned()).collect()
}

/// Where the lines behind an amount are listed.
pub fn lines_href(month: NaiveDate, payer: Option<&str>, service: Option<&str>) -> String {
    let mut href = format!("/cost/lines?month={}", month::slug(month));
    for (name, value) in [("payer", payer), ("service", service)] {
        if let Some(value) = value {
            href.extend(["&", name, "=", &encode(value)]);
        }
    }
    href
}

/// For the value of a query parameter.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(payer: Option<i32>, service: &str, cents: i64) -> MonthCell {
        let amount = from_cents(cents);
        MonthCell { currency: Currency::USD, payer: payer.map(TenantId), service: service.into(), amount, cents }
    }

    #[test]
    fn rows_and_columns_add_up_and_the_dearest_come_first() {
        let text = "[[tenant]]\nslug = \"acme\"\nname = \"Acme\"\n[[tenant]]\nslug = \"globex\"\nname = \"Globex\"\n";
        let ownership = Ownership::parse(text).unwrap();
        let mut cells: Vec<MonthCell> =
            (0..9).map(|number| cell(Some(2), &format!("S{number}"), 10 * number)).collect();
        cells.extend([cell(None, "S8", 500), cell(Some(0), "S1", 900), cell(Some(1), "S8 & co", 1)]);
        let month = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        let bills = Bill::of_month(month, &cells, &ownership);
        let [bill] = bills.as_slice() else { panic!("one currency") };
        assert_eq!(bill.columns, ["S1", "S8", "S7", "S6", "S5", "S4", "4 others"]);
        assert_eq!(
            bill.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
            ["Globex", "Acme", "Platform", "Unallocated"]
        );
        assert_eq!(bill.total.cents, 1761);
        assert_eq!(bill.column_totals.iter().map(|total| total.cents).sum::<i64>(), 1761);
        assert_eq!((bill.exact.to_string().as_str(), bill.unallocated_cents), ("17.61", 500));
        assert_eq!(bill.rows[0].cells[1].as_ref().unwrap().href, "/cost/lines?month=2026-09&payer=globex&service=S8");
        assert_eq!(bill.rows[1].href, "/cost/acme?month=2026-09");
    }

    #[test]
    fn an_address_finds_its_payer() {
        let ownership = Ownership::parse("[[tenant]]\nslug = \"acme\"\nname = \"Acme\"\n").unwrap();
        assert_eq!(find_payer(&ownership, "acme"), Some(Owner::Tenant(TenantId(1))));
        assert_eq!(find_payer(&ownership, "unallocated"), Some(Owner::Unowned));
        assert_eq!(find_payer(&ownership, "nobody"), None);
        assert_eq!(encode("AWS Glue & co"), "AWS%20Glue%20%26%20co");
    }
}
