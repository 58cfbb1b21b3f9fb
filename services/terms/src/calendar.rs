//! Civil time: days, months and contract years. Instants are in `id`.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// A civil day, without a time or a zone.
pub type Date = jiff::civil::Date;

/// Reads `YYYY-MM-DD` and nothing else.
pub fn parse_date(text: &str) -> Result<Date, ParseError> {
    const EXPECTED: ParseError = ParseError::new("must be a date such as 2025-07-31");
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return Err(EXPECTED);
    }
    text.parse().map_err(|_| EXPECTED)
}

/// Days from `from` until just before `until`; without an end when `until` is none.
// Invariant: `until` is after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    from: Date,
    until: Option<Date>,
}

impl Period {
    /// None if `until` is not after `from`: an empty period covers no day.
    pub fn new(from: Date, until: Option<Date>) -> Option<Period> {
        match until {
            Some(until) if until <= from => None,
            _ => Some(Period { from, until }),
        }
    }

    /// From the first to the last day, both included, as files write it.
    pub fn inclusive(first: Date, last: Option<Date>) -> Option<Period> {
        match last {
            None => Period::new(first, None),
            Some(last) => Period::new(first, Some(last.tomorrow().ok()?)),
        }
    }

    /// The first day.
    pub const fn from(self) -> Date {
        self.from
    }

    /// The day after the last one, if there is a last one.
    pub const fn until(self) -> Option<Date> {
        self.until
    }

    /// The last day, if there is one.
    pub fn last(self) -> Option<Date> {
        self.until.map(|until| until.yesterday().expect("a day after the first has one before"))
    }

    /// Whether `day` is one of its days.
    pub fn contains(self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }

    /// The days in both.
    pub fn overlap(self, other: Period) -> Option<Period> {
        let from = self.from.max(other.from);
        let until = match (self.until, other.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Period::new(from, until)
    }

    /// The number of days; none without an end.
    pub fn days(self) -> Option<i64> {
        self.until.map(|until| days_between(self.from, until))
    }
}

fn days_between(from: Date, until: Date) -> i64 {
    from.duration_until(until).as_hours() / 24
}

/// A calendar month, the unit of a claim: `2025-07`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: Date,
}

impl Month {
    /// The month of a year; none outside 1 to 12 or the years 2000 to 2200.
    pub fn new(year: i16, month: i8) -> Option<Month> {
        if !(2000..=2200).contains(&year) {
            return None;
        }
        Date::new(year, month, 1).ok().map(|first| Month { first })
    }

    /// The month in which `day` lies.
    pub fn of(day: Date) -> Month {
        Month { first: day.first_of_month() }
    }

    /// The calendar year.
    pub fn year(self) -> i16 {
        self.first.year()
    }

    /// The number of the month, 1 to 12.
    pub fn number(self) -> i8 {
        self.first.month()
    }

    /// Its first day.
    pub const fn first(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> Date {
        self.first.last_of_month()
    }

    /// How many days it has, 28 to 31.
    pub fn days(self) -> i64 {
        i64::from(self.first.days_in_month())
    }

    /// All its days.
    pub fn period(self) -> Period {
        Period { from: self.first, until: Some(self.next().first) }
    }

    /// The month after.
    pub fn next(self) -> Month {
        Month { first: self.last().tomorrow().expect("years end at 2200") }
    }

    /// The month before.
    pub fn previous(self) -> Month {
        Month::of(self.first.yesterday().expect("years begin at 2000"))
    }

    /// The contract year in which it lies.
    pub fn contract_year(self) -> ContractYear {
        ContractYear::of(self.first)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year(), self.number()))
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `2025-07`.
impl FromStr for Month {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Month, ParseError> {
        const EXPECTED: ParseError = ParseError::new("must be a month such as 2025-07");
        if text.len() != 7 {
            return Err(EXPECTED);
        }
        let day = parse_date(&format!("{text}-01")).map_err(|_| EXPECTED)?;
        Month::new(day.year(), day.month()).ok_or(EXPECTED)
    }
}

/// A contract year, 1 April to 31 March: `2025-26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractYear {
    start: i16,
}

impl ContractYear {
    /// The contract year that begins in April of `start`.
    pub fn starting(start: i16) -> Option<ContractYear> {
        (2000..=2198).contains(&start).then_some(ContractYear { start })
    }

    /// The contract year in which `day` lies.
    pub fn of(day: Date) -> ContractYear {
        ContractYear { start: if day.month() < 4 { day.year() - 1 } else { day.year() } }
    }

    /// The calendar year of its 1 April.
    pub const fn start_year(self) -> i16 {
        self.start
    }

    /// 1 April.
    pub fn first(self) -> Date {
        self.first_month().first()
    }

    /// 31 March of the next calendar year.
    pub fn last(self) -> Date {
        Date::new(self.start + 1, 3, 31).expect("31 March is in every year")
    }

    /// April.
    pub fn first_month(self) -> Month {
        Month::new(self.start, 4).expect("April is in every year")
    }

    /// Its months from April up to and including `month`.
    pub fn months_to(self, month: Month) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.first_month()), |month| Some(month.next()))
            .take_while(move |candidate| *candidate <= month)
    }

    /// 1 January before it begins: the day whose lists the scheme uses.
    pub fn list_date(self) -> Date {
        Date::new(self.start, 1, 1).expect("1 January is in every year")
    }
}

impl fmt::Display for ContractYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.start, (self.start + 1) % 100))
    }
}

/// `2025-26`.
impl FromStr for ContractYear {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<ContractYear, ParseError> {
        const EXPECTED: ParseError = ParseError::new("must be a contract year such as 2025-26");
        let year = text
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .and_then(ContractYear::starting)
            .ok_or(EXPECTED)?;
        if year.to_string() == text { Ok(year) } else { Err(EXPECTED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        parse_date(text).expect("the test wrote a date")
    }

    #[test]
    fn a_contract_year_begins_on_1_april() {
        assert_eq!(ContractYear::of(date("2025-03-31")).to_string(), "2024-25");
        assert_eq!(ContractYear::of(date("2025-04-01")).to_string(), "2025-26");
        assert_eq!("2099-00".parse::<ContractYear>().map(|year| year.start_year()), Ok(2099));
        assert!("2025-27".parse::<ContractYear>().is_err());
        let july = "2025-07".parse::<Month>().expect("a month");
        assert_eq!(july.contract_year().months_to(july).count(), 4);
    }

    #[test]
    fn months_and_dates_are_read_strictly() {
        for text in ["2025-7", "2025-13", "202507", "2025-00", "July", "2025-07-01", "+025-07"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
        for text in ["2025-02-29", "31/07/2025", "2025-7-1", "2025-07-01T00:00"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_inclusive_end_is_a_day_in_post() {
        let july = "2025-07".parse::<Month>().expect("a month");
        let stay = Period::inclusive(date("2025-07-14"), None).expect("days");

        assert_eq!(stay.overlap(july.period()).and_then(Period::days), Some(18));
        assert_eq!(Period::inclusive(date("2025-07-02"), Some(date("2025-07-01"))), None);
        assert_eq!(
            Period::inclusive(date("2025-07-01"), Some(date("2025-07-01"))).and_then(Period::days),
            Some(1)
        );
    }
}
