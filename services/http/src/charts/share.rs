//! Small marks inside tables: a share as a bar, a count as a shade.

use super::{Markup, at, escape};
use crate::show;

/// A horizontal bar as long as the part is of the whole; the number belongs beside it.
pub fn share(part: f64, whole: f64, class: &str) -> Markup {
    let portion = if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
    Markup(format!(
        "<svg class=\"share\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"{}\" width=\"{}\" height=\"8\"/></svg>",
        show::percent(part.max(0.0), whole),
        escape(class),
        at(portion * 100.0)
    ))
}

/// The shade of a count in a heat table, `heat-0` for none to `heat-4` for the most: by magnitude, so that 1 among thousands is
/// still seen.
pub fn heat(count: i64, most: i64) -> &'static str {
    if count <= 0 {
        return "heat-0";
    }
    if most <= 1 {
        return "heat-2";
    }
    let magnitude = (count as f64).ln() / (most as f64).ln();
    match (magnitude * 4.0) as i64 {
        ..=0 => "heat-1",
        1 => "heat-2",
        2 => "heat-3",
        _ => "heat-4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_among_thousands_is_still_seen() {
        assert_eq!(
            [0, 1, 20, 400, 5000].map(|count| heat(count, 5000)),
            ["heat-0", "heat-1", "heat-2", "heat-3", "heat-4"]
        );
        assert_eq!(heat(1, 1), "heat-2");
    }

    #[test]
    fn a_share_never_leaves_its_track() {
        assert!(share(5.0, 2.0, "series-1").to_string().contains("width=\"100\" height=\"8\"/></svg>"));
        assert!(share(1.0, 0.0, "series-1").to_string().contains("width=\"0\" height=\"8\"/></svg>"));
    }
}
