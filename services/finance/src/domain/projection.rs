//! What the maximum of a role would be: salary, London supplement, National Insurance and pension.
//!
//! `maximum = S x (1 + NI + pension) - NI x threshold`, `S` with its supplement. Everything is one
//! fraction until it is written down: once, to the pound, half up. What is paid by is the table of
//! the rule book, never this.

use std::collections::BTreeMap;
use std::sync::Arc;

use terms::{Band, Confidence, Date, Fraction, LondonArea, Pence};

use super::figure::{Cell, Figure, RowArea, Value};
use super::on_cost::{BasisPoints, NiBasis, OnCost, PayScale, SupplementPart};
use super::rulebook::{Role, RoleShare, Row, RuleBook};

/// What is projected.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The role; it decides the row and the pay scale.
    pub role: &'a Role,
    /// The band, where it picks the row.
    pub band: Option<Band>,
    /// Where the PCN lies.
    pub area: LondonArea,
    /// The day worked.
    pub day: Date,
    /// By what was known at the end of this day.
    pub known_on: Date,
    /// What is built on.
    pub base: Base,
}

/// The salary outside London that a projection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// This one, a year.
    Salary(Pence),
    /// The one inside the maximum for another day, with an award.
    Award {
        /// A day on which the earlier maximum holds.
        edition: Date,
        /// By what was known at the end of this day.
        edition_known_on: Date,
        /// What the salary grows by.
        award: BasisPoints,
    },
}

/// A maximum with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// The most for one WTE a year, in whole pounds.
    pub maximum: Pence,
    /// Half of it, from the unrounded amount, where the scheme pays the role by half.
    pub half: Option<Pence>,
    /// How it was reached.
    pub steps: Vec<Step>,
    /// The weakest mark of the figures used; never better than derived.
    pub confidence: Confidence,
}

/// One step of a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was done.
    pub work: Work,
    /// What was added, or what it came to, exact in pence.
    pub amount: Fraction,
    /// The figures it rests on.
    pub figures: Vec<Arc<Figure>>,
}

/// What a step did. The order of declaration is the order of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A salary that was given.
    Given,
    /// The salary inside the maximum of a day.
    Implied {
        /// The day.
        edition: Date,
    },
    /// The salary with an award.
    Award {
        /// What it grew by.
        award: BasisPoints,
    },
    /// The London supplement.
    Supplement {
        /// The number that decided it.
        part: SupplementPart,
    },
    /// Employer's National Insurance.
    Ni {
        /// The rate.
        rate: BasisPoints,
        /// The threshold.
        threshold: Pence,
        /// What employers pay on that day, if it is known and something else.
        law: Option<(BasisPoints, Pence)>,
    },
    /// The employer's part of the pension.
    Pension {
        /// The rate.
        rate: BasisPoints,
    },
    /// The sum, rounded.
    Maximum,
    /// Half of the sum, rounded on its own.
    Half,
}

impl Work {
    /// The stable word for the wire and tests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Work::Given => "SALARY_GIVEN",
            Work::Implied { .. } => "SALARY_IMPLIED",
            Work::Award { .. } => "AWARD",
            Work::Supplement { .. } => "LONDON_SUPPLEMENT",
            Work::Ni { .. } => "EMPLOYER_NI",
            Work::Pension { .. } => "EMPLOYER_PENSION",
            Work::Maximum => "MAXIMUM",
            Work::Half => "HALF",
        }
    }
}

/// The figure that a projection needs and nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which one.
    pub figure: OnCost,
    /// For work on this day.
    pub day: Date,
    /// By what was known at the end of this day.
    pub known_on: Date,
}

/// Projects a maximum.
///
/// # Panics
///
/// If the role has a row for each band and no band is given: a caller checks that.
pub fn project(rules: &RuleBook, question: &Question<'_>) -> Result<Projection, Missing> {
    let Question { role, area, day, known_on, .. } = *question;
    let scale = scale(role);
    let mut steps = salary(rules, question, scale)?;
    let salary = steps.last().expect("a salary is the first step").amount;
    let known = Known { rules, day, known_on };
    let pay = match RowArea::of(area) {
        RowArea::Outside => salary,
        area @ (RowArea::Outer | RowArea::Inner | RowArea::London) => {
            let (step, pay) = known.supplement(scale, area, salary)?;
            steps.push(step);
            pay
        }
    };
    let (ni, rate, free) = known.ni(pay)?;
    steps.push(ni);
    let figure = known.figure(OnCost::Pension)?;
    let pension = points(&figure);
    let work = Work::Pension { rate: pension };
    steps.push(Step { work, amount: pay * pension.share(), figures: vec![figure] });

    // The rates are added first: sums of salaries with all their awards would outgrow 128 bits.
    let exact = pay * (Fraction::ONE + rate + pension.share()) + free;
    let maximum = whole_pounds(exact);
    steps.push(Step { work: Work::Maximum, amount: in_pence(maximum), figures: Vec::new() });
    let half = match role.share {
        RoleShare::Half { .. } => Some(whole_pounds(exact * Fraction::new(1, 2))),
        RoleShare::Whole => None,
    };
    steps.extend(half.map(|half| Step {
        work: Work::Half,
        amount: in_pence(half),
        figures: Vec::new(),
    }));
    let marks = steps.iter().flat_map(|step| &step.figures).map(|figure| figure.confidence);
    let confidence = marks.fold(Confidence::Derived, Ord::max);
    Ok(Projection { maximum, half, steps, confidence })
}

/// Roles without bands are those that Agenda for Change does not pay.
fn scale(role: &Role) -> PayScale {
    if role.bands.is_empty() { PayScale::GeneralPractitioners } else { PayScale::AgendaForChange }
}

/// The row of the maxima that a role and band read, as it names its band.
pub fn label(role: &Role, band: Option<Band>) -> Option<String> {
    match &role.row {
        Row::ByRole(label) => Some(label.clone()),
        Row::ByBand(default) => band.or(*default).map(|band| band.to_string()),
    }
}

/// Pounds, half up: no maximum is below zero.
fn whole_pounds(pence: Fraction) -> Pence {
    Pence::from_pounds((pence * Fraction::new(1, 100)).round_half_away())
}

fn in_pence(amount: Pence) -> Fraction {
    Fraction::from(amount.0)
}

/// The steps up to the salary outside London.
fn salary(
    rules: &RuleBook,
    question: &Question<'_>,
    scale: PayScale,
) -> Result<Vec<Step>, Missing> {
    let (day, known_on, award) = match question.base {
        Base::Salary(salary) => {
            let amount = in_pence(salary);
            return Ok(vec![Step { work: Work::Given, amount, figures: Vec::new() }]);
        }
        Base::Award { edition, edition_known_on, award } => (edition, edition_known_on, award),
    };
    let label = label(question.role, question.band).expect("a role without a row has a band");
    let first = Known { rules, day, known_on }.figure(OnCost::Salary { label })?;
    let awards = awards(rules, scale, &first, day, known_on);
    let growth = awards.iter().map(|award| points(award).growth());
    let amount = growth.fold(in_pence(pence(&first)), |salary, growth| salary * growth);
    let figures = std::iter::once(first).chain(awards).collect();
    let mut steps = vec![Step { work: Work::Implied { edition: day }, amount, figures }];
    if award.0 != 0 {
        let amount = amount * award.growth();
        steps.push(Step { work: Work::Award { award }, amount, figures: Vec::new() });
    }
    Ok(steps)
}

/// The awards between the edition that a salary was fitted to and a day, in their order. Of two
/// that apply from the same day the one known last counts.
fn awards(
    rules: &RuleBook,
    scale: PayScale,
    salary: &Figure,
    day: Date,
    known_on: Date,
) -> Vec<Arc<Figure>> {
    let cell = Cell::OnCost(OnCost::Award { scale });
    let mut awards: BTreeMap<Date, &Arc<Figure>> = BTreeMap::new();
    for award in rules.figures().iter().filter(|figure| figure.cell == cell) {
        let validity = &award.validity;
        let later = validity.newness() > salary.validity.newness();
        if later && validity.covers(day) && validity.known(known_on) {
            let held = awards.entry(validity.applies_from).or_insert(award);
            if held.validity.newness() < validity.newness() {
                *held = award;
            }
        }
    }
    awards.into_values().cloned().collect()
}

/// The figures of a day, by what was known.
#[derive(Clone, Copy)]
struct Known<'a> {
    rules: &'a RuleBook,
    day: Date,
    known_on: Date,
}

impl Known<'_> {
    fn figure(self, of: OnCost) -> Result<Arc<Figure>, Missing> {
        let Known { rules, day, known_on } = self;
        match rules.on_cost(&of, day, known_on) {
            Some(figure) => Ok(Arc::clone(figure)),
            None => Err(Missing { figure: of, day, known_on }),
        }
    }

    /// The step, and the salary with it.
    fn supplement(
        self,
        scale: PayScale,
        area: RowArea,
        salary: Fraction,
    ) -> Result<(Step, Fraction), Missing> {
        let number = |area, part| self.figure(OnCost::Supplement { scale, area, part });
        let (part, figure) = match scale {
            PayScale::GeneralPractitioners => {
                (SupplementPart::Fixed, number(RowArea::London, SupplementPart::Fixed)?)
            }
            PayScale::AgendaForChange => {
                let share = number(area, SupplementPart::Share)?;
                let least = number(area, SupplementPart::Least)?;
                let most = number(area, SupplementPart::Most)?;
                let exact = salary * points(&share).share();
                if exact < in_pence(pence(&least)) {
                    (SupplementPart::Least, least)
                } else if in_pence(pence(&most)) < exact {
                    (SupplementPart::Most, most)
                } else {
                    (SupplementPart::Share, share)
                }
            }
        };
        let (amount, pay) = match part {
            SupplementPart::Share => {
                let share = points(&figure);
                (salary * share.share(), salary * share.growth())
            }
            SupplementPart::Least | SupplementPart::Most | SupplementPart::Fixed => {
                let amount = in_pence(pence(&figure));
                (amount, salary + amount)
            }
        };
        Ok((Step { work: Work::Supplement { part }, amount, figures: vec![figure] }, pay))
    }

    /// The step, the rate that is due on all pay, and what is taken off again for the threshold. By
    /// what the maxima are priced with, or by the law where nothing says that they differ; there is
    /// none on pay up to the threshold.
    fn ni(self, pay: Fraction) -> Result<(Step, Fraction, Fraction), Missing> {
        let law = self.ni_of(NiBasis::Law);
        let figures = match self.ni_of(NiBasis::Maxima) {
            Ok(priced) => priced,
            Err(_) => law.clone()?,
        };
        let of = |[rate, threshold]: &[Arc<Figure>; 2]| (points(rate), pence(threshold));
        let (rate, threshold) = of(&figures);
        let law = law.ok().map(|law| of(&law)).filter(|law| *law != (rate, threshold));
        let (due, free) = match pay > in_pence(threshold) {
            true => (rate.share(), rate.share() * in_pence(-threshold)),
            false => (Fraction::ZERO, Fraction::ZERO),
        };
        let work = Work::Ni { rate, threshold, law };
        Ok((Step { work, amount: pay * due + free, figures: figures.to_vec() }, due, free))
    }

    fn ni_of(self, basis: NiBasis) -> Result<[Arc<Figure>; 2], Missing> {
        Ok([self.figure(OnCost::NiRate(basis))?, self.figure(OnCost::NiThreshold(basis))?])
    }
}

fn points(figure: &Figure) -> BasisPoints {
    let Value::Percent(points) = figure.value else {
        unreachable!("{} is read as a rate only", figure.id)
    };
    points
}

fn pence(figure: &Figure) -> Pence {
    let Value::AYear(pence) = figure.value else {
        unreachable!("{} is read as an amount only", figure.id)
    };
    pence
}
