//! From values to heights: a scale that starts at zero and ends at a round number.

/// Maps values to a vertical stretch of a drawing.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    top: f64,
    bottom: f64,
}

impl Scale {
    /// Covers zero and all the values; what is not a number is passed over.
    pub(super) fn covering(values: impl IntoIterator<Item = f64>, top: f64, bottom: f64) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let high = if low == 0.0 && high == 0.0 { 1.0 } else { high };
        let step = round_step((high - low) / 4.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, top, bottom }
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.bottom - share * (self.bottom - self.top)
    }

    /// The values that get a line across.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let steps = ((self.high - self.low) / self.step).round() as usize;
        (0..=steps).map(|index| self.low + index as f64 * self.step).collect()
    }
}

/// The next of 1, 2, 2.5, 5 × 10ⁿ.
fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.log10().floor());
    let factor = step / magnitude;
    let round = [1.0, 2.0, 2.5, 5.0].into_iter().find(|round| factor <= round + 1e-9).unwrap_or(10.0);
    round * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        let scale = Scale::covering([3.0, 187.0], 0.0, 100.0);
        assert_eq!(scale.ticks(), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert!((scale.y(0.0) - 100.0).abs() < 1e-9 && scale.y(200.0).abs() < 1e-9);
    }

    #[test]
    fn a_scale_of_nothing_or_of_nonsense_is_still_a_scale() {
        for values in [vec![], vec![0.0], vec![f64::NAN, f64::INFINITY]] {
            let scale = Scale::covering(values, 0.0, 100.0);
            assert!((scale.y(0.0) - 100.0).abs() < 1e-9);
            assert_eq!(scale.ticks().last(), Some(&1.0));
        }
    }

    #[test]
    fn credits_lie_below_zero() {
        let scale = Scale::covering([-30.0, 100.0], 0.0, 100.0);
        assert_eq!(scale.ticks().first(), Some(&-50.0));
    }
}
