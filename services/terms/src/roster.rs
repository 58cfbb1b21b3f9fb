//! Who works where, in which role, for how many hours.

use std::fmt;
use std::str::FromStr;

use crate::organisation::words;
use crate::{EngagementId, Fraction, Minutes, Month, OdsCode, ParseError, Period, PersonId};

/// Full-time hours of Agenda for Change, the divisor of every FTE in statistics: 37.5 hours.
pub const FULL_TIME: Minutes = Minutes::new(2250);

/// A role of the scheme by its canonical code: `CP`, `MHP_ADULT`, `NA`.
///
/// Which codes exist, and from when, is rule data; here is only their shape.
// Invariant: 1 to 16 of `[A-Z_]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleCode(String);

impl RoleCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleCode {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<RoleCode, ParseError> {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        if (1..=16).contains(&text.len()) && text.bytes().all(plain) {
            Ok(RoleCode(text.to_owned()))
        } else {
            Err(ParseError::new("must be a role code such as CP, SPLW or MHP_ADULT"))
        }
    }
}

impl fmt::Display for RoleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

words! {
    /// A pay band of Agenda for Change.
    Band,
    "must be an Agenda for Change band: 2, 3, 4, 5, 6, 7, 8a, 8b, 8c, 8d or 9",
    {
        /// Band 2.
        Two = "2",
        /// Band 3.
        Three = "3",
        /// Band 4.
        Four = "4",
        /// Band 5.
        Five = "5",
        /// Band 6.
        Six = "6",
        /// Band 7.
        Seven = "7",
        /// Band 8a.
        EightA = "8a",
        /// Band 8b.
        EightB = "8b",
        /// Band 8c.
        EightC = "8c",
        /// Band 8d.
        EightD = "8d",
        /// Band 9.
        Nine = "9",
    }
}

words! {
    /// How far somebody is in a role; supervision differs by it.
    Stage,
    "must be standard, senior, in-training, pathway, preceptorship or trainee",
    {
        /// Nothing special; what an empty cell means.
        Standard = "standard",
        /// A senior in the role.
        Senior = "senior",
        /// In training towards first contact practice, or on a competency framework.
        InTraining = "in-training",
        /// On the primary care pharmacy education pathway.
        Pathway = "pathway",
        /// In the first supervised year.
        Preceptorship = "preceptorship",
        /// A trainee advanced practitioner.
        Trainee = "trainee",
    }
}

words! {
    /// Who employs somebody, and how they come to the PCN.
    DeploymentModel,
    "must be a deployment model such as PCN_DIRECT, LEAD_PRACTICE, FEDERATION or MHP_5050",
    {
        /// The PCN or its company employs.
        PcnDirect = "PCN_DIRECT",
        /// One practice employs for the network.
        LeadPractice = "LEAD_PRACTICE",
        /// Each practice employs its share.
        Flat = "FLAT",
        /// A federation employs for many PCNs.
        Federation = "FEDERATION",
        /// An NHS trust employs and deploys.
        TrustEmployed = "TRUST_EMP",
        /// An ambulance trust's paramedics rotate.
        AmbulanceRotation = "AMB_ROTATION",
        /// A mental health trust employs; the PCN pays half.
        MentalHealthHalf = "MHP_5050",
        /// A charity supplies link workers.
        VoluntarySector = "VCSE_SUB",
        /// Shared with another employer.
        SharedEmployment = "SHARED_EMP",
        /// A pool for enhanced access over several PCNs.
        EnhancedAccessPool = "EA_POOL",
        /// A single-practice PCN.
        SuperPractice = "SUPER_PRACTICE",
        /// A provider that is not a general practice.
        NonGpProvider = "NON_GP",
    }
}

/// One employment, or one contracted service, in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    /// Our identifier.
    pub id: EngagementId,
    /// The PCN, federation or ICB that keeps the record and alone may change it.
    pub owner: OdsCode,
    /// What the owner's files call it; unique for the owner.
    pub reference: String,
    /// None for a contracted service, which has hours and no person.
    pub person: Option<PersonId>,
    /// The role.
    pub role: RoleCode,
    /// Who employs.
    pub employer: OdsCode,
    /// How the employer deploys.
    pub model: DeploymentModel,
    /// The employer's full-time hours, the divisor of a claim's WTE. Never enters statistics.
    pub full_time: Minutes,
    /// Why it ended, in the owner's words.
    pub leaving_reason: Option<String>,
}

/// Hours of one engagement in one PCN over a run of days.
///
/// A change of hours, band or stage is another assignment that begins the day after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The engagement whose hours they are.
    pub engagement: EngagementId,
    /// Where they are worked.
    pub pcn: OdsCode,
    /// The days in post.
    pub period: Period,
    /// Minutes a week in this PCN.
    pub weekly: Minutes,
    /// All minutes a week of the engagement, where some are worked outside PCNs; else the
    /// assignments of the day add up to it.
    pub contract: Option<Minutes>,
    /// How far the person is in the role.
    pub stage: Stage,
    /// The pay band, where the role has one.
    pub band: Option<Band>,
}

impl Assignment {
    /// Weekly minutes times the days in post of `month`; zero outside it.
    pub fn minute_days(&self, month: Month) -> i64 {
        let days = self.period.overlap(month.period()).and_then(Period::days).unwrap_or(0);
        i64::from(self.weekly.get()) * days
    }

    /// FTE averaged over the days of the month, by 37.5 hours, whoever employs.
    pub fn fte_average(&self, month: Month) -> Fraction {
        Fraction::new(self.minute_days(month), i64::from(FULL_TIME.get()) * month.days())
    }

    /// FTE on the last day of the month, as the national return counts it.
    pub fn fte_month_end(&self, month: Month) -> Fraction {
        if self.period.contains(month.last()) {
            Fraction::new(i64::from(self.weekly.get()), i64::from(FULL_TIME.get()))
        } else {
            Fraction::ZERO
        }
    }
}

/// The minute-days of `month` that all of an engagement's hours make, those outside PCNs included.
///
/// On a day with a stated contract the contract counts, on another the sum of the day's
/// assignments: the greater of the two, so that shares never exceed the whole.
pub fn minute_days(assignments: &[Assignment], month: Month) -> i64 {
    // Only a contract makes it matter what else holds on the same day.
    if assignments.iter().all(|assignment| assignment.contract.is_none()) {
        return assignments.iter().map(|assignment| assignment.minute_days(month)).sum();
    }
    let mut total = 0;
    let mut day = month.first();
    while Month::of(day) == month {
        let today = assignments.iter().filter(|assignment| assignment.period.contains(day));
        let (mut assigned, mut contract) = (0, 0);
        for assignment in today {
            assigned += i64::from(assignment.weekly.get());
            contract = contract.max(i64::from(assignment.contract.map_or(0, Minutes::get)));
        }
        total += contract.max(assigned);
        day = day.tomorrow().expect("months end before the calendar does");
    }
    total
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::parse_date;

    fn assignment(pcn: &str, first: &str, last: Option<&str>, weekly: u32) -> Assignment {
        let last = last.map(|last| parse_date(last).expect("a date"));
        Assignment {
            engagement: EngagementId(Uuid::nil()),
            pcn: pcn.parse().expect("a code"),
            period: Period::inclusive(parse_date(first).expect("a date"), last).expect("days"),
            weekly: Minutes::new(weekly),
            contract: None,
            stage: Stage::Standard,
            band: None,
        }
    }

    #[test]
    fn a_leaver_counts_by_days_on_average_and_not_at_month_end() {
        let july: Month = "2025-07".parse().expect("a month");
        let leaver = assignment("U00070", "2024-01-01", Some("2025-07-11"), 2250);

        assert_eq!(leaver.fte_average(july), Fraction::new(11, 31));
        assert_eq!(leaver.fte_month_end(july), Fraction::ZERO);
    }

    #[test]
    fn all_hours_of_an_engagement_include_those_outside_pcns() {
        let july: Month = "2025-07".parse().expect("a month");
        let mut half = assignment("U00070", "2025-07-01", None, 1125);
        assert_eq!(minute_days(std::slice::from_ref(&half), july), 1125 * 31);

        half.contract = Some(FULL_TIME);
        assert_eq!(minute_days(&[half], july), 2250 * 31);
    }
}
