//! A value over time against what was expected of it.

use super::bars::{axis_labels, grid, plot};
use super::scale::Scale;
use super::{Frame, Markup, Size, Unit, at, escape, linked, table};

/// One observation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    pub label: String,
    pub axis_label: String,
    /// None where there was no observation: the line is broken there.
    pub value: Option<f64>,
    /// What was expected: from, to.
    pub expected: Option<(f64, f64)>,
    /// Marked as out of what was expected.
    pub outlier: bool,
    pub href: Option<String>,
}

/// A line with the band of what was expected and outliers marked.
#[derive(Debug, Clone, Default)]
pub struct LineChart {
    pub title: String,
    pub description: String,
    pub unit: Unit,
    pub points: Vec<Point>,
    pub size: Size,
    pub without_table: bool,
}

impl LineChart {
    pub fn render(&self) -> Markup {
        let (left, top, bottom, height) = plot();
        let width = self.size.width();
        let values = self.points.iter().flat_map(|point| {
            point.value.into_iter().chain(point.expected.into_iter().flat_map(|(low, high)| [low, high]))
        });
        let scale = Scale::covering(values, top, bottom);
        let slot = (width - left) / self.points.len().max(1) as f64;
        let x = |index: usize| left + slot * (index as f64 + 0.5);
        let mut drawing = grid(&scale, self.unit, width);
        drawing.push_str(&band(&self.points, &scale, x));
        drawing.push_str(&line(&self.points, &scale, x));
        for (index, point) in self.points.iter().enumerate() {
            drawing.push_str(&self.dot(point, x(index), &scale));
        }
        drawing.push_str(&axis_labels(self.points.iter().map(|point| point.axis_label.as_str()), width, self.size));
        let after = if self.without_table { String::new() } else { self.table() };
        let has_links = self.points.iter().any(|point| point.href.is_some());
        let frame =
            Frame { title: &self.title, description: &self.description, class: "line-chart", width, height, has_links };
        frame.render(&drawing, &after)
    }

    fn dot(&self, point: &Point, x: f64, scale: &Scale) -> String {
        let Some(value) = point.value else { return String::new() };
        let (class, radius) = if point.outlier { ("dot outlier", 4.5) } else { ("dot series-1", 3.0) };
        let expected = point
            .expected
            .map(|(low, high)| format!(", expected {} to {}", self.unit.exact(low), self.unit.exact(high)))
            .unwrap_or_default();
        let says = escape(&format!("{}: {}{expected}", point.label, self.unit.exact(value)));
        let mark = format!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"><title>{says}</title></circle>",
            at(x),
            at(scale.y(value))
        );
        linked(point.href.as_deref(), &mark)
    }

    fn table(&self) -> String {
        let head = ["", "Value", "Expected"].map(str::to_owned);
        let rows: Vec<Vec<String>> = self
            .points
            .iter()
            .map(|point| {
                let value = point.value.map_or_else(|| "none".to_owned(), |value| self.unit.exact(value));
                let expected = point
                    .expected
                    .map(|(low, high)| format!("{} to {}", self.unit.exact(low), self.unit.exact(high)))
                    .unwrap_or_default();
                vec![point.label.clone(), value, expected]
            })
            .collect();
        table(&head, &rows)
    }
}

fn line(points: &[Point], scale: &Scale, x: impl Fn(usize) -> f64) -> String {
    let mut path = String::new();
    let mut pen_is_down = false;
    for (index, point) in points.iter().enumerate() {
        match point.value {
            Some(value) => {
                let command = if pen_is_down { 'L' } else { 'M' };
                draw!(path, "{command}{} {}", at(x(index)), at(scale.y(value)));
                pen_is_down = true;
            }
            None => pen_is_down = false,
        }
    }
    if path.is_empty() { String::new() } else { format!("<path class=\"series-1 line\" d=\"{path}\"/>") }
}

/// One shape for each unbroken stretch of expectations.
fn band(points: &[Point], scale: &Scale, x: impl Fn(usize) -> f64) -> String {
    let expected: Vec<(usize, f64, f64)> = points
        .iter()
        .enumerate()
        .filter_map(|(index, point)| point.expected.map(|(low, high)| (index, low, high)))
        .collect();
    let mut out = String::new();
    for stretch in expected.chunk_by(|left, right| right.0 == left.0 + 1) {
        let corner = |index: usize, value: f64| format!("{} {}", at(x(index)), at(scale.y(value)));
        let upper = stretch.iter().map(|(index, _, high)| corner(*index, *high));
        let lower = stretch.iter().rev().map(|(index, low, _)| corner(*index, *low));
        let corners: Vec<String> = upper.chain(lower).collect();
        draw!(out, "<path class=\"band\" d=\"M{}Z\"/>", corners.join("L"));
    }
    out
}

/// A line in a table cell, its last value marked; what it shows must also be in the row as a number.
pub fn spark(values: &[f64], title: &str) -> Markup {
    let scale = Scale::covering(values.iter().copied(), 3.0, 25.0);
    let step = 114.0 / (values.len().saturating_sub(1)).max(1) as f64;
    let x = |index: usize| 3.0 + step * index as f64;
    let corners: Vec<String> =
        values.iter().enumerate().map(|(index, value)| format!("{} {}", at(x(index)), at(scale.y(*value)))).collect();
    let title = escape(title);
    let (line, dot) = match values.last() {
        Some(last) => (
            format!("<path class=\"series-1 line\" d=\"M{}\"/>", corners.join("L")),
            format!(
                "<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"2.5\"/>",
                at(x(values.len() - 1)),
                at(scale.y(*last))
            ),
        ),
        None => Default::default(),
    };
    Markup(format!(
        "<svg class=\"spark\" viewBox=\"0 0 120 28\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>{line}{dot}</svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: Option<f64>, expected: Option<(f64, f64)>) -> Point {
        Point { label: "2026-11-22".to_owned(), value, expected, outlier: value == Some(90.0), ..Point::default() }
    }

    #[test]
    fn the_line_breaks_where_nothing_was_observed() {
        let points = vec![point(Some(1.0), None), point(None, None), point(Some(2.0), None), point(Some(3.0), None)];
        let html = LineChart { points, ..LineChart::default() }.render().to_string();
        let path =
            html.split("<path class=\"series-1 line\" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    }

    #[test]
    fn an_outlier_is_marked_and_says_what_was_expected() {
        let points = vec![point(Some(10.0), Some((8.0, 12.0))), point(Some(90.0), Some((8.0, 12.0)))];
        let html = LineChart { points, ..LineChart::default() }.render().to_string();
        assert!(html.contains("class=\"dot outlier\""));
        assert!(html.contains("90, expected 8 to 12</title>"), "{html}");
    }

    #[test]
    fn a_spark_of_nothing_is_empty_and_of_one_value_a_dot() {
        assert!(!spark(&[], "rows").to_string().contains("path"));
        assert!(spark(&[5.0], "rows").to_string().contains("circle"));
    }
}
