//! The rule book: roles, figures and policies, and which of them holds on a day.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use terms::{Band, Confidence, ContractYear, Date, LondonArea, Minutes, Population, RoleCode};

use super::figure::{Cell, Figure, Pot, RowArea, Share, Validity};
use super::policy::{Policy, PolicyName};

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
    /// All of it.
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
}

/// Two entries of a rule book that cannot both be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// A cell is filled twice in one edition.
    #[error("this cell of this edition is given twice")]
    Twice {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// Rows of one edition end on different days.
    #[error("rows of one edition end on different days")]
    Ends {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// Two caps of a role are for the same list.
    #[error("two caps of one role and edition are for the same list sizes")]
    Lists {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// A role has a row for London and one for a part of it.
    #[error("a role has a row for all of London and one for a part of it")]
    London {
        /// Position of the row for all of London.
        first: usize,
        /// Position of the other.
        second: usize,
    },
    /// A figure is for a role that is not in the book.
    #[error("no such role is in the rule book")]
    Role {
        /// Position of the figure.
        figure: usize,
    },
    /// The band of a row is not the role's row.
    #[error("the role has no row of this band")]
    Band {
        /// Position of the figure.
        figure: usize,
    },
    /// A half row for a role that is paid in full.
    #[error("the role is not paid by half")]
    Share {
        /// Position of the figure.
        figure: usize,
    },
    /// A role stands in the book twice.
    #[error("the role is given twice")]
    RoleTwice {
        /// The role.
        role: RoleCode,
    },
    /// A policy is settled twice.
    #[error("the policy is given twice")]
    PolicyTwice {
        /// The policy.
        policy: PolicyName,
    },
    /// A policy is not settled.
    #[error("the policy is missing")]
    PolicyMissing {
        /// The policy.
        policy: PolicyName,
    },
}

/// One table of maxima: what was published together.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    pub(crate) validity: Validity,
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

/// Every rule the evaluation knows, checked and indexed.
// Invariant: no clash, every figure's role is known, every policy is settled once.
#[derive(Clone, Debug)]
pub struct RuleBook {
    digest: Digest,
    roles: Vec<Role>,
    by_code: HashMap<RoleCode, usize>,
    policies: Vec<Policy>,
    figures: Vec<Arc<Figure>>,
    /// The newest first.
    editions: Vec<Edition>,
    fees: HashMap<usize, Vec<Arc<Figure>>>,
}

impl RuleBook {
    /// Puts a book together, or says everything that contradicts itself.
    pub fn new(
        digest: Digest,
        roles: Vec<Role>,
        policies: Vec<Policy>,
        figures: Vec<Figure>,
    ) -> Result<RuleBook, Vec<Clash>> {
        let mut clashes = Vec::new();
        let mut by_code = HashMap::new();
        for (index, role) in roles.iter().enumerate() {
            if by_code.insert(role.code.clone(), index).is_some() {
                clashes.push(Clash::RoleTwice { role: role.code.clone() });
            }
        }
        check_policies(&policies, &mut clashes);
        check_roles(&figures, &roles, &by_code, &mut clashes);
        check_editions(&figures, &mut clashes);
        if !clashes.is_empty() {
            return Err(clashes);
        }

        let figures: Vec<Arc<Figure>> = figures.into_iter().map(Arc::new).collect();
        let mut editions: BTreeMap<(Date, Date), Edition> = BTreeMap::new();
        let mut fees: HashMap<usize, Vec<Arc<Figure>>> = HashMap::new();
        for figure in &figures {
            match &figure.cell {
                Cell::Maximum { role, band, area, share, label: _ } => {
                    let edition = editions.entry(figure.validity.newness()).or_insert_with(|| {
                        Edition { validity: figure.validity, cells: HashMap::new() }
                    });
                    let cell = (by_code[role], *band, *area, *share);
                    edition.cells.insert(cell, Arc::clone(figure));
                }
                Cell::Fee { role } => {
                    fees.entry(by_code[role]).or_default().push(Arc::clone(figure));
                }
                Cell::Rate { .. } | Cell::Cap { .. } => {}
            }
        }
        let editions = editions.into_values().rev().collect();
        Ok(RuleBook { digest, roles, by_code, policies, figures, editions, fees })
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
        self.newest(year.last(), known_on, |cell| match cell {
            Cell::Rate { pot: of } => *of == pot,
            Cell::Maximum { .. } | Cell::Cap { .. } | Cell::Fee { .. } => false,
        })
    }

    /// The cap of a role for a registered list. None means unknown, which is not 'no limit'.
    pub fn cap(
        &self,
        role: &RoleCode,
        list: Population,
        day: Date,
        known_on: Date,
    ) -> Option<&Arc<Figure>> {
        let of_role = |cell: &Cell| match cell {
            Cell::Cap { role: of, .. } => of.as_ref().is_none_or(|of| of == role),
            Cell::Maximum { .. } | Cell::Rate { .. } | Cell::Fee { .. } => false,
        };
        let edition = self.newest(day, known_on, of_role)?.validity;
        self.figures.iter().filter(|figure| figure.validity == edition).find(|figure| match &figure
            .cell
        {
            Cell::Cap { min_list, max_list, .. } => {
                of_role(&figure.cell)
                    && *min_list <= list
                    && max_list.is_none_or(|most| list <= most)
            }
            Cell::Maximum { .. } | Cell::Rate { .. } | Cell::Fee { .. } => false,
        })
    }

    /// What may be claimed a month and WTE of a supplier's fee, for work on `day`.
    pub fn fee(&self, role: &RoleCode, day: Date, known_on: Date) -> Option<&Arc<Figure>> {
        self.fees
            .get(&self.role_index(role)?)?
            .iter()
            .filter(|figure| figure.validity.covers(day) && figure.validity.known(known_on))
            .max_by_key(|figure| figure.validity.newness())
    }

    /// Whether a supplier's fee may ever be claimed for a role.
    pub fn has_fee(&self, role: &RoleCode) -> bool {
        self.role_index(role).is_some_and(|index| self.fees.contains_key(&index))
    }

    /// The pots a PCN has in a year, by the roles' periods; the main one always.
    pub fn pots(&self, year: ContractYear) -> Vec<Pot> {
        let mut pots = vec![Pot::Main];
        for period in self.roles.iter().flat_map(|role| &role.pots) {
            let in_year = period.applies_from <= year.last() && year.first() <= period.applies_to;
            if in_year && !pots.contains(&period.pot) {
                pots.push(period.pot);
            }
        }
        pots
    }

    pub(crate) fn role_index(&self, code: &RoleCode) -> Option<usize> {
        self.by_code.get(code).copied()
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

    fn newest(
        &self,
        day: Date,
        known_on: Date,
        wanted: impl Fn(&Cell) -> bool,
    ) -> Option<&Arc<Figure>> {
        self.figures
            .iter()
            .filter(|figure| wanted(&figure.cell))
            .filter(|figure| figure.validity.covers(day) && figure.validity.known(known_on))
            .max_by_key(|figure| figure.validity.newness())
    }
}

fn check_policies(policies: &[Policy], clashes: &mut Vec<Clash>) {
    for name in PolicyName::ALL {
        match policies.iter().filter(|policy| policy.name() == name).count() {
            0 => clashes.push(Clash::PolicyMissing { policy: name }),
            1 => {}
            2.. => clashes.push(Clash::PolicyTwice { policy: name }),
        }
    }
}

fn check_roles(
    figures: &[Figure],
    roles: &[Role],
    by_code: &HashMap<RoleCode, usize>,
    clashes: &mut Vec<Clash>,
) {
    for (index, figure) in figures.iter().enumerate() {
        let code = match &figure.cell {
            Cell::Maximum { role, .. } | Cell::Fee { role } => Some(role),
            Cell::Cap { role, .. } => role.as_ref(),
            Cell::Rate { .. } => None,
        };
        let Some(code) = code else { continue };
        let Some(role) = by_code.get(code).map(|index| &roles[*index]) else {
            clashes.push(Clash::Role { figure: index });
            continue;
        };
        let Cell::Maximum { label, band, share, .. } = &figure.cell else {
            continue;
        };
        let fits = match &role.row {
            Row::ByRole(own) => own == label && band.is_none(),
            Row::ByBand(_) => band.is_some_and(|band| role.bands.contains(&band)),
        };
        if !fits {
            clashes.push(Clash::Band { figure: index });
        }
        if *share == Share::Half && role.share == RoleShare::Whole {
            clashes.push(Clash::Share { figure: index });
        }
    }
}

fn check_editions(figures: &[Figure], clashes: &mut Vec<Clash>) {
    let mut cells: HashMap<(&Cell, (Date, Date)), usize> = HashMap::new();
    let mut ends: HashMap<(Table, (Date, Date)), usize> = HashMap::new();
    for (index, figure) in figures.iter().enumerate() {
        let edition = figure.validity.newness();
        if let Some(first) = cells.insert((&figure.cell, edition), index) {
            clashes.push(Clash::Twice { first, second: index });
        }
        let first = *ends.entry((table(&figure.cell), edition)).or_insert(index);
        if figures[first].validity.applies_to != figure.validity.applies_to {
            clashes.push(Clash::Ends { first, second: index });
        }
    }
    check_caps(figures, clashes);
    check_london(figures, &cells, clashes);
}

/// Whose editions are chosen together: a pot's rate or a role's cap is a table of its own.
#[derive(PartialEq, Eq, Hash)]
enum Table<'a> {
    Maxima,
    Rate(Pot),
    Cap(Option<&'a RoleCode>),
    Fee(&'a RoleCode),
}

fn table(cell: &Cell) -> Table<'_> {
    match cell {
        Cell::Maximum { .. } => Table::Maxima,
        Cell::Rate { pot } => Table::Rate(*pot),
        Cell::Cap { role, .. } => Table::Cap(role.as_ref()),
        Cell::Fee { role } => Table::Fee(role),
    }
}

fn check_caps(figures: &[Figure], clashes: &mut Vec<Clash>) {
    let caps: Vec<(usize, &Figure, Population, Option<Population>)> = figures
        .iter()
        .enumerate()
        .filter_map(|(index, figure)| match &figure.cell {
            Cell::Cap { min_list, max_list, .. } => Some((index, figure, *min_list, *max_list)),
            Cell::Maximum { .. } | Cell::Rate { .. } | Cell::Fee { .. } => None,
        })
        .collect();
    for (position, (second, later, low, high)) in caps.iter().enumerate() {
        for (first, earlier, from, to) in &caps[..position] {
            let same = table(&earlier.cell) == table(&later.cell)
                && earlier.validity.newness() == later.validity.newness()
                && earlier.cell != later.cell;
            let meet = to.is_none_or(|to| *low <= to) && high.is_none_or(|high| *from <= high);
            if same && meet {
                clashes.push(Clash::Lists { first: *first, second: *second });
            }
        }
    }
}

fn check_london(
    figures: &[Figure],
    cells: &HashMap<(&Cell, (Date, Date)), usize>,
    clashes: &mut Vec<Clash>,
) {
    for (first, figure) in figures.iter().enumerate() {
        let Cell::Maximum { role, label, band, area: RowArea::London, share } = &figure.cell else {
            continue;
        };
        for area in [RowArea::Outer, RowArea::Inner] {
            let part = Cell::Maximum {
                role: role.clone(),
                label: label.clone(),
                band: *band,
                area,
                share: *share,
            };
            if let Some(second) = cells.get(&(&part, figure.validity.newness())) {
                clashes.push(Clash::London { first, second: *second });
            }
        }
    }
}
