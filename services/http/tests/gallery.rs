//! Renders every component on one page: they all compile, and the page can be looked at in a browser.

use std::path::Path;

use askama::Template;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lakewarden_core::{Plane, Severity};
use lakewarden_http::charts::{
    Bar, Cell, CellState, CoverageRow, CoverageStrip, LineChart, Markup, Point, Series, Size, StackedBars, Unit, share,
    spark,
};
use lakewarden_http::{Section, Shell, SignInPage};

#[derive(Template)]
#[template(path = "components/gallery.html")]
struct Gallery {
    shell: Shell,
    ui_count: &'static str,
    severities: &'static [Severity],
    planes: &'static [Plane],
    statuses: [&'static str; 7],
    chosen: String,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    nodes: [&'static str; 4],
    tenants: [&'static str; 6],
    json: &'static str,
    charts: Vec<(&'static str, Markup)>,
}

fn gallery() -> Gallery {
    let now = DateTime::from_timestamp(1_795_348_800, 0).expect("a valid instant");
    Gallery {
        shell: Shell {
            title: "Components".to_owned(),
            warnings: vec!["policies/isolation/access.cedar, line 12: unexpected token `permit`; the last good version stays in force".to_owned()],
            ..Shell::sample(Section::Findings)
        }
        .under("Findings", "/findings")
        .under("Finding 7", "/findings/7")
        .with_lead("Every component of the design system, in the states that pages show."),
        ui_count: "23",
        severities: Severity::ALL,
        planes: Plane::ALL,
        statuses: ["open", "acknowledged", "resolved", "running", "failed", "delivered", "late"],
        chosen: "high".to_owned(),
        at: now - TimeDelta::hours(3),
        now,
        nodes: ["lake-raw/globex/orders", "job:orders_clean", "lake-processed/shared/orders", "lake-analytics/acme/report"],
        tenants: ["acme", "globex", "initech", "umbrella", "hooli", "stark"],
        json: "{\n  \"eventName\": \"GetObject\",\n  \"userIdentity\": { \"type\": \"AssumedRole\" },\n  \"resources\": [\"s3://lake-raw/globex/orders.csv\"]\n}",
        charts: vec![
            ("Cost by day", cost_chart()),
            ("Rows by day", rows_chart()),
            ("Coverage", coverage_chart(now)),
            ("Share", share(31.0, 100.0, "series-1")),
            ("Spark", spark(&[3.0, 5.0, 4.0, 8.0, 7.0, 9.0], "rows of the last six runs")),
        ],
    }
}

fn cost_chart() -> Markup {
    let names = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka"];
    let first = NaiveDate::from_ymd_opt(2026, 10, 24).expect("a day");
    let bars = (0..30u32).map(|day| {
        let values = (0..9u32).map(|tenant| f64::from(40 + (day * 7 + tenant * 13) % 37 * (tenant + 1))).collect();
        let date = first + chrono::Days::new(u64::from(day));
        Bar::day(date, values).estimated(day > 26).linked(format!("/cost?day={date}"))
    });
    StackedBars {
        title: "Cost by day".to_owned(),
        description: "Thirty days of cost by tenant.".to_owned(),
        unit: Unit::Usd,
        series: names
            .iter()
            .enumerate()
            .map(|(index, name)| Series::nth(index, *name))
            .chain([Series::rest("unallocated")])
            .collect(),
        bars: bars.collect(),
        ..StackedBars::default()
    }
    .render()
}

fn rows_chart() -> Markup {
    let points = (0..30u32).map(|day| Point {
        label: format!("day {day}"),
        axis_label: format!("day {day}"),
        value: (day != 11).then(|| if day == 22 { 4000.0 } else { f64::from(9000 + day * 977 % 1500) }),
        expected: Some((8600.0, 10_800.0)),
        outlier: day == 22,
        href: None,
    });
    LineChart { title: "Rows by day".to_owned(), points: points.collect(), size: Size::Wide, ..LineChart::default() }
        .render()
}

fn coverage_chart(now: DateTime<Utc>) -> Markup {
    let states = [CellState::Covered, CellState::Covered, CellState::Covered, CellState::Partial, CellState::Gap];
    let row = |seed: i64, label: &str| CoverageRow {
        label: label.to_owned(),
        cells: (0..48)
            .map(|hour| Cell {
                label: (now + TimeDelta::hours(hour)).format("%Y-%m-%d %H:00").to_string(),
                state: states[((hour * hour + seed) % 97 % 5) as usize],
                href: None,
            })
            .collect(),
    };
    CoverageStrip {
        title: "Coverage by hour".to_owned(),
        description: "Two sources over two days.".to_owned(),
        columns: (0..48)
            .map(|hour| if hour % 6 == 0 { format!("{:02}:00", hour % 24) } else { String::new() })
            .collect(),
        rows: vec![row(1, "trail-111122223333"), row(4, "airflow")],
    }
    .render()
}

#[test]
fn every_component_renders_on_one_page() {
    let html = gallery().render().expect("the gallery renders");
    for class in ["badge-critical", "plane-flow", "status-open", "chip-unowned", "tile-value", "heat-4", "timeline"] {
        assert!(html.contains(class), "{class} is missing");
    }
    assert!(!html.contains("style=\""), "the content security policy forbids inline styles");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    std::fs::create_dir_all(&folder).expect("make the folder");
    std::fs::write(folder.join("gallery.html"), html).expect("write the gallery");
    std::fs::write(folder.join("sign-in.html"), SignInPage::sample().render().expect("renders")).expect("write");
}
