//! `/cost/lines` and `/cost/restatements`: the records behind every amount.

use askama::Template;
use axum::extract::{Query, State};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use lakewarden_core::{Cursor, Sha256};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use serde::Deserialize;

use super::{may_see, span_of};
use crate::allocation::payer;
use crate::bill::{encode, find_payer, payer_name};
use crate::store::{self, Line, LineFilter, StoredRestatement};
use crate::{Ctx, month};

const PAGE: usize = 100;

/// Which records: of a day or a month, of a payer, of a service.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    day: Option<String>,
    month: Option<String>,
    payer: Option<String>,
    service: Option<String>,
    cursor: Option<String>,
}

impl ListQuery {
    fn filter(&self, ownership: &Ownership, viewer: &Viewer, today: NaiveDate) -> Result<LineFilter, Problem> {
        let asked = [self.day.as_deref(), self.month.as_deref()].into_iter().flatten().any(|text| !text.is_empty());
        let (from, to) = if asked {
            span_of(self.day.as_deref(), self.month.as_deref())
                .ok_or_else(|| Problem::bad_request("`day` is a day like 2026-09-01, `month` a month like 2026-09"))?
        } else {
            let first = month::first_of(today);
            (first, month::next(first))
        };
        let payer = match self.payer.as_deref().filter(|slug| !slug.is_empty()) {
            None => None,
            Some(slug) => {
                let found = find_payer(ownership, slug).ok_or_else(|| Problem::not_found("payer of that name"))?;
                Some(found)
            }
        };
        // Row-level security shows a tenant nothing of others; naming one gets the same answer as naming nobody.
        let asked_for_others = payer.is_some_and(|payer| !may_see(viewer, payer));
        if asked_for_others {
            return Err(Problem::not_found("payer of that name"));
        }
        let service = self.service.clone().filter(|service| !service.is_empty() && !service.contains('\0'));
        Ok(LineFilter { from, to, payer, service })
    }

    fn cursor(&self) -> Result<Cursor, Problem> {
        match self.cursor.as_deref() {
            None | Some("") => Ok(Cursor::start()),
            Some(text) => Cursor::decode(text).map_err(|error| Problem::bad_request(error.to_string())),
        }
    }

    fn href(&self, path: &str, cursor: Option<Cursor>) -> String {
        let cursor = cursor.map(Cursor::encode);
        let parts = [
            ("day", self.day.as_deref()),
            ("month", self.month.as_deref()),
            ("payer", self.payer.as_deref()),
            ("service", self.service.as_deref()),
            ("cursor", cursor.as_deref()),
        ];
        let query: Vec<String> = parts
            .into_iter()
            .filter_map(|(name, value)| {
                value.filter(|value| !value.is_empty()).map(|value| format!("{name}={}", encode(value)))
            })
            .collect();
        format!("{path}?{}", query.join("&"))
    }

    /// What is listed, in words.
    fn describe(&self, ownership: &Ownership, filter: &LineFilter) -> String {
        let days = if self.day.as_ref().is_some_and(|day| !day.is_empty()) {
            filter.from.to_string()
        } else {
            month::name(filter.from)
        };
        let payer = filter.payer.map(|payer| payer_name(ownership, payer.tenant_id()));
        [Some(days), payer, filter.service.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

#[derive(Template)]
#[template(path = "cost/lines.html")]
struct LinesPage {
    shell: Shell,
    rows: Vec<LineRow>,
    first: String,
    older: String,
}

struct LineRow {
    day: NaiveDate,
    service: String,
    payer: String,
    /// Why this payer: tag or account, and the rule.
    why: String,
    amount: String,
    estimated: bool,
    seen_from: DateTime<Utc>,
    pages: Sha256,
}

impl LineRow {
    fn of(line: &Line, ownership: &Ownership) -> Self {
        let (grouped_by, tag_key) = line.grouping.as_columns();
        let key = match (grouped_by, line.allocation_key.as_str()) {
            ("account", account) => format!("account {account}"),
            (_, "") => format!("no tag {tag_key}"),
            (_, value) => format!("tag {tag_key}={value}"),
        };
        let why = if line.payer.is_some() {
            let rule = payer(ownership, &line.grouping, &line.allocation_key).rule;
            format!("{key}: {}", ownership.explain(rule))
        } else {
            key
        };
        Self {
            day: line.day,
            service: line.service.clone(),
            payer: payer_name(ownership, line.payer),
            why,
            amount: format!("{} {}", line.amount.normalize(), line.currency),
            estimated: line.estimated,
            seen_from: line.seen_from,
            pages: line.pages_sha256,
        }
    }
}

pub async fn show_lines(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<ListQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let filter = query.filter(&ownership, &viewer, ctx.clock.now().date_naive())?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let lines = store::list_lines(&mut *tx, &filter, query.cursor()?, PAGE as i64 + 1).await?;
    tx.commit().await?;
    let older = lines.get(PAGE).and(lines.get(PAGE - 1)).map(|last| {
        let cursor = Cursor { at: last.day.and_time(NaiveTime::MIN).and_utc(), id: last.id };
        query.href("/cost/lines", Some(cursor))
    });
    LinesPage {
        shell: Shell::new("Cost lines", Section::Cost, &viewer)
            .with_lead(query.describe(&ownership, &filter))
            .under("Cost", format!("/cost?month={}", month::slug(month::first_of(filter.from)))),
        rows: lines.iter().take(PAGE).map(|line| LineRow::of(line, &ownership)).collect(),
        first: query.cursor.as_ref().map(|_| query.href("/cost/lines", None)).unwrap_or_default(),
        older: older.unwrap_or_default(),
    }
    .render_page()
}

#[derive(Template)]
#[template(path = "cost/restatements.html")]
struct RestatementsPage {
    shell: Shell,
    rows: Vec<RestatementRow>,
    first: String,
    older: String,
}

/// A change of what AWS had said before.
pub(super) struct RestatementRow {
    pub day: NaiveDate,
    pub service: String,
    pub payer: String,
    pub old: String,
    pub new: String,
    pub change: String,
    pub is_more: bool,
    pub was_estimated: bool,
    pub seen_at: DateTime<Utc>,
}

impl RestatementRow {
    pub(super) fn of(restated: &StoredRestatement, ownership: &Ownership) -> Self {
        let (old, new) = (restated.old_amount.unwrap_or_default(), restated.new_amount.unwrap_or_default());
        let difference = (new - old).normalize();
        let shown = |amount: Option<rust_decimal::Decimal>| amount.map(|amount| amount.normalize().to_string());
        Self {
            day: restated.day,
            service: restated.service.clone(),
            payer: payer_name(ownership, restated.payer),
            old: shown(restated.old_amount).unwrap_or_else(|| "not there".to_owned()),
            new: shown(restated.new_amount).unwrap_or_else(|| "gone".to_owned()),
            change: format!("{}{difference} {}", if new > old { "+" } else { "" }, restated.currency),
            is_more: new > old,
            was_estimated: restated.was_estimated,
            seen_at: restated.seen_at,
        }
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let restated = StoredRestatement {
            id: 1,
            day: NaiveDate::from_ymd_opt(2026, 9, 1).unwrap(),
            service: "AWS Glue".into(),
            allocation_key: "acme".into(),
            payer: Some(lakewarden_core::TenantId(1)),
            currency: lakewarden_core::Currency::USD,
            old_amount: Some("1.50".parse().unwrap()),
            new_amount: None,
            was_estimated: false,
            seen_at: DateTime::from_timestamp(1_795_348_800, 0).unwrap(),
        };
        Self::of(&restated, &Ownership::default())
    }
}

pub async fn show_restatements(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<ListQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let filter = query.filter(&ownership, &viewer, ctx.clock.now().date_naive())?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let restated = store::list_restatements(&mut *tx, &filter, query.cursor()?, PAGE as i64 + 1).await?;
    tx.commit().await?;
    let older = restated
        .get(PAGE)
        .and(restated.get(PAGE - 1))
        .map(|last| query.href("/cost/restatements", Some(Cursor { at: last.seen_at, id: last.id })));
    RestatementsPage {
        shell: Shell::new("Restatements", Section::Cost, &viewer)
            .with_lead(query.describe(&ownership, &filter))
            .under("Cost", format!("/cost?month={}", month::slug(month::first_of(filter.from)))),
        rows: restated.iter().take(PAGE).map(|one| RestatementRow::of(one, &ownership)).collect(),
        first: query.cursor.as_ref().map(|_| query.href("/cost/restatements", None)).unwrap_or_default(),
        older: older.unwrap_or_default(),
    }
    .render_page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost_explorer::Grouping;

    #[test]
    fn a_line_says_who_pays_and_why() {
        let line = Line {
            id: 1,
            day: NaiveDate::from_ymd_opt(2026, 9, 1).unwrap(),
            service: "AWS Glue".into(),
            grouping: Grouping::Tag("tenant".into()),
            allocation_key: String::new(),
            payer: None,
            amount: "0.041600000000".parse().unwrap(),
            currency: lakewarden_core::Currency::USD,
            estimated: true,
            seen_from: DateTime::from_timestamp(1_795_348_800, 0).unwrap(),
            pages_sha256: Sha256::of("pages"),
        };
        let rows = vec![LineRow::of(&line, &Ownership::default())];
        let html = LinesPage { shell: Shell::sample(Section::Cost), rows, first: String::new(), older: "/x".into() };
        let html = html.render().unwrap();
        for text in ["Unallocated", "no tag tenant", "0.0416 USD", "estimated", "Next page"] {
            assert!(html.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn a_restatement_shows_both_amounts_and_their_difference() {
        let page = RestatementsPage {
            shell: Shell::sample(Section::Cost),
            rows: vec![RestatementRow::sample()],
            first: String::new(),
            older: String::new(),
        };
        let html = page.render().unwrap();
        for text in ["1.5", "gone", "-1.5 USD"] {
            assert!(html.contains(text), "{text} is missing");
        }
    }
}
