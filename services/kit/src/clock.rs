//! The only place that reads the clock.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use terms::Instant;

/// Tells the time: the machine's, or one that tests move.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<Arc<AtomicI64>>,
    zone: TimeZone,
}

impl Clock {
    /// The machine's clock, with days as London counts them.
    pub fn system() -> Clock {
        Clock { fixed: None, zone: london() }
    }

    /// A clock that stands still until it is moved.
    pub fn fixed(at: Instant) -> Clock {
        Clock { fixed: Some(Arc::new(AtomicI64::new(at.0))), zone: london() }
    }

    /// Moves a fixed clock and all its clones.
    ///
    /// # Panics
    ///
    /// If it is the machine's.
    pub fn move_to(&self, at: Instant) {
        self.fixed.as_ref().expect("the machine's clock cannot be moved").store(at.0, Relaxed);
    }

    /// Now.
    #[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
    pub fn now(&self) -> Instant {
        match &self.fixed {
            Some(fixed) => Instant(fixed.load(Relaxed)),
            None => Instant(Timestamp::now().as_microsecond()),
        }
    }

    /// Today in London.
    pub fn today(&self) -> Date {
        self.day(self.now())
    }

    /// The day in London on which an instant lies.
    pub fn day(&self, instant: Instant) -> Date {
        timestamp(instant).to_zoned(self.zone.clone()).date()
    }

    /// The first instant of a day in London.
    pub fn start_of(&self, day: Date) -> Instant {
        let zoned = day.to_zoned(self.zone.clone()).expect("every day of the calendar has a start");
        Instant(zoned.timestamp().as_microsecond())
    }

    /// The last instant of a day in London.
    pub fn end_of(&self, day: Date) -> Instant {
        let next = day.checked_add(1.day()).expect("the calendar goes on for millennia");
        Instant(self.start_of(next).0 - 1)
    }
}

fn timestamp(instant: Instant) -> Timestamp {
    Timestamp::from_microsecond(instant.0).expect("instants come from clocks and stored clocks")
}

fn london() -> TimeZone {
    TimeZone::get("Europe/London").expect("the zone data is compiled in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hour_of_a_contract_year_is_in_it() {
        let clock = Clock::system();
        let year_start = clock.start_of(Date::constant(2026, 4, 1));

        // 1 April 00:00 in London is 31 March 23:00 UTC.
        assert_eq!(timestamp(year_start).to_string(), "2026-03-31T23:00:00Z");
        assert_eq!(clock.day(Instant(year_start.0 - 1)), Date::constant(2026, 3, 31));
        assert_eq!(clock.end_of(Date::constant(2026, 3, 31)).0 + 1, year_start.0);
    }
}
