//! What a claim is built from, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use kit::cut::NOW;
use kit::db::Write;
use kit::{Error, ErrorReason, Scope, rulefile};
use sea_orm::DatabaseTransaction;
use terms::{EngagementId, Instant, Month, minute_days};
use uuid::Uuid;

use super::App;
use super::claims::{hours, result_digest};
use super::pcn_money::records;
use crate::domain::claim::{Claim, ClaimName, ClaimState};
use crate::domain::evaluation::{
    ClaimEvaluation, ClaimGround, MECHANISM, PcnRecords, Question, evaluate_claim,
};
use crate::domain::line::{EngagementRecords, WrittenAgreement};
use crate::domain::rulebook::Digest;
use crate::store::claim_ground::{self, Frozen};
use crate::store::claims::{self as store, Basis, Build, LineHours};
use crate::store::ledger::{self, Sum};

/// A claim evaluated now, with what is frozen of it.
pub(super) struct Built {
    /// What it is built from.
    pub(super) build: Build,
    /// What it comes to.
    pub(super) evaluation: ClaimEvaluation,
    /// Whose hours its lines ask for.
    pub(super) lines: Vec<LineHours>,
    /// The minute-days of all hours of each engagement and month.
    pub(super) all_hours: BTreeMap<(Month, EngagementId), i64>,
    /// What owners' files call the engagements.
    pub(super) references: BTreeMap<EngagementId, String>,
}

impl App {
    /// Evaluates a claim from what is known now.
    pub(super) async fn build_claim(
        &self,
        write: &Write,
        scope: &Scope,
        name: &ClaimName,
        at: Instant,
    ) -> Result<Built, Error> {
        let today = self.clock().today();
        if name.month.first() > today {
            let reason = format!("must be of a month that has begun: {} is to come", name.month);
            return Err(Error::invalid("name", reason));
        }
        if name.is_adjustment() {
            self.only_one_open(write, scope, name).await?;
        }
        let frozen = self.ground(write, scope, name).await?;
        let rules = self.rules();
        let evaluation = evaluate_claim(rules, &frozen.ground);
        let ground = claim_ground::to_text(&frozen)?;
        let basis = Basis {
            known_at: at,
            rules_known_on: today,
            claim_date: today,
            rule_digest: rules.digest().to_string(),
            mechanism: MECHANISM,
            ground_digest: Digest(rulefile::digest(&[("ground", &ground[..])])).to_string(),
            result_digest: result_digest(&evaluation),
        };
        let engagements = &frozen.ground.records.engagements;
        let references = engagements.iter().map(|one| &one.engagement);
        Ok(Built {
            lines: hours(&frozen.ground, &evaluation),
            all_hours: all_hours(&frozen.ground),
            references: references.map(|one| (one.id, one.reference.clone())).collect(),
            build: Build { id: Uuid::now_v7(), basis, ground },
            evaluation,
        })
    }

    /// What a claim is evaluated from, as known now.
    pub(super) async fn ground(
        &self,
        db: &DatabaseTransaction,
        scope: &Scope,
        name: &ClaimName,
    ) -> Result<Frozen, Error> {
        let (pcn, today, rules) = (&name.pcn, self.clock().today(), self.rules());
        let found = records(db, rules.london(), scope, pcn, name.months(), NOW).await?;
        // People stay for years, and every claim of theirs would hold their pay of all of them.
        let found = found.with_pay_of(name.months());
        let sources = found.sources();
        let mut records = found.pcn;
        let (months, settled) = if name.is_adjustment() {
            let (settled, months, builds) = store::settled(db, scope, pcn, name.months()).await?;
            let whose = settled.keys().map(|(_, engagement)| *engagement).collect();
            remember(db, &mut records, whose, &builds).await?;
            (months, Some(settled))
        } else {
            (BTreeSet::from([name.month]), None)
        };
        let year = name.month.contract_year();
        let mut taken = BTreeMap::new();
        for pot in rules.pots(year) {
            let sum = Sum { pcn: pcn.clone(), year, pot };
            taken.insert(pot, ledger::balance(db, scope, &sum).await?.used());
        }
        let question = Question {
            pcn: pcn.clone(),
            month: name.month,
            rules_known_on: today,
            claim_date: today,
        };
        Ok(Frozen { ground: ClaimGround { question, months, records, settled, taken }, sources })
    }

    /// Refuses a second adjustment while another one of the year has not come to its end: what it
    /// asks for would be asked for twice.
    async fn only_one_open(
        &self,
        db: &DatabaseTransaction,
        scope: &Scope,
        name: &ClaimName,
    ) -> Result<(), Error> {
        let year = name.month.contract_year();
        let all = store::adjustments(db, scope, &name.pcn, year).await?;
        let open = |claim: &&Claim| match claim.state {
            ClaimState::Submitted | ClaimState::Queried | ClaimState::Checked => {
                claim.name != *name
            }
            ClaimState::Prepared
            | ClaimState::Approved
            | ClaimState::Paid
            | ClaimState::Rejected
            | ClaimState::Withdrawn => false,
        };
        if let Some(other) = all.iter().find(open) {
            let state = other.state.as_str().to_uppercase();
            return Err(Error::refused(
                ErrorReason::ClaimStateWrong,
                format!(
                    "{} is {state}: another adjustment of the year waits until that has come to \
                     its end",
                    other.name
                ),
                [("name", other.name.to_string()), ("state", state)],
            ));
        }
        let before = all.iter().filter(|claim| claim.name.month == name.month);
        let next = before.map(|claim| claim.name.number).max().unwrap_or(0) + 1;
        if name.number > next {
            let wanted = ClaimName { number: next, ..name.clone() };
            return Err(Error::invalid("name", format!("must be {wanted}, the next adjustment")));
        }
        Ok(())
    }
}

/// Adds engagements without hours, of which approved claims had a line: what they were is in the
/// grounds of these claims.
async fn remember(
    db: &DatabaseTransaction,
    records: &mut PcnRecords,
    mut whose: BTreeSet<EngagementId>,
    builds: &[Uuid],
) -> Result<(), Error> {
    for known in &records.engagements {
        whose.remove(&known.engagement.id);
    }
    if whose.is_empty() {
        return Ok(());
    }
    for text in store::grounds(db, builds).await?.iter().rev() {
        for earlier in claim_ground::from_text(text)?.ground.records.engagements {
            if whose.remove(&earlier.engagement.id) {
                records.engagements.push(EngagementRecords {
                    engagement: earlier.engagement,
                    assignments: Vec::new(),
                    pay: Vec::new(),
                    agreement: WrittenAgreement::NotRecorded,
                });
            }
        }
    }
    Ok(())
}

fn all_hours(ground: &ClaimGround) -> BTreeMap<(Month, EngagementId), i64> {
    let of = |month: Month| {
        ground
            .records
            .engagements
            .iter()
            .map(move |one| ((month, one.engagement.id), minute_days(&one.assignments, month)))
    };
    ground.months.iter().copied().flat_map(of).collect()
}
