//! What is examined of a rule book beyond what must hold for it to be one.
//!
//! A hole is no mistake: a figure that nobody knows is absent. It is listed, so that nobody takes
//! silence for zero.

use std::collections::BTreeMap;
use std::sync::Arc;

use terms::{Band, Confidence, Date, LondonArea, Pence, RoleCode};

use super::figure::{Cell, Extent, Figure, RowArea, Share, Value};
use super::income::Counted;
use super::on_cost::{BasisPoints, OnCost};
use super::projection::{Base, Question, label, project};
use super::rulebook::{Role, RoleShare, Row, RuleBook, table};

/// How far a derived maximum may be from the formula: salaries are fitted, and rounding meets it.
const TOLERANCE: Pence = Pence::from_pounds(1);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// What is wrong, in the order of the files.
    pub problems: Vec<Problem>,
    /// What nobody knows, in the order of roles.
    pub unknown: Vec<Unknown>,
    /// Income that is paid and of which nobody prints the rate, or which part is for which list, in
    /// the order of the files.
    pub unknown_income: Vec<Arc<Figure>>,
    /// Maxima that were derived, against the formula.
    pub derived: Compared,
    /// Maxima that are printed, or read by their band, against the formula.
    pub printed: Compared,
    /// Figures with a printed month, each a twelfth of its year.
    pub months: usize,
}

/// A figure that cannot be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The figure.
    pub figure: Arc<Figure>,
    /// The field of its row.
    pub field: &'static str,
    /// What is wrong.
    pub reason: String,
    /// What would be right.
    pub expected: String,
}

/// A maximum that is not known for some days of a role's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The role.
    pub role: RoleCode,
    /// The band as the row names it.
    pub label: String,
    /// The share that the row contains.
    pub share: Share,
    /// Where it is not known.
    pub areas: Vec<LondonArea>,
    /// The first day.
    pub from: Date,
    /// The last one.
    pub to: Date,
}

/// Maxima held against the formula.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// To the pound the same.
    pub exact: usize,
    /// A pound more or less.
    pub near: usize,
    /// Further away.
    pub off: Vec<Arc<Figure>>,
    /// Not comparable: a figure of the formula is not known.
    pub without: usize,
}

/// Inspects a rule book.
pub fn inspect(rules: &RuleBook) -> Inspection {
    let mut found = Inspection::default();
    overlaps(rules, &mut found.problems);
    halves(rules, &mut found.problems);
    salaries(rules, &mut found.problems);
    for figure in rules.figures() {
        found.months += usize::from(figure.a_month.is_some());
        compare(rules, figure, &mut found);
    }
    let place = |problem: &Problem| (problem.figure.file.clone(), problem.figure.line);
    found.problems.sort_by_key(place);
    let unpriced = rules.figures().iter().filter(|figure| is_unpriced(figure));
    found.unknown_income.extend(unpriced.cloned());
    for role in rules.roles() {
        holes(rules, role, &mut found.unknown);
    }
    found
}

/// Whether a rate of income says too little for an amount.
fn is_unpriced(figure: &Figure) -> bool {
    let split = Counted::RegisteredAndAdjusted;
    figure.value == Value::NotPrinted
        || matches!(figure.cell, Cell::Income { counted, .. } if counted == split)
}

/// What the formula gives for a maximum, by what was known when it began to apply; none if a figure
/// of the formula is not known or the cell is no maximum.
pub fn formula(rules: &RuleBook, figure: &Figure) -> Option<Pence> {
    let Cell::Maximum { role, band, area, share, label: _ } = &figure.cell else {
        return None;
    };
    let area = match area {
        RowArea::Outside => LondonArea::Outside,
        RowArea::Outer | RowArea::London => LondonArea::Outer,
        RowArea::Inner => LondonArea::Inner,
    };
    let day = figure.validity.applies_from;
    let known_on = figure.validity.known_from.max(day);
    let base = Base::Award { edition: day, edition_known_on: known_on, award: BasisPoints(0) };
    let role = rules.role(role)?;
    let question = Question { role, band: *band, area, day, known_on, base };
    let projection = project(rules, &question).ok()?;
    match *share {
        Share::WHOLE => Some(projection.maximum),
        Share::HALF => projection.half,
        // Another share was printed by itself, and never projected.
        _ => None,
    }
}

fn compare(rules: &RuleBook, figure: &Arc<Figure>, found: &mut Inspection) {
    let (Cell::Maximum { .. }, Value::AYear(amount)) = (&figure.cell, figure.value) else {
        return;
    };
    let derived = figure.confidence == Confidence::Derived;
    let compared = if derived { &mut found.derived } else { &mut found.printed };
    let Some(made) = formula(rules, figure) else {
        compared.without += 1;
        return;
    };
    match Pence((amount - made).0.abs()) {
        Pence::ZERO => compared.exact += 1,
        difference if difference <= TOLERANCE => compared.near += 1,
        _ => {
            compared.off.push(Arc::clone(figure));
            // What is printed is paid by, whatever the formula says.
            if derived {
                found.problems.push(Problem {
                    figure: Arc::clone(figure),
                    field: "pounds",
                    reason: format!("{amount} is marked DERIVED, and the formula gives {made}"),
                    expected: format!("must be within {TOLERANCE} of it"),
                });
            }
        }
    }
}

/// Editions that were published together must not be for the same days: which one held would be
/// chance.
fn overlaps(rules: &RuleBook, problems: &mut Vec<Problem>) {
    let mut editions: Vec<&Arc<Figure>> = Vec::new();
    for figure in rules.figures() {
        let of = table(&figure.cell);
        let validity = &figure.validity;
        let together = |other: &&&Arc<Figure>| {
            table(&other.cell) == of && other.validity.known_from == validity.known_from
        };
        let mut earlier = editions.iter().filter(together);
        if earlier.clone().any(|other| other.validity.applies_from == validity.applies_from) {
            continue;
        }
        let meets = |other: &&&Arc<Figure>| {
            other.validity.covers(validity.applies_from)
                || validity.covers(other.validity.applies_from)
        };
        // An award is no state that another one ends, and an addition ends nothing.
        let lasting = figure.extent == Extent::Whole
            && !matches!(figure.cell, Cell::OnCost(OnCost::Award { .. }));
        if let Some(other) = earlier.find(meets).filter(|_| lasting) {
            problems.push(Problem {
                figure: Arc::clone(figure),
                field: "applies_from",
                reason: format!(
                    "it is for days of {}, line {}, and known from the same day",
                    other.file, other.line
                ),
                expected: "must begin after the other has ended".to_owned(),
            });
        }
        editions.push(figure);
    }
}

/// Who is paid by half needs the half row wherever there is a whole one: it cannot be made of it.
fn halves(rules: &RuleBook, problems: &mut Vec<Problem>) {
    for figure in rules.figures() {
        let Cell::Maximum { role, label, band, area, share: Share::WHOLE } = &figure.cell else {
            continue;
        };
        let by_half = rules.role(role).is_some_and(|role| role.share != RoleShare::Whole);
        let half = Cell::Maximum {
            role: role.clone(),
            label: label.clone(),
            band: *band,
            area: *area,
            share: Share::HALF,
        };
        let there = || {
            let same = |other: &&Arc<Figure>| other.validity == figure.validity;
            rules.figures().iter().filter(same).any(|other| other.cell == half)
        };
        if by_half && !there() {
            problems.push(Problem {
                figure: Arc::clone(figure),
                field: "share",
                reason: "the edition has this row and not the half one".to_owned(),
                expected: "must have a row with share = 50 as well".to_owned(),
            });
        }
    }
}

/// A salary that belongs to no row is a slip of the band.
fn salaries(rules: &RuleBook, problems: &mut Vec<Problem>) {
    let read = |label: &str| {
        rules.roles().iter().any(|role| match &role.row {
            Row::ByRole(own) => own == label,
            Row::ByBand(_) => role.bands.iter().any(|band| band.as_str() == label),
        })
    };
    for figure in rules.figures() {
        if let Cell::OnCost(OnCost::Salary { label }) = &figure.cell
            && !read(label)
        {
            problems.push(Problem {
                figure: Arc::clone(figure),
                field: "band",
                reason: format!("no role reads a row of `{label}`"),
                expected: "must be a row of the maxima".to_owned(),
            });
        }
    }
}

/// The days of a role's life without a maximum, as known today, up to the end of the newest table.
fn holes(rules: &RuleBook, role: &Role, unknown: &mut Vec<Unknown>) {
    let maxima = rules.figures().iter().filter(|it| matches!(it.cell, Cell::Maximum { .. }));
    let ends = maxima.map(|figure| figure.validity.applies_to.unwrap_or(Date::MAX));
    let Some(last) = ends.max().map(|last| role.left.map_or(last, |left| left.min(last))) else {
        return;
    };
    let bands: Vec<Option<Band>> = match &role.row {
        Row::ByRole(_) => vec![None],
        Row::ByBand(_) => role.bands.iter().copied().map(Some).collect(),
    };
    let shares = match role.share {
        RoleShare::Whole => vec![(Share::WHOLE, role.joined)],
        RoleShare::Half { whole_from } => {
            let whole = whole_from.map(|from| (Share::WHOLE, from));
            std::iter::once((Share::HALF, role.joined)).chain(whole).collect()
        }
    };
    for band in bands {
        for (share, first) in shares.iter().copied() {
            let mut areas: BTreeMap<(Date, Date), Vec<LondonArea>> = BTreeMap::new();
            for area in LondonArea::ALL {
                for run in runs(rules, role, band, *area, share, first, last) {
                    areas.entry(run).or_default().push(*area);
                }
            }
            let label = label(role, band).unwrap_or_default();
            unknown.extend(areas.into_iter().map(|((from, to), areas)| Unknown {
                role: role.code.clone(),
                label: label.clone(),
                share,
                areas,
                from,
                to,
            }));
        }
    }
}

/// Runs of days without a figure, each as its first and last day.
fn runs(
    rules: &RuleBook,
    role: &Role,
    band: Option<Band>,
    area: LondonArea,
    share: Share,
    first: Date,
    last: Date,
) -> Vec<(Date, Date)> {
    let mut runs: Vec<(Date, Date)> = Vec::new();
    let mut open = false;
    let mut day = first;
    while day <= last {
        let (_, next) = rules.edition(day, Date::MAX);
        let until = next.and_then(|next| next.yesterday().ok()).map_or(last, |end| end.min(last));
        // A row contains the share that holds on its days.
        let stated = rules.role_index(&role.code).and_then(|it| rules.share(it, day, Date::MAX));
        let share = stated.filter(|_| share == Share::WHOLE).map_or(share, |(stated, _)| stated);
        let known = rules.maximum(&role.code, band, area, share, day, Date::MAX).is_some();
        match runs.last_mut().filter(|_| open && !known) {
            Some(run) => run.1 = until,
            None if !known => runs.push((day, until)),
            None => {}
        }
        open = !known;
        match next {
            Some(next) => day = next,
            None => break,
        }
    }
    runs
}
