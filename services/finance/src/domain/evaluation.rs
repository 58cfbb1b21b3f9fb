//! All lines of a PCN from April to a month, and the sum they are paid from.

use std::collections::{BTreeMap, BTreeSet};

use terms::{Date, EngagementId, LondonArea, Month, OdsCode, Pence};

use super::adjustment::{Arrears, Settlements, arrears};
use super::allocation::{Allocation, Lists, allocate};
use super::baseline::{Baseline, apply_baselines};
use super::cap::apply_caps;
use super::cost::{UnplacedPay, index, place};
use super::figure::Pot;
use super::line::{
    AreaBasis, AreaPeriod, Context, EngagementRecords, Line, Outcome, PaidByHalf, paid_by_half,
    price,
};
use super::policy::PolicyName;
use super::rulebook::{Digest, RoleShare, RuleBook};
use super::step::{NumberName, NumberValue, Step, StepCode};
use super::summary::{Summary, summarise};

/// Which mechanism made a line. A change that changes results gets the next number.
pub const MECHANISM: u32 = 1;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// For which PCN.
    pub pcn: OdsCode,
    /// Up to and including which month of a contract year.
    pub month: Month,
    /// By the figures published by the end of this day.
    pub rules_known_on: Date,
    /// Cost must be paid by this day. For a prepared line: the day of `known_at`.
    pub claim_date: Date,
}

/// What is recorded of a PCN and the engagements with a day in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcnRecords {
    /// Its London area, over as many days as that is known.
    pub areas: Vec<AreaPeriod>,
    /// Its lists of 1 January before the contract year.
    pub lists: Lists,
    /// The engagements.
    pub engagements: Vec<EngagementRecords>,
    /// The baselines of its roles.
    pub baselines: Vec<Baseline>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Which mechanism made it.
    pub mechanism: u32,
    /// By which rule files.
    pub rule_book: Digest,
    /// What was asked.
    pub question: Question,
    /// The lines from April to the month, by month, start date and engagement.
    pub lines: Vec<Line>,
    /// Their sums.
    pub summary: Summary,
    /// Pay that belongs to no month in post.
    pub unplaced: Vec<UnplacedPay>,
}

impl Evaluation {
    /// The lines of the month asked about.
    pub fn month_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.month == self.question.month)
    }
}

/// Prepares every line of a PCN from April to the month asked about.
pub fn evaluate(rules: &RuleBook, question: &Question, records: &PcnRecords) -> Evaluation {
    let year = question.month.contract_year();
    let months: Vec<Month> = year.months_to(question.month).collect();
    let contexts: Vec<Context<'_>> =
        months.iter().map(|month| context(rules, question, records, *month)).collect();

    let mut lines = Vec::with_capacity(records.engagements.len() * months.len());
    let mut unplaced = Vec::new();
    for engagement in &records.engagements {
        let (costs, without_month) =
            place(&engagement.pay, &engagement.assignments, year, question.claim_date);
        unplaced.extend(without_month);
        for context in &contexts {
            lines.extend(price(context, engagement, &costs[index(context.month)]));
        }
    }
    limit(rules, question, records, &mut lines);

    let allocations = allocate(rules, year, records.lists, question.rules_known_on);
    apply_sums(&mut lines, &allocations, StepCode::Room, &BTreeMap::new());
    Evaluation {
        mechanism: MECHANISM,
        rule_book: rules.digest(),
        question: question.clone(),
        summary: summarise(question.month, &lines, allocations),
        lines,
        unplaced,
    }
}

/// What a claim is built from. The same under the same rules gives the same claim, whenever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimGround {
    /// Which PCN, which month, by which figures, paid by which day.
    pub question: Question,
    /// The months of its lines: the one asked about, or for an adjustment those that are settled.
    pub months: BTreeSet<Month>,
    /// What is recorded of them.
    pub records: PcnRecords,
    /// For an adjustment, what approved claims have of its months.
    pub settled: Option<Settlements>,
    /// What other claims have taken of each sum, or reserved in it.
    pub taken: BTreeMap<Pot, Pence>,
}

/// The lines of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimEvaluation {
    /// In the order in which they take what is left of the sums: what is paid back first, then by
    /// month, start date and engagement.
    pub lines: Vec<Line>,
    /// The sums of the year.
    pub allocations: Vec<Allocation>,
}

impl ClaimEvaluation {
    /// What the lines take of each sum, below zero where more is paid back; none of which they
    /// take nothing.
    pub fn payable(&self) -> BTreeMap<Pot, Pence> {
        let mut payable: BTreeMap<Pot, Pence> = BTreeMap::new();
        for line in &self.lines {
            let sum = payable.entry(line.pot).or_default();
            *sum = *sum + line.payable().unwrap_or(Pence::ZERO);
        }
        payable.retain(|_, amount| *amount != Pence::ZERO);
        payable
    }
}

/// Evaluates the lines of a claim, which take what other claims have left of the sums.
pub fn evaluate_claim(rules: &RuleBook, ground: &ClaimGround) -> ClaimEvaluation {
    let ClaimGround { question, records, taken, .. } = ground;
    let mut lines = match &ground.settled {
        None => priced(rules, ground),
        Some(_) => {
            let changed = claim_arrears(rules, ground).into_iter();
            let changed = changed.filter(|arrears| arrears.change != Pence::ZERO);
            changed.map(Arrears::into_line).collect()
        }
    };
    let order = |line: &Line| {
        let back = line.payable().is_some_and(|amount| amount < Pence::ZERO);
        (!back, line.month, line.start, line.engagement)
    };
    lines.sort_by_key(order);
    let year = question.month.contract_year();
    let allocations = allocate(rules, year, records.lists, question.rules_known_on);
    apply_sums(&mut lines, &allocations, StepCode::Sum, taken);
    ClaimEvaluation { lines, allocations }
}

/// How the lines of settled months differ from what was approved of them.
pub fn claim_arrears(rules: &RuleBook, ground: &ClaimGround) -> Vec<Arrears> {
    let ClaimGround { months, records, settled, .. } = ground;
    let gone = |month: Month, engagement: EngagementId| {
        let found = records.engagements.iter().find(|one| one.engagement.id == engagement)?;
        let role = &found.engagement.role;
        let pot = rules.role(role).map_or(Pot::Main, |role| role.pot(month.first()));
        Some(Line::gone(month, &found.engagement, pot))
    };
    let nothing = Settlements::new();
    arrears(priced(rules, ground), months, settled.as_ref().unwrap_or(&nothing), gone)
}

/// Steps 7 and 8, which look at all lines of a month together.
fn limit(rules: &RuleBook, question: &Question, records: &PcnRecords, lines: &mut [Line]) {
    lines.sort_by_key(|line| (line.month, line.start, line.engagement));
    apply_baselines(rules, &records.baselines, lines);
    apply_caps(rules, question, records.lists, lines);
}

/// The lines of the months of a claim, up to step 8.
fn priced(rules: &RuleBook, ground: &ClaimGround) -> Vec<Line> {
    let ClaimGround { question, months, records, .. } = ground;
    let year = question.month.contract_year();
    let contexts: Vec<Context<'_>> =
        months.iter().map(|month| context(rules, question, records, *month)).collect();
    let mut lines = Vec::new();
    for engagement in &records.engagements {
        let (costs, _) = place(&engagement.pay, &engagement.assignments, year, question.claim_date);
        for context in &contexts {
            lines.extend(price(context, engagement, &costs[index(context.month)]));
        }
    }
    limit(rules, question, records, &mut lines);
    lines
}

fn context<'a>(
    rules: &'a RuleBook,
    question: &'a Question,
    records: &PcnRecords,
    month: Month,
) -> Context<'a> {
    let half = |engagement: &EngagementRecords| {
        let role = rules.role(&engagement.engagement.role);
        let by_half = role.is_some_and(|role| match role.share {
            RoleShare::Half { .. } => true,
            RoleShare::Whole => false,
        });
        let in_month = |held: &terms::Assignment| {
            held.pcn == question.pcn && held.period.overlap(month.period()).is_some()
        };
        by_half
            && paid_by_half(engagement) != PaidByHalf::NotCertain
            && engagement.assignments.iter().any(in_month)
    };
    Context {
        rules,
        pcn: &question.pcn,
        month,
        area: area_on(&records.areas, month.first()),
        tables: rules.editions(month.period(), question.rules_known_on),
        half_elsewhere: records.engagements.iter().any(half),
        rules_known_on: question.rules_known_on,
        claim_date: question.claim_date,
    }
}

/// The area of a day: a stated one before a derived one, none if two records disagree.
fn area_on(areas: &[AreaPeriod], day: Date) -> Option<AreaPeriod> {
    let of_basis = |basis: AreaBasis| {
        let mut found =
            areas.iter().filter(move |area| area.period.contains(day) && area.basis == basis);
        let first = *found.next()?;
        let same = |area: LondonArea| area == first.area;
        found.all(|area| same(area.area)).then_some(first)
    };
    if areas.iter().any(|area| area.period.contains(day) && area.basis == AreaBasis::Stated) {
        return of_basis(AreaBasis::Stated);
    }
    of_basis(AreaBasis::OutsideLondonRegion)
}

/// Step 9: each line takes what is left of its sum, in order; the last one is paid in part.
/// `taken` is what others had before the first line.
fn apply_sums(
    lines: &mut [Line],
    allocations: &[Allocation],
    code: StepCode,
    taken: &BTreeMap<Pot, Pence>,
) {
    let mut taken: BTreeMap<Pot, (Pence, i64)> =
        taken.iter().map(|(pot, amount)| (*pot, (*amount, 0))).collect();
    for line in lines {
        let (earlier, unpriced) = taken.entry(line.pot).or_default();
        let Outcome::Payable(before) = line.outcome else {
            *unpriced += 1;
            continue;
        };
        let known = allocations.iter().find(|allocation| allocation.pot == line.pot);
        let step = match known.map(|allocation| (allocation.amount, allocation.figure.clone())) {
            Some((Ok(amount), figure)) => {
                let left = (amount - *earlier).max(Pence::ZERO);
                Step::new(code, before)
                    .using(figure)
                    .by(PolicyName::SumOrder.applied())
                    .with(&[
                        (NumberName::Allocation, NumberValue::Money(amount)),
                        (NumberName::EarlierLines, NumberValue::Money(*earlier)),
                        (NumberName::Left, NumberValue::Money(left)),
                        (NumberName::UnpricedEarlier, NumberValue::Count(*unpriced)),
                    ])
                    .to(before.min(left))
            }
            Some((Err(_), _)) | None => Step::new(StepCode::RoomUnknown, before),
        };
        *earlier = *earlier + step.after;
        line.outcome = Outcome::Payable(step.after);
        line.steps.push(step);
    }
}
