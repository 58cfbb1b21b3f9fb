//! Why a line differs under two states of the scheme's figures, in sentences.

use terms::{Date, Pence};

use super::{Explained, money};
use crate::domain::comparison::{Comparison, StepDifference};
use crate::domain::figure::{Cell, Figure, Value};
use crate::domain::line::Outcome;
use crate::domain::step::{NumberName, Step, StepCode};

/// The most sentences of an answer, as its contract says.
const SENTENCES: usize = 40;

impl Explained<'_> {
    /// What differs between this line, by the figures known on the first of `days`, and `later`,
    /// by those known on the second. First what it comes to, then why, in the order of the steps.
    pub fn differences(
        &self,
        later: &Explained<'_>,
        comparison: &Comparison,
        days: (Date, Date),
    ) -> Vec<String> {
        if comparison.steps.is_empty() && comparison.earlier == comparison.later {
            let (earlier, later) = days;
            return vec![format!(
                "Nothing differs: the figures known on {earlier} and on {later} give the same."
            )];
        }
        let mut sentences = vec![outcome(comparison, days)];
        for difference in &comparison.steps {
            sentences.extend(self.difference(later, difference));
        }
        sentences.truncate(SENTENCES);
        sentences
    }

    fn difference(&self, later: &Explained<'_>, difference: &StepDifference) -> Option<String> {
        let (before, after) = match (&difference.earlier, &difference.later) {
            (Some(before), Some(after)) => (before, after),
            (Some(only), None) => return Some(format!("No longer: {}", self.text(only))),
            (None, Some(only)) => return Some(format!("New: {}", later.text(only))),
            (None, None) => return None,
        };
        match difference.code {
            StepCode::Figure | StepCode::NotClaimable | StepCode::Share
                if difference.figure_differs() =>
            {
                Some(self.figures(before, after))
            }
            StepCode::Maximum => {
                let most = |step| money(step, NumberName::Maximum);
                let (was, is) = (most(before)?, most(after)?);
                (was != is).then(|| format!("The maximum of the line was {was} and is {is}."))
            }
            StepCode::Room | StepCode::Sum if difference.figure_differs() => {
                Some(self.figures(before, after))
            }
            StepCode::Room | StepCode::Sum => self.room_differs(before, after),
            StepCode::Cap
                if difference.figure_differs()
                    && before.figure.is_some()
                    && after.figure.is_some() =>
            {
                Some(self.figures(before, after))
            }
            StepCode::LowerOf
            | StepCode::Cap
            | StepCode::CapUnknown
            | StepCode::Gone
            | StepCode::Adjustment
            | StepCode::Unpriced
            | StepCode::NotClaimable
            | StepCode::Share
            | StepCode::RoomUnknown => {
                let (was, is) = (self.text(before), later.text(after));
                (was != is).then(|| format!("Before: {was} Now: {is}"))
            }
            // These do not depend on figures; their amounts were handed on.
            StepCode::Area
            | StepCode::Figure
            | StepCode::Eligibility
            | StepCode::Cost
            | StepCode::LatePay
            | StepCode::NotYetPaid
            | StepCode::Attribution
            | StepCode::WrittenAgreement
            | StepCode::OverFullTime
            | StepCode::Baseline
            | StepCode::BaselineNotRecorded => None,
        }
    }

    /// What was left of the sum for the line, where lines before it take another part of it.
    fn room_differs(&self, before: &Step, after: &Step) -> Option<String> {
        let left = |step| money(step, NumberName::Left);
        let (was, is): (Pence, Pence) = (left(before)?, left(after)?);
        (was != is).then(|| {
            if !self.year_shown {
                return "Lines before this one take another part of the allocation; the room is \
                        not shown."
                    .to_owned();
            }
            format!(
                "Of the allocation, {was} was left for the line and {is} is, because lines before \
                 it take another part."
            )
        })
    }

    /// Both figures with since when they are known, how sure they are and where they were read.
    fn figures(&self, before: &Step, after: &Step) -> String {
        let told = |step: &Step| match step.figure.as_deref() {
            None => "not known".to_owned(),
            Some(figure) => format!(
                "{}{} (known since {}, {}, source: {})",
                figure.value,
                unit(figure),
                figure.validity.known_from,
                figure.confidence,
                figure.source
            ),
        };
        let of = after.figure.as_deref().or(before.figure.as_deref());
        let what = match of.map(|figure| (&figure.cell, figure)) {
            Some((Cell::Maximum { .. }, figure)) => format!("The maximum for {}", self.row(figure)),
            Some((Cell::Rate { .. }, _)) => "The rate of the allocation".to_owned(),
            Some((Cell::Sum { .. }, _)) => "The allocation".to_owned(),
            Some((Cell::Share { .. }, _)) => "The share that is paid".to_owned(),
            Some((Cell::Fee { .. }, _)) => "What may be claimed of a fee".to_owned(),
            Some((Cell::Cap { .. }, _)) => "The cap of the role".to_owned(),
            Some((Cell::OnCost(_), _)) => "What maxima are built of".to_owned(),
            Some((Cell::PaymentDelay { .. }, _)) => "How long a payment takes".to_owned(),
            Some((Cell::Income { .. }, _)) => "The rate of the income".to_owned(),
            None => "The figure".to_owned(),
        };
        format!("{what} was {} and is {}.", told(before), told(after))
    }
}

fn unit(figure: &Figure) -> &'static str {
    match figure.cell {
        Cell::Maximum { .. } => " a year",
        Cell::Rate { .. } => " a weighted patient",
        Cell::Sum { .. } => "",
        Cell::Share { .. } => " of the cost",
        Cell::Fee { .. } => " a month for one WTE",
        Cell::Cap { .. } if figure.value != Value::Unlimited => " WTE",
        Cell::PaymentDelay { .. } => " months",
        Cell::Cap { .. } | Cell::OnCost(_) | Cell::Income { .. } => "",
    }
}

fn outcome(comparison: &Comparison, (earlier, later): (Date, Date)) -> String {
    let told = |outcome| match outcome {
        Outcome::Payable(payable) => payable.to_string(),
        Outcome::Unpriced(_) => "not known".to_owned(),
    };
    let change = match (comparison.earlier, comparison.later) {
        (Outcome::Payable(was), Outcome::Payable(is)) if is > was => {
            format!(", {} more", is - was)
        }
        (Outcome::Payable(was), Outcome::Payable(is)) if is < was => {
            format!(", {} less", was - is)
        }
        (
            Outcome::Payable(_) | Outcome::Unpriced(_),
            Outcome::Payable(_) | Outcome::Unpriced(_),
        ) => String::new(),
    };
    format!(
        "Payable was {} by the figures known on {earlier} and is {} by those known on \
         {later}{change}.",
        told(comparison.earlier),
        told(comparison.later)
    )
}
