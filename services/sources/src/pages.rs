//! The operator's pages: is the watcher complete, and what could it not read?

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, Sha256, SourceId, TimeWindow};
use lakewarden_http::charts::Markup;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell, show};
use serde::Deserialize;

use crate::coverage::{Hours, State as SourceState, gaps};
use crate::report::{Report, first_day, gap_days, shown_window, strip_by_day, strip_by_hour};
use crate::store::{
    QuarantineRow, RefusalRow, RunRow, find_source, list_days, list_hours, list_quarantine, list_refusals, list_runs,
    list_sources,
};
use crate::{Ctx, SourceKind};

const RUNS_SHOWN: i64 = 20;
const REFUSALS_SHOWN: i64 = 20;
const QUARANTINE_PAGE: i64 = 50;
const GAPS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "sources/list.html")]
struct SourcesPage {
    shell: Shell,
    reports: Vec<Report>,
    coverage: Markup,
    gap_days: usize,
    refusals: Vec<RefusalRow>,
    runs: Vec<RunRow>,
    now: DateTime<Utc>,
}

impl SourcesPage {
    fn count(&self, state: SourceState) -> usize {
        self.reports.iter().filter(|report| report.state == state).count()
    }

    fn ok(&self) -> usize {
        self.count(SourceState::Ok)
    }

    fn late(&self) -> usize {
        self.count(SourceState::Late)
    }

    fn silent(&self) -> usize {
        self.count(SourceState::Silent) + self.count(SourceState::Never)
    }

    fn quarantined(&self) -> String {
        show::count(self.reports.iter().map(|report| report.source.quarantined).sum::<i64>())
    }

    fn gaps_tone(&self) -> &'static str {
        if self.gap_days == 0 { "good" } else { "warning" }
    }

    fn silent_tone(&self) -> &'static str {
        if self.silent() == 0 { "" } else { "bad" }
    }

    #[cfg(test)]
    fn sample() -> Self {
        let reports = sample_reports();
        let now = sample_now();
        let strip = strip_by_day(&reports, &[], now);
        Self {
            shell: Shell::sample(Section::Sources),
            gap_days: gap_days(&strip),
            coverage: strip.render(),
            refusals: vec![RefusalRow {
                source_id: SourceId(1),
                name: "airflow".to_owned(),
                times: 3,
                place: "/eventTime".to_owned(),
                reason: "`yesterday` is not an instant".to_owned(),
                last_seen_at: now,
            }],
            runs: sample_runs(),
            reports,
            now,
        }
    }
}

/// `GET /sources`
pub(crate) async fn list_sources_page(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Html, Problem> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let sources = list_sources(&mut *tx).await?;
    let days = list_days(&mut *tx, first_day(now)).await?;
    let refusals = list_refusals(&mut *tx, SourceKind::OpenLineage, REFUSALS_SHOWN).await?;
    let runs = list_runs(&mut *tx, None, RUNS_SHOWN).await?;
    tx.commit().await?;
    let reports: Vec<Report> = sources.into_iter().map(|source| Report::of(source, now)).collect();
    let strip = strip_by_day(&reports, &days, now);
    SourcesPage {
        shell: Shell::new("Sources", Section::Sources, &viewer).with_lead(
            "What is observed, how completely, and what could not be read. What was not observed is not proven.",
        ),
        gap_days: gap_days(&strip),
        coverage: strip.render(),
        reports,
        refusals,
        runs,
        now,
    }
    .render_page()
}

#[derive(Template)]
#[template(path = "sources/source.html")]
struct SourcePage {
    shell: Shell,
    report: Report,
    coverage: Markup,
    gaps: Vec<TimeWindow>,
    more_gaps: usize,
    quarantine: Vec<QuarantineRow>,
    first: String,
    older: String,
    runs: Vec<RunRow>,
    now: DateTime<Utc>,
}

impl SourcePage {
    fn hash(row: &QuarantineRow) -> String {
        Sha256::from_slice(&row.hash).map_or_else(String::new, Sha256::to_hex)
    }

    fn length(gap: &TimeWindow) -> String {
        show::span(gap.to - gap.from)
    }

    #[cfg(test)]
    fn sample() -> Self {
        let now = sample_now();
        let report = sample_reports().remove(0);
        Self {
            shell: Shell::sample(Section::Sources),
            coverage: strip_by_hour(&report.source, &Hours::new(), now).render(),
            report,
            gaps: vec![TimeWindow { from: now - chrono::TimeDelta::hours(5), to: now }],
            more_gaps: 2,
            quarantine: vec![QuarantineRow {
                id: 1,
                hash: vec![7; 32],
                place: "trail.json.gz#17".to_owned(),
                reason: "eventTime is missing".to_owned(),
                excerpt: "{\"eventName\":\"<b>\"}".to_owned(),
                times: 2,
                last_seen_at: now,
            }],
            first: String::new(),
            older: "/sources/1?cursor=x#quarantine".to_owned(),
            runs: sample_runs(),
            now,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Paging {
    cursor: Option<String>,
}

/// `GET /sources/{id}`
pub(crate) async fn show_source(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<SourceId>,
    Query(paging): Query<Paging>,
) -> Result<Html, Problem> {
    let now = ctx.clock.now();
    let after = match paging.cursor.as_deref() {
        None => Cursor::start(),
        Some(text) => Cursor::decode(text).map_err(|error| Problem::bad_request(error.to_string()))?,
    };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let source = find_source(&mut *tx, id).await?.ok_or_else(|| Problem::not_found("such source"))?;
    let rows = list_hours(&mut *tx, id, first_day(now)).await?;
    let mut quarantine = list_quarantine(&mut *tx, id, after, QUARANTINE_PAGE + 1).await?;
    let runs = list_runs(&mut *tx, Some(id), RUNS_SHOWN).await?;
    tx.commit().await?;
    let hours: Hours = rows.into_iter().map(|row| (row.hour, row.records)).collect();
    let mut gaps = gaps(source.kind, &hours, shown_window(now), now);
    gaps.reverse();
    let more_gaps = gaps.len().saturating_sub(GAPS_SHOWN);
    gaps.truncate(GAPS_SHOWN);
    let older = older_page(id, &mut quarantine);
    let report = Report::of(source, now);
    SourcePage {
        shell: Shell::new(report.title(), Section::Sources, &viewer).under("Sources", "/sources"),
        coverage: strip_by_hour(&report.source, &hours, now).render(),
        report,
        gaps,
        more_gaps,
        quarantine,
        first: if paging.cursor.is_some() { format!("/sources/{id}#quarantine") } else { String::new() },
        older,
        runs,
        now,
    }
    .render_page()
}

/// Cuts the row beyond the page off; the link to the next page starts after the last one shown.
fn older_page(id: SourceId, rows: &mut Vec<QuarantineRow>) -> String {
    if rows.len() as i64 <= QUARANTINE_PAGE {
        return String::new();
    }
    rows.pop();
    rows.last().map_or_else(String::new, |last| {
        let cursor = Cursor { at: last.last_seen_at, id: last.id };
        format!("/sources/{id}?cursor={}#quarantine", cursor.encode())
    })
}

impl RunRow {
    /// Succeeded, failed, or running; a process that died leaves its run running for ever.
    pub fn outcome(&self) -> &'static str {
        match self.succeeded {
            Some(true) => "complete",
            Some(false) => "failed",
            None => "running",
        }
    }

    pub fn took(&self) -> String {
        self.finished_at.map_or_else(String::new, |finished_at| show::span(finished_at - self.started_at))
    }

    pub fn source_title(&self) -> String {
        format!("{} {}", self.kind.title(), self.source_name)
    }
}

#[cfg(test)]
fn sample_now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).expect("a valid instant")
}

#[cfg(test)]
fn sample_reports() -> Vec<Report> {
    let now = sample_now();
    let source = |id, kind, last_hour: Option<DateTime<Utc>>| crate::Source {
        id: SourceId(id),
        kind,
        name: format!("source-{id}"),
        accepted: 12_345,
        duplicates: 1,
        quarantined: 2,
        bytes: 1_048_576,
        first_hour: last_hour.map(|last| last - chrono::TimeDelta::days(3)),
        last_hour,
        last_delivery_at: last_hour,
        created_at: now,
    };
    vec![
        Report::of(source(1, SourceKind::CloudTrail, Some(now - chrono::TimeDelta::hours(30))), now),
        Report::of(source(2, SourceKind::OpenLineage, Some(now)), now),
        Report::of(source(3, SourceKind::Glue, None), now),
    ]
}

#[cfg(test)]
fn sample_runs() -> Vec<RunRow> {
    let now = sample_now();
    let run = |succeeded: Option<bool>| RunRow {
        source_id: SourceId(1),
        source_name: "source-1".to_owned(),
        kind: SourceKind::Glue,
        started_at: now - chrono::TimeDelta::minutes(4),
        finished_at: succeeded.map(|_| now),
        succeeded,
        message: succeeded.map(|_| "8 databases, 210 tables".to_owned()),
    };
    vec![run(None), run(Some(true)), run(Some(false))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_shows_state_coverage_refusals_and_runs() {
        let html = SourcesPage::sample().render().unwrap();
        for part in ["CloudTrail source-1", "silent", "never", "12,345", "is not an instant", "8 databases", "<svg"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn no_sources_is_an_empty_state_that_says_how_to_connect_one() {
        let mut page = SourcesPage::sample();
        page.reports.clear();
        let html = page.render().unwrap();
        assert!(html.contains("/api/v1/lineage") && html.contains("lakewarden import"), "{html}");
    }

    #[test]
    fn a_source_shows_its_gaps_and_what_could_not_be_read() {
        let html = SourcePage::sample().render().unwrap();
        for part in
            ["trail.json.gz#17", "eventTime is missing", "&#60;b&#62;", "and 2 more", "cursor=x", "last 30 days"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
