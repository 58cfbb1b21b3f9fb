//! Step 8: what of a role's lines is within the WTE that a PCN may claim for.

use terms::{Fraction, Month, Pence, RoleCode};

use super::allocation::Lists;
use super::evaluation::Question;
use super::figure::Value;
use super::line::{Line, Outcome};
use super::policy::PolicyName;
use super::rulebook::{CapGap, RoleCap, RuleBook};
use super::step::{NumberName, NumberValue, Step, StepCode};

/// One role in one month.
struct Tally<'a> {
    role: RoleCode,
    cap: RoleCap<'a>,
    /// The WTE that people longer in post are claimed for.
    used: Fraction,
    /// How many of them have no price, and would use more.
    unpriced: i64,
}

/// Cuts lines above the caps of their roles. Lines come by month, start date and engagement: who
/// is longer in post uses the cap first.
pub(super) fn apply_caps(rules: &RuleBook, question: &Question, lists: Lists, lines: &mut [Line]) {
    let mut month: Option<Month> = None;
    let mut tallies: Vec<Tally<'_>> = Vec::new();
    for line in lines {
        if month.replace(line.month) != Some(line.month) {
            tallies.clear();
        }
        let place = tallies.iter().position(|tally| tally.role == line.role);
        let place = place.unwrap_or_else(|| {
            let role = rules.role_index(&line.role);
            let cap = role.map_or(RoleCap::None, |role| {
                let (day, known_on) = (line.month.first(), question.rules_known_on);
                rules.cap(role, lists.registered, day, known_on)
            });
            let role = line.role.clone();
            tallies.push(Tally { role, cap, used: Fraction::ZERO, unpriced: 0 });
            tallies.len() - 1
        });
        tallies[place].take(lists, line);
    }
}

impl Tally<'_> {
    fn take(&mut self, lists: Lists, line: &mut Line) {
        let Outcome::Payable(before) = line.outcome else {
            self.unpriced += 1;
            return;
        };
        let step = Step::new(StepCode::Cap, before);
        let step = match self.cap {
            RoleCap::None => step,
            RoleCap::Unknown(gap) => unknown(gap, lists, line.month, before),
            RoleCap::Stated(figure) => {
                line.confidence = line.confidence.max(Some(figure.confidence));
                let step = step.using(Some(figure.clone()));
                if let Value::Wte(cap) = figure.value {
                    self.share(i64::from(cap), line, step)
                } else {
                    step
                }
            }
        };
        line.outcome = Outcome::Payable(step.after);
        line.steps.push(step);
    }

    /// The line's part within the cap. Who is in post uses it, whatever they were paid, and who is
    /// held back does not.
    fn share(&mut self, cap: i64, line: &Line, step: Step) -> Step {
        let own = line.wte.unwrap_or(Fraction::ZERO) - line.held_back;
        let left = (Fraction::from(cap) - self.used).max(Fraction::ZERO);
        let claimable = own.min(left);
        let numbers = [
            (NumberName::CapWte, NumberValue::Count(cap)),
            (NumberName::WteEarlier, NumberValue::Exact(self.used)),
            (NumberName::Wte, NumberValue::Exact(own)),
            (NumberName::WteClaimable, NumberValue::Exact(claimable)),
            (NumberName::UnpricedEarlier, NumberValue::Count(self.unpriced)),
        ];
        self.used = self.used + claimable;
        let after = if claimable == own { step.after } else { line.within(claimable) };
        step.by(PolicyName::CapOrder.applied()).with(&numbers).to(after)
    }
}

/// Nothing is cut by a cap that nobody knows.
fn unknown(gap: CapGap, lists: Lists, month: Month, amount: Pence) -> Step {
    let step = Step::new(StepCode::CapUnknown, amount);
    match (gap, lists.registered) {
        (CapGap::ListMissing, _) => {
            let date = month.contract_year().list_date();
            step.with(&[(NumberName::ListDate, NumberValue::Day(date))])
        }
        (CapGap::NotPrinted, Some(list)) => {
            step.with(&[(NumberName::Registered, NumberValue::Patients(list))])
        }
        (CapGap::NotPrinted, None) => step,
    }
}
