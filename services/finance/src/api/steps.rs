//! Steps in sentences. The only place where the text of a step is made: from its code, its numbers
//! and its figure, when it is read.

mod baselines;
mod caps;
mod differences;
mod unpriced;
mod words;

use terms::{Date, Fraction, Month, Pence};

use crate::app::pcn_money::Shown;
use crate::domain::figure::{Cell, Figure, Share};
use crate::domain::line::{AreaBasis, Line, Outcome, UnpricedReason};
use crate::domain::rulebook::RuleBook;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};
use words::{article, band, hour_days, hours, part, place, plural, row_place, wte};

/// A line whose steps are told to somebody.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The rules by which it was priced.
    pub rules: &'a RuleBook,
    /// The line.
    pub line: &'a Line,
    /// How much of the engagement's cost may be told.
    pub shown: Shown,
    /// Whether what earlier months of the year come to may be told.
    pub year_shown: bool,
}

/// The code of a step on the wire. What has no price because a figure is unknown says so.
pub fn code(line: &Line, step: &Step) -> &'static str {
    match (step.code, line.outcome) {
        (
            StepCode::Unpriced,
            Outcome::Unpriced(
                UnpricedReason::AreaUnknown
                | UnpricedReason::FigureMissing { .. }
                | UnpricedReason::FeeFigureMissing,
            ),
        ) => "FIGURE_MISSING",
        (code, _) => code.as_str(),
    }
}

impl Explained<'_> {
    /// The amounts before and after a step. Where another PCN's part of the cost stays hidden, the
    /// steps up to the attribution have the share of this PCN.
    pub fn amounts(&self, step: &Step) -> (Pence, Pence) {
        match self.shown {
            Shown::OwnShare if step.code.number() <= StepCode::Attribution.number() => {
                (self.line.own_cost, self.line.own_cost)
            }
            Shown::OwnShare | Shown::Whole => (step.before, step.after),
        }
    }

    /// The step in a sentence.
    pub fn text(&self, step: &Step) -> String {
        // A number that is not there is our bug; the code still says what happened.
        self.sentence(step).unwrap_or_else(|| step.code.as_str().to_owned())
    }

    fn sentence(&self, step: &Step) -> Option<String> {
        let Step { before, after, .. } = step;
        Some(match step.code {
            StepCode::Area => self.area(step),
            StepCode::Figure => self.figure(step)?,
            StepCode::Unpriced => self.unpriced(),
            StepCode::Eligibility => "Whether the person is eligible was not checked.".to_owned(),
            StepCode::Cost => self.cost(step)?,
            StepCode::LatePay => self.late_pay(step)?,
            StepCode::NotYetPaid => self.not_yet_paid(step)?,
            StepCode::Attribution => self.attribution(step)?,
            StepCode::NotClaimable => not_claimable(step)?,
            StepCode::Share => {
                let share = share(step)?;
                format!("The scheme pays {share} of the cost: {after} of {before}.")
            }
            StepCode::WrittenAgreement => self.agreement(step)?,
            StepCode::Maximum => {
                let (most, share) =
                    (money(step, NumberName::Maximum)?, fraction(step, NumberName::Wte)?);
                format!(
                    "The maximum for the hours and days in post, {} WTE over the month, is {most}.",
                    wte(share)
                )
            }
            StepCode::OverFullTime => over_full_time(step)?,
            StepCode::LowerOf => self.lower_of(step)?,
            StepCode::Baseline => self.baseline(step)?,
            StepCode::BaselineNotRecorded => self.baseline_not_recorded(step),
            StepCode::Cap => self.cap(step)?,
            StepCode::CapUnknown => self.cap_unknown(step),
            StepCode::Gone => {
                format!("No hours in the PCN are recorded for {} any more.", self.line.month)
            }
            StepCode::Adjustment => adjustment(step)?,
            StepCode::Room => self.room(step)?,
            StepCode::Sum => self.sum(step)?,
            StepCode::RoomUnknown => {
                "The allocation is not known, so nothing was compared with it.".to_owned()
            }
        })
    }

    fn role_name(&self) -> String {
        let role = self.rules.role(&self.line.role);
        role.map_or_else(|| self.line.role.to_string(), |role| role.name.clone())
    }

    fn area(&self, step: &Step) -> String {
        let area = match step.number(NumberName::Area) {
            Some(NumberValue::Area(area)) => Some(area),
            Some(_) | None => None,
        };
        match (area, step.number(NumberName::AreaBasis)) {
            (None, _) => {
                "In which London area the PCN lies is not recorded, and it may be in London."
                    .to_owned()
            }
            (Some(area), Some(NumberValue::AreaBasis(AreaBasis::OutsideLondonRegion))) => format!(
                "The PCN lies {}: its region is known and is not London (DERIVED; no record \
                 states the area).",
                place(area)
            ),
            (Some(area), Some(_) | None) => {
                format!("The PCN lies {}, as recorded.", place(area))
            }
        }
    }

    fn figure(&self, step: &Step) -> Option<String> {
        let figure = step.figure.as_deref()?;
        let days = count(step, NumberName::Days)?;
        let of_month = count(step, NumberName::DaysOfMonth)?;
        let full_time = count(step, NumberName::FullTimeMinutes)?;
        let worked = count(step, NumberName::Minutes)?;
        let counted = count(step, NumberName::CountedMinutes).unwrap_or(worked);
        let a_year = money(step, NumberName::AYear)?;
        let row = self.row(figure);
        let time = format!(
            "for {} of {} hours over {days} of {of_month} days",
            hours(counted),
            hours(full_time)
        );
        let segments = self.line.steps.iter().filter(|other| other.code == StepCode::Figure);
        if segments.count() > 1 {
            // Runs of days are rounded together, so that one of them has no amount of its own.
            let from = day(step, NumberName::FirstDay)?;
            return Some(format!("From {from}, the maximum for {row} is {a_year} a year, {time}."));
        }
        let exact = i128::from(a_year.0) * i128::from(counted) * i128::from(days);
        let whole = 12 * i128::from(full_time) * i128::from(of_month);
        let amount = Pence::from_fraction(Fraction::new(exact, whole));
        Some(format!("The maximum for {row} is {a_year} a year; {time} it is {amount}."))
    }

    /// `a Clinical pharmacist (band 7-8a, outside London)`.
    fn row(&self, figure: &Figure) -> String {
        let name = self.role_name();
        let article = article(&name);
        match &figure.cell {
            Cell::Maximum { label, area, share, role: _, band: _ } => {
                let part = part(*share);
                format!("{part}{article} {name} ({}{})", band(label), row_place(*area))
            }
            Cell::Rate { .. }
            | Cell::Sum { .. }
            | Cell::Share { .. }
            | Cell::Cap { .. }
            | Cell::Fee { .. }
            | Cell::OnCost(_)
            | Cell::PaymentDelay { .. }
            | Cell::Income { .. } => format!("{article} {name}"),
        }
    }

    fn cost(&self, step: &Step) -> Option<String> {
        let rows = count(step, NumberName::PayRows)?;
        if rows == 0 {
            return Some("No pay is recorded for the month.".to_owned());
        }
        match self.shown {
            Shown::OwnShare => {
                let share = self.line.own_cost;
                Some(format!(
                    "This PCN bears {share} of the cost of the month; what other PCNs bear of it \
                     is not shown."
                ))
            }
            Shown::Whole => {
                let names = [
                    (NumberName::Salary, "salary"),
                    (NumberName::EmployerNi, "employer's National Insurance"),
                    (NumberName::EmployerPension, "employer's pension"),
                    (NumberName::Fees, "fees"),
                ];
                let parts = names.into_iter().filter_map(|(name, words)| {
                    let amount = money(step, name).filter(|amount| *amount != Pence::ZERO)?;
                    Some(format!("{words} {amount}"))
                });
                let parts = parts.collect::<Vec<_>>().join(", ");
                let runs = match rows {
                    1 => String::new(),
                    runs => format!(" by {runs} rows of pay"),
                };
                let paid =
                    if parts.is_empty() { "nothing of it is paid".to_owned() } else { parts };
                Some(format!("The engagement cost {} in the month{runs}: {paid}.", step.before))
            }
        }
    }

    fn late_pay(&self, step: &Step) -> Option<String> {
        let month = month(step, NumberName::LateMonth)?;
        Some(match self.shown {
            Shown::OwnShare => format!(
                "The cost includes pay for {month}, after the last day in post, which counts \
                 towards this month."
            ),
            Shown::Whole => {
                let late = money(step, NumberName::Late)?;
                format!(
                    "The cost includes {late} of pay for {month}, after the last day in post, \
                     which counts towards this month."
                )
            }
        })
    }

    fn not_yet_paid(&self, step: &Step) -> Option<String> {
        let by = day(step, NumberName::ClaimDate)?;
        Some(match self.shown {
            Shown::OwnShare => format!("Cost that was not paid by {by} waits until it is."),
            Shown::Whole => {
                let waiting = money(step, NumberName::Waiting)?;
                format!("{waiting} of the cost was not paid by {by} and waits until it is.")
            }
        })
    }

    fn attribution(&self, step: &Step) -> Option<String> {
        let own = count(step, NumberName::OwnMinuteDays)?;
        let all = count(step, NumberName::AllMinuteDays)?;
        let share = step.after;
        if own == all {
            return Some(format!("All hours are worked in this PCN, which bears {share}."));
        }
        Some(match self.shown {
            // From the ratio of the hours the whole cost could be worked out.
            Shown::OwnShare => {
                format!("This PCN bears {share}, by its part of the hours of the engagement.")
            }
            Shown::Whole => format!(
                "{} of {} hour-days (hours a week times days in post) are worked in this PCN, \
                 which bears {share} of {}.",
                hour_days(own),
                hour_days(all),
                step.before
            ),
        })
    }

    fn agreement(&self, step: &Step) -> Option<String> {
        let recorded = count(step, NumberName::AgreementRecorded)? != 0;
        let others = count(step, NumberName::OthersAtHalf)? != 0;
        let half = self.line.steps.iter().any(|other| other.code == StepCode::Share);
        let why = match (recorded, others, half) {
            (false, _, _) => "No written agreement on the whole cost is recorded, so half is paid.",
            (true, false, _) => {
                "A written agreement is recorded, but nobody else of the PCN is paid by half, so \
                 half is paid."
            }
            (true, true, true) => {
                "A written agreement is recorded, but does not count in this month yet, so half is \
                 paid."
            }
            (true, true, false) => {
                "A written agreement is recorded and another practitioner of the PCN is paid by \
                 half, so the whole may be claimed."
            }
        };
        Some(why.to_owned())
    }

    fn lower_of(&self, step: &Step) -> Option<String> {
        let (cost, most) = (step.before, self.line.maximum?);
        Some(match cost.cmp(&most) {
            std::cmp::Ordering::Less if step.after != cost => {
                format!("The cost of {cost} is below zero, so nothing is payable.")
            }
            std::cmp::Ordering::Less => {
                format!("The cost of {cost} is below the maximum of {most}, so it is payable.")
            }
            std::cmp::Ordering::Equal => format!("The cost of {cost} is just the maximum."),
            std::cmp::Ordering::Greater => format!(
                "The cost of {cost} is {} above the maximum; the maximum of {most} is payable.",
                cost - most
            ),
        })
    }

    fn room(&self, step: &Step) -> Option<String> {
        if !self.year_shown {
            return room_not_shown(step);
        }
        let allocation = money(step, NumberName::Allocation)?;
        let left = money(step, NumberName::Left)?;
        let unpriced = count(step, NumberName::UnpricedEarlier)?;
        let but = match unpriced {
            0 => String::new(),
            some => {
                format!("; {} without a price would take more", plural(some, "earlier line"))
            }
        };
        let then = if step.after == step.before {
            "the line fits".to_owned()
        } else {
            format!("only {} of {} is payable", step.after, step.before)
        };
        Some(format!(
            "Of the allocation of {allocation} for the year, {left} is left if all lines before \
             this one were claimed as prepared: {then}{but}."
        ))
    }

    fn sum(&self, step: &Step) -> Option<String> {
        if !self.year_shown {
            return room_not_shown(step);
        }
        let allocation = money(step, NumberName::Allocation)?;
        let (taken, left) =
            (money(step, NumberName::EarlierLines)?, money(step, NumberName::Left)?);
        let then = if step.after < Pence::ZERO {
            format!("{} comes back to it", -step.after)
        } else if step.after == step.before {
            "the line fits".to_owned()
        } else if step.after == Pence::ZERO {
            format!("nothing of {} is payable", step.before)
        } else {
            format!("only {} of {} is payable", step.after, step.before)
        };
        Some(format!(
            "Of the allocation of {allocation} for the year, claims submitted before and earlier \
             lines of this one take {taken}; {left} is left: {then}."
        ))
    }
}

fn not_claimable(step: &Step) -> Option<String> {
    let fees = money(step, NumberName::Fees)?;
    let allowed = money(step, NumberName::FeesAllowed)?;
    let Some(figure) = step.figure.as_deref() else {
        return Some(format!(
            "Fees of {fees} may not be claimed for this role and model in this month."
        ));
    };
    let most = format!(
        "at most {} a month for one WTE, for {} WTE",
        figure.value,
        wte(fraction(step, NumberName::Wte)?)
    );
    Some(format!("Of fees of {fees}, {allowed} may be claimed: {most}."))
}

fn over_full_time(step: &Step) -> Option<String> {
    let worked = hours(count(step, NumberName::Minutes)?);
    let counted = hours(count(step, NumberName::CountedMinutes)?);
    let full_time = hours(count(step, NumberName::FullTimeMinutes)?);
    Some(format!(
        "{worked} hours a week are more than full time ({full_time}): {counted} of them count, and \
         a note must say that the overtime is paid at plain time."
    ))
}

/// What is missing of what was approved, or too much.
fn adjustment(step: &Step) -> Option<String> {
    let approved = money(step, NumberName::Approved)?;
    let paid_since = money(step, NumberName::PaidSince)?;
    let Step { before, after, .. } = step;
    Some(if *after < Pence::ZERO {
        format!(
            "Claims were approved for {approved} of this month, and {before} is payable: {} is to \
             be paid back.",
            -*after
        )
    } else {
        format!(
            "Claims were approved for {approved} of this month, and {before} is payable. {} more \
             was paid to staff since: {after} is claimed.",
            paid_since.max(Pence::ZERO)
        )
    })
}

/// Whether the line fits, for who may not see what the year's other months come to.
fn room_not_shown(step: &Step) -> Option<String> {
    let allocation = money(step, NumberName::Allocation)?;
    let then = if step.after == step.before {
        "The line fits".to_owned()
    } else {
        format!("Only {} of {} is payable", step.after, step.before)
    };
    Some(format!(
        "{then} in what is left of the allocation of {allocation} for the year. The room is not \
         shown: it depends on months of the year that you may not see."
    ))
}

fn money(step: &Step, name: NumberName) -> Option<Pence> {
    let NumberValue::Money(amount) = step.number(name)? else { return None };
    Some(amount)
}

fn count(step: &Step, name: NumberName) -> Option<i64> {
    let NumberValue::Count(count) = step.number(name)? else { return None };
    Some(count)
}

fn month(step: &Step, name: NumberName) -> Option<Month> {
    let NumberValue::Month(month) = step.number(name)? else { return None };
    Some(month)
}

fn day(step: &Step, name: NumberName) -> Option<Date> {
    let NumberValue::Day(day) = step.number(name)? else { return None };
    Some(day)
}

fn share(step: &Step) -> Option<Share> {
    let NumberValue::Share(share) = step.number(NumberName::ShareOfCost)? else { return None };
    Some(share)
}

fn fraction(step: &Step, name: NumberName) -> Option<Fraction> {
    let NumberValue::Exact(wte) = step.number(name)? else { return None };
    Some(wte)
}
