//! The steps that lead from actual cost to the amount payable. They are rendered elsewhere.

use std::sync::Arc;

use terms::{Band, Date, Fraction, LondonArea, Month, Pence, Population};

use super::figure::{Figure, Share};
use super::line::AreaBasis;
use super::policy::PolicyUse;

/// What a step did. The order of declaration is the order of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepCode {
    /// The London area of the PCN on the 1st of the month, or that it is unknown.
    Area,
    /// The figure of one segment.
    Figure,
    /// A figure is unknown, so the line has no price.
    Unpriced,
    /// Eligibility was not checked.
    Eligibility,
    /// What the engagement cost in the month.
    Cost,
    /// Pay of a later month, moved to this last month in post; already part of the cost.
    LatePay,
    /// Cost that was not paid by the claim date waits.
    NotYetPaid,
    /// The part that belongs to this PCN.
    Attribution,
    /// Fees that may not be claimed.
    NotClaimable,
    /// The share of the cost, where the scheme does not pay all of it.
    Share,
    /// A mental health practitioner outside the half-paid model, and which row is used.
    WrittenAgreement,
    /// The maximum for the hours and days in post.
    Maximum,
    /// Hours above full time raise the maximum and need a note.
    OverFullTime,
    /// The lower of cost and maximum.
    LowerOf,
    /// What an old vacancy in the role's baseline holds back, or that the role has none.
    Baseline,
    /// The baseline is not recorded, so nothing was held back.
    BaselineNotRecorded,
    /// The role's cap, or that it has none.
    Cap,
    /// The role's cap is unknown, so nothing was cut.
    CapUnknown,
    /// No hours are recorded any more in a month of which a claim was approved.
    Gone,
    /// What is missing of what claims were approved for, or too much.
    Adjustment,
    /// The sum left if all months were claimed as prepared.
    Room,
    /// What other claims and earlier lines have left of the sum.
    Sum,
    /// The sum is unknown, so nothing was compared with it.
    RoomUnknown,
}

impl StepCode {
    /// The number in the order of evaluation, 0 to 9.
    pub const fn number(self) -> u8 {
        match self {
            StepCode::Area | StepCode::Figure | StepCode::Unpriced | StepCode::Eligibility => 0,
            StepCode::Cost | StepCode::LatePay | StepCode::NotYetPaid => 1,
            StepCode::Attribution => 2,
            StepCode::NotClaimable => 3,
            StepCode::Share | StepCode::WrittenAgreement => 4,
            StepCode::Maximum | StepCode::OverFullTime => 5,
            StepCode::LowerOf => 6,
            StepCode::Baseline | StepCode::BaselineNotRecorded => 7,
            StepCode::Cap | StepCode::CapUnknown => 8,
            StepCode::Gone | StepCode::Adjustment => 8,
            StepCode::Room | StepCode::Sum | StepCode::RoomUnknown => 9,
        }
    }

    /// The stable word for the wire, logs and tests.
    pub const fn as_str(self) -> &'static str {
        match self {
            StepCode::Area => "AREA",
            StepCode::Figure => "FIGURE",
            StepCode::Unpriced => "UNPRICED",
            StepCode::Eligibility => "ELIGIBILITY_NOT_CHECKED",
            StepCode::Cost => "COST",
            StepCode::LatePay => "LATE_PAY",
            StepCode::NotYetPaid => "NOT_YET_PAID",
            StepCode::Attribution => "ATTRIBUTION",
            StepCode::NotClaimable => "NOT_CLAIMABLE",
            StepCode::Share => "SHARE",
            StepCode::WrittenAgreement => "WRITTEN_AGREEMENT",
            StepCode::Maximum => "MAXIMUM",
            StepCode::OverFullTime => "OVER_FULL_TIME",
            StepCode::LowerOf => "LOWER_OF_COST_AND_MAXIMUM",
            StepCode::Baseline => "BASELINE",
            StepCode::BaselineNotRecorded => "BASELINE_NOT_RECORDED",
            StepCode::Cap => "CAP",
            StepCode::CapUnknown => "CAP_UNKNOWN",
            StepCode::Gone => "HOURS_GONE",
            StepCode::Adjustment => "ADJUSTMENT",
            StepCode::Room => "ROOM",
            StepCode::Sum => "SUM",
            StepCode::RoomUnknown => "ROOM_UNKNOWN",
        }
    }
}

/// What a number of a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberName {
    /// The PCN's London area.
    Area,
    /// How the area is known.
    AreaBasis,
    /// The first day of a segment.
    FirstDay,
    /// Days in post.
    Days,
    /// Days of the month.
    DaysOfMonth,
    /// Minutes a week in this PCN.
    Minutes,
    /// Minutes a week that count towards the maximum, where fewer.
    CountedMinutes,
    /// The employer's full-time minutes a week.
    FullTimeMinutes,
    /// The band of the segment.
    Band,
    /// The maximum a year for one WTE.
    AYear,
    /// WTE times the part of the month in post.
    Wte,
    /// Rows of pay.
    PayRows,
    /// Gross salary.
    Salary,
    /// Employer's National Insurance.
    EmployerNi,
    /// Employer's pension contribution.
    EmployerPension,
    /// Fees.
    Fees,
    /// The month that late pay was recorded for.
    LateMonth,
    /// Late pay.
    Late,
    /// Cost that waits.
    Waiting,
    /// The day by which cost must be paid.
    ClaimDate,
    /// Minute-days in this PCN.
    OwnMinuteDays,
    /// Minute-days of all hours of the engagement.
    AllMinuteDays,
    /// Fees that may be claimed.
    FeesAllowed,
    /// The share paid.
    ShareOfCost,
    /// Whether a written agreement is recorded: 0 or 1.
    AgreementRecorded,
    /// Other practitioners of the PCN paid by half: 0, or 1 for at least one.
    OthersAtHalf,
    /// The maximum of the line.
    Maximum,
    /// The baseline at the end of the month, or that day where it is not recorded.
    BaselineWte,
    /// What practices pay for then, or that day where it is not recorded.
    FundedWte,
    /// What old vacancies hold back of the role in the month.
    BlockedWte,
    /// What of it is held back of people who started later.
    HeldLater,
    /// What of it is held back of the line.
    WteHeld,
    /// The WTE of the role that may be claimed.
    CapWte,
    /// The WTE that people longer in post are claimed for.
    WteEarlier,
    /// The WTE of the line that may be claimed.
    WteClaimable,
    /// The day of the list that decides the cap, where it is not recorded.
    ListDate,
    /// The PCN's registered patients, for whom nobody printed the cap.
    Registered,
    /// What claims were approved for.
    Approved,
    /// What of the cost was paid since.
    PaidSince,
    /// The sum of the year.
    Allocation,
    /// What earlier lines of the year take of it.
    EarlierLines,
    /// What is left for this line.
    Left,
    /// Lines before this one without a price, which would take more.
    UnpricedEarlier,
}

/// The value of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberValue {
    /// A count: days, minutes, minute-days, rows.
    Count(i64),
    /// An exact number of WTE.
    Exact(Fraction),
    /// A share of the cost.
    Share(Share),
    /// Money.
    Money(Pence),
    /// A number of patients.
    Patients(Population),
    /// A day.
    Day(Date),
    /// A month.
    Month(Month),
    /// A band.
    Band(Band),
    /// A London area.
    Area(LondonArea),
    /// How an area is known.
    AreaBasis(AreaBasis),
}

/// A named number of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What it is.
    pub name: NumberName,
    /// How much.
    pub value: NumberValue,
}

/// One step of a line, from `before` to `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it did.
    pub code: StepCode,
    /// The figure it used.
    pub figure: Option<Arc<Figure>>,
    /// The policy it followed.
    pub policy: Option<PolicyUse>,
    /// What it calculated with.
    pub numbers: Vec<Number>,
    /// The amount it began with.
    pub before: Pence,
    /// The amount it left.
    pub after: Pence,
}

impl Step {
    /// A step that leaves the amount as it is, without figure, policy and numbers.
    pub(crate) fn new(code: StepCode, amount: Pence) -> Step {
        Step {
            code,
            figure: None,
            policy: None,
            numbers: Vec::new(),
            before: amount,
            after: amount,
        }
    }

    pub(crate) fn to(self, after: Pence) -> Step {
        Step { after, ..self }
    }

    pub(crate) fn by(self, policy: PolicyUse) -> Step {
        Step { policy: Some(policy), ..self }
    }

    pub(crate) fn with(self, numbers: &[(NumberName, NumberValue)]) -> Step {
        let numbers = numbers.iter().map(|(name, value)| Number { name: *name, value: *value });
        Step { numbers: numbers.collect(), ..self }
    }

    pub(crate) fn using(self, figure: Option<Arc<Figure>>) -> Step {
        Step { figure, ..self }
    }

    /// A number by its name.
    pub fn number(&self, name: NumberName) -> Option<NumberValue> {
        self.numbers.iter().find(|number| number.name == name).map(|number| number.value)
    }
}
