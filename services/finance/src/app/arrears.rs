//! What changed about months whose claims are approved.

use std::collections::BTreeMap;

use kit::cut::NOW;
use kit::roster;
use kit::{Caller, Error};
use terms::{ContractYear, EngagementId, Month, OdsCode, OrganisationKind};

use super::App;
use crate::domain::adjustment::Arrears;
use crate::domain::claim::ClaimName;
use crate::domain::evaluation::claim_arrears;
use crate::store::claims as store;

/// A line of an approved month that is another one by what is known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLine {
    /// What it was and is.
    pub arrears: Arrears,
    /// What the owner's files call the engagement.
    pub reference: String,
}

impl App {
    /// Every line of the approved months of a year that is another one by what is known now, by
    /// month, start date and engagement.
    pub async fn arrears(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        year: ContractYear,
    ) -> Result<Vec<ChangedLine>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let found = roster::organisation(&*read, pcn, NOW).await?;
        let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
        let last = Month::of(year.last().min(self.clock().today()));
        // As an adjustment of all its months would be built.
        let name = ClaimName { pcn: pcn.clone(), month: last, number: 1 };
        if !is_pcn || !store::sees(&scope, &name) {
            return Err(caller.denied(&kit::names::pcn(pcn)));
        }
        if last < year.first_month() {
            return Ok(Vec::new());
        }
        let frozen = self.ground(&read, &scope, &name).await?;
        let references: BTreeMap<EngagementId, String> = frozen
            .ground
            .records
            .engagements
            .iter()
            .map(|one| (one.engagement.id, one.engagement.reference.clone()))
            .collect();
        let mut all = claim_arrears(self.rules(), &frozen.ground);
        all.sort_by_key(|one| (one.line.month, one.line.start, one.line.engagement));
        let named = all.into_iter().map(|arrears| {
            let reference = references.get(&arrears.line.engagement).cloned();
            ChangedLine { arrears, reference: reference.unwrap_or_default() }
        });
        Ok(named.collect())
    }
}
