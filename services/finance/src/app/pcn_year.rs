//! The money of a PCN in a contract year so far.

use std::collections::BTreeMap;

use kit::summary::{self, Query};
use kit::{Caller, Cut, Error, names};
use terms::{ContractYear, Month, OdsCode, RoleCode};

use super::claims::sees_year;
use super::pcn_money::records_of;
use super::{App, Positions};
use crate::domain::figure::Pot;
use crate::domain::income::{Income, IncomeLists, incomes};
use crate::domain::ledger::Balance;
use crate::domain::role_year::{RoleYear, by_role};
use crate::domain::summary::PotSummary;
use crate::store::ledger;
use crate::store::places::adjusted_list;

/// The money of a PCN and year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcnYear {
    /// The year.
    pub year: ContractYear,
    /// The last month that counts as begun.
    pub through: Month,
    /// Beside the scheme.
    pub incomes: Vec<Income>,
    /// The sums of the scheme, with what was asked for of each.
    pub pots: Vec<(PotSummary, Option<Balance>)>,
    /// What people of each role cost.
    pub roles: BTreeMap<RoleCode, RoleYear>,
    /// What all of them cost.
    pub all_roles: RoleYear,
}

impl App {
    /// The money of a PCN and year. The caller must see every month of the year.
    pub async fn pcn_year(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        year: ContractYear,
        cut: Cut,
    ) -> Result<(PcnYear, Positions), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let through = Month::of(cut.as_of.min(year.last()));
        let query = Query { pcn: pcn.clone(), month: through, cut };
        summary::admit(&read, caller, &scope, &query).await?;
        if !sees_year(&scope, pcn, year) {
            return Err(caller.denied(&names::pcn(pcn)));
        }
        let records = records_of(&read, self.rules.london(), &scope, &query).await?;
        let evaluation = self.evaluate(&query, cut.rules_known_on, &records);
        let lists = IncomeLists {
            lists: records.pcn.lists,
            adjusted: adjusted_list(&*read, pcn, year, cut.at).await?,
        };
        let balances = ledger::balances(&*read, &scope, pcn, cut.at).await?;
        let balance = |pot: Pot| balances.get(&(year, pot)).copied();
        let pots = evaluation.summary.pots.into_iter();
        let pcn_year = PcnYear {
            year,
            through,
            incomes: incomes(self.rules(), year, through, lists, cut.rules_known_on),
            pots: pots.map(|pot| (pot.clone(), balance(pot.pot))).collect(),
            roles: by_role(&evaluation.lines),
            all_roles: RoleYear::of(evaluation.lines.iter()),
        };
        Ok((pcn_year, self.positions(&read, cut.at).await?))
    }
}
