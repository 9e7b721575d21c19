//! Charts as SVG made on the server: no script, colours by classes, a title, a description and a table for every one of them.

/// Appends to a drawing.
macro_rules! draw {
    ($out:ident, $($piece:tt)*) => {{
        use std::fmt::Write as _;
        write!($out, $($piece)*).expect("a String takes every write")
    }};
}

mod bars;
mod coverage;
mod line;
mod scale;
mod share;

use std::fmt;

pub use bars::{Bar, StackedBars};
pub use coverage::{Cell, CellState, CoverageRow, CoverageStrip};
pub use line::{LineChart, Point, spark};
pub use share::{heat, share};

use lakewarden_core::Sha256;

use crate::show;

/// Finished HTML or SVG: a template shows it as it is, `{{ chart }}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Everything that enters a Markup from outside of this module went through `escape`.
impl askama::filters::HtmlSafe for Markup {}

/// What a chart's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    #[default]
    Count,
    Bytes,
    Usd,
    Milliseconds,
    Percent,
}

impl Unit {
    /// For an axis: short.
    pub fn axis(self, value: f64) -> String {
        match self {
            Self::Count => show::short(value),
            Self::Bytes => show::bytes(value as i64),
            Self::Usd => signed_dollars(value, &show::short(value.abs())),
            Self::Milliseconds => show::span(chrono::TimeDelta::milliseconds(value as i64)),
            Self::Percent => format!("{}%", show::short(value)),
        }
    }

    /// For a label: as exact as the chart's numbers are. Money is shown exactly by the table of the page, from decimals.
    pub fn exact(self, value: f64) -> String {
        match self {
            Self::Count => show::count(value.round() as i64),
            Self::Usd => signed_dollars(value, &show::count(format!("{:.2}", value.abs()))),
            Self::Bytes | Self::Milliseconds | Self::Percent => self.axis(value),
        }
    }
}

fn signed_dollars(value: f64, digits: &str) -> String {
    if value < 0.0 { format!("-${digits}") } else { format!("${digits}") }
}

/// How wide a chart is drawn: text keeps its size in a whole panel and in half of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    #[default]
    Wide,
    Half,
}

impl Size {
    const fn width(self) -> f64 {
        match self {
            Self::Wide => 880.0,
            Self::Half => 440.0,
        }
    }
}

/// One of the things a chart tells apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub name: String,
    /// `series-1` … `series-12`, `series-rest`, `series-good`, `series-warning`, `series-bad`.
    pub class: &'static str,
    /// Where its legend entry leads.
    pub href: Option<String>,
}

const SERIES: [&str; 12] = [
    "series-1",
    "series-2",
    "series-3",
    "series-4",
    "series-5",
    "series-6",
    "series-7",
    "series-8",
    "series-9",
    "series-10",
    "series-11",
    "series-12",
];

impl Series {
    /// The series at this place in the legend. Past the twelfth all look like the rest: sum them up before.
    pub fn nth(index: usize, name: impl Into<String>) -> Self {
        Self { name: name.into(), class: SERIES.get(index).copied().unwrap_or("series-rest"), href: None }
    }

    /// What is left over: other, unallocated.
    pub fn rest(name: impl Into<String>) -> Self {
        Self { name: name.into(), class: "series-rest", href: None }
    }

    pub fn of_class(class: &'static str, name: impl Into<String>) -> Self {
        Self { name: name.into(), class, href: None }
    }

    #[must_use]
    pub fn linked(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }
}

/// A `<figure>` around a drawing, with its accessible name and what follows it.
struct Frame<'a> {
    title: &'a str,
    description: &'a str,
    class: &'a str,
    width: f64,
    height: f64,
    /// A drawing with links is a group of them, not one picture.
    has_links: bool,
}

impl Frame<'_> {
    fn id(&self) -> String {
        format!("chart-{}", &Sha256::of_parts([self.title.as_bytes(), self.description.as_bytes()]).to_hex()[..10])
    }

    fn render(&self, drawing: &str, after: &str) -> Markup {
        let Self { class, width, height, .. } = self;
        let (id, title, description) = (self.id(), escape(self.title), escape(self.description));
        let role = if self.has_links { "group" } else { "img" };
        Markup(format!(
            "<figure class=\"chart {class}\"><div class=\"table-wrap\"><svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"{role}\" \
             aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>\
             {drawing}</svg></div>{after}</figure>"
        ))
    }
}

fn legend(series: &[Series], estimated: bool) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    for one in series {
        let name = escape(&one.name);
        let name = match &one.href {
            Some(href) => format!("<a href=\"{}\">{name}</a>", escape(href)),
            None => name,
        };
        draw!(
            out,
            "<li><svg class=\"swatch\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{}\" width=\"12\" height=\"12\"/></svg>{name}</li>",
            one.class
        );
    }
    if estimated {
        out.push_str(
            "<li><svg class=\"swatch\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"series-rest\" width=\"12\" height=\"12\"/>\
             <path class=\"hatch-line\" d=\"M-2 8 8 -2M2 14 14 2\"/></svg>estimated, still changing</li>",
        );
    }
    out.push_str("</ul>");
    out
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let mut out = String::from(
        "<details><summary>As a table</summary><div class=\"table-wrap\" tabindex=\"0\"><table><thead><tr>",
    );
    for (index, cell) in head.iter().enumerate() {
        let class = if index == 0 { "" } else { " class=\"num\"" };
        draw!(out, "<th scope=\"col\"{class}>{}</th>", escape(cell));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            if index == 0 {
                draw!(out, "<th scope=\"row\">{cell}</th>");
            } else {
                draw!(out, "<td class=\"num\">{cell}</td>");
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></details>");
    out
}

/// An `<a>` around a mark that leads somewhere.
fn linked(href: Option<&str>, mark: &str) -> String {
    match href {
        Some(href) => format!("<a href=\"{}\">{mark}</a>", escape(href)),
        None => mark.to_owned(),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML, and nothing a person reads.
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// A coordinate: two decimals are finer than any screen.
fn at(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped_everywhere() {
        let evil = "<script>\"&'";
        let chart = StackedBars {
            title: evil.to_owned(),
            description: evil.to_owned(),
            series: vec![Series::nth(0, evil).linked(evil)],
            bars: vec![Bar::new(evil, evil, vec![1.0]).linked(evil)],
            ..StackedBars::default()
        }
        .render()
        .to_string();
        assert!(!chart.contains("<script") && !chart.contains("\"&'"), "{chart}");
    }

    #[test]
    fn units_are_shown_as_people_write_them() {
        assert_eq!(Unit::Usd.exact(-1234.5), "-$1,234.50");
        assert_eq!(Unit::Usd.axis(1500.0), "$1.5k");
        assert_eq!(Unit::Count.exact(1204.0), "1,204");
        assert_eq!(Unit::Bytes.axis(2048.0), "2 KiB");
    }

    #[test]
    fn a_thirteenth_series_looks_like_the_rest() {
        assert_eq!(Series::nth(11, "l").class, "series-12");
        assert_eq!(Series::nth(12, "m").class, "series-rest");
    }
}
