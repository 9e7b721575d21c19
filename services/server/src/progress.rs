//! Progress on stderr: one line that counts up on a terminal, one line at the end elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

const REDRAW: Duration = Duration::from_millis(100);

/// One thing under way.
#[derive(Debug)]
pub struct Progress {
    label: String,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    started: Instant,
    drawn: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub fn new(label: impl Into<String>, unit: &'static str, total: Option<u64>) -> Self {
        Self {
            label: label.into(),
            unit,
            total,
            done: 0,
            started: Instant::now(),
            drawn: None,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    pub fn add(&mut self, count: u64) {
        self.set(self.done + count);
    }

    pub fn set(&mut self, done: u64) {
        self.done = done;
        if self.is_terminal && self.drawn.is_none_or(|drawn| drawn.elapsed() > REDRAW) {
            self.drawn = Some(Instant::now());
            self.draw("\r");
        }
    }

    pub fn finish(self) {
        self.draw(if self.is_terminal { "\r" } else { "" });
        eprintln!();
    }

    fn draw(&self, start: &str) {
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(stderr, "{start}{}", self.line(self.started.elapsed()));
        let _ = stderr.flush();
    }

    fn line(&self, elapsed: Duration) -> String {
        let share = match self.total {
            Some(total) if total > self.done => format!("{} of {}", grouped(self.done), grouped(total)),
            _ => grouped(self.done),
        };
        format!("  {:<24} {share} {} in {:.1} s   ", self.label, self.unit, elapsed.as_secs_f64())
    }
}

/// `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_and_shown_against_what_is_expected() {
        assert_eq!([grouped(0), grouped(999), grouped(1_000), grouped(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let mut progress = Progress::new("CloudTrail records", "records", Some(200_000));
        progress.done = 50_000;
        assert!(progress.line(Duration::from_millis(1500)).contains("50,000 of 200,000 records in 1.5 s"));
    }
}
