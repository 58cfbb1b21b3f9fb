//! What an answer rests on: which figures, which records, which positions.

use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::summary::v1 as pb;
use terms::{Date, Instant};

use crate::error::{Error, ErrorReason};
use crate::names::Fields;
use crate::{Clock, wire};

/// The two dates that make an answer repeatable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Figures published up to the end of this day.
    pub rules_known_on: Date,
    /// Records known at the end of this day; none means now.
    pub known_at: Option<Date>,
    /// The instant up to which records count.
    pub at: Instant,
    /// The day on which the answer is given, or as of which it would have been.
    pub as_of: Date,
}

/// The instant that is later than any record: as known now.
pub const NOW: Instant = Instant(i64::MAX);

/// A place in what a producer told, and what of it could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The service that told it.
    pub producer: &'static str,
    /// The position of the newest fact that counted.
    pub position: i64,
    /// The first positions up to there of facts that are parked, and so did not count.
    pub parked: Vec<i64>,
}

impl Cut {
    /// The cut of today's figures and records.
    pub fn now(clock: &Clock) -> Cut {
        let today = clock.today();
        Cut { rules_known_on: today, known_at: None, at: NOW, as_of: today }
    }

    /// Reads the two dates of a request. A `known_at` that is not over is refused, because the
    /// answer could not be repeated.
    pub fn parse(
        rules_known_on: Option<WireDate>,
        known_at: Option<WireDate>,
        clock: &Clock,
        fields: &mut Fields,
    ) -> Result<Cut, Error> {
        let rules = wire::optional_date(rules_known_on, "rules_known_on_date", fields);
        let known = wire::optional_date(known_at, "known_at_date", fields);
        let today = clock.today();
        if let Some(day) = known
            && day >= today
        {
            return Err(Error::refused(
                ErrorReason::KnownAtNotOver,
                format!(
                    "known_at {day} is not over yet; the last day that is over is before {today}"
                ),
                [("known_at", day.to_string()), ("today", today.to_string())],
            ));
        }
        Ok(Cut {
            rules_known_on: rules.unwrap_or(today),
            known_at: known,
            at: known.map_or(NOW, |day| clock.end_of(day)),
            as_of: known.unwrap_or(today),
        })
    }

    /// The cut as it stands in an answer.
    pub fn wire(&self, rule_digest: &str, places: impl IntoIterator<Item = Place>) -> pb::Cut {
        let position = |Place { producer, position, parked }: Place| pb::Position {
            producer: producer.to_owned(),
            position,
            parked_positions: parked,
        };
        pb::Cut {
            rules_known_on_date: Some(wire::date(self.rules_known_on)),
            known_at_date: self.known_at.map(wire::date),
            rule_digest: rule_digest.to_owned(),
            positions: places.into_iter().map(position).collect(),
        }
    }
}
