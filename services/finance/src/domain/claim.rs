//! From hand to hand: the states of a claim, and who may move it from one to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use terms::{Confidence, Date, Instant, Month, OdsCode, ParseError, Pence, Period};
use uuid::Uuid;

use super::figure::Pot;
use super::ledger::Account;

terms::words! {
    /// How far a claim has come.
    ClaimState,
    "must be prepared, submitted, queried, checked, approved, paid, rejected or withdrawn",
    {
        /// Built and not asked for yet.
        Prepared = "prepared",
        /// Asked for; waits for the first approval.
        Submitted = "submitted",
        /// The commissioner has a question.
        Queried = "queried",
        /// Has the first approval; waits for the second.
        Checked = "checked",
        /// Has both approvals; waits to be paid.
        Approved = "approved",
        /// Paid.
        Paid = "paid",
        /// Refused by the commissioner.
        Rejected = "rejected",
        /// Taken back by the PCN.
        Withdrawn = "withdrawn",
    }
}

terms::words! {
    /// What somebody does with a claim.
    Action,
    "must be what somebody does with a claim",
    {
        /// Builds it, or builds it anew.
        Prepare = "prepare",
        /// Replaces its note and evidence.
        Amend = "amend",
        /// Asks for the money.
        Submit = "submit",
        /// Asks the PCN a question.
        Query = "query",
        /// Answers the question.
        Reply = "reply",
        /// Gives the first approval.
        Check = "check",
        /// Gives the second approval.
        Approve = "approve",
        /// Refuses it.
        Reject = "reject",
        /// Takes it back.
        Withdraw = "withdraw",
        /// Records that it was paid.
        Pay = "pay",
        /// Says something about it.
        Remark = "remark",
    }
}

/// Whose action it is. Which roles hold it stands in the table of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The PCN's, or of who acts for it.
    Pcn,
    /// The commissioner's.
    Commissioner,
    /// Either's.
    Both,
}

/// One row of the table of moves.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// What is done.
    pub action: Action,
    /// By whom.
    pub by: Side,
    /// In which states it may be done.
    pub from: &'static [ClaimState],
    /// The state it leads to; none if it changes none.
    pub to: Option<ClaimState>,
}

use ClaimState::{Approved, Checked, Paid, Prepared, Queried, Rejected, Submitted, Withdrawn};

/// Every move there is. A claim begins with `Prepare`, from nothing.
#[rustfmt::skip]
pub const MOVES: &[Move] = &[
    Move { action: Action::Prepare,  by: Side::Pcn,          from: &[Prepared, Rejected, Withdrawn],          to: Some(Prepared) },
    Move { action: Action::Amend,    by: Side::Pcn,          from: &[Prepared, Queried],                      to: None },
    Move { action: Action::Submit,   by: Side::Pcn,          from: &[Prepared],                               to: Some(Submitted) },
    Move { action: Action::Query,    by: Side::Commissioner, from: &[Submitted, Checked],                     to: Some(Queried) },
    Move { action: Action::Reply,    by: Side::Pcn,          from: &[Queried],                                to: Some(Submitted) },
    Move { action: Action::Check,    by: Side::Commissioner, from: &[Submitted],                              to: Some(Checked) },
    Move { action: Action::Approve,  by: Side::Commissioner, from: &[Checked],                                to: Some(Approved) },
    Move { action: Action::Reject,   by: Side::Commissioner, from: &[Submitted, Queried, Checked],            to: Some(Rejected) },
    Move { action: Action::Withdraw, by: Side::Pcn,          from: &[Prepared, Submitted, Queried, Checked],  to: Some(Withdrawn) },
    Move { action: Action::Pay,      by: Side::Commissioner, from: &[Approved],                               to: Some(Paid) },
    Move { action: Action::Remark,   by: Side::Both,         from: ClaimState::ALL,                           to: None },
];

/// Which claim: of a PCN and month, or an adjustment of what was approved up to that month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimName {
    /// The PCN.
    pub pcn: OdsCode,
    /// The month.
    pub month: Month,
    /// Which adjustment, the first being 1; 0 for the claim of the month.
    pub number: i32,
}

impl ClaimName {
    /// The months that its lines may be of: the one it names, or for an adjustment those of the
    /// contract year up to it.
    pub fn months(&self) -> RangeInclusive<Month> {
        let first = match self.number {
            0 => self.month,
            _ => self.month.contract_year().first_month(),
        };
        first..=self.month
    }

    /// The days of these months.
    pub fn days(&self) -> Period {
        let days = Period::new(self.months().start().first(), self.month.period().until());
        days.expect("a contract year begins before its months end")
    }

    /// Whether it adjusts what was approved.
    pub const fn is_adjustment(&self) -> bool {
        self.number > 0
    }
}

/// `pcns/U00070/claims/2025-07`, and `pcns/U00070/claims/2025-07-adj1`.
impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClaimName { pcn, month, number } = self;
        write!(f, "pcns/{pcn}/claims/{month}")?;
        if *number == 0 { Ok(()) } else { write!(f, "-adj{number}") }
    }
}

impl FromStr for ClaimName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<ClaimName, ParseError> {
        let parse = || {
            let (pcn, claim) = text.strip_prefix("pcns/")?.split_once("/claims/")?;
            let (month, number) = match claim.split_once("-adj") {
                Some((month, number)) => (month, number.parse().ok().filter(|one| *one > 0)?),
                None => (claim, 0),
            };
            Some(ClaimName { pcn: pcn.parse().ok()?, month: month.parse().ok()?, number })
        };
        // One name for one claim: no leading zeros, no plus sign.
        parse().filter(|name| name.to_string() == text).ok_or(ParseError {
            expected: "must be a claim such as pcns/U00070/claims/2025-07, or an adjustment such as \
                       pcns/U00070/claims/2025-07-adj1",
        })
    }
}

/// A claim as it was after something was done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Our identifier.
    pub id: Uuid,
    /// Which.
    pub name: ClaimName,
    /// How many things were done with it.
    pub step: i32,
    /// What was done.
    pub action: Action,
    /// The state after it.
    pub state: ClaimState,
    /// The line that it is about; 0 for the whole.
    pub line: i32,
    /// What was said.
    pub said: String,
    /// What it is built from.
    pub build: Uuid,
    /// Lines.
    pub line_count: i32,
    /// Lines without a price.
    pub unpriced_count: i32,
    /// The PCN's part of the cost.
    pub own_cost: Pence,
    /// What it takes of each sum; none that it takes nothing of.
    pub pots: BTreeMap<Pot, Pence>,
    /// The weakest mark of its figures.
    pub weakest: Option<Confidence>,
    /// What the PCN says about it.
    pub note: String,
    /// Where the evidence is kept.
    pub evidence: Vec<String>,
    /// When it was paid.
    pub payment_date: Option<Date>,
    /// What the payer calls the payment.
    pub payment_reference: String,
    /// When it was submitted last.
    pub submitted_at: Option<Instant>,
}

impl Claim {
    /// What it takes of all sums.
    pub fn payable(&self) -> Pence {
        self.pots.values().copied().sum()
    }
}

/// What somebody did with a claim before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    /// What.
    pub action: Action,
    /// Issuer and subject of the token.
    pub principal: String,
}

/// Why a claim is not moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// It is in a state from which this is not done.
    #[error("a claim in state {state} cannot be moved by {action}")]
    State {
        /// The state.
        state: ClaimState,
        /// What was asked for.
        action: Action,
        /// What can be done instead.
        possible: Vec<Action>,
    },
    /// An approval must be somebody else's.
    #[error("{action} must be done by somebody who did not {did}")]
    SecondPerson {
        /// What was asked for.
        action: Action,
        /// What the same person did before.
        did: Action,
    },
}

/// The state after an action, or why it is refused. `hands` are all before, the first one first.
pub fn decide(
    action: Action,
    state: ClaimState,
    hands: &[Hand],
    principal: &str,
) -> Result<ClaimState, MoveError> {
    let found = MOVES.iter().find(|row| row.action == action && row.from.contains(&state));
    let Some(row) = found else {
        let possible = MOVES.iter().filter(|row| row.from.contains(&state));
        let possible = possible.map(|row| row.action).collect();
        return Err(MoveError::State { state, action, possible });
    };
    match earlier_hand(action, hands, principal) {
        Some(did) => Err(MoveError::SecondPerson { action, did }),
        None => Ok(row.to.unwrap_or(state)),
    }
}

/// What keeps a person from an approval: no approval is of who made the claim, and the second not
/// of who gave the first.
fn earlier_hand(action: Action, hands: &[Hand], principal: &str) -> Option<Action> {
    let by_maker = |hand: &&Hand| match hand.action {
        Action::Prepare | Action::Amend | Action::Submit | Action::Reply => true,
        Action::Query
        | Action::Check
        | Action::Approve
        | Action::Reject
        | Action::Withdraw
        | Action::Pay
        | Action::Remark => false,
    };
    let mine = |hand: &&Hand| hand.principal == principal;
    let made = || hands.iter().rev().filter(by_maker).find(mine).map(|hand| hand.action);
    let checked = || {
        let last = hands.iter().rev().find(|hand| hand.action == Action::Check);
        last.filter(mine).map(|hand| hand.action)
    };
    match action {
        Action::Check => made(),
        Action::Approve => made().or_else(checked),
        Action::Prepare
        | Action::Amend
        | Action::Submit
        | Action::Query
        | Action::Reply
        | Action::Reject
        | Action::Withdraw
        | Action::Pay
        | Action::Remark => None,
    }
}

/// Where a claim's money stands: it follows the state.
pub const fn account(state: ClaimState) -> Account {
    match state {
        Prepared | Rejected | Withdrawn => Account::Room,
        Submitted | Queried => Account::Claimed,
        Checked => Account::Committed,
        Approved => Account::Approved,
        Paid => Account::Paid,
    }
}

/// The states in which a claim's money is set aside.
pub fn holding() -> BTreeSet<&'static str> {
    let holds = |state: &&ClaimState| account(**state) != Account::Room;
    ClaimState::ALL.iter().filter(holds).map(|state| state.as_str()).collect()
}

/// The actions that bring a claim into another state.
pub fn entering() -> BTreeSet<&'static str> {
    MOVES.iter().filter(|row| row.to.is_some()).map(|row| row.action.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(action: Action, principal: &str) -> Hand {
        Hand { action, principal: principal.to_owned() }
    }

    #[test]
    fn a_claim_moves_as_the_table_of_the_contract_says() {
        let contract = include_str!("../../../../proto/arrs/finance/v1/claim_service.proto");
        let rows = contract.lines().filter_map(|line| line.strip_prefix("// | `"));
        let written: Vec<Vec<String>> = rows
            .map(|row| {
                row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
            })
            .collect();

        let ours: Vec<Vec<String>> = MOVES
            .iter()
            .map(|row| {
                let words: Vec<String> =
                    row.from.iter().map(|state| state.as_str().to_uppercase()).collect();
                let from = match row.action {
                    Action::Prepare => format!("nothing, {}", words.join(", ")),
                    _ if row.from == ClaimState::ALL => "any".to_owned(),
                    _ => words.join(", "),
                };
                let by = match row.by {
                    Side::Pcn => "PCN",
                    Side::Commissioner => "commissioner",
                    Side::Both => "both",
                };
                let to = row.to.map_or("the same".to_owned(), |to| to.as_str().to_uppercase());
                let action = row.action.as_str();
                let action = format!("{}{}", action[..1].to_uppercase(), &action[1..]);
                vec![action, by.to_owned(), from, to, String::new()]
            })
            .collect();
        assert_eq!(written, ours);
    }

    #[test]
    fn every_action_has_a_row_and_a_refusal_says_what_is_possible() {
        let actions: Vec<Action> = MOVES.iter().map(|row| row.action).collect();
        assert_eq!(actions, Action::ALL);

        let refused = decide(Action::Approve, Submitted, &[], "anybody");

        let possible =
            vec![Action::Query, Action::Check, Action::Reject, Action::Withdraw, Action::Remark];
        let action = Action::Approve;
        assert_eq!(refused, Err(MoveError::State { state: Submitted, action, possible }));
        assert_eq!(decide(Action::Remark, Paid, &[], "anybody"), Ok(Paid));
    }

    /// MON-7: the maker is not the checker, and the checker not the approver.
    #[test]
    fn mon_7_each_approval_is_of_somebody_who_had_no_hand_in_it() {
        let mut hands = vec![hand(Action::Prepare, "maker"), hand(Action::Submit, "submitter")];
        for (principal, did) in [("maker", Action::Prepare), ("submitter", Action::Submit)] {
            let action = Action::Check;
            let refused = decide(action, Submitted, &hands, principal);
            assert_eq!(refused, Err(MoveError::SecondPerson { action, did }));
        }
        assert_eq!(decide(Action::Check, Submitted, &hands, "checker"), Ok(Checked));
        hands.push(hand(Action::Check, "checker"));
        for (principal, did) in [("maker", Action::Prepare), ("checker", Action::Check)] {
            let action = Action::Approve;
            let refused = decide(action, Checked, &hands, principal);
            assert_eq!(refused, Err(MoveError::SecondPerson { action, did }));
        }
        assert_eq!(decide(Action::Approve, Checked, &hands, "approver"), Ok(Approved));

        // A first approval that a question took back counts no more.
        for (action, principal) in
            [(Action::Query, "checker"), (Action::Reply, "maker"), (Action::Check, "another")]
        {
            hands.push(hand(action, principal));
        }
        assert_eq!(decide(Action::Approve, Checked, &hands, "checker"), Ok(Approved));
    }

    #[test]
    fn only_asked_for_money_is_set_aside() {
        let words = ["approved", "checked", "paid", "queried", "submitted"];
        assert_eq!(holding(), BTreeSet::from(words));
    }
}
