//! Assembling a report from what the three services said.

use terms::{Fraction, Pence};

/// The sections of a report, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SectionName {
    /// People and hours.
    Workforce,
    /// What they cost and what the scheme pays.
    Money,
    /// What is met, due, late or never done.
    Supervision,
}

impl SectionName {
    /// The name as reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            SectionName::Workforce => "workforce",
            SectionName::Money => "money",
            SectionName::Supervision => "supervision",
        }
    }
}

/// How a section came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionState {
    /// It had followed every fact that the workforce section had.
    Fresh,
    /// It lacks facts of workforce.
    Behind(Lacking),
    /// It is missing, with the reason.
    Unavailable(String),
}

/// The facts of workforce that a section lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// How many it had still to follow.
    pub ahead: i64,
    /// The positions of those that could not be recorded.
    pub parked: Vec<i64>,
}

/// What of a section the assembly looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived<T> {
    /// The position of workforce that the section rests on.
    pub position: i64,
    /// The positions up to there of facts that could not be recorded.
    pub parked: Vec<i64>,
    /// What totals need of it.
    pub facts: T,
}

/// What totals need of the workforce section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkforceFacts {
    /// FTE averaged over the month, people and contracted services, in millionths.
    pub fte_average_micro: i64,
    /// Registered patients, if known.
    pub registered: Option<i64>,
}

/// What totals need of the money section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyFacts {
    /// Payable of the month.
    pub payable: Pence,
    /// Whether every line could be priced.
    pub complete: bool,
}

/// Figures over more than one section; absent where one of them is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Payable for each FTE, half up to the penny.
    pub payable_per_fte: Option<Pence>,
    /// Registered patients for each FTE, half up.
    pub patients_per_fte: Option<i64>,
}

/// How the three sections came about, and what can be said over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Always three, in their order.
    pub sections: [(SectionName, SectionState); 3],
    /// None when no total can be told.
    pub totals: Option<Totals>,
}

/// A section that arrived, or why it did not.
pub type Section<T> = Result<Arrived<T>, String>;

/// Assembles a report. A total that would need a section that is missing or behind is absent,
/// never zero and never of two times.
pub fn assemble(
    workforce: &Section<WorkforceFacts>,
    money: &Section<MoneyFacts>,
    supervision: &Section<()>,
) -> Assembled {
    let newest = workforce.as_ref().ok().map(|arrived| arrived.position);
    let sections = [
        (SectionName::Workforce, state(workforce, newest)),
        (SectionName::Money, state(money, newest)),
        (SectionName::Supervision, state(supervision, newest)),
    ];
    let totals = workforce.as_ref().ok().map(|workforce| {
        let facts = workforce.facts;
        // What is behind is of earlier people: over those of now it would be nobody's.
        let followed = |money: &&Arrived<MoneyFacts>| money.position >= workforce.position;
        let payable = money.as_ref().ok().filter(|money| money.facts.complete).filter(followed);
        Totals {
            payable_per_fte: payable
                .and_then(|money| per_fte(money.facts.payable.0, facts.fte_average_micro))
                .map(Pence),
            patients_per_fte: facts
                .registered
                .and_then(|registered| per_fte(registered, facts.fte_average_micro)),
        }
    });
    let told = |totals: &Totals| *totals != Totals::default();
    Assembled { sections, totals: totals.filter(told) }
}

fn state<T>(section: &Section<T>, newest: Option<i64>) -> SectionState {
    match section {
        Err(reason) => SectionState::Unavailable(reason.clone()),
        Ok(Arrived { position, parked, .. }) => {
            let ahead = newest.map_or(0, |newest| newest - position).max(0);
            if ahead == 0 && parked.is_empty() {
                return SectionState::Fresh;
            }
            SectionState::Behind(Lacking { ahead, parked: parked.clone() })
        }
    }
}

fn per_fte(amount: i64, fte_micro: i64) -> Option<i64> {
    (fte_micro > 0)
        .then(|| Fraction::new(i128::from(amount) * 1_000_000, fte_micro).round_half_away())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workforce(position: i64) -> Section<WorkforceFacts> {
        let facts = WorkforceFacts { fte_average_micro: 2_500_000, registered: Some(10_000) };
        Ok(Arrived { position, parked: Vec::new(), facts })
    }

    fn money(position: i64, complete: bool) -> Section<MoneyFacts> {
        let facts = MoneyFacts { payable: Pence(1_000_000), complete };
        Ok(Arrived { position, parked: Vec::new(), facts })
    }

    fn supervision(position: i64) -> Section<()> {
        Ok(Arrived { position, parked: Vec::new(), facts: () })
    }

    #[test]
    fn a_section_that_follows_every_fact_is_fresh_and_another_says_how_far_it_is_behind() {
        let report = assemble(&workforce(10), &money(10, true), &supervision(7));

        let behind = Lacking { ahead: 3, parked: Vec::new() };
        let states: Vec<_> = report.sections.iter().map(|(_, state)| state.clone()).collect();
        assert_eq!(
            states,
            [SectionState::Fresh, SectionState::Fresh, SectionState::Behind(behind)]
        );
        let totals = report.totals.unwrap();
        assert_eq!(totals.payable_per_fte, Some(Pence(400_000)));
        assert_eq!(totals.patients_per_fte, Some(4_000));
    }

    #[test]
    fn a_section_that_lacks_facts_which_could_not_be_recorded_is_behind() {
        let parked = vec![4, 9];
        let arrived = Arrived { position: 10, parked: parked.clone(), facts: () };
        let report = assemble(&workforce(10), &money(10, true), &Ok(arrived));

        let lacking = Lacking { ahead: 0, parked };
        assert_eq!(report.sections[2].1, SectionState::Behind(lacking));
        assert_eq!(report.sections[1].1, SectionState::Fresh);
    }

    #[test]
    fn a_total_that_needs_a_missing_section_is_absent_never_zero() {
        let missing = Err("finance does not answer".to_owned());
        let report = assemble(&workforce(10), &missing, &supervision(10));

        assert_eq!(report.totals.unwrap().payable_per_fte, None);
        assert!(matches!(report.sections[1].1, SectionState::Unavailable(_)));

        let nothing = assemble(&Err("down".to_owned()), &money(3, true), &supervision(3));
        assert_eq!(nothing.totals, None);
        assert_eq!(nothing.sections[1].1, SectionState::Fresh);
    }

    #[test]
    fn money_that_is_behind_makes_no_total() {
        let report = assemble(&workforce(10), &money(9, true), &supervision(10));

        assert!(matches!(report.sections[1].1, SectionState::Behind(_)));
        assert_eq!(report.totals.unwrap().payable_per_fte, None);
        let ahead = assemble(&workforce(10), &money(11, true), &supervision(10));
        assert_eq!(ahead.totals.unwrap().payable_per_fte, Some(Pence(400_000)));
    }

    #[test]
    fn an_incomplete_payable_makes_no_total() {
        let report = assemble(&workforce(1), &money(1, false), &supervision(1));

        assert_eq!(report.totals.unwrap().payable_per_fte, None);
    }

    #[test]
    fn without_fte_there_is_no_share() {
        let facts = WorkforceFacts { fte_average_micro: 0, registered: Some(1) };
        let empty = Ok(Arrived { position: 1, parked: Vec::new(), facts });
        assert_eq!(assemble(&empty, &money(1, true), &supervision(1)).totals, None);
    }
}
