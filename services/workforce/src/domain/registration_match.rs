//! The same human in the records of several owners, told by the registration with a regulator.
//!
//! Here is what makes two registrations the same, and whether the hours of everybody who keeps
//! the human are more than a contract allows. Who may learn of it is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use terms::{Date, EngagementId, Minutes, OdsCode, Period};

use crate::domain::roster_check::PERSON_WEEK_MAX;

/// What is compared of a registration: regulator and number in capitals, without spaces and
/// punctuation. Personal, as the number is.
///
/// None if either is missing, and for a number without a digit from 1 to 9: `n/a`, `pending` and
/// `0000` would make everybody the same.
pub fn registration_key(body: &str, number: &str) -> Option<String> {
    let plain = |text: &str| -> String {
        text.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_uppercase).collect()
    };
    let (body, number) = (plain(body), plain(number));
    let is_number = number.chars().any(|sign| ('1'..='9').contains(&sign));
    (!body.is_empty() && is_number).then(|| format!("{body}/{number}"))
}

/// Hours of a human in one PCN over a run of days, as one owner keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Who keeps them.
    pub owner: OdsCode,
    /// Of which engagement.
    pub engagement: EngagementId,
    /// On which days.
    pub days: Period,
    /// Minutes a week.
    pub weekly: Minutes,
    /// All minutes a week of the engagement, where stated.
    pub contract: Option<Minutes>,
}

/// What one owner keeps of a human for one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    weekly: Minutes,
    contract: Minutes,
}

/// What several owners keep of a human for one day, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// All minutes a week.
    pub weekly: Minutes,
    /// The smallest contract with an owner who has hours on the day.
    pub contract: Minutes,
    /// Whether two owners have hours, which are together more than that contract.
    pub exceed: bool,
}

/// What `hours` of a human amount to on a day.
pub fn together(hours: &[Hours], day: Date) -> Together {
    let kept = kept(hours, day);
    let weekly = kept.values().map(|kept| kept.weekly).sum();
    let contract = kept.values().map(|kept| kept.contract).min().unwrap_or(PERSON_WEEK_MAX);
    Together { weekly, contract, exceed: kept.len() > 1 && contract < weekly }
}

/// Whether on some day the hours with `owner`, who has some, and those with others, who have some
/// too, are more than the contract with `owner`.
pub fn exceed_contract(hours: &[Hours], owner: &OdsCode) -> bool {
    // What is kept changes on the first day of hours and on the day after the last.
    let changes = hours.iter().flat_map(|hours| [Some(hours.days.from()), hours.days.until()]);
    let changes: BTreeSet<Date> = changes.flatten().collect();
    changes.into_iter().any(|day| {
        let kept = kept(hours, day);
        let all: Minutes = kept.values().map(|kept| kept.weekly).sum();
        kept.len() > 1 && kept.get(owner).is_some_and(|here| here.contract < all)
    })
}

/// What each owner keeps for a day, of those who have hours. The contract with an owner is that of
/// all engagements of the day; where one states none it is the week that a claim takes.
fn kept(hours: &[Hours], day: Date) -> BTreeMap<&OdsCode, Kept> {
    type Engagement = (Minutes, Option<Minutes>);
    let mut owners: BTreeMap<&OdsCode, BTreeMap<EngagementId, Engagement>> = BTreeMap::new();
    for hours in hours.iter().filter(|hours| hours.days.contains(day)) {
        let engagements = owners.entry(&hours.owner).or_default();
        let (weekly, contract) = engagements.entry(hours.engagement).or_default();
        *weekly = [*weekly, hours.weekly].into_iter().sum();
        *contract = (*contract).max(hours.contract);
    }
    let kept = owners.into_iter().map(|(owner, engagements)| {
        let weekly = engagements.values().map(|(weekly, _)| *weekly).sum();
        let stated: Option<Vec<Minutes>> =
            engagements.values().map(|(_, contract)| *contract).collect();
        let contract = stated.map_or(PERSON_WEEK_MAX, |stated| stated.into_iter().sum());
        (owner, Kept { weekly, contract })
    });
    kept.filter(|(_, kept)| Minutes::ZERO < kept.weekly).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::role::tests::day;

    fn hours(owner: &str, engagement: u128, from: &str, last: Option<&str>, weekly: u32) -> Hours {
        Hours {
            owner: owner.parse().unwrap(),
            engagement: EngagementId(Uuid::from_u128(engagement)),
            days: Period::inclusive(day(from), last.map(day)).unwrap(),
            weekly: Minutes::new(weekly),
            contract: None,
        }
    }

    fn with_contract(hours: Hours, minutes: u32) -> Hours {
        Hours { contract: Some(Minutes::new(minutes)), ..hours }
    }

    /// Whether the contract with U1 is exceeded, and that with U2.
    #[track_caller]
    fn check(hours: &[Hours], expected: [bool; 2]) {
        let found = ["U1", "U2"].map(|owner| exceed_contract(hours, &owner.parse().unwrap()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_registration_is_the_same_however_it_is_written() {
        let key = registration_key("GPhC", "2012345");
        for (body, number) in [("GPHC", " 2012345"), ("g.ph.c", "20-12 345"), ("GPhC ", "2012345.")]
        {
            assert_eq!(registration_key(body, number), key, "{body} {number}");
        }
        assert_eq!(registration_key("hcpc", "pa12345"), registration_key("HCPC", "PA 12345"));
        for (body, number) in [("GMC", "2012345"), ("GPhC", "2012346"), ("GPhC2", "012345")] {
            assert_ne!(registration_key(body, number), key, "{body} {number}");
        }
    }

    #[test]
    fn a_registration_without_body_or_number_is_like_no_other() {
        for (body, number) in
            [("", "2012345"), ("-", "2012345"), ("GPhC", ""), ("GPhC", "n/a"), ("GPhC", "0000")]
        {
            assert_eq!(registration_key(body, number), None, "{body} {number}");
        }
    }

    #[test]
    fn without_a_contract_the_week_of_a_claim_is_the_limit() {
        let here = hours("U1", 1, "2025-04-01", None, 1_500);
        check(&[here.clone(), hours("U2", 2, "2025-07-01", None, 900)], [false, false]);
        check(&[here, hours("U2", 2, "2025-07-01", None, 901)], [true, true]);
    }

    #[test]
    fn each_owner_is_told_by_the_contract_stated_there() {
        let here = with_contract(hours("U1", 1, "2025-04-01", None, 1_200), 1_200);
        let there = with_contract(hours("U2", 2, "2025-04-01", None, 60), 2_250);
        check(&[here.clone(), there.clone()], [true, false]);
        let all = together(&[here, there], day("2025-04-01"));
        let expected =
            Together { weekly: Minutes::new(1_260), contract: Minutes::new(1_200), exceed: true };
        assert_eq!(all, expected);
    }

    #[test]
    fn hours_one_after_the_other_do_not_add_up() {
        let before = hours("U1", 1, "2025-04-01", Some("2025-06-30"), 2_250);
        check(&[before.clone(), hours("U2", 2, "2025-07-01", None, 2_250)], [false, false]);
        check(&[before, hours("U2", 2, "2025-06-30", None, 2_250)], [true, true]);
    }

    #[test]
    fn a_contract_that_is_no_longer_stated_no_longer_counts() {
        // Two PCNs of one engagement, one of which states the contract and ends first.
        let stating = with_contract(hours("U1", 1, "2025-04-01", Some("2025-06-30"), 600), 3_000);
        let lasting = hours("U1", 1, "2025-04-01", None, 1_200);
        let there = hours("U2", 2, "2025-04-01", None, 1_201);
        check(&[stating.clone(), lasting.clone(), there.clone()], [true, true]);
        let there = Hours { days: stating.days, ..there };
        check(&[stating, lasting, there], [true, true]);
    }

    #[test]
    fn the_contracts_of_several_engagements_add_up_unless_one_states_none() {
        let first = with_contract(hours("U1", 1, "2025-04-01", None, 900), 1_500);
        let second = hours("U1", 2, "2025-04-01", None, 600);
        let there = hours("U2", 3, "2025-04-01", None, 1_100);
        let stated = with_contract(second.clone(), 1_200);
        check(&[first.clone(), stated, there.clone()], [false, true]);
        check(&[first, second, there], [true, true]);
    }

    #[test]
    fn hours_with_one_owner_alone_are_no_finding_here() {
        let first = hours("U1", 1, "2025-04-01", None, 2_400);
        check(&[first.clone(), hours("U1", 2, "2025-04-01", None, 600)], [false, false]);
        check(&[first.clone(), hours("U2", 2, "2025-04-01", None, 0)], [false, false]);
        let third = hours("U3", 3, "2025-04-01", None, 600);
        check(&[first.clone(), third], [true, false]);
        assert!(!together(&[first], day("2025-03-31")).exceed);
        assert_eq!(together(&[], day("2025-04-01")).contract, PERSON_WEEK_MAX);
    }
}
