//! How one line differs under two states of knowledge.

use super::line::{Line, Outcome};
use super::step::{Step, StepCode};

/// What two evaluations of the same line give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What the earlier knowledge gave.
    pub earlier: Outcome,
    /// What the later one gives.
    pub later: Outcome,
    /// The steps that are not equal, in the order of evaluation.
    pub steps: Vec<StepDifference>,
}

/// A step that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDifference {
    /// Which step.
    pub code: StepCode,
    /// Which of several with this code, the first being 0.
    pub ordinal: usize,
    /// The step by the earlier knowledge, if it was taken.
    pub earlier: Option<Step>,
    /// The step by the later one, if it is taken.
    pub later: Option<Step>,
}

impl StepDifference {
    /// Whether another figure was used, rather than another amount handed on.
    pub fn figure_differs(&self) -> bool {
        let figure = |step: &Option<Step>| step.as_ref().and_then(|step| step.figure.clone());
        figure(&self.earlier) != figure(&self.later)
    }
}

impl Comparison {
    /// The first step that used another figure: why the amounts differ, if a figure is why.
    pub fn cause(&self) -> Option<&StepDifference> {
        self.steps.iter().find(|difference| difference.figure_differs())
    }
}

/// Compares a line with itself under other knowledge.
///
/// # Panics
///
/// If the two are not of the same month and engagement.
pub fn compare(earlier: &Line, later: &Line) -> Comparison {
    assert_eq!(
        (earlier.month, earlier.engagement),
        (later.month, later.engagement),
        "a line is compared with itself"
    );
    let mut keys: Vec<(StepCode, usize)> = keyed(&earlier.steps)
        .chain(keyed(&later.steps))
        .map(|(code, ordinal, _)| (code, ordinal))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let find = |steps: &[Step], key: (StepCode, usize)| {
        keyed(steps)
            .find(|(code, ordinal, _)| (*code, *ordinal) == key)
            .map(|found| found.2.clone())
    };
    let steps = keys
        .into_iter()
        .map(|(code, ordinal)| StepDifference {
            code,
            ordinal,
            earlier: find(&earlier.steps, (code, ordinal)),
            later: find(&later.steps, (code, ordinal)),
        })
        .filter(|difference| difference.earlier != difference.later)
        .collect();
    Comparison { earlier: earlier.outcome, later: later.outcome, steps }
}

fn keyed(steps: &[Step]) -> impl Iterator<Item = (StepCode, usize, &Step)> {
    steps.iter().enumerate().map(|(index, step)| {
        let before = steps[..index].iter().filter(|other| other.code == step.code).count();
        (step.code, before, step)
    })
}
