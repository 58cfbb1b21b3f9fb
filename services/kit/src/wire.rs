//! Dates and instants between the wire and `terms`.

use arrs_proto::google::r#type::Date as WireDate;
use terms::{Date, Instant, Period};

use crate::names::Fields;

/// A civil day for the wire.
pub fn date(day: Date) -> WireDate {
    WireDate { year: day.year().into(), month: day.month().into(), day: day.day().into() }
}

/// A civil day from the wire; none if there is no such day.
pub fn parse_date(date: &WireDate) -> Option<Date> {
    let year = i16::try_from(date.year).ok()?;
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    Date::new(year, month, day).ok().filter(|day| (2000..=2200).contains(&day.year()))
}

/// A day that may be absent; a day that does not exist is a violation of `field`.
pub fn optional_date(
    value: Option<WireDate>,
    field: &'static str,
    fields: &mut Fields,
) -> Option<Date> {
    let value = value?;
    let day = parse_date(&value);
    if day.is_none() {
        fields.violation(field, "must be a day of the calendar between 2000 and 2200");
    }
    day
}

/// The first day, and the day after the last one, of a fact; none if they make no period.
pub fn period(from: Option<&WireDate>, until: Option<&WireDate>) -> Option<Period> {
    let until = match until {
        Some(until) => Some(parse_date(until)?),
        None => None,
    };
    Period::new(parse_date(from?)?, until)
}

/// An instant for the wire.
pub fn timestamp(instant: Instant) -> prost_types::Timestamp {
    let nanos = instant.0.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: instant.0.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).expect("less than a second"),
    }
}

/// An instant from the wire, cut to microseconds; none outside the years 1 to 9999, for which
/// timestamps are defined.
pub fn instant(timestamp: &prost_types::Timestamp) -> Option<Instant> {
    let prost_types::Timestamp { seconds, nanos } = *timestamp;
    let defined = (-62_135_596_800..=253_402_300_799).contains(&seconds)
        && (0..1_000_000_000).contains(&nanos);
    defined.then(|| Instant(seconds * 1_000_000 + i64::from(nanos) / 1_000))
}
