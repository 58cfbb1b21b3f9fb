//! `arrs rulebook`: the figures of the scheme for people, read as a server reads them.

mod check;
mod figures;

use std::path::Path;

use finance::domain::rulebook::RuleBook;
use finance::store::rulebook::{self, LoadError};
use kit::Clock;
use terms::{ContractYear, Date, RoleCode};

use crate::cli::{FiguresArguments, RulebookCommand};
use crate::exit::Failure;
use crate::print;
use crate::settings::Settings;

/// Does what a command line asks.
pub(crate) fn run(settings: &Settings, what: RulebookCommand) -> Result<(), Failure> {
    let configured = match settings.finance.rulebook_directory.as_str() {
        "" => None,
        path => Some(Path::new(path)),
    };
    match what {
        RulebookCommand::Check(arguments) => {
            let named = arguments.directory.as_deref();
            let rules = rulebook::load(named.or(configured));
            print(&check::render(&rules.map_err(|error| wrong(&error, named))?)?)
        }
        RulebookCommand::Show(arguments) => {
            let asked = Asked::of(configured, &[arguments.year], arguments.figures)?;
            print(&figures::year(&asked, arguments.year))
        }
        RulebookCommand::Diff(arguments) => {
            let years = [arguments.from, arguments.to];
            let asked = Asked::of(configured, &years, arguments.figures)?;
            print(&figures::difference(&asked, years))
        }
    }
}

/// Files that are not right are refused, which is what was to be found out; a folder that is not
/// there is a slip of the command line or of the settings.
fn wrong(error: &LoadError, named: Option<&Path>) -> Failure {
    let told = kit::error::chain(error);
    match (error, named) {
        (LoadError::Faults { .. }, _) => Failure::refused(told),
        (LoadError::Read { .. }, Some(_)) => Failure::usage(told),
        (LoadError::Read { .. }, None) => Failure::configuration(told),
    }
}

/// A rule book, and which of its figures are asked about.
struct Asked {
    rules: RuleBook,
    role: Option<RoleCode>,
    known_on: Date,
}

impl Asked {
    fn of(
        directory: Option<&Path>,
        years: &[ContractYear],
        arguments: FiguresArguments,
    ) -> Result<Asked, Failure> {
        let rules = rulebook::load(directory)
            .map_err(|error| Failure::configuration(kit::error::chain(&error)))?;
        let there = finance::domain::holding::years(&rules);
        if let Some(year) = years.iter().find(|year| !there.contains(year)) {
            let there: Vec<String> = there.iter().map(ContractYear::to_string).collect();
            let there = there.join(", ");
            return Err(Failure::refused(format!("{year} has no rule book; there are {there}")));
        }
        if let Some(role) = arguments.role.as_ref().filter(|role| rules.role(role).is_none()) {
            let roles: Vec<&str> = rules.roles().iter().map(|role| role.code.as_str()).collect();
            let roles = roles.join(", ");
            return Err(Failure::refused(format!("{role} is no role; there are {roles}")));
        }
        let known_on = arguments.known_at.unwrap_or_else(|| Clock::system().today());
        Ok(Asked { rules, role: arguments.role, known_on })
    }
}

/// The beginning of the digest, as reports print it.
fn digest(rules: &RuleBook) -> String {
    rules.digest().to_string().chars().take(12).collect()
}
