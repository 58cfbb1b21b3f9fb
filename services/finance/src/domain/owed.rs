//! What is owed to a PCN: claimed and not paid, how long it has waited, when it may be expected,
//! and what the PCN has laid out meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use terms::{Date, EngagementId, Month, Pence, Period};
use uuid::Uuid;

use super::claim::{Claim, ClaimName, ClaimState, account};
use super::figure::{Figure, Value};
use super::ledger::Account;
use super::rulebook::RuleBook;

terms::words! {
    /// By which reading a claim is paid so many months after the one it is for.
    PaymentTerm,
    "must be in_principle, usual_earliest or usual_latest",
    {
        /// As it should be.
        InPrinciple = "in_principle",
        /// As it is at best, where people were asked.
        UsualEarliest = "usual_earliest",
        /// As it is at worst, where people were asked.
        UsualLatest = "usual_latest",
    }
}

/// Runs of days since a claim was submitted, both ends included; the last one has no end.
pub const AGES: [(i64, Option<i64>); 4] =
    [(0, Some(30)), (31, Some(60)), (61, Some(90)), (91, None)];

/// A claim as known at a cut, with the days that its instants fell on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownClaim {
    /// The claim.
    pub claim: Claim,
    /// The day it was submitted last.
    pub submitted_on: Option<Date>,
    /// The day it came into its state.
    pub in_state_since: Date,
}

/// A claim that is not paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedClaim {
    /// Which.
    pub name: ClaimName,
    /// How far it has come.
    pub state: ClaimState,
    /// What it asks for; below zero if it pays back.
    pub amount: Pence,
    /// The day it was submitted last.
    pub submitted_on: Date,
    /// Days since then.
    pub age_days: i64,
    /// Days since it came into its state.
    pub days_in_state: i64,
    /// When it may be expected, by each reading; empty where the rule book does not say.
    pub expected: BTreeMap<PaymentTerm, Month>,
}

/// What has waited for some run of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgeTotal {
    /// Claims.
    pub claims: usize,
    /// What they ask for.
    pub amount: Pence,
}

/// What a line of a claim cost the PCN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCost {
    /// The build of the claim.
    pub build: Uuid,
    /// The month worked.
    pub month: Month,
    /// Who worked.
    pub engagement: EngagementId,
    /// The PCN's part of the paid cost.
    pub cost: Pence,
}

/// What people cost in a month, and what came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashGap {
    /// The month.
    pub month: Month,
    /// What the lines of its claims cost the PCN, each by the claim that knew of it last.
    pub cost: Pence,
    /// What was paid in the month, for whichever months.
    pub repaid: Pence,
    /// The cost of all months so far less what was paid by the end of this one.
    pub gap: Pence,
}

/// What is owed to a PCN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// The claims, by month.
    pub claims: Vec<OwedClaim>,
    /// All they ask for.
    pub amount: Pence,
    /// The same by age, in the order of [`AGES`].
    pub ages: [AgeTotal; AGES.len()],
    /// The same by the month in which it may be expected. By each reading that is known, the
    /// months add up to the whole.
    pub expected: BTreeMap<Month, BTreeMap<PaymentTerm, Pence>>,
    /// The figures by which payment is expected.
    pub delays: Vec<Arc<Figure>>,
}

/// Whether claims in a state are asked for and not paid.
pub const fn is_owed(state: ClaimState) -> bool {
    match account(state) {
        Account::Claimed | Account::Committed | Account::Approved => true,
        Account::Allocation | Account::Room | Account::Paid => false,
    }
}

/// What is owed on a day by the claims known then.
pub fn owed(rules: &RuleBook, known: &[KnownClaim], as_of: Date, rules_known_on: Date) -> Owed {
    let mut owed = Owed::default();
    for KnownClaim { claim, submitted_on, in_state_since } in known {
        let Some(submitted_on) = submitted_on.filter(|_| is_owed(claim.state)) else { continue };
        let amount = claim.payable();
        let age_days = days(submitted_on, as_of);
        let mut expected = BTreeMap::new();
        for term in PaymentTerm::ALL {
            let day = claim.name.month.first();
            let Some(figure) = rules.payment_delay(*term, day, rules_known_on) else { continue };
            let Value::Months(months) = figure.value else { continue };
            let month = expected_month(claim.name.month, submitted_on, months);
            expected.insert(*term, month);
            let of_month = owed.expected.entry(month).or_default().entry(*term).or_default();
            *of_month = *of_month + amount;
            if !owed.delays.contains(figure) {
                owed.delays.push(Arc::clone(figure));
            }
        }
        let age = AGES.iter().rposition(|(from, _)| *from <= age_days).unwrap_or(0);
        owed.ages[age].claims += 1;
        owed.ages[age].amount = owed.ages[age].amount + amount;
        owed.amount = owed.amount + amount;
        owed.claims.push(OwedClaim {
            name: claim.name.clone(),
            state: claim.state,
            amount,
            submitted_on,
            age_days,
            days_in_state: days(*in_state_since, as_of),
            expected,
        });
    }
    owed.claims.sort_by(|a, b| a.name.cmp(&b.name));
    owed
}

/// So many months after the month claimed. A claim that came late is as one of the month before it
/// was submitted: nobody pays what nobody has asked for.
fn expected_month(month: Month, submitted_on: Date, months: u32) -> Month {
    let from = month.max(Month::of(submitted_on).previous());
    (0..months).fold(from, |month, _| month.next())
}

/// From the first month with a claim to that of a day. Of an engagement and month, the claim that
/// was submitted last says what it cost: an adjustment has the whole cost again.
pub fn cash_gaps(known: &[KnownClaim], costs: &[LineCost], as_of: Date) -> Vec<CashGap> {
    let mut claims: Vec<&Claim> = known.iter().map(|known| &known.claim).collect();
    let submitted = |claim: &Claim| (claim.submitted_at.is_none(), claim.submitted_at);
    claims.sort_by(|a, b| (submitted(a), &a.name).cmp(&(submitted(b), &b.name)));
    let mut by_line: BTreeMap<(Month, EngagementId), Pence> = BTreeMap::new();
    for claim in &claims {
        for line in costs.iter().filter(|line| line.build == claim.build) {
            by_line.insert((line.month, line.engagement), line.cost);
        }
    }
    let first = by_line.keys().map(|(month, _)| *month).min();
    let Some(first) = first else { return Vec::new() };
    let paid_in = |claim: &Claim, month: Month| claim.payment_date.map(Month::of) == Some(month);
    let mut gap = Pence::ZERO;
    let months = std::iter::successors(Some(first), |month| Some(month.next()));
    months
        .take_while(|month| *month <= Month::of(as_of))
        .map(|month| {
            let of_month = by_line.iter().filter(|((of, _), _)| *of == month);
            let cost = of_month.map(|(_, cost)| *cost).sum();
            let paid = claims.iter().filter(|claim| paid_in(claim, month));
            let repaid = paid.map(|claim| claim.payable()).sum();
            gap = gap + cost - repaid;
            CashGap { month, cost, repaid, gap }
        })
        .collect()
}

fn days(from: Date, to: Date) -> i64 {
    Period::new(from, Some(to)).and_then(Period::days).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use terms::{Instant, parse_date};

    use super::*;
    use crate::domain::claim::Action;
    use crate::domain::figure::Pot;

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    /// Read once: there are many cases.
    static RULES: LazyLock<RuleBook> =
        LazyLock::new(|| crate::store::rulebook::load(None).unwrap());

    fn known(month: &str, state: ClaimState, submitted: &str, pounds: i64) -> KnownClaim {
        let claim = Claim {
            id: Uuid::from_u128(1),
            name: format!("pcns/U00001/claims/{month}").parse().unwrap(),
            step: 2,
            action: Action::Submit,
            state,
            line: 0,
            said: String::new(),
            build: Uuid::new_v4(),
            line_count: 1,
            unpriced_count: 0,
            own_cost: Pence::from_pounds(pounds + 10),
            pots: BTreeMap::from([(Pot::Main, Pence::from_pounds(pounds))]),
            weakest: None,
            note: String::new(),
            evidence: Vec::new(),
            payment_date: None,
            payment_reference: String::new(),
            submitted_at: None,
        };
        KnownClaim { claim, submitted_on: Some(day(submitted)), in_state_since: day(submitted) }
    }

    fn later_by(days: u64) -> std::time::Duration {
        std::time::Duration::from_hours(24 * days)
    }

    #[track_caller]
    fn aged(submitted: &str, as_of: &str, bucket: usize) {
        let claims = [known("2025-04", ClaimState::Submitted, submitted, 7)];
        let owed = owed(&RULES, &claims, day(as_of), day(as_of));
        let ages = owed.ages.map(|age| age.amount);
        let mut wanted = [Pence::ZERO; 4];
        wanted[bucket] = Pence(700);
        assert_eq!(ages, wanted, "{submitted} to {as_of}");
    }

    #[test]
    fn an_age_changes_after_30_60_and_90_days() {
        aged("2025-05-01", "2025-05-01", 0);
        aged("2025-05-01", "2025-05-31", 0);
        aged("2025-05-01", "2025-06-01", 1);
        aged("2025-05-01", "2025-06-30", 1);
        aged("2025-05-01", "2025-07-01", 2);
        aged("2025-05-01", "2025-07-30", 2);
        aged("2025-05-01", "2025-07-31", 3);
        aged("2025-05-01", "2026-07-31", 3);
    }

    #[test]
    fn only_what_is_asked_for_and_not_paid_is_owed() {
        use ClaimState::{
            Approved, Checked, Paid, Prepared, Queried, Rejected, Submitted, Withdrawn,
        };
        let of = |state| known("2025-04", state, "2025-05-06", 1);
        for state in [Submitted, Queried, Checked, Approved] {
            let owed = owed(&RULES, &[of(state)], day("2025-06-01"), day("2025-06-01"));
            assert_eq!((owed.amount, owed.claims.len()), (Pence(100), 1), "{state}");
        }
        for state in [Prepared, Paid, Rejected, Withdrawn] {
            let owed = owed(&RULES, &[of(state)], day("2025-06-01"), day("2025-06-01"));
            assert_eq!((owed.amount, owed.claims.len()), (Pence::ZERO, 0), "{state}");
        }
    }

    #[test]
    fn payment_is_expected_a_month_on_in_principle_and_two_to_three_in_practice() {
        let claims = [
            known("2025-04", ClaimState::Submitted, "2025-05-06", 5),
            // So late that it cannot have been paid when it should.
            known("2025-05", ClaimState::Approved, "2025-09-02", 3),
        ];

        let owed = owed(&RULES, &claims, day("2025-09-30"), day("2025-09-30"));

        let months = |claim: usize| owed.claims[claim].expected.values().map(Month::to_string);
        assert_eq!(months(0).collect::<Vec<_>>(), ["2025-05", "2025-06", "2025-07"]);
        assert_eq!(months(1).collect::<Vec<_>>(), ["2025-09", "2025-10", "2025-11"]);
        let marks = owed.delays.iter().map(|figure| figure.confidence.as_str());
        assert_eq!(marks.collect::<Vec<_>>(), ["ONE SOURCE"; 3]);
        for term in PaymentTerm::ALL {
            let by_month = owed.expected.values().filter_map(|month| month.get(term)).copied();
            assert_eq!(by_month.sum::<Pence>(), Pence(800), "{term}");
        }
    }

    fn cost(known: &KnownClaim, month: &str, person: u128, pounds: i64) -> LineCost {
        LineCost {
            build: known.claim.build,
            month: month.parse().unwrap(),
            engagement: EngagementId(Uuid::from_u128(person)),
            cost: Pence::from_pounds(pounds),
        }
    }

    #[test]
    fn the_gap_closes_when_money_comes_and_keeps_what_was_cut() {
        let mut april = known("2025-04", ClaimState::Paid, "2025-05-06", 100);
        april.claim.submitted_at = Some(Instant(1));
        april.claim.payment_date = Some(day("2025-06-20"));
        let mut may = known("2025-05", ClaimState::Submitted, "2025-06-06", 200);
        may.claim.submitted_at = Some(Instant(2));
        // Prepared only: the second person was paid £20 more for April since.
        let adjustment = known("2025-05-adj1", ClaimState::Prepared, "2025-07-01", 20);
        let costs = [
            cost(&april, "2025-04", 1, 60),
            cost(&april, "2025-04", 2, 50),
            cost(&may, "2025-05", 1, 210),
            cost(&adjustment, "2025-04", 2, 70),
        ];

        let gaps = cash_gaps(&[adjustment, may, april], &costs, day("2025-07-02"));

        let rows = gaps.iter().map(|gap| {
            let CashGap { month, cost, repaid, gap } = gap;
            (month.to_string(), cost.0 / 100, repaid.0 / 100, gap.0 / 100)
        });
        let row = |month: &str, cost, repaid, gap| (month.to_owned(), cost, repaid, gap);
        let wanted = [
            row("2025-04", 130, 0, 130),
            row("2025-05", 210, 0, 340),
            row("2025-06", 0, 100, 240),
            row("2025-07", 0, 0, 240),
        ];
        assert_eq!(rows.collect::<Vec<_>>(), wanted);
        assert_eq!(cash_gaps(&[], &[], day("2025-07-02")), []);
    }

    proptest! {
        #[test]
        fn ages_claims_and_expected_months_each_add_up_to_what_is_owed(
            claims in prop::collection::vec((0..24_u32, 0..8_usize, 0..400_u64, 0..9_000_i64), 0..20),
        ) {
            let claims: Vec<KnownClaim> = claims.into_iter().map(|(month, state, later, pounds)| {
                let month = format!("{}-{:02}", 2024 + month / 12, month % 12 + 1);
                let state = ClaimState::ALL[state];
                let submitted = day(&format!("{month}-01"));
                let submitted = submitted.checked_add(later_by(later)).unwrap();
                known(&month, state, &submitted.to_string(), pounds)
            }).collect();
            let as_of = day("2027-03-31");
            let owed = owed(&RULES, &claims, as_of, as_of);

            prop_assert_eq!(owed.claims.iter().map(|claim| claim.amount).sum::<Pence>(), owed.amount);
            prop_assert_eq!(owed.ages.iter().map(|age| age.amount).sum::<Pence>(), owed.amount);
            prop_assert_eq!(owed.ages.iter().map(|age| age.claims).sum::<usize>(), owed.claims.len());
            for term in PaymentTerm::ALL {
                let by_month = owed.expected.values().filter_map(|month| month.get(term)).copied();
                prop_assert_eq!(by_month.sum::<Pence>(), owed.amount);
            }
        }
    }
}
