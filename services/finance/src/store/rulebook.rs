//! The rule files: compiled in, and added from a directory; checked whole before any is used.
//!
//! An error names file, line and field, says what is wrong and what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use kit::rulefile::{self, FILE_BYTES_MAX, Fault, ReadError, line_of, listed};
use terms::RoleCode;
use toml::Spanned;

use crate::domain::figure::{Extent, Figure, Validity};
use crate::domain::policy::Policy;
use crate::domain::rulebook::{Clash, Digest, LondonRegion, Role, Row, RuleBook};

use check::{Check, syntax_fault};
use rows::{EditionRow, FigureRow, MaximumRow, RuleFile, london, policy, role};

mod check;
mod incomes;
mod on_costs;
mod rows;

#[cfg(test)]
mod capped;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod earlier;
#[cfg(test)]
mod held_back;
#[cfg(test)]
mod inspections;
#[cfg(test)]
mod projections;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod scheme;
#[cfg(test)]
mod tests;

/// The files of the executable, by name.
const COMPILED_IN: [(&str, &str); 13] = [
    ("2019-20.toml", include_str!("../../rulebook/2019-20.toml")),
    ("2020-21.toml", include_str!("../../rulebook/2020-21.toml")),
    ("2021-22.toml", include_str!("../../rulebook/2021-22.toml")),
    ("2022-23.toml", include_str!("../../rulebook/2022-23.toml")),
    ("2023-24.toml", include_str!("../../rulebook/2023-24.toml")),
    ("2024-25.toml", include_str!("../../rulebook/2024-25.toml")),
    ("2025-26.toml", include_str!("../../rulebook/2025-26.toml")),
    ("2026-27.toml", include_str!("../../rulebook/2026-27.toml")),
    ("on-costs.toml", include_str!("../../rulebook/on-costs.toml")),
    ("other-income.toml", include_str!("../../rulebook/other-income.toml")),
    ("policies.toml", include_str!("../../rulebook/policies.toml")),
    ("roles.toml", include_str!("../../rulebook/roles.toml")),
    ("standing.toml", include_str!("../../rulebook/standing.toml")),
];

/// More files than a ConfigMap can sensibly hold.
const FILES_MAX: usize = 64;

/// Why there is no rule book.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The directory or a file in it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The files are there, and not right.
    #[error("the rule files have mistakes:{}", listed(faults))]
    Faults {
        /// Every mistake found.
        faults: Vec<Fault>,
    },
}

impl LoadError {
    fn too_much(path: PathBuf, limit: String) -> LoadError {
        LoadError::Read { path, source: io::Error::new(io::ErrorKind::FileTooLarge, limit) }
    }
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> LoadError {
        match error {
            ReadError::Unreadable { path, source } => LoadError::Read { path, source },
            ReadError::TooLarge { path, bytes } => {
                let limit = format!("it has {bytes} bytes, at most {FILE_BYTES_MAX} are allowed");
                LoadError::too_much(path, limit)
            }
        }
    }
}

/// Reads the compiled-in files and, if a directory is given, its `*.toml` files.
pub fn load(directory: Option<&Path>) -> Result<RuleBook, LoadError> {
    let mut files: Vec<(String, String)> =
        COMPILED_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    if let Some(directory) = directory {
        files.extend(read_directory(directory)?);
    }
    parse(files).map_err(|faults| LoadError::Faults { faults })
}

fn read_directory(directory: &Path) -> Result<Vec<(String, String)>, LoadError> {
    let paths = rulefile::paths(directory)?;
    if paths.len() > FILES_MAX {
        let limit = format!("it has more than {FILES_MAX} rule files");
        return Err(LoadError::too_much(directory.to_owned(), limit));
    }
    Ok(rulefile::read(&paths)?)
}

/// Reads a set of files, given by name and text, into a rule book.
pub fn parse(mut files: Vec<(String, String)>) -> Result<RuleBook, Vec<Fault>> {
    files.sort();
    let mut reader = Reader::default();
    for (index, (name, text)) in files.iter().enumerate() {
        if index > 0 && files[index - 1].0 == *name {
            reader.faults.push(Fault {
                file: name.clone(),
                line: None,
                field: "file name".to_owned(),
                reason: "there is another rule file of this name".to_owned(),
                expected: "must be a name of its own: rule files are added, never replaced"
                    .to_owned(),
            });
            continue;
        }
        reader.rules(name, text);
    }
    for (name, text) in &files {
        reader.figures(name, text);
    }
    let Reader { files: _, roles, policies, london, figures, places, mut faults } = reader;
    if london.is_none() && faults.is_empty() {
        faults.push(Fault {
            file: "the set of rule files".to_owned(),
            line: None,
            field: "london".to_owned(),
            reason: "no file says which region is London".to_owned(),
            expected: "must stand in one file".to_owned(),
        });
    }
    let Some(london) = london.filter(|_| faults.is_empty()) else {
        return Err(faults);
    };
    let digest = Digest(rulefile::digest(&files));
    RuleBook::new(digest, roles, policies, london, figures)
        .map_err(|clashes| clashes.iter().map(|clash| clash_fault(clash, &places)).collect())
}

/// Where an entry of the book stands, for errors found in the book as a whole.
#[derive(Default)]
struct Places {
    figures: Vec<(String, usize)>,
    roles: Vec<(RoleCode, String, usize)>,
}

#[derive(Default)]
struct Reader {
    files: BTreeMap<String, RuleFile>,
    roles: Vec<Role>,
    policies: Vec<Policy>,
    london: Option<LondonRegion>,
    figures: Vec<Figure>,
    places: Places,
    faults: Vec<Fault>,
}

impl Reader {
    /// Reads a file, and what figures of any file refer to: roles and policies.
    fn rules(&mut self, file: &str, text: &str) {
        let rules: RuleFile = match toml::from_str(text) {
            Ok(rules) => rules,
            Err(error) => {
                self.faults.push(syntax_fault(file, text, &error));
                return;
            }
        };
        for (key, _) in rules.sources.iter().filter(|(_, source)| source.trim().is_empty()) {
            self.faults.push(Fault {
                file: file.to_owned(),
                line: None,
                field: format!("sources.{key}"),
                reason: "it is empty".to_owned(),
                expected: "must say who prints the figure".to_owned(),
            });
        }
        let by_band = BTreeSet::new();
        let sources = &rules.sources;
        let faults = &mut self.faults;
        let mut check = Check { file, text, sources, by_band: &by_band, start: 0, faults };
        for row in &rules.role {
            check.start = row.span().start;
            if let Some(role) = role(row.as_ref(), &mut check) {
                let line = line_of(text, row.span().start);
                self.places.roles.push((role.code.clone(), file.to_owned(), line));
                self.roles.push(role);
            }
        }
        for row in &rules.policy {
            check.start = row.span().start;
            self.policies.extend(policy(row.as_ref(), &mut check));
        }
        if let Some(row) = &rules.london {
            check.start = row.span().start;
            let found = london(row.as_ref(), &mut check);
            if found.is_some() && self.london.is_some() {
                let reason = "another file says so already".to_owned();
                check.fault::<()>("london", reason, "must stand in one file");
            }
            self.london = found.or(self.london.take());
        }
        self.files.insert(file.to_owned(), rules);
    }

    /// Reads the figures of a file, once all roles are known.
    fn figures(&mut self, file: &str, text: &str) {
        let Some(rules) = self.files.remove(file) else {
            return;
        };
        let by_band: BTreeSet<RoleCode> = self
            .roles
            .iter()
            .filter(|role| matches!(role.row, Row::ByBand(_)))
            .map(|role| role.code.clone())
            .collect();
        let sources = &rules.sources;
        let faults = &mut self.faults;
        let mut check = Check { file, text, sources, by_band: &by_band, start: 0, faults };
        let figures = &mut self.figures;
        let places = &mut self.places.figures;
        figures_of(&rules.maximum, &mut check, figures, places);
        figures_of(&rules.rate, &mut check, figures, places);
        figures_of(&rules.sum, &mut check, figures, places);
        figures_of(&rules.share, &mut check, figures, places);
        figures_of(&rules.cap, &mut check, figures, places);
        figures_of(&rules.fee, &mut check, figures, places);
        figures_of(&rules.on_cost, &mut check, figures, places);
        figures_of(&rules.payment_delay, &mut check, figures, places);
        figures_of(&rules.income, &mut check, figures, places);
    }
}

fn figures_of<R: FigureRow>(
    editions: &[Spanned<EditionRow<R>>],
    check: &mut Check<'_>,
    figures: &mut Vec<Figure>,
    places: &mut Vec<(String, usize)>,
) {
    for edition in editions {
        check.start = edition.span().start;
        let edition = edition.as_ref();
        let Some(validity) = validity(edition, check) else {
            continue;
        };
        let extent = if edition.addition { Extent::Addition } else { Extent::Whole };
        if extent == Extent::Addition && R::TABLE != MaximumRow::TABLE {
            let reason = format!("an edition of the {} table is chosen row by row", R::TABLE);
            check.fault::<()>("addition", reason, "must stand in [[maximum]] only");
        }
        if edition.rows.is_empty() {
            check.fault::<()>("rows", format!("the {} table is empty", R::TABLE), "must have rows");
        }
        for row in &edition.rows {
            check.start = row.span().start;
            let Some(entry) = row.as_ref().entry(check) else {
                continue;
            };
            let source = entry.source.as_ref().or(edition.source.as_ref());
            let confidence = entry.confidence.as_ref().or(edition.confidence.as_ref());
            let (source, confidence) = (check.source(source), check.confidence(confidence));
            let (Some(source), Some(confidence)) = (source, confidence) else {
                continue;
            };
            let a_month = row.as_ref().a_month(check);
            places.push((check.file.to_owned(), line_of(check.text, check.start)));
            figures.push(Figure {
                id: Figure::name(&entry.cell, &validity),
                cell: entry.cell,
                value: entry.value,
                a_month,
                validity,
                extent,
                source,
                confidence,
                note: entry.note,
                file: check.file.to_owned(),
                line: line_of(check.text, check.start),
            });
        }
    }
}

fn validity<R>(edition: &EditionRow<R>, check: &mut Check<'_>) -> Option<Validity> {
    let applies_from = check.date("applies_from", &edition.applies_from)?;
    let applies_to = match &edition.applies_to {
        None => None,
        Some(date) => Some(check.date("applies_to", date)?),
    };
    let known_from = match &edition.known_from {
        None => applies_from,
        Some(date) => check.date("known_from", date)?,
    };
    if applies_to.is_some_and(|last| last < applies_from) {
        let reason = "the last day is before the first".to_owned();
        return check.fault("applies_to", reason, "must be on or after applies_from");
    }
    Some(Validity { applies_from, applies_to, known_from })
}

fn clash_fault(clash: &Clash, places: &Places) -> Fault {
    let at = |index: usize| places.figures[index].clone();
    let like = |first: usize| {
        let (file, line) = at(first);
        format!("must differ from {file}, line {line}")
    };
    let (place, field, expected) = match clash {
        Clash::Twice { first, second } => (Some(at(*second)), "rows", like(*first)),
        Clash::Ends { first, second } => {
            let (file, line) = at(*first);
            let expected = format!("must end as the edition does in {file}, line {line}");
            (Some(at(*second)), "applies_to", expected)
        }
        Clash::Extents { first, second } => {
            let (file, line) = at(*first);
            let expected = format!("must be as in {file}, line {line}");
            (Some(at(*second)), "addition", expected)
        }
        Clash::Addition { figure } => {
            let expected = "must be days on which one earlier table is in force, known before";
            (Some(at(*figure)), "addition", expected.to_owned())
        }
        Clash::Lists { first, second } => (Some(at(*second)), "min_list", like(*first)),
        Clash::London { first, second } => (Some(at(*second)), "area", like(*first)),
        Clash::Role { figure } => {
            (Some(at(*figure)), "role", "must be the code of a [[role]]".to_owned())
        }
        Clash::Band { figure } => {
            let expected = "must be the role's row, or one of its bands where bands pick the row";
            (Some(at(*figure)), "band", expected.to_owned())
        }
        Clash::Share { figure } => {
            (Some(at(*figure)), "share", "must be 100, or the role's [[share]]".to_owned())
        }
        Clash::RoleTwice { role } => {
            let mut of_role = places.roles.iter().filter(|(code, _, _)| code == role);
            let later = of_role.next_back().map(|(_, file, line)| (file.clone(), *line));
            (later, "code", format!("must be one [[role]] for {role}"))
        }
        Clash::PolicyTwice { policy } | Clash::PolicyMissing { policy } => {
            (None, "policy", format!("must be one [[policy]] for {policy}"))
        }
    };
    let (file, line) = match place {
        Some((file, line)) => (file, Some(line)),
        None => ("the set of rule files".to_owned(), None),
    };
    Fault { file, line, field: field.to_owned(), reason: clash.to_string(), expected }
}
