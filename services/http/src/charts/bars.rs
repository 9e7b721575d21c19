//! Stacked bars over days or hours.

use chrono::{DateTime, NaiveDate, Utc};

use super::scale::Scale;
use super::{Frame, Markup, Series, Size, Unit, at, escape, legend, linked, table};

/// One bar: a day or an hour.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bar {
    /// What the bar is, in full: `2026-11-22`.
    pub label: String,
    /// Under the axis: `22 Nov`.
    pub axis_label: String,
    /// One for each series; a credit is negative.
    pub values: Vec<f64>,
    /// Drawn hatched: the source may still restate it.
    pub estimated: bool,
    pub href: Option<String>,
}

impl Bar {
    pub fn new(label: impl Into<String>, axis_label: impl Into<String>, values: Vec<f64>) -> Self {
        Self { label: label.into(), axis_label: axis_label.into(), values, estimated: false, href: None }
    }

    pub fn day(day: NaiveDate, values: Vec<f64>) -> Self {
        Self::new(day.format("%Y-%m-%d").to_string(), day.format("%-d %b").to_string(), values)
    }

    pub fn hour(hour: DateTime<Utc>, values: Vec<f64>) -> Self {
        Self::new(hour.format("%Y-%m-%d %H:00 UTC").to_string(), hour.format("%-d %b %H:00").to_string(), values)
    }

    #[must_use]
    pub fn estimated(mut self, estimated: bool) -> Self {
        self.estimated = estimated;
        self
    }

    #[must_use]
    pub fn linked(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }
}

/// Bars side by side, each a stack of the series, with axis, grid lines, legend and the numbers as a table.
#[derive(Debug, Clone, Default)]
pub struct StackedBars {
    pub title: String,
    /// What a reader who cannot see the chart should know of it, in a sentence.
    pub description: String,
    pub unit: Unit,
    pub series: Vec<Series>,
    pub bars: Vec<Bar>,
    pub size: Size,
    /// Without the table where the page shows the same numbers already.
    pub without_table: bool,
}

const HEIGHT: f64 = 240.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = HEIGHT - 24.0;
const LEFT: f64 = 52.0;

impl StackedBars {
    pub fn render(&self) -> Markup {
        let width = self.size.width();
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            class: "bars",
            width,
            height: HEIGHT,
            has_links: self.bars.iter().any(|bar| bar.href.is_some()),
        };
        let scale = Scale::covering(self.bars.iter().flat_map(|bar| [up(&bar.values), down(&bar.values)]), TOP, BOTTOM);
        let pattern = format!("{}-hatch", frame.id());
        let mut drawing = hatch(&pattern);
        drawing.push_str(&grid(&scale, self.unit, width));
        drawing.push_str(&self.draw_bars(&scale, width, &pattern));
        drawing.push_str(&axis_labels(self.bars.iter().map(|bar| bar.axis_label.as_str()), width, self.size));
        let estimated = self.bars.iter().any(|bar| bar.estimated);
        let mut after =
            if self.series.len() > 1 || estimated { legend(&self.series, estimated) } else { String::new() };
        if !self.without_table {
            after.push_str(&self.table());
        }
        frame.render(&drawing, &after)
    }

    fn draw_bars(&self, scale: &Scale, width: f64, pattern: &str) -> String {
        let slot = (width - LEFT) / self.bars.len().max(1) as f64;
        let thick = (slot * 0.78).clamp(1.0, 48.0);
        let mut out = String::new();
        for (index, bar) in self.bars.iter().enumerate() {
            let x = LEFT + slot * index as f64 + (slot - thick) / 2.0;
            let mut stack = String::new();
            let (mut above, mut below) = (0.0, 0.0);
            for (series, value) in self.series.iter().zip(&bar.values) {
                let base = if *value < 0.0 { &mut below } else { &mut above };
                let (from, to) = (scale.y(*base), scale.y(*base + value));
                *base += value;
                // Thinner than a hairline is not drawn; the table has it.
                if (from - to).abs() >= 0.05 {
                    draw!(
                        stack,
                        "<rect class=\"mark {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                        series.class,
                        at(x),
                        at(from.min(to)),
                        at(thick),
                        at((from - to).abs()),
                        escape(&self.says(bar, series, *value))
                    );
                }
            }
            if bar.estimated {
                let (top, bottom) = (scale.y(above), scale.y(below));
                draw!(
                    stack,
                    "<rect class=\"estimated\" fill=\"url(#{pattern})\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                    at(x),
                    at(top),
                    at(thick),
                    at(bottom - top)
                );
            }
            out.push_str(&linked(bar.href.as_deref(), &named(bar, &stack)));
        }
        out
    }

    fn says(&self, bar: &Bar, series: &Series, value: f64) -> String {
        let estimated = if bar.estimated { " (estimated)" } else { "" };
        format!("{}, {}: {}{estimated}", bar.label, series.name, self.unit.exact(value))
    }

    fn table(&self) -> String {
        let mut head = vec![String::new()];
        head.extend(self.series.iter().map(|series| series.name.clone()));
        let rows: Vec<Vec<String>> = self
            .bars
            .iter()
            .map(|bar| {
                let label = if bar.estimated { format!("{} (estimated)", bar.label) } else { bar.label.clone() };
                std::iter::once(label).chain(bar.values.iter().map(|value| self.unit.exact(*value))).collect()
            })
            .collect();
        table(&head, &rows)
    }
}

/// A link needs a name of its own even where its bar is empty.
fn named(bar: &Bar, stack: &str) -> String {
    if bar.href.is_some() { format!("<g><title>{}</title>{stack}</g>", escape(&bar.label)) } else { stack.to_owned() }
}

fn up(values: &[f64]) -> f64 {
    values.iter().filter(|value| **value > 0.0).sum()
}

fn down(values: &[f64]) -> f64 {
    values.iter().filter(|value| **value < 0.0).sum()
}

fn hatch(id: &str) -> String {
    format!(
        "<defs><pattern id=\"{id}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <path class=\"hatch-line\" d=\"M1.5 0V8\"/></pattern></defs>"
    )
}

pub(super) fn grid(scale: &Scale, unit: Unit, width: f64) -> String {
    let mut out = String::new();
    for tick in scale.ticks() {
        let class = if tick == 0.0 { "axis" } else { "grid-line" };
        let y = at(scale.y(tick));
        draw!(
            out,
            "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text x=\"{}\" y=\"{y}\" dy=\"3.5\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            escape(&unit.axis(tick))
        );
    }
    out
}

/// As many labels as fit without touching.
pub(super) fn axis_labels<'a>(labels: impl ExactSizeIterator<Item = &'a str>, width: f64, size: Size) -> String {
    let count = labels.len();
    let slot = (width - LEFT) / count.max(1) as f64;
    let most = match size {
        Size::Wide => 10,
        Size::Half => 5,
    };
    let stride = count.div_ceil(most).max(1);
    let mut out = String::new();
    for (index, label) in labels.enumerate().filter(|(index, _)| index % stride == 0) {
        let middle = LEFT + slot * (index as f64 + 0.5);
        // The first and the last label stay inside of the drawing.
        let (x, anchor) = if middle > width - 30.0 { (width, "end") } else { (middle, "middle") };
        draw!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            at(x),
            at(HEIGHT - 6.0),
            escape(label)
        );
    }
    out
}

pub(super) const fn plot() -> (f64, f64, f64, f64) {
    (LEFT, TOP, BOTTOM, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bars: Vec<Bar>) -> String {
        StackedBars {
            title: "Cost by day".to_owned(),
            unit: Unit::Usd,
            series: vec![Series::nth(0, "acme"), Series::rest("unallocated")],
            bars,
            ..StackedBars::default()
        }
        .render()
        .to_string()
    }

    #[test]
    fn every_part_of_a_bar_says_what_it_is() {
        let html = chart(vec![Bar::new("2026-11-21", "21 Nov", vec![10.0, 2.5]).linked("/cost?day=2026-11-21")]);
        assert!(html.contains("<title>2026-11-21, acme: $10.00</title>"), "{html}");
        assert!(html.contains("<title>2026-11-21, unallocated: $2.50</title>"));
        assert!(html.contains("href=\"/cost?day=2026-11-21\""));
        assert!(html.contains("<td class=\"num\">$2.50</td>"), "the table has the numbers");
        assert!(!html.contains("style="));
    }

    #[test]
    fn estimated_days_are_hatched_and_said_to_be() {
        let html = chart(vec![Bar::new("2026-11-22", "22 Nov", vec![1.0, 1.0]).estimated(true)]);
        assert!(html.contains("fill=\"url(#chart-"), "{html}");
        assert!(html.contains("estimated, still changing"));
        assert!(!chart(vec![Bar::new("2026-11-21", "21 Nov", vec![1.0, 1.0])]).contains("still changing"));
    }

    #[test]
    fn no_bars_and_credits_are_drawn_without_nonsense() {
        for html in [
            chart(vec![]),
            chart(vec![Bar::new("a", "a", vec![-5.0, 10.0])]),
            chart(vec![Bar::new("b", "b", vec![0.0, 0.0])]),
        ] {
            assert!(!html.contains("NaN") && !html.contains("inf") && !html.contains("height=\"-"), "{html}");
        }
    }
}
