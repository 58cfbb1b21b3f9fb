//! Which version of a resource a caller has read, as the `etag` of the wire.

use std::fmt;
use std::str::FromStr;

use terms::{Instant, ParseError};

use crate::error::{Error, ErrorReason};

/// How often the statements of a resource have changed; `"7"` on the wire, quotes included.
///
/// It only grows, because no row is ever overwritten or deleted: it is the number of rows that
/// were written and of those that were closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    count: i64,
    newest: Option<i64>,
}

impl Revision {
    /// Of a resource with so many rows, of which so many are closed; `newest` is when the last of
    /// them became known or was closed.
    pub fn new(rows: i64, closed: i64, newest: Option<Instant>) -> Revision {
        Revision { count: rows + closed, newest: newest.map(|at| at.0) }
    }

    /// Of two sets of rows together.
    #[must_use]
    pub fn and(self, other: Revision) -> Revision {
        Revision { count: self.count + other.count, newest: self.newest.max(other.newest) }
    }

    /// Since when a change is known that is made now: later than everything that is known, also
    /// if the clock was set back.
    pub fn next(self, now: Instant) -> Instant {
        Instant(self.newest.map_or(now.0, |newest| now.0.max(newest + 1)))
    }

    /// Refuses with `ETAG_MISMATCH` if the caller has read another version than this one.
    pub fn check(self, read: Option<Etag>, name: &str) -> Result<(), Error> {
        match read {
            Some(read) if read.0 != self.count => Err(Error::refused(
                ErrorReason::EtagMismatch,
                format!("{name} has changed since it was read"),
                [("name", name.to_owned())],
            )),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.count)
    }
}

/// The version that a caller has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag(i64);

impl FromStr for Etag {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Etag, ParseError> {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let digits = inner.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|text| text.parse().ok()).map(Etag).ok_or(ParseError {
            expected: "must be an etag as it was read, such as \"7\" with its quotes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_fits_the_version_it_was_read_from_only() {
        let seven = Revision::new(5, 2, Some(Instant(100)));
        let read: Etag = seven.to_string().parse().unwrap();

        assert_eq!(seven.to_string(), "\"7\"");
        assert!(seven.check(Some(read), "a").is_ok() && seven.check(None, "a").is_ok());
        let moved = Revision::new(5, 3, Some(Instant(200)));
        let refused = moved.check(Some(read), "a").unwrap_err();
        assert_eq!(refused.reason(), ErrorReason::EtagMismatch);
        for text in ["", "7", "\"\"", "\"-7\"", "\"7", "W/\"7\"", "\"99999999999999999999\""] {
            assert!(text.parse::<Etag>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_change_is_known_later_than_everything_before_it() {
        let revision = Revision::new(1, 0, Some(Instant(100)));

        assert_eq!(revision.next(Instant(500)), Instant(500));
        assert_eq!(revision.next(Instant(100)), Instant(101));
        assert_eq!(revision.next(Instant(50)), Instant(101));
    }
}
