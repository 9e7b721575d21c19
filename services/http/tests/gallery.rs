//! Renders every component on one page: they all compile, and the page can be looked at in a browser.

use std::path::Path;

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Plane, Severity};
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
    charts: Vec<(&'static str, String)>,
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
        charts: Vec::new(),
    }
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
