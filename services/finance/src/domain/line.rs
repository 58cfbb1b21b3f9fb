//! One claim line: a month, a PCN and an engagement, priced by the order of steps.

use std::sync::Arc;

use terms::{
    Assignment, Band, Confidence, Date, DeploymentModel, Engagement, EngagementId, Fraction,
    LondonArea, Minutes, Month, OdsCode, Pence, Period, RoleCode,
};

use super::cost::{Attribution, MonthCost};
use super::figure::{Figure, Pot, Share, Validity, Value};
use super::maximum::{Segment, Terms, WEEKLY_MAX, maximum, segments, wte};
use super::pay::{Components, Pay};
use super::policy::PolicyName;
use super::rulebook::{Edition, Role, RoleShare, RuleBook};
use super::step::{NumberName, NumberValue, Step, StepCode};

/// How a PCN's London area is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AreaBasis {
    /// A record states it.
    Stated,
    /// No record states it, and the PCN is outside the London region.
    OutsideLondonRegion,
}

/// A PCN's London area over some days. A day without one is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaPeriod {
    /// The days.
    pub period: Period,
    /// The area.
    pub area: LondonArea,
    /// How it is known.
    pub basis: AreaBasis,
}

/// Whether PCN and provider agreed in writing that the whole cost of a mental health practitioner
/// is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenAgreement {
    /// An agreement is recorded.
    Recorded,
    /// None is.
    NotRecorded,
}

/// Everything known of one engagement that a line may need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngagementRecords {
    /// The engagement.
    pub engagement: Engagement,
    /// All its assignments, those in other PCNs too.
    pub assignments: Vec<Assignment>,
    /// All its pay, that for months after the one asked about too: it may be late pay.
    pub pay: Vec<Pay>,
    /// For a mental health practitioner.
    pub agreement: WrittenAgreement,
}

/// Whether the tests of eligibility were made. They have no record yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// They were not.
    NotChecked,
}

/// Why a line has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpricedReason {
    /// Nobody says in which London area the PCN is, and it could be in London.
    AreaUnknown,
    /// The rule book has no such role.
    RoleUnknown,
    /// The role could not be claimed on a day in post.
    RoleNotInForce {
        /// The day.
        day: Date,
        /// The first day of the role.
        joined: Date,
        /// The last one, if there is one.
        left: Option<Date>,
    },
    /// The band picks the row, and it is not given.
    BandMissing,
    /// The role does not have this band.
    BandOutsideRole {
        /// The band.
        band: Band,
    },
    /// Full-time hours that the role cannot have.
    FullTimeHours {
        /// The hours stated.
        stated: Minutes,
        /// The only ones it may have, if they are fixed.
        required: Option<Minutes>,
    },
    /// The newest table known does not say how much.
    FigureMissing {
        /// The first day without a figure.
        day: Date,
        /// The band, where it picks the row.
        band: Option<Band>,
        /// The area asked for.
        area: LondonArea,
        /// The share asked for.
        share: Share,
        /// The table that lacks it; none if no table covers the day.
        edition: Option<Validity>,
    },
    /// Nobody says how much of a supplier's fee may be claimed.
    FeeFigureMissing,
}

/// What a line comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The amount payable.
    Payable(Pence),
    /// A figure is unknown; the amount is not zero, it is unknown.
    Unpriced(UnpricedReason),
}

/// A prepared claim line with everything that led to its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The month worked.
    pub month: Month,
    /// Who worked.
    pub engagement: EngagementId,
    /// In which role.
    pub role: RoleCode,
    /// The first day in this PCN, by which lines are ordered.
    pub start: Date,
    /// The sum it is paid from.
    pub pot: Pot,
    /// The area whose figures were used.
    pub area: Option<LondonArea>,
    /// WTE in this PCN times the part of the month in post; none if full-time hours are unknown.
    pub wte: Option<Fraction>,
    /// WTE that a vacancy in the baseline of the role holds back.
    pub held_back: Fraction,
    /// What the whole engagement cost in the month, paid or not.
    pub actual_cost: Pence,
    /// The part of that which was not paid by the claim date.
    pub waiting: Pence,
    /// The PCN's part of the paid cost.
    pub own_cost: Pence,
    /// The maximum, if there is a price.
    pub maximum: Option<Pence>,
    /// What it comes to.
    pub outcome: Outcome,
    /// The weakest mark of the figures used.
    pub confidence: Option<Confidence>,
    /// Whether eligibility was checked.
    pub eligibility: Eligibility,
    /// From actual cost to payable, in order.
    pub steps: Vec<Step>,
}

impl Line {
    /// The amount payable, if there is a price.
    pub const fn payable(&self) -> Option<Pence> {
        match self.outcome {
            Outcome::Payable(payable) => Some(payable),
            Outcome::Unpriced(_) => None,
        }
    }

    /// A line of a month of which nothing is recorded any more.
    pub(crate) fn gone(month: Month, engagement: &Engagement, pot: Pot) -> Line {
        Line {
            month,
            engagement: engagement.id,
            role: engagement.role.clone(),
            start: month.first(),
            pot,
            area: None,
            wte: None,
            held_back: Fraction::ZERO,
            actual_cost: Pence::ZERO,
            waiting: Pence::ZERO,
            own_cost: Pence::ZERO,
            maximum: Some(Pence::ZERO),
            outcome: Outcome::Payable(Pence::ZERO),
            confidence: None,
            eligibility: Eligibility::NotChecked,
            steps: vec![Step::new(StepCode::Gone, Pence::ZERO)],
        }
    }

    /// What the line came to before it was compared with the sum; none without a price.
    pub fn before_sum(&self) -> Option<Pence> {
        self.payable()?;
        let last = self.steps.iter().rev().find(|step| step.code < StepCode::Room);
        last.map(|step| step.after)
    }

    /// What some of its WTE come to: the part of the lower of cost and maximum, rounded once.
    pub(super) fn within(&self, claimable: Fraction) -> Pence {
        let lower = self.steps.iter().rfind(|step| step.code == StepCode::LowerOf);
        let whole = lower.map_or(Pence::ZERO, |step| step.after);
        match self.wte.filter(|own| *own > Fraction::ZERO) {
            Some(own) => Pence::from_fraction(Fraction::from(whole.0) * (claimable / own)),
            None => whole,
        }
    }

    /// Everything that decided the amount, in one text: two lines with the same text are the same
    /// to the penny, in every step.
    pub fn canonical(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(1_024);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {} {} {} {} own {} maximum {:?} payable {:?}",
            self.month,
            self.engagement,
            self.role,
            self.start,
            self.pot,
            self.own_cost.0,
            self.maximum.map(|Pence(pence)| pence),
            self.payable().map(|Pence(pence)| pence),
        );
        for step in &self.steps {
            let _ = write!(text, "{} {} {}", step.code.as_str(), step.before.0, step.after.0);
            if let Some(figure) = &step.figure {
                let _ = write!(text, " figure {}", figure.id);
            }
            if let Some(policy) = step.policy {
                let _ = write!(text, " policy {} {}", policy.name, policy.value);
            }
            for number in &step.numbers {
                let _ = write!(text, " {:?} {:?}", number.name, number.value);
            }
            text.push('\n');
        }
        text
    }
}

/// What all lines of a PCN and month have in common.
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a RuleBook,
    pub(crate) pcn: &'a OdsCode,
    pub(crate) month: Month,
    pub(crate) area: Option<AreaPeriod>,
    /// The tables of maxima of the month, each with its days.
    pub(crate) tables: Vec<(Period, Option<&'a Edition>)>,
    /// Whether somebody of the PCN and month is paid by half for certain.
    pub(crate) half_elsewhere: bool,
    pub(crate) rules_known_on: Date,
    pub(crate) claim_date: Date,
}

/// Prices one line up to step 6; none if the engagement has no day in this PCN and month.
pub(crate) fn price(
    context: &Context<'_>,
    records: &EngagementRecords,
    cost: &MonthCost,
) -> Option<Line> {
    let engagement = &records.engagement;
    let own = || records.assignments.iter().filter(|held| held.pcn == *context.pcn);
    let month = context.month;
    own().find(|held| held.period.overlap(month.period()).is_some())?;
    let start = own().map(|held| held.period.from()).min().unwrap_or(month.first());

    let attribution = Attribution::of(context.pcn, &records.assignments, month);
    let role_index = context.rules.role_index(&engagement.role);
    let role = role_index.map(|index| &context.rules.roles()[index]);
    let figures = match role_index.zip(role) {
        Some(role) => figures(context, records, role, own()),
        None => Err(UnpricedReason::RoleUnknown),
    };
    let actual = cost.actual();
    let mut steps = Vec::with_capacity(14);
    steps.push(area_step(context.area, actual));
    match &figures {
        Ok(found) => figure_steps(found, engagement, month, actual, &mut steps),
        Err(_) => {
            steps.push(Step::new(StepCode::Unpriced, actual).by(PolicyName::Edition.applied()));
        }
    }
    steps.push(Step::new(StepCode::Eligibility, actual).by(PolicyName::Eligibility.applied()));
    let shared = cost_steps(context, cost, &attribution, &mut steps);
    let own_cost = shared.total();

    let mut line = Line {
        month,
        engagement: engagement.id,
        role: engagement.role.clone(),
        start,
        pot: role.map_or(Pot::Main, |role| role.pot(month.first())),
        area: context.area.map(|area| area.area),
        wte: (engagement.full_time > Minutes::ZERO)
            .then(|| wte(attribution.own, engagement.full_time, month)),
        held_back: Fraction::ZERO,
        actual_cost: actual,
        waiting: cost.actual() - cost.claimable_now().total(),
        own_cost,
        maximum: None,
        outcome: Outcome::Payable(own_cost),
        confidence: None,
        eligibility: Eligibility::NotChecked,
        steps,
    };
    match figures {
        Ok(found) => apply(context, engagement, &found, shared, &mut line),
        Err(reason) => line.outcome = Outcome::Unpriced(reason),
    }
    Some(line)
}

/// What step 0 finds.
struct Figures {
    segments: Vec<Segment>,
    share: Share,
    /// Who says so, where a figure does.
    stated: Option<Arc<Figure>>,
    /// For a role that is paid by half: whether the agreement matters, and what decided.
    agreement: Option<(WrittenAgreement, bool)>,
}

fn figures<'a>(
    context: &Context<'_>,
    records: &EngagementRecords,
    (role_index, role): (usize, &Role),
    own: impl Iterator<Item = &'a Assignment>,
) -> Result<Figures, UnpricedReason> {
    let engagement = &records.engagement;
    let rules = context.rules;
    let wrong = role.full_time.is_some_and(|required| required != engagement.full_time);
    if wrong || engagement.full_time == Minutes::ZERO {
        let (stated, required) = (engagement.full_time, role.full_time);
        return Err(UnpricedReason::FullTimeHours { stated, required });
    }
    let area = context.area.ok_or(UnpricedReason::AreaUnknown)?.area;
    let (share, stated, agreement) = match role.share {
        RoleShare::Whole => {
            let found = rules.share(role_index, context.month.first(), context.rules_known_on);
            let share = found.map_or(Share::WHOLE, |(share, _)| share);
            (share, found.map(|(_, figure)| Arc::clone(figure)), None)
        }
        RoleShare::Half { whole_from } => {
            let (share, agreement) = half_or_whole(context, records, whole_from);
            (share, None, agreement)
        }
    };
    let terms =
        Terms { role, role_index, area, share, month: context.month, tables: &context.tables };
    Ok(Figures { segments: segments(&terms, own)?, share, stated, agreement })
}

/// The whole row needs the day, a recorded agreement and somebody else of the PCN at half.
fn half_or_whole(
    context: &Context<'_>,
    records: &EngagementRecords,
    whole_from: Option<Date>,
) -> (Share, Option<(WrittenAgreement, bool)>) {
    if paid_by_half(records) == PaidByHalf::ByModel {
        return (Share::HALF, None);
    }
    let agreed = records.agreement == WrittenAgreement::Recorded;
    let begun = whole_from.is_some_and(|from| from <= context.month.first());
    let share = if agreed && begun && context.half_elsewhere { Share::WHOLE } else { Share::HALF };
    (share, Some((records.agreement, context.half_elsewhere)))
}

/// Whether a mental health practitioner is paid by half for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaidByHalf {
    ByModel,
    WithoutAgreement,
    NotCertain,
}

pub(crate) fn paid_by_half(records: &EngagementRecords) -> PaidByHalf {
    if records.engagement.model == DeploymentModel::MentalHealthHalf {
        return PaidByHalf::ByModel;
    }
    match records.agreement {
        WrittenAgreement::NotRecorded => PaidByHalf::WithoutAgreement,
        WrittenAgreement::Recorded => PaidByHalf::NotCertain,
    }
}

fn area_step(area: Option<AreaPeriod>, amount: Pence) -> Step {
    let step = Step::new(StepCode::Area, amount).by(PolicyName::LondonArea.applied());
    match area {
        None => step,
        Some(AreaPeriod { area, basis, period: _ }) => step.with(&[
            (NumberName::Area, NumberValue::Area(area)),
            (NumberName::AreaBasis, NumberValue::AreaBasis(basis)),
        ]),
    }
}

fn figure_steps(
    found: &Figures,
    engagement: &Engagement,
    month: Month,
    amount: Pence,
    steps: &mut Vec<Step>,
) {
    for segment in &found.segments {
        let mut numbers = vec![
            (NumberName::FirstDay, NumberValue::Day(segment.from)),
            (NumberName::Days, NumberValue::Count(segment.days)),
            (NumberName::DaysOfMonth, NumberValue::Count(month.days())),
            (NumberName::Minutes, count(segment.minutes)),
            (NumberName::FullTimeMinutes, count(engagement.full_time)),
            (NumberName::AYear, NumberValue::Money(segment.a_year)),
        ];
        if segment.counted < segment.minutes {
            numbers.push((NumberName::CountedMinutes, count(segment.counted)));
        }
        if let Some(band) = segment.band {
            numbers.push((NumberName::Band, NumberValue::Band(band)));
        }
        steps.push(
            Step::new(StepCode::Figure, amount)
                .using(Some(Arc::clone(&segment.figure)))
                .by(PolicyName::Edition.applied())
                .with(&numbers),
        );
    }
}

fn count(minutes: Minutes) -> NumberValue {
    NumberValue::Count(i64::from(minutes.get()))
}

/// Steps 1 and 2: cost of the month, what of it may be claimed yet, and the PCN's part.
fn cost_steps(
    context: &Context<'_>,
    cost: &MonthCost,
    attribution: &Attribution,
    steps: &mut Vec<Step>,
) -> Components {
    let actual = cost.actual();
    let paid = cost.claimable_now();
    steps.push(Step::new(StepCode::Cost, actual).by(PolicyName::CostProration.applied()).with(&[
        (NumberName::PayRows, NumberValue::Count(cost.rows)),
        (NumberName::Salary, NumberValue::Money(paid.salary)),
        (NumberName::EmployerNi, NumberValue::Money(paid.employer_ni)),
        (NumberName::EmployerPension, NumberValue::Money(paid.employer_pension)),
        (NumberName::Fees, NumberValue::Money(paid.fees)),
    ]));
    for (month, amount) in &cost.late {
        steps.push(Step::new(StepCode::LatePay, actual).by(PolicyName::LatePay.applied()).with(&[
            (NumberName::LateMonth, NumberValue::Month(*month)),
            (NumberName::Late, NumberValue::Money(*amount)),
        ]));
    }
    let waiting = actual - paid.total();
    if waiting != Pence::ZERO || cost.unpaid != Pence::ZERO {
        steps.push(
            Step::new(StepCode::NotYetPaid, actual)
                .by(PolicyName::PaidBeforeClaim.applied())
                .with(&[
                    (NumberName::Waiting, NumberValue::Money(waiting)),
                    (NumberName::ClaimDate, NumberValue::Day(context.claim_date)),
                ])
                .to(paid.total()),
        );
    }
    let shared = paid.map(|amount| attribution.share(amount));
    steps.push(
        Step::new(StepCode::Attribution, paid.total())
            .by(PolicyName::CostShare.applied())
            .with(&[
                (NumberName::OwnMinuteDays, NumberValue::Count(attribution.own)),
                (NumberName::AllMinuteDays, NumberValue::Count(attribution.all)),
            ])
            .to(shared.total()),
    );
    shared
}

/// Steps 3 to 6 of a line whose figures are known.
fn apply(
    context: &Context<'_>,
    engagement: &Engagement,
    found: &Figures,
    shared: Components,
    line: &mut Line,
) {
    let used = found.segments.iter().map(|segment| &segment.figure).chain(&found.stated);
    line.confidence = used.map(|figure| figure.confidence).max();
    let wte = line.wte.expect("figures are found for full-time hours above zero");

    let mut amount = shared.total();
    if shared.fees != Pence::ZERO {
        match fee(context, engagement, shared.fees, wte) {
            Err(reason) => {
                line.outcome = Outcome::Unpriced(reason);
                line.steps.push(Step::new(StepCode::Unpriced, amount));
                return;
            }
            Ok((allowed, figure)) => {
                let after = amount - (shared.fees - allowed);
                line.confidence = line.confidence.max(figure.as_ref().map(|used| used.confidence));
                line.steps.push(
                    Step::new(StepCode::NotClaimable, amount)
                        .using(figure)
                        .by(PolicyName::SplwFee.applied())
                        .with(&[
                            (NumberName::Fees, NumberValue::Money(shared.fees)),
                            (NumberName::FeesAllowed, NumberValue::Money(allowed)),
                            (NumberName::Wte, NumberValue::Exact(wte)),
                        ])
                        .to(after),
                );
                amount = after;
            }
        }
    }
    amount = share_steps(found, amount, &mut line.steps);

    let most = maximum(&found.segments, engagement.full_time, context.month);
    line.maximum = Some(most);
    line.steps.push(
        Step::new(StepCode::Maximum, amount).by(PolicyName::LineRounding.applied()).with(&[
            (NumberName::Maximum, NumberValue::Money(most)),
            (NumberName::Wte, NumberValue::Exact(wte)),
        ]),
    );
    let over = |segment: &&Segment| segment.minutes > engagement.full_time;
    if let Some(segment) = found.segments.iter().find(over) {
        line.steps.push(
            Step::new(StepCode::OverFullTime, amount).by(PolicyName::WteCeiling.applied()).with(&[
                (NumberName::Minutes, count(segment.minutes)),
                (NumberName::CountedMinutes, count(segment.minutes.min(WEEKLY_MAX))),
                (NumberName::FullTimeMinutes, count(engagement.full_time)),
            ]),
        );
    }
    // What is left of a recovery is not a claim: nothing below zero is payable.
    let payable = amount.min(most).max(Pence::ZERO);
    line.steps.push(
        Step::new(StepCode::LowerOf, amount).by(PolicyName::MaximumTest.applied()).to(payable),
    );
    line.outcome = Outcome::Payable(payable);
}

/// Step 4: the share where it is not the whole, and why if the model alone does not say so.
fn share_steps(found: &Figures, amount: Pence, steps: &mut Vec<Step>) -> Pence {
    if let Some((agreement, others)) = found.agreement {
        let recorded = i64::from(agreement == WrittenAgreement::Recorded);
        steps.push(
            Step::new(StepCode::WrittenAgreement, amount).by(PolicyName::MhpHalf.applied()).with(
                &[
                    (NumberName::AgreementRecorded, NumberValue::Count(recorded)),
                    (NumberName::OthersAtHalf, NumberValue::Count(i64::from(others))),
                ],
            ),
        );
    }
    if found.share == Share::WHOLE {
        return amount;
    }
    let after = found.share.of(amount);
    let step = Step::new(StepCode::Share, amount)
        .with(&[(NumberName::ShareOfCost, NumberValue::Share(found.share))])
        .to(after);
    steps.push(match &found.stated {
        Some(figure) => step.using(Some(Arc::clone(figure))),
        None => step.by(PolicyName::MhpHalf.applied()),
    });
    after
}

/// How much of the PCN's part of a fee may be claimed, and by which figure.
fn fee(
    context: &Context<'_>,
    engagement: &Engagement,
    fees: Pence,
    wte: Fraction,
) -> Result<(Pence, Option<Arc<Figure>>), UnpricedReason> {
    let supplied = match engagement.model {
        DeploymentModel::VoluntarySector | DeploymentModel::NonGpProvider => true,
        DeploymentModel::PcnDirect
        | DeploymentModel::LeadPractice
        | DeploymentModel::Flat
        | DeploymentModel::Federation
        | DeploymentModel::TrustEmployed
        | DeploymentModel::AmbulanceRotation
        | DeploymentModel::MentalHealthHalf
        | DeploymentModel::SharedEmployment
        | DeploymentModel::EnhancedAccessPool
        | DeploymentModel::SuperPractice => false,
    };
    let day = context.month.first();
    if !supplied || !context.rules.has_fee(&engagement.role, day) {
        return Ok((Pence::ZERO.min(fees), None));
    }
    let figure = context
        .rules
        .fee(&engagement.role, day, context.rules_known_on)
        .ok_or(UnpricedReason::FeeFigureMissing)?;
    let Value::AMonth(a_month) = figure.value else {
        return Err(UnpricedReason::FeeFigureMissing);
    };
    let most = Pence::from_fraction(Fraction::from(a_month.0) * wte);
    Ok((fees.min(most), Some(Arc::clone(figure))))
}
