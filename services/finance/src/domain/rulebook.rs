//! The rule book: roles, figures and policies, and which of them holds on a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use terms::{
    Band, Confidence, ContractYear, Date, LondonArea, Minutes, OdsCode, Period, Population,
    RoleCode,
};

use super::baseline::BaselineRule;
use super::figure::{Cell, Extent, Figure, Pot, RowArea, Share, Validity, Value};
use super::income::IncomeLine;
use super::on_cost::OnCost;
use super::owed::PaymentTerm;
use super::policy::Policy;
use caps::Caps;
pub use caps::{CapGap, RoleCap};
pub use clash::Clash;
pub(super) use clash::table;

mod caps;
mod clash;

/// SHA-256 of the rule files, which names the set they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Which row of the maxima is a role's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// One row, whatever the band; its label: `7-8a`.
    ByRole(String),
    /// The band picks the row; who has none takes this one.
    ByBand(Option<Band>),
}

/// How much of a role's cost the scheme pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleShare {
    /// All of it, but for the time of which a figure says less.
    Whole,
    /// Half; from `whole_from`, where that is agreed in writing, the whole.
    Half {
        /// The first day on which an agreement counts, if there is one.
        whole_from: Option<Date>,
    },
}

/// A time in which a role's lines are paid from another pot than the main one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PotPeriod {
    /// The pot.
    pub pot: Pot,
    /// The first day.
    pub applies_from: Date,
    /// The last day.
    pub applies_to: Date,
}

/// A role of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The canonical code.
    pub code: RoleCode,
    /// The name for people.
    pub name: String,
    /// The bands it may have; empty where Agenda for Change does not hold.
    pub bands: Vec<Band>,
    /// Its row of the maxima.
    pub row: Row,
    /// The share that is paid.
    pub share: RoleShare,
    /// The only full-time hours it may have, if they are fixed.
    pub full_time: Option<Minutes>,
    /// Whether practices had it before the scheme, so that it has a baseline.
    pub baseline: Option<BaselineRule>,
    /// Times outside the main pot.
    pub pots: Vec<PotPeriod>,
    /// The first day it may be claimed.
    pub joined: Date,
    /// The last one, if there is one.
    pub left: Option<Date>,
    /// Who says so.
    pub source: String,
    /// How far to trust it.
    pub confidence: Confidence,
    /// What else must be known of it.
    pub note: Option<String>,
}

impl Role {
    /// Whether it may be claimed for work on `day`.
    pub fn in_force(&self, day: Date) -> bool {
        self.joined <= day && self.left.is_none_or(|left| day <= left)
    }

    /// The pot its lines of a month that begins on `day` are paid from.
    pub fn pot(&self, day: Date) -> Pot {
        self.pots
            .iter()
            .find(|period| period.applies_from <= day && day <= period.applies_to)
            .map_or(Pot::Main, |period| period.pot)
    }

    /// Every pot its lines of a year are paid from.
    fn pots_in(&self, year: ContractYear) -> impl Iterator<Item = Pot> + '_ {
        let first = self.joined.max(year.first());
        let last = self.left.map_or(year.last(), |left| left.min(year.last()));
        let between =
            move |period: &&PotPeriod| period.applies_from <= last && first <= period.applies_to;
        let ends = [self.pot(first), self.pot(last)].into_iter();
        ends.chain(self.pots.iter().filter(between).map(|period| period.pot))
            .filter(move |_| first <= last)
    }
}

/// One table of maxima: what was published together.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    pub(crate) validity: Validity,
    extent: Extent,
    cells: HashMap<(usize, Option<Band>, RowArea, Share), Arc<Figure>>,
}

impl Edition {
    /// The cell for a PCN's area: its own row, or the one for all of London.
    pub(crate) fn cell(
        &self,
        role: usize,
        band: Option<Band>,
        area: LondonArea,
        share: Share,
    ) -> Option<&Arc<Figure>> {
        let own = self.cells.get(&(role, band, RowArea::of(area), share));
        match area {
            LondonArea::Outside => own,
            LondonArea::Outer | LondonArea::Inner => {
                own.or_else(|| self.cells.get(&(role, band, RowArea::London, share)))
            }
        }
    }
}

/// The region that is London: a PCN of another one is outside, where no record states its area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LondonRegion {
    /// Its code.
    pub code: OdsCode,
    /// Who says so.
    pub source: String,
    /// How far to trust it.
    pub confidence: Confidence,
}

/// Every rule the evaluation knows, checked and indexed.
// Invariant: no clash, every figure's role is known, every policy is settled once.
#[derive(Clone, Debug)]
pub struct RuleBook {
    digest: Digest,
    roles: Vec<Role>,
    by_code: HashMap<RoleCode, usize>,
    policies: Vec<Policy>,
    london: LondonRegion,
    figures: Vec<Arc<Figure>>,
    /// Those of them that fill pots.
    money: Vec<Arc<Figure>>,
    /// The newest first.
    editions: Vec<Edition>,
    fees: OfRoles,
    shares: OfRoles,
    caps: Caps,
}

/// Figures of one kind by the position of their role.
type OfRoles = HashMap<usize, Vec<Arc<Figure>>>;

impl RuleBook {
    /// Puts a book together, or says everything that contradicts itself.
    pub fn new(
        digest: Digest,
        roles: Vec<Role>,
        policies: Vec<Policy>,
        london: LondonRegion,
        figures: Vec<Figure>,
    ) -> Result<RuleBook, Vec<Clash>> {
        let codes = roles.iter().map(|role| role.code.clone());
        let by_code: HashMap<RoleCode, usize> = codes.zip(0..).collect();
        let clashes = clash::clashes(&figures, &policies, &roles, &by_code);
        if !clashes.is_empty() {
            return Err(clashes);
        }

        let figures: Vec<Arc<Figure>> = figures.into_iter().map(Arc::new).collect();
        let mut editions: BTreeMap<(Date, Date), Edition> = BTreeMap::new();
        let (mut fees, mut shares, mut money) = (OfRoles::new(), OfRoles::new(), Vec::new());
        let mut caps = Caps::default();
        for figure in &figures {
            match &figure.cell {
                Cell::Maximum { role, band, area, share, label: _ } => {
                    let edition = editions.entry(figure.validity.newness()).or_insert_with(|| {
                        let (validity, extent) = (figure.validity, figure.extent);
                        Edition { validity, extent, cells: HashMap::new() }
                    });
                    let cell = (by_code[role], *band, *area, *share);
                    edition.cells.insert(cell, Arc::clone(figure));
                }
                Cell::Fee { role } => {
                    fees.entry(by_code[role]).or_default().push(Arc::clone(figure));
                }
                Cell::Share { role } => {
                    shares.entry(by_code[role]).or_default().push(Arc::clone(figure));
                }
                Cell::Cap { role, lists: _ } => {
                    let rows = match role {
                        Some(role) => caps.of_role.entry(by_code[role]).or_default(),
                        None => &mut caps.of_every_role,
                    };
                    rows.push(Arc::clone(figure));
                }
                Cell::Rate { .. } | Cell::Sum { .. } => money.push(Arc::clone(figure)),
                Cell::OnCost(_) | Cell::PaymentDelay { .. } | Cell::Income { .. } => {}
            }
        }
        let editions = with_additions(editions.into_values());
        Ok(RuleBook {
            digest,
            roles,
            by_code,
            policies,
            london,
            figures,
            money,
            editions,
            fees,
            shares,
            caps,
        })
    }

    /// Names the set of files the book was read from.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Every role, in the order of the files.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Every policy, in the order of the files.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The region that is London.
    pub const fn london(&self) -> &LondonRegion {
        &self.london
    }

    /// Every figure, in the order of the files.
    pub fn figures(&self) -> &[Arc<Figure>] {
        &self.figures
    }

    /// A figure by its name.
    pub fn figure(&self, id: &str) -> Option<&Arc<Figure>> {
        self.figures.iter().find(|figure| figure.id == id)
    }

    /// A role by its code.
    pub fn role(&self, code: &RoleCode) -> Option<&Role> {
        self.by_code.get(code).map(|index| &self.roles[*index])
    }

    /// The maximum for one WTE that holds for work on `day` by what was known on `known_on`.
    ///
    /// `band` picks a row only where the role has one for each band. None means unknown: a cell
    /// that the newest edition lacks is never taken from an older one.
    pub fn maximum(
        &self,
        role: &RoleCode,
        band: Option<Band>,
        area: LondonArea,
        share: Share,
        day: Date,
        known_on: Date,
    ) -> Option<&Arc<Figure>> {
        let index = self.role_index(role)?;
        let band = match &self.roles[index].row {
            Row::ByRole(_) => None,
            Row::ByBand(default) => band.or(*default),
        };
        let (edition, _) = self.edition(day, known_on);
        edition?.cell(index, band, area, share)
    }

    /// The newest rate of a pot that holds for all of a year's money, by what was known.
    pub fn rate(&self, pot: Pot, year: ContractYear, known_on: Date) -> Option<&Arc<Figure>> {
        newest(&self.money, year.last(), known_on, |cell| *cell == Cell::Rate { pot })
    }

    /// Whether a pot is a fixed sum in a year, known or not.
    pub fn is_fixed(&self, pot: Pot, year: ContractYear) -> bool {
        self.money.iter().any(|figure| {
            let Cell::Sum { pot: of, .. } = &figure.cell else { return false };
            *of == pot && figure.validity.covers(year.last())
        })
    }

    /// The fixed sum of a pot for a registered list, by what was known. None means unknown.
    pub fn sum(
        &self,
        pot: Pot,
        list: Population,
        year: ContractYear,
        known_on: Date,
    ) -> Option<&Arc<Figure>> {
        let lists = |cell: &Cell| {
            let Cell::Sum { pot: of, lists } = cell else { return None };
            (*of == pot).then_some(*lists)
        };
        let wanted = |cell: &Cell| lists(cell).is_some();
        let edition = newest(&self.money, year.last(), known_on, wanted)?.validity;
        self.money
            .iter()
            .filter(|figure| figure.validity == edition)
            .find(|figure| lists(&figure.cell).is_some_and(|lists| lists.contains(list)))
    }

    /// The share of a role's cost that is paid for work on `day`, with its figure; none if no
    /// figure says less than the whole.
    pub(crate) fn share(
        &self,
        role: usize,
        day: Date,
        known_on: Date,
    ) -> Option<(Share, &Arc<Figure>)> {
        let figure = newest(self.shares.get(&role)?, day, known_on, |_| true)?;
        let Value::Share(share) = figure.value else { return None };
        Some((share, figure))
    }

    /// What may be claimed a month and WTE of a supplier's fee, for work on `day`.
    pub fn fee(&self, role: &RoleCode, day: Date, known_on: Date) -> Option<&Arc<Figure>> {
        newest(self.fees.get(&self.role_index(role)?)?, day, known_on, |_| true)
    }

    /// Whether a supplier's fee could be claimed for a role by `day`, known how much or not.
    pub fn has_fee(&self, role: &RoleCode, day: Date) -> bool {
        let fees = self.role_index(role).and_then(|index| self.fees.get(&index));
        fees.is_some_and(|fees| fees.iter().any(|figure| figure.validity.applies_from <= day))
    }

    /// A number that maxima are built of, for work on `day`.
    pub fn on_cost(&self, of: &OnCost, day: Date, known_on: Date) -> Option<&Arc<Figure>> {
        newest(&self.figures, day, known_on, |cell| *cell == Cell::OnCost(of.clone()))
    }

    /// After how many months a claim is paid, for those of `day`.
    pub fn payment_delay(
        &self,
        term: PaymentTerm,
        day: Date,
        known_on: Date,
    ) -> Option<&Arc<Figure>> {
        newest(&self.figures, day, known_on, |cell| *cell == Cell::PaymentDelay { term })
    }

    /// The rates of a line of income on `day`: those of its newest edition.
    pub fn income(&self, line: IncomeLine, day: Date, known_on: Date) -> Vec<&Arc<Figure>> {
        let of_line = |cell: &Cell| matches!(cell, Cell::Income { line: of, .. } if *of == line);
        let Some(newest) = newest(&self.figures, day, known_on, of_line) else {
            return Vec::new();
        };
        let edition =
            |figure: &&Arc<Figure>| of_line(&figure.cell) && figure.validity == newest.validity;
        self.figures.iter().filter(edition).collect()
    }

    /// The pots a PCN has in a year: those that the roles of the year are paid from.
    pub fn pots(&self, year: ContractYear) -> Vec<Pot> {
        let pots: BTreeSet<Pot> = self.roles.iter().flat_map(|role| role.pots_in(year)).collect();
        pots.into_iter().collect()
    }

    pub(crate) fn role_index(&self, code: &RoleCode) -> Option<usize> {
        self.by_code.get(code).copied()
    }

    /// The tables of maxima for work on some days, each with the days it holds on.
    pub(crate) fn editions(&self, days: Period, known_on: Date) -> Vec<(Period, Option<&Edition>)> {
        let mut found = Vec::new();
        let mut from = Some(days.from());
        while let Some(first) = from {
            let (edition, next) = self.edition(first, known_on);
            from = next.filter(|next| days.contains(*next));
            let run = Period::new(first, from.or(days.until())).expect("a run has days");
            found.push((run, edition));
        }
        found
    }

    /// The table of maxima for work on `day`, and the next day on which it could be another one.
    pub(crate) fn edition(&self, day: Date, known_on: Date) -> (Option<&Edition>, Option<Date>) {
        let mut found = None;
        let mut next: Option<Date> = None;
        let mut meet = |date: Date| {
            if date > day && next.is_none_or(|next| date < next) {
                next = Some(date);
            }
        };
        for edition in self.editions.iter().filter(|edition| edition.validity.known(known_on)) {
            let validity = &edition.validity;
            if found.is_none() && validity.covers(day) {
                found = Some(edition);
            }
            meet(validity.applies_from);
            if let Some(after) = validity.applies_to.and_then(|last| last.tomorrow().ok()) {
                meet(after);
            }
        }
        (found, next)
    }
}

fn newest(
    figures: &[Arc<Figure>],
    day: Date,
    known_on: Date,
    wanted: impl Fn(&Cell) -> bool,
) -> Option<&Arc<Figure>> {
    figures
        .iter()
        .filter(|figure| wanted(&figure.cell))
        .filter(|figure| figure.validity.covers(day) && figure.validity.known(known_on))
        .max_by_key(|figure| figure.validity.newness())
}

/// Gives every addition the cells of the table it is added to. Takes the oldest first, returns the
/// newest first.
fn with_additions(oldest_first: impl Iterator<Item = Edition>) -> Vec<Edition> {
    let mut editions: Vec<Edition> = Vec::new();
    for mut edition in oldest_first {
        let standing = match edition.extent {
            Extent::Whole => None,
            Extent::Addition => {
                editions.iter().rev().find(|older| older.validity.meets(&edition.validity))
            }
        };
        for (cell, figure) in standing.into_iter().flat_map(|standing| &standing.cells) {
            edition.cells.entry(*cell).or_insert_with(|| Arc::clone(figure));
        }
        editions.push(edition);
    }
    editions.reverse();
    editions
}
