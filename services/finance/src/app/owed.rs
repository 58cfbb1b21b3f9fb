//! What is owed to PCNs, as known at a cut.

use std::collections::BTreeSet;

use kit::db::Read;
use kit::{Caller, Cut, Error, Scope};
use terms::{Month, OdsCode};
use uuid::Uuid;

use super::claims::sees_year;
use super::{App, Positions};
use crate::domain::claim::{Claim, ClaimName, ClaimState};
use crate::domain::owed::{CashGap, KnownClaim, Owed, cash_gaps, is_owed, owed};
use crate::store::claims::{self as store, Moved, Wanted};

/// Claims read at once; of one PCN they are those of forty contract years.
const CLAIMS: u64 = 500;

impl App {
    /// What is owed to a PCN, and month by month what its people cost less what came back; of the
    /// years that the caller sees whole.
    pub async fn money_owed(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        cut: &Cut,
    ) -> Result<(Owed, Vec<CashGap>, Positions), Error> {
        let (read, scope) = self.of_pcn(caller, pcn).await?;
        let wanted = Wanted {
            pcn: Some(pcn.clone()),
            states: BTreeSet::new(),
            year: None,
            after: None,
            limit: CLAIMS,
            at: cut.at,
        };
        let claims = store::list(&*read, &scope, &wanted).await?;
        let known = self.known_claims(&read, &scope, claims, cut).await?;
        let owed = owed(self.rules(), &known, cut.as_of, cut.rules_known_on);
        let claims: Vec<&Claim> = known.iter().map(|known| &known.claim).collect();
        let costs = store::line_costs(&*read, &scope, &claims).await?;
        let gaps = cash_gaps(&known, &costs, cut.as_of);
        Ok((owed, gaps, self.positions(&read, cut.at).await?))
    }

    /// One page of the PCNs to which something is owed, of the years that the caller sees whole.
    pub async fn money_owed_by_pcn(
        &self,
        caller: &Caller,
        after: Option<OdsCode>,
        limit: u64,
        cut: &Cut,
    ) -> Result<Vec<(OdsCode, Owed)>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let states: BTreeSet<ClaimState> =
            ClaimState::ALL.iter().copied().filter(|state| is_owed(*state)).collect();
        let wanted = |after| {
            let states = states.clone();
            Wanted { pcn: None, states, year: None, after, limit: CLAIMS, at: cut.at }
        };
        let limit = usize::try_from(limit).map_err(Error::internal)?;
        let mut place = after.map(last_of);
        let mut by_pcn: Vec<(OdsCode, Vec<KnownClaim>)> = Vec::new();
        loop {
            let page = store::list(&*read, &scope, &wanted(place)).await?;
            let whole = u64::try_from(page.len()).is_ok_and(|read| read == CLAIMS);
            place = page.last().map(|moved| moved.claim.name.clone());
            for known in self.known_claims(&read, &scope, page, cut).await? {
                match by_pcn.last_mut() {
                    Some((pcn, claims)) if *pcn == known.claim.name.pcn => claims.push(known),
                    Some(_) | None => by_pcn.push((known.claim.name.pcn.clone(), vec![known])),
                }
            }
            // The claims of the last PCN may go on in the next page.
            if !whole || by_pcn.len() > limit {
                break;
            }
        }
        by_pcn.truncate(limit);
        let row = |(pcn, known): (OdsCode, Vec<KnownClaim>)| {
            (pcn, owed(self.rules(), &known, cut.as_of, cut.rules_known_on))
        };
        Ok(by_pcn.into_iter().map(row).collect())
    }

    /// Claims of years that the scope sees whole, with the days that their instants fell on.
    async fn known_claims(
        &self,
        read: &Read,
        scope: &Scope,
        claims: Vec<Moved>,
        cut: &Cut,
    ) -> Result<Vec<KnownClaim>, Error> {
        let seen = |moved: &Moved| {
            let ClaimName { pcn, month, .. } = &moved.claim.name;
            sees_year(scope, pcn, month.contract_year())
        };
        let claims: Vec<Moved> = claims.into_iter().filter(seen).collect();
        let ids: Vec<Uuid> = claims.iter().map(|moved| moved.claim.id).collect();
        let since = store::in_state_since(&**read, scope, &ids, cut.at).await?;
        let known = claims.into_iter().map(|Moved { claim, at, by: _ }| KnownClaim {
            submitted_on: claim.submitted_at.map(|at| self.clock().day(at)),
            in_state_since: self.clock().day(since.get(&claim.id).copied().unwrap_or(at)),
            claim,
        });
        Ok(known.collect())
    }
}

/// After every claim of a PCN.
fn last_of(pcn: OdsCode) -> ClaimName {
    let month = Month::new(2200, 12).expect("months go to 2200");
    ClaimName { pcn, month, number: i32::MAX }
}
