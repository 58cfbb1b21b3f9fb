//! Numbers and places as people read them.

use terms::{Fraction, LondonArea};

use crate::domain::figure::{RowArea, Share};

/// `a` or `an`.
pub(super) fn article(name: &str) -> &'static str {
    match name.chars().next() {
        Some('A' | 'E' | 'I' | 'O' | 'U' | 'a' | 'e' | 'i' | 'o' | 'u') => "an",
        Some(_) | None => "a",
    }
}

/// `band 7-8a, `; nothing where Agenda for Change does not hold.
pub(super) fn band(label: &str) -> String {
    match label {
        "" | "n/a" => String::new(),
        label => format!("band {label}, "),
    }
}

/// `half of the cost of `, `70% of the cost of `; nothing where all of it is paid.
pub(super) fn part(share: Share) -> String {
    if share == Share::WHOLE { String::new() } else { format!("{share} of the cost of ") }
}

/// Where a PCN lies.
pub(super) fn place(area: LondonArea) -> &'static str {
    row_place(RowArea::of(area))
}

/// The area of a row of the maxima.
pub(super) fn row_place(area: RowArea) -> &'static str {
    match area {
        RowArea::Outside => "outside London",
        RowArea::Outer => "in outer London",
        RowArea::Inner => "in inner London",
        RowArea::London => "in London",
    }
}

/// Minutes as hours: `37.5`.
pub(super) fn hours(minutes: i64) -> String {
    decimal(Fraction::new(minutes, 60), 2)
}

/// Minute-days as hour-days: `697.5`.
pub(super) fn hour_days(minute_days: i64) -> String {
    decimal(Fraction::new(minute_days, 60), 2)
}

/// A WTE with at most four decimals: `0.5806`.
pub(super) fn wte(share: Fraction) -> String {
    decimal(share, 4)
}

/// `1 line`, `2 lines`.
pub(super) fn plural(count: i64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// At most `places` decimals, halves away from zero, without zeros at the end.
fn decimal(value: Fraction, places: u32) -> String {
    let scale = 10_i64.pow(places);
    let rounded = (value * Fraction::from(scale)).round_half_away();
    let (sign, size) = (if rounded < 0 { "-" } else { "" }, rounded.unsigned_abs());
    let (whole, part) = (size / scale.unsigned_abs(), size % scale.unsigned_abs());
    let width = usize::try_from(places).expect("a handful of places");
    let text = format!("{sign}{whole}.{part:0width$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (minutes, text) in [(2250, "37.5"), (1500, "25"), (100, "1.67"), (0, "0")] {
            assert_eq!(hours(minutes), text);
        }
        assert_eq!(wte(Fraction::new(18, 31)), "0.5806");
        assert_eq!(wte(Fraction::ONE), "1");
        assert_eq!(article("Advanced practitioner"), "an");
        assert_eq!(plural(1, "line"), "1 line");
    }
}
