//! FTE and headcount by role, for a PCN and month.
//!
//! FTE divides by 37.5 hours whoever employs and is never capped at 1. Contracted services have
//! FTE and nobody to count. Heads are counted at each level: who has two roles is one person in
//! the total. The whole-time equivalent of a claim is another thing and lives in finance.

use std::collections::{BTreeMap, BTreeSet};

use terms::{Assignment, Date, Engagement, Fraction, Month, OdsCode, Period, PersonId, RoleCode};

/// An FTE in both ways of counting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fte {
    /// On the last day of the month, as the national return counts.
    pub month_end: Fraction,
    /// Averaged over the days of the month.
    pub average: Fraction,
}

impl Fte {
    /// Nobody.
    pub const ZERO: Fte = Fte { month_end: Fraction::ZERO, average: Fraction::ZERO };
}

impl std::ops::Add for Fte {
    type Output = Fte;
    fn add(self, other: Fte) -> Fte {
        Fte { month_end: self.month_end + other.month_end, average: self.average + other.average }
    }
}

/// The figures of one role, or of all roles together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// FTE of people.
    pub staff: Fte,
    /// FTE of contracted services, which name no person.
    pub services: Fte,
    /// Distinct people in post on the last day of the month.
    pub headcount_month_end: u32,
    /// Distinct people in post on any day of the month.
    pub headcount_in_month: u32,
    /// Distinct people who were not in post the day before they began in the month.
    pub joiners: u32,
    /// Distinct people whose last day in post lies in the month.
    pub leavers: u32,
}

/// The figures of a PCN and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Roles with somebody or something in post in the month, in the order of codes.
    pub roles: Vec<(RoleCode, Figures)>,
    /// All roles. FTE is the sum; heads, joiners and leavers are counted anew, so that a change of
    /// role is neither a joiner nor a leaver here.
    pub total: Figures,
}

/// The figures from all engagements that touch the PCN.
///
/// Assignments in other PCNs may be among them and are passed over. A person is in post on each
/// day of each assignment, whatever its hours; days without a gap are one run, so that a change of
/// hours makes no leaver.
pub fn of_pcn(pcn: &OdsCode, month: Month, roster: &[(Engagement, Vec<Assignment>)]) -> Statistics {
    let mut by_role: BTreeMap<RoleCode, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    for (engagement, assignments) in roster {
        for assignment in assignments.iter().filter(|assignment| assignment.pcn == *pcn) {
            by_role.entry(engagement.role.clone()).or_default().add(
                engagement.person,
                assignment,
                month,
            );
            all.add(engagement.person, assignment, month);
        }
    }
    let roles = by_role
        .into_iter()
        .filter(|(_, tally)| tally.in_month)
        .map(|(role, tally)| (role, tally.figures(month)))
        .collect();
    Statistics { roles, total: all.figures(month) }
}

#[derive(Default)]
struct Tally {
    staff: Option<Fte>,
    services: Option<Fte>,
    days: BTreeMap<PersonId, Vec<Period>>,
    in_month: bool,
}

impl Tally {
    fn add(&mut self, person: Option<PersonId>, assignment: &Assignment, month: Month) {
        let fte = Fte {
            month_end: assignment.fte_month_end(month),
            average: assignment.fte_average(month),
        };
        self.in_month |= assignment.period.overlap(month.period()).is_some();
        let sum = match person {
            Some(person) => {
                self.days.entry(person).or_default().push(assignment.period);
                &mut self.staff
            }
            None => &mut self.services,
        };
        *sum = Some(sum.unwrap_or(Fte::ZERO) + fte);
    }

    fn figures(&self, month: Month) -> Figures {
        let people = |counts: &dyn Fn(&[Period]) -> bool| {
            let people: BTreeSet<&PersonId> = self
                .days
                .iter()
                .filter(|(_, days)| counts(days.as_slice()))
                .map(|(person, _)| person)
                .collect();
            u32::try_from(people.len()).expect("the people of England fit 32 bits")
        };
        let in_post = |days: &[Period], day: Date| days.iter().any(|period| period.contains(day));
        let begins = |days: &[Period]| {
            days.iter().any(|period| {
                let before = period.from().yesterday();
                Month::of(period.from()) == month && before.is_ok_and(|day| !in_post(days, day))
            })
        };
        let ends = |days: &[Period]| {
            days.iter().filter_map(|period| period.until()).any(|until| {
                let last = until.yesterday().expect("it is after the first day");
                Month::of(last) == month && !in_post(days, until)
            })
        };
        Figures {
            staff: self.staff.unwrap_or(Fte::ZERO),
            services: self.services.unwrap_or(Fte::ZERO),
            headcount_month_end: people(&|days| in_post(days, month.last())),
            headcount_in_month: people(&|days| {
                days.iter().any(|period| period.overlap(month.period()).is_some())
            }),
            joiners: people(&begins),
            leavers: people(&ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use terms::{DeploymentModel, EngagementId, FULL_TIME, Minutes, Stage};
    use uuid::Uuid;

    use super::*;
    use crate::domain::role::tests::day;

    const PCN: &str = "U00070";

    fn engagement(
        person: Option<u128>,
        role: &str,
        posts: &[(&str, &str, Option<&str>, u32)],
    ) -> (Engagement, Vec<Assignment>) {
        let engagement = Engagement {
            id: EngagementId(Uuid::nil()),
            owner: PCN.parse().expect("a code"),
            reference: "E1".to_owned(),
            person: person.map(|number| PersonId(Uuid::from_u128(number))),
            role: role.parse().expect("a role"),
            employer: PCN.parse().expect("a code"),
            model: DeploymentModel::PcnDirect,
            full_time: FULL_TIME,
            leaving_reason: None,
        };
        let assignments = posts
            .iter()
            .map(|(pcn, first, last, weekly)| Assignment {
                engagement: engagement.id,
                pcn: pcn.parse().expect("a code"),
                period: Period::inclusive(day(first), last.map(day)).expect("days"),
                weekly: Minutes::new(*weekly),
                contract: None,
                stage: Stage::Standard,
                band: None,
            })
            .collect();
        (engagement, assignments)
    }

    fn july(roster: &[(Engagement, Vec<Assignment>)]) -> Statistics {
        of_pcn(&PCN.parse().expect("a code"), "2025-07".parse().expect("a month"), roster)
    }

    /// Heads at month end, heads in the month, joiners, leavers.
    #[track_caller]
    fn check(figures: &Figures, heads: [u32; 4]) {
        let found = [
            figures.headcount_month_end,
            figures.headcount_in_month,
            figures.joiners,
            figures.leavers,
        ];
        assert_eq!(found, heads);
    }

    #[test]
    fn staff_and_contracted_services_stand_apart_and_nothing_is_capped() {
        let roster = [
            engagement(Some(1), "CP", &[(PCN, "2024-01-08", None, 2400)]),
            engagement(None, "CP", &[(PCN, "2024-01-08", None, 15_000)]),
            engagement(Some(2), "CP", &[("U00001", "2024-01-08", None, 2250)]),
        ];

        let statistics = july(&roster);

        let [(_, figures)] = statistics.roles.as_slice() else { panic!("{statistics:?}") };
        assert_eq!(figures.staff.month_end, Fraction::new(2400, 2250));
        assert_eq!(figures.services.month_end, Fraction::new(15_000, 2250));
        assert_eq!(figures.staff.average, figures.staff.month_end);
        check(figures, [1, 1, 0, 0]);
        assert_eq!(statistics.total, *figures);
    }

    #[test]
    fn a_person_in_two_roles_is_one_head_in_the_total() {
        let roster = [
            engagement(Some(1), "CP", &[(PCN, "2024-01-08", None, 1125)]),
            engagement(Some(1), "DTL", &[(PCN, "2025-07-14", None, 1125)]),
        ];

        let statistics = july(&roster);

        check(&statistics.roles[0].1, [1, 1, 0, 0]);
        check(&statistics.roles[1].1, [1, 1, 1, 0]);
        check(&statistics.total, [1, 1, 0, 0]);
        assert_eq!(statistics.total.staff.month_end, Fraction::ONE);
        assert_eq!(statistics.roles[1].1.staff.average, Fraction::new(18, 62));
    }

    #[test]
    fn a_change_of_hours_is_no_leaver_and_a_gap_is() {
        let change =
            [(PCN, "2024-01-08", Some("2025-07-14"), 2250), (PCN, "2025-07-15", None, 1125)];
        check(&july(&[engagement(Some(1), "CP", &change)]).total, [1, 1, 0, 0]);
        let gap = [(PCN, "2024-01-08", Some("2025-07-14"), 2250), (PCN, "2025-07-16", None, 1125)];
        check(&july(&[engagement(Some(1), "CP", &gap)]).total, [1, 1, 1, 1]);
        // The last day of the month is the last in post: there at month end, and a leaver.
        let last = [(PCN, "2024-01-08", Some("2025-07-31"), 2250)];
        check(&july(&[engagement(Some(1), "CP", &last)]).total, [1, 1, 0, 1]);
        let before = [(PCN, "2024-01-08", Some("2025-06-30"), 2250)];
        let statistics = july(&[engagement(Some(1), "CP", &before)]);
        check(&statistics.total, [0, 0, 0, 0]);
        assert_eq!(statistics.roles, []);
    }

    proptest! {
        #[test]
        fn fte_adds_up_over_roles_and_heads_do_not_exceed_their_sum(
            posts in proptest::collection::vec(
                (proptest::option::of(0_u128..4), 0_usize..3, 1_i8..31, 0_u32..2400),
                0..8,
            ),
        ) {
            let roles = ["CP", "PT", "SPLW"];
            let roster: Vec<(Engagement, Vec<Assignment>)> = posts
                .iter()
                .map(|(person, role, first, weekly)| {
                    let first = format!("2025-07-{first:02}");
                    engagement(*person, roles[*role], &[(PCN, &first, None, *weekly)])
                })
                .collect();

            let statistics = july(&roster);

            let sum = |of: fn(&Figures) -> Fraction| -> Fraction {
                statistics.roles.iter().map(|(_, figures)| of(figures)).sum()
            };
            prop_assert_eq!(sum(|f| f.staff.average), statistics.total.staff.average);
            prop_assert_eq!(sum(|f| f.services.month_end), statistics.total.services.month_end);
            let heads: u32 =
                statistics.roles.iter().map(|(_, figures)| figures.headcount_month_end).sum();
            prop_assert!(statistics.total.headcount_month_end <= heads);
        }
    }
}
