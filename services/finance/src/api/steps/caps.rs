//! What the cap of a role does to a line, in sentences.

use terms::Pence;

use super::words::{plural, wte};
use super::{Explained, count, day, fraction};
use crate::domain::step::{NumberName, NumberValue, Step};

impl Explained<'_> {
    pub(super) fn cap(&self, step: &Step) -> Option<String> {
        let (name, month) = (self.role_name(), self.line.month);
        let Some(cap) = count(step, NumberName::CapWte) else {
            return Some(match step.figure {
                None => format!("No source prints a cap of {name} for {month}, so none applies."),
                Some(_) => format!("The role {name} has no cap in {month}."),
            });
        };
        let used = fraction(step, NumberName::WteEarlier)?;
        let own = fraction(step, NumberName::Wte)?;
        let claimable = fraction(step, NumberName::WteClaimable)?;
        let (before, after) = (step.before, step.after);
        let then = if claimable == own {
            format!("the {} WTE of this line fit", wte(own))
        } else if after == Pence::ZERO {
            format!("nothing of {before} is payable")
        } else {
            let (some, all) = (wte(claimable), wte(own));
            format!("{some} of the {all} WTE of this line fit, so {after} of {before} is payable")
        };
        let but = match count(step, NumberName::UnpricedEarlier)? {
            0 => String::new(),
            some => format!("; {} without a price would use more", plural(some, "earlier line")),
        };
        Some(format!(
            "The PCN may claim for {cap} WTE of {name}, of which people longer in post use {}: \
             {then}{but}.",
            wte(used)
        ))
    }

    pub(super) fn cap_unknown(&self, step: &Step) -> String {
        let (name, month) = (self.role_name(), self.line.month);
        let why = match (day(step, NumberName::ListDate), step.number(NumberName::Registered)) {
            (Some(date), _) => {
                format!("depends on the PCN's registered list of {date}, which is not recorded")
            }
            (None, Some(NumberValue::Patients(list))) => {
                format!("for a PCN of {list} patients is not known: no source prints it")
            }
            (None, _) => "is not known: no source prints it".to_owned(),
        };
        format!(
            "The cap of {name} in {month} {why}. Nothing was cut; what is payable may be too much."
        )
    }
}
