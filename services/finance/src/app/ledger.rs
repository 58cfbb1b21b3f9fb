//! Where the money of a PCN's sums stands, and every transfer that led there.

use std::collections::BTreeMap;

use kit::cut::NOW;
use kit::db::Read;
use kit::roster;
use kit::{Caller, Cut, Error, Scope, names};
use terms::{ContractYear, OdsCode, OrganisationKind};

use super::App;
use super::claims::sees_year;
use crate::domain::figure::Pot;
use crate::domain::ledger::Balance;
use crate::store::ledger;
pub use crate::store::ledger::Posted;

impl App {
    /// What stands on the accounts of a PCN's sums, of the years that the caller sees whole.
    pub async fn balances(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        cut: &Cut,
    ) -> Result<BTreeMap<(ContractYear, Pot), Balance>, Error> {
        let (read, scope) = self.of_pcn(caller, pcn).await?;
        let mut all = ledger::balances(&*read, &scope, pcn, cut.at).await?;
        all.retain(|(year, _), _| sees_year(&scope, pcn, *year));
        Ok(all)
    }

    /// One page of a PCN's transfers, of the years that the caller sees whole.
    pub async fn transfers(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        year: Option<ContractYear>,
        after: i64,
        limit: u64,
    ) -> Result<Vec<Posted>, Error> {
        let (read, scope) = self.of_pcn(caller, pcn).await?;
        let balances = ledger::balances(&*read, &scope, pcn, NOW).await?;
        let mut years: Vec<ContractYear> = balances.into_keys().map(|(year, _)| year).collect();
        years.dedup();
        years.retain(|one| year.is_none_or(|year| year == *one) && sees_year(&scope, pcn, *one));
        ledger::transfers(&*read, &scope, pcn, &years, after, limit).await
    }

    /// A transaction and the scope of a caller who may see the PCN at some time.
    pub(super) async fn of_pcn(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
    ) -> Result<(Read, Scope), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let found = roster::organisation(&*read, pcn, NOW).await?;
        let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
        if !is_pcn || !scope.sees_ever(pcn) {
            return Err(caller.denied(&names::pcn(pcn)));
        }
        Ok((read, scope))
    }
}
