//! The scheme's figures by contract year. They are published: any caller may read them.

use std::sync::Arc;

use kit::Error;
use terms::{ContractYear, Date, RoleCode};

use super::App;
use crate::domain::figure::Figure;
use crate::domain::holding::years;

impl App {
    /// The figures of a contract year in the order of their names.
    ///
    /// A year has a rule book if a rate, a sum or a maximum begins in it.
    pub fn figures(&self, year: ContractYear) -> Result<Vec<Arc<Figure>>, Error> {
        if !years(self.rules()).contains(&year) {
            let name = format!("ruleBooks/{year}");
            return Err(Error::NotFound { kind: "arrs.example/RuleBook", name });
        }
        let applies = |figure: &&Arc<Figure>| {
            let validity = &figure.validity;
            validity.applies_from <= year.last()
                && validity.applies_to.is_none_or(|last| year.first() <= last)
        };
        let mut figures: Vec<Arc<Figure>> =
            self.rules().figures().iter().filter(applies).cloned().collect();
        figures.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(figures)
    }

    /// One page of the figures of a year, from just past the name `after`.
    pub fn figures_page(
        &self,
        year: ContractYear,
        role: Option<&RoleCode>,
        known_on: Option<Date>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Arc<Figure>>, Error> {
        let wanted = |figure: &Arc<Figure>| {
            role.is_none_or(|role| figure.role() == Some(role))
                && known_on.is_none_or(|day| figure.validity.known(day))
                && after.is_none_or(|after| figure.id.as_str() > after)
        };
        Ok(self.figures(year)?.into_iter().filter(wanted).take(limit).collect())
    }
}
