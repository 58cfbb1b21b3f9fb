//! Import files as large as England, made from a seed.
//!
//! The same seed and size give the same bytes on every machine, so that a benchmark measures the
//! code and not the data. The disorder is that of the national files, in its real proportions: what
//! the June 2026 publication of PCN workforce holds, counted. Places are made up but for the seven
//! regions, whose codes decide London weighting; no code or name means anybody.
//!
//! Absent on purpose: anything that an import must refuse. That is in [`broken`].

use std::path::{Path, PathBuf};
use std::{fs, io};

mod people;
mod places;
mod publication;
mod roles;
mod table;

pub mod broken;

use crate::source::Source;

/// How much to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Open PCNs; closed ones come on top, one to sixteen.
    pub pcns: usize,
    /// Engagements over all PCNs, by their lists.
    pub engagements: usize,
    /// Months of pay and sessions from April 2025, 1 to 12; the publication is of the last.
    pub months: usize,
}

impl Size {
    /// All of England from April to July 2025.
    pub const fn england() -> Size {
        Size { pcns: 1_270, engagements: 40_000, months: 4 }
    }

    /// Enough to hold each pathology once, in a fraction of a second.
    pub const fn small() -> Size {
        Size { pcns: 60, engagements: 1_900, months: 4 }
    }
}

/// One import file of each kind, each as the import takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct England {
    /// Regions, ICBs, sub-ICBs, PCNs, practices, federations and other employers.
    pub organisations: String,
    /// Practice lists of 1 January 2025.
    pub lists: String,
    /// Engagements and their assignments.
    pub staff: String,
    /// Pay of each engagement and month.
    pub pay: String,
    /// Supervision sessions.
    pub sessions: String,
    /// The publication of the last month, in its 16 columns, with a byte order mark and CRLF.
    pub pcn_workforce: String,
    /// What is in the files.
    pub counts: Counts,
}

/// What is in the files, counted while they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open PCNs.
    pub pcns: usize,
    /// PCNs without a row in the publication.
    pub pcns_silent: usize,
    /// Practices.
    pub practices: usize,
    /// Practices that were part of another PCN before.
    pub practices_moved: usize,
    /// Engagements.
    pub engagements: usize,
    /// Engagements that are contracted services, so without a person.
    pub contracted: usize,
    /// People.
    pub people: usize,
    /// People who work in more than one PCN.
    pub people_shared: usize,
    /// People whose weekly hours add to more than 37.5.
    pub people_above_full_time: usize,
    /// Rows of the staff file.
    pub staff_rows: usize,
    /// Rows of the pay file.
    pub pay_rows: usize,
    /// Rows of the sessions file.
    pub session_rows: usize,
    /// Rows of the publication.
    pub publication_rows: usize,
    /// Rows of the publication that repeat person, PCN and role of another.
    pub publication_repeats: usize,
}

impl England {
    /// Kind and content, in an order in which they can be imported.
    pub fn files(&self) -> [(&'static str, &str); 6] {
        [
            ("organisations", &self.organisations),
            ("lists", &self.lists),
            ("staff", &self.staff),
            ("pay", &self.pay),
            ("sessions", &self.sessions),
            ("pcn-workforce", &self.pcn_workforce),
        ]
    }

    /// Writes `<kind>.csv` for each kind and answers kind and path in the order of import.
    pub fn write_to(&self, directory: &Path) -> io::Result<Vec<(&'static str, PathBuf)>> {
        let mut written = Vec::new();
        for (kind, content) in self.files() {
            let path = directory.join(format!("{kind}.csv"));
            fs::write(&path, content)?;
            written.push((kind, path));
        }
        Ok(written)
    }
}

/// Makes the files. A part does not depend on how much another part drew from the seed.
pub fn england(seed: u64, size: Size) -> England {
    assert!((1..=12).contains(&size.months), "a contract year has twelve months");
    assert!(0 < size.pcns && size.pcns <= 10_000, "codes of PCNs have five digits");

    let mut counts = Counts::default();
    let places = places::make(&mut Source::new(seed, 1), size, &mut counts);
    let people = people::make(&mut Source::new(seed, 2), size, &places, &mut counts);
    England {
        organisations: places.organisations(),
        lists: places.lists(&mut Source::new(seed, 3)),
        staff: people.staff(&places, &mut counts),
        pay: people.pay(&mut Source::new(seed, 4), size, &mut counts),
        sessions: people.sessions(&mut Source::new(seed, 5), size, &places, &mut counts),
        pcn_workforce: publication::make(
            &mut Source::new(seed, 6),
            size,
            &places,
            &people,
            &mut counts,
        ),
        counts,
    }
}

#[cfg(test)]
mod tests;
