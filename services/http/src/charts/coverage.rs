//! What was observed when: a square for every hour or day, so that a gap is seen and not averaged away.

use super::{Frame, Markup, Series, at, escape, legend, linked};

/// What is known of one hour or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellState {
    Covered,
    /// Something came, and not all that was expected.
    Partial,
    /// Something should have come, and nothing did.
    Gap,
    /// Before the source was known.
    Unknown,
    Future,
}

impl CellState {
    const fn class(self) -> &'static str {
        match self {
            Self::Covered => "cell-covered",
            Self::Partial => "cell-partial",
            Self::Gap => "cell-gap",
            Self::Unknown => "cell-unknown",
            Self::Future => "cell-future",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Partial => "partial",
            Self::Gap => "gap",
            Self::Unknown => "not known",
            Self::Future => "to come",
        }
    }
}

/// One square.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The hour or day, and the number behind it: `2026-11-22 09:00, 1,204 records`.
    pub label: String,
    pub state: CellState,
    pub href: Option<String>,
}

/// A line of squares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoverageRow {
    pub label: String,
    pub cells: Vec<Cell>,
}

/// Rows of squares with the same columns: sources by day, or days by hour.
#[derive(Debug, Clone, Default)]
pub struct CoverageStrip {
    pub title: String,
    pub description: String,
    /// Above the columns; an empty one is left out.
    pub columns: Vec<String>,
    pub rows: Vec<CoverageRow>,
}

const SIDE: f64 = 12.0;
const STEP: f64 = 15.0;
const HEAD: f64 = 18.0;
/// Width of one letter of a row's label, about.
const LETTER: f64 = 6.2;

impl CoverageStrip {
    pub fn render(&self) -> Markup {
        let columns = self.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(self.columns.len());
        let letters = self.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        let left = if letters == 0 { 0.0 } else { letters as f64 * LETTER + 10.0 };
        let head = if self.columns.iter().all(String::is_empty) { 0.0 } else { HEAD };
        let mut drawing = String::new();
        for (index, label) in self.columns.iter().enumerate().filter(|(_, label)| !label.is_empty()) {
            let x = left + STEP * index as f64;
            draw!(drawing, "<text x=\"{}\" y=\"11\">{}</text>", at(x), escape(label));
        }
        for (index, row) in self.rows.iter().enumerate() {
            drawing.push_str(&draw_row(row, left, head + STEP * index as f64));
        }
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            class: "coverage",
            width: left + STEP * columns as f64 + 30.0,
            height: head + STEP * self.rows.len() as f64,
            has_links: self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.href.is_some()),
        };
        let known = [CellState::Covered, CellState::Partial, CellState::Gap, CellState::Unknown];
        let shown: Vec<Series> = known
            .into_iter()
            .filter(|state| self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.state == *state))
            .map(|state| Series::of_class(state.class(), state.word()))
            .collect();
        frame.render(&drawing, &legend(&shown, false))
    }
}

fn draw_row(row: &CoverageRow, left: f64, y: f64) -> String {
    let mut out = String::new();
    if !row.label.is_empty() {
        draw!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            at(left - 8.0),
            at(y + 10.0),
            escape(&row.label)
        );
    }
    for (index, cell) in row.cells.iter().enumerate() {
        let mark = format!(
            "<rect class=\"mark {}\" x=\"{}\" y=\"{}\" width=\"{SIDE}\" height=\"{SIDE}\" rx=\"2\"><title>{}: {}</title></rect>",
            cell.state.class(),
            at(left + STEP * index as f64),
            at(y),
            escape(&cell.label),
            cell.state.word()
        );
        out.push_str(&linked(cell.href.as_deref(), &mark));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_a_square_of_its_own_and_named_in_the_legend() {
        let cell = |hour: u8, state| Cell { label: format!("{hour:02}:00"), state, href: None };
        let cells = vec![cell(0, CellState::Covered), cell(1, CellState::Gap), cell(2, CellState::Covered)];
        let rows = vec![CoverageRow { label: "trail-111122223333".to_owned(), cells }];
        let html =
            CoverageStrip { title: "Coverage".to_owned(), rows, ..CoverageStrip::default() }.render().to_string();
        assert!(html.contains("<title>01:00: gap</title>"), "{html}");
        assert!(html.contains("</svg>gap</li>"));
        assert!(!html.contains("partial"), "the legend names only what is shown");
    }
}
