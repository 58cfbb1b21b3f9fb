//! The most that is paid for the hours and days of a line.

use std::sync::Arc;

use terms::{Assignment, Band, Date, Fraction, LondonArea, Minutes, Month, Pence, Period};

use super::figure::{Figure, Share, Value};
use super::line::UnpricedReason;
use super::rulebook::{Edition, Role, Row};

/// Above these weekly hours nothing more counts: the claims portal takes at most 40.
pub(crate) const WEEKLY_MAX: Minutes = Minutes::new(2400);

/// A run of days with the same hours, band and figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: Date,
    pub(crate) days: i64,
    pub(crate) minutes: Minutes,
    pub(crate) counted: Minutes,
    pub(crate) band: Option<Band>,
    pub(crate) figure: Arc<Figure>,
    pub(crate) a_year: Pence,
}

/// What the figures of a line depend on, beside its assignments. The tables are those of the month.
pub(crate) struct Terms<'a> {
    pub(crate) role: &'a Role,
    pub(crate) role_index: usize,
    pub(crate) area: LondonArea,
    pub(crate) share: Share,
    pub(crate) month: Month,
    pub(crate) tables: &'a [(Period, Option<&'a Edition>)],
}

/// The segments of a PCN's assignments in a month, each with its figure, or why there is none.
pub(crate) fn segments<'a>(
    terms: &Terms<'_>,
    own: impl Iterator<Item = &'a Assignment>,
) -> Result<Vec<Segment>, UnpricedReason> {
    let mut segments = Vec::new();
    for assignment in own {
        if let Some(days) = assignment.period.overlap(terms.month.period()) {
            cut(terms, assignment, days, &mut segments)?;
        }
    }
    Ok(segments)
}

/// Cuts the days of one assignment where the table of maxima changes.
fn cut(
    terms: &Terms<'_>,
    assignment: &Assignment,
    days: Period,
    segments: &mut Vec<Segment>,
) -> Result<(), UnpricedReason> {
    let role = terms.role;
    let last = days.last().expect("days of a month end");
    for day in [days.from(), last] {
        if !role.in_force(day) {
            return Err(UnpricedReason::RoleNotInForce {
                day,
                joined: role.joined,
                left: role.left,
            });
        }
    }
    let band = row_band(role, assignment.band)?;
    for (held, edition) in terms.tables {
        let Some(run) = days.overlap(*held) else { continue };
        let figure =
            edition.and_then(|table| table.cell(terms.role_index, band, terms.area, terms.share));
        let Some((figure, a_year)) = figure.and_then(|figure| Some((figure, a_year(figure)?)))
        else {
            return Err(UnpricedReason::FigureMissing {
                day: run.from(),
                band,
                area: terms.area,
                share: terms.share,
                edition: edition.map(|table| table.validity),
            });
        };
        segments.push(Segment {
            from: run.from(),
            days: run.days().expect("days of a month end"),
            minutes: assignment.weekly,
            counted: assignment.weekly.min(WEEKLY_MAX),
            band: assignment.band,
            figure: Arc::clone(figure),
            a_year,
        });
    }
    Ok(())
}

/// The band that picks the row, if bands pick rows of this role.
fn row_band(role: &Role, band: Option<Band>) -> Result<Option<Band>, UnpricedReason> {
    if let Some(band) = band.filter(|band| !role.bands.contains(band)) {
        return Err(UnpricedReason::BandOutsideRole { band });
    }
    match &role.row {
        Row::ByRole(_) => Ok(None),
        Row::ByBand(default) => band.or(*default).map(Some).ok_or(UnpricedReason::BandMissing),
    }
}

fn a_year(figure: &Figure) -> Option<Pence> {
    let Value::AYear(pence) = figure.value else { return None };
    Some(pence)
}

/// Annual figure times minutes times days over twelve full-time months, rounded once.
pub(crate) fn maximum(segments: &[Segment], full_time: Minutes, month: Month) -> Pence {
    let exact: i128 = segments
        .iter()
        .map(|segment| {
            i128::from(segment.a_year.0)
                * i128::from(segment.counted.get())
                * i128::from(segment.days)
        })
        .sum();
    Pence::from_fraction(Fraction::new(exact, scale(full_time, month) * 12))
}

/// WTE times the part of the month, exact and without a ceiling.
pub(crate) fn wte(minute_days: i64, full_time: Minutes, month: Month) -> Fraction {
    Fraction::new(minute_days, scale(full_time, month))
}

fn scale(full_time: Minutes, month: Month) -> i128 {
    i128::from(full_time.get()) * i128::from(month.days())
}
