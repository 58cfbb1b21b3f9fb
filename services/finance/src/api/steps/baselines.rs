//! What a vacancy in a baseline does to a line, in sentences.

use terms::Fraction;

use super::words::wte;
use super::{Explained, day, fraction};
use crate::domain::step::{NumberName, Step};

impl Explained<'_> {
    pub(super) fn baseline(&self, step: &Step) -> Option<String> {
        let name = self.role_name();
        let Some(baseline) = fraction(step, NumberName::BaselineWte) else {
            return Some(format!("The role {name} has no baseline."));
        };
        let funded = fraction(step, NumberName::FundedWte)?;
        let blocked = fraction(step, NumberName::BlockedWte)?;
        let (own, held) = (fraction(step, NumberName::Wte)?, fraction(step, NumberName::WteHeld)?);
        let of = format!(
            "Practices pay for {} of a baseline of {} WTE of {name}",
            wte(funded),
            wte(baseline)
        );
        if blocked == Fraction::ZERO {
            return Some(format!("{of}: no vacancy is older than three months."));
        }
        let (later, before, after) =
            (fraction(step, NumberName::HeldLater)?, step.before, step.after);
        let then = if held == Fraction::ZERO {
            "none of this line".to_owned()
        } else {
            format!(
                "{} of the {} WTE of this line, so {after} of {before} is left",
                wte(held),
                wte(own)
            )
        };
        Some(format!(
            "{of}. Vacancies older than three months hold back {} WTE in the month: {} of people \
             who started later, {then}.",
            wte(blocked),
            wte(later)
        ))
    }

    pub(super) fn baseline_not_recorded(&self, step: &Step) -> String {
        let name = self.role_name();
        match day(step, NumberName::FundedWte) {
            Some(day) => format!(
                "What practices pay for of {name} on {day} is not recorded, so it is not known \
                 whether the baseline has a vacancy. Nothing was held back."
            ),
            None => format!(
                "The baseline of {name} is not recorded, so it is not known whether it has a \
                 vacancy. Nothing was held back."
            ),
        }
    }
}
