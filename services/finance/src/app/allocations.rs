//! The sums a PCN may claim in a contract year.

use kit::summary::{self, Query};
use kit::{Caller, Cut, Error};
use terms::{ContractYear, Month, OdsCode};

use super::{App, Positions};
use crate::domain::allocation::{Allocation, allocate};
use crate::store::places::lists;

impl App {
    /// Every pot of a PCN and year. The caller must see the PCN in some month of the year.
    pub async fn allocation(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        year: ContractYear,
        cut: Cut,
    ) -> Result<(Vec<Allocation>, Positions), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let seen = year.months_to(Month::of(year.last())).find(|month| scope.sees(pcn, *month));
        let month = seen.unwrap_or(year.first_month());
        let query = Query { pcn: pcn.clone(), month, cut };
        summary::admit(&read, caller, &scope, &query).await?;
        let lists = lists(&*read, pcn, year, cut.at).await?;
        let pots = allocate(self.rules(), year, lists, cut.rules_known_on);
        Ok((pots, self.positions(&read, cut.at).await?))
    }
}
