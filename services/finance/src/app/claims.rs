//! Claims as they stand, their lines, and why each line comes to what it does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::cut::NOW;
use kit::db::Read;
use kit::roster::{self, Engaged};
use kit::{Caller, Cut, Error, Revision, Scope, imports, names, rulefile};
use sea_orm::DatabaseTransaction;
use terms::{ContractYear, EngagementId, Month, OdsCode, OrganisationKind, Pence};
use uuid::Uuid;

use super::App;
use super::pcn_money::{LineRecord, months_of_pay, shown};
use crate::domain::claim::{Claim, ClaimName};
use crate::domain::evaluation::{ClaimEvaluation, ClaimGround, MECHANISM, evaluate_claim};
use crate::domain::line::{EngagementRecords, Line};
use crate::domain::rulebook::{Digest, RuleBook};
use crate::store::claim_ground::{self, Frozen};
use crate::store::claims::{self as store, LineHours};
pub use crate::store::claims::{Basis, Moved, Wanted};
use crate::store::pay::PaySource;

/// What was said about a line, as much as an explanation shows.
const REMARKS: usize = 200;

/// A claim as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The claim.
    pub claim: Claim,
    /// What it is built from.
    pub basis: Basis,
    /// The version; none in a cut of an earlier day.
    pub revision: Option<Revision>,
}

/// A line of a claim, as the ground that was frozen with it gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimLine {
    /// Its number, the first being 1.
    pub number: i32,
    /// The line.
    pub line: Line,
    /// What belongs to it beside its price.
    pub record: LineRecord,
}

/// A line with what was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedLine {
    /// The line.
    pub line: ClaimLine,
    /// What its claim is built from.
    pub basis: Basis,
    /// What was said about it.
    pub remarks: Vec<Moved>,
}

/// What a claim evaluates to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it was built from.
    pub basis: Basis,
    /// The digest of what it gives now.
    pub result_digest: String,
    /// By their numbers, the lines whose amount was another one, as frozen and as evaluated now.
    pub differing: Vec<(i32, Option<LineHours>, Option<Line>)>,
}

impl App {
    /// The claim of a PCN and month.
    pub async fn claim(&self, caller: &Caller, name: &ClaimName, cut: &Cut) -> Result<Seen, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let moved = find(&read, caller, &scope, name, cut).await?;
        let mut seen = seen(&read, vec![moved], cut).await?;
        seen.pop().ok_or_else(|| Error::internal("a claim that was found is shown"))
    }

    /// One page of claims of months that the caller may see. One PCN's are refused where it may
    /// see none of its months.
    pub async fn claims(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        cut: &Cut,
    ) -> Result<Vec<Seen>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        if let Some(pcn) = &wanted.pcn {
            let found = roster::organisation(&*read, pcn, cut.at).await?;
            let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
            if !is_pcn || !scope.sees_ever(pcn) {
                return Err(caller.denied(&names::pcn(pcn)));
            }
        }
        let page = store::list(&*read, &scope, wanted).await?;
        seen(&read, page, cut).await
    }

    /// Every line of a claim, by number.
    pub async fn claim_lines(
        &self,
        caller: &Caller,
        name: &ClaimName,
        cut: &Cut,
    ) -> Result<Vec<ClaimLine>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let Moved { claim, .. } = find(&read, caller, &scope, name, cut).await?;
        let (lines, _) = self.reproduced(&read, &scope, name, &claim).await?;
        Ok(lines)
    }

    /// A line of a claim, with what was said about it.
    pub async fn explain_claim_line(
        &self,
        caller: &Caller,
        name: &ClaimName,
        number: i32,
        cut: &Cut,
    ) -> Result<ExplainedLine, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let Moved { claim, .. } = find(&read, caller, &scope, name, cut).await?;
        let (lines, basis) = self.reproduced(&read, &scope, name, &claim).await?;
        let line = lines.into_iter().find(|line| line.number == number);
        let line = line.ok_or_else(|| Error::NotFound {
            kind: "arrs.example/ClaimLine",
            name: format!("{name}/lines/{number}"),
        })?;
        let mut remarks = store::history(&*read, &scope, &claim, 0, u64::MAX >> 1).await?;
        remarks.retain(|moved| moved.claim.line == number);
        let remarks = remarks.split_off(remarks.len().saturating_sub(REMARKS));
        Ok(ExplainedLine { line, basis, remarks })
    }

    /// One page of what was done with a claim.
    pub async fn claim_events(
        &self,
        caller: &Caller,
        name: &ClaimName,
        after: i32,
        limit: u64,
    ) -> Result<Vec<Moved>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let Moved { claim, .. } =
            find(&read, caller, &scope, name, &Cut::now(self.clock())).await?;
        store::history(&*read, &scope, &claim, after, limit).await
    }

    /// Evaluates a claim again from what was frozen with it.
    pub async fn verify_claim(&self, caller: &Caller, name: &ClaimName) -> Result<Verified, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let Moved { claim, .. } =
            find(&read, caller, &scope, name, &Cut::now(self.clock())).await?;
        let build = store::build(&*read, &scope, &claim).await?;
        let Frozen { ground, .. } = claim_ground::from_text(&build.ground)?;
        let now = evaluate(self.rules(), &ground, build.basis.mechanism)?;
        let then = store::lines(&*read, &scope, &claim).await?;
        let differing = differing(&then, &hours(&ground, &now), &now);
        Ok(Verified { basis: build.basis, result_digest: result_digest(&now), differing })
    }

    /// The lines of a claim, evaluated again from what was frozen with it; refused if they are
    /// not the same.
    async fn reproduced(
        &self,
        read: &Read,
        scope: &Scope,
        name: &ClaimName,
        claim: &Claim,
    ) -> Result<(Vec<ClaimLine>, Basis), Error> {
        let build = store::build(&**read, scope, claim).await?;
        let frozen = claim_ground::from_text(&build.ground)?;
        let evaluation = evaluate(self.rules(), &frozen.ground, build.basis.mechanism)?;
        if result_digest(&evaluation) != build.basis.result_digest {
            return Err(Error::refused(
                kit::ErrorReason::ClaimNotReproduced,
                format!("the rule book in use gives another result than was frozen with {name}"),
                [("name", name.to_string())],
            ));
        }
        let lines = claim_lines(read, scope, &frozen, evaluation.lines).await?;
        Ok((lines, build.basis))
    }
}

/// The claim, if the caller may see the month; that nothing was prepared is no secret then.
async fn find(
    read: &Read,
    caller: &Caller,
    scope: &Scope,
    name: &ClaimName,
    cut: &Cut,
) -> Result<Moved, Error> {
    admit(read, caller, scope, name, |scope| store::sees(scope, name)).await?;
    let found = store::claim(&**read, scope, name, cut.at).await?;
    found.ok_or_else(|| missing(name))
}

/// Refuses a PCN that does not exist, or that `reach` does not find in the scope: both look alike.
pub(super) async fn admit(
    db: &DatabaseTransaction,
    caller: &Caller,
    scope: &Scope,
    name: &ClaimName,
    reach: impl Fn(&Scope) -> bool,
) -> Result<(), Error> {
    let found = roster::organisation(db, &name.pcn, NOW).await?;
    let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
    if is_pcn && reach(scope) { Ok(()) } else { Err(caller.denied(&name.to_string())) }
}

/// Nothing was prepared for the month.
pub(super) fn missing(name: &ClaimName) -> Error {
    Error::NotFound { kind: "arrs.example/Claim", name: name.to_string() }
}

async fn seen(read: &Read, page: Vec<Moved>, cut: &Cut) -> Result<Vec<Seen>, Error> {
    let claims: Vec<&Claim> = page.iter().map(|moved| &moved.claim).collect();
    let mut bases = store::bases(&**read, &claims).await?;
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
    let revisions: HashMap<Uuid, Revision> = match cut.known_at {
        None => store::revisions(&**read, &ids).await?,
        Some(_) => HashMap::new(),
    };
    let mut all = Vec::with_capacity(page.len());
    for Moved { claim, .. } in page {
        let basis = bases.remove(&claim.build);
        let basis = basis.ok_or_else(|| Error::internal("a claim has no ground"))?;
        let revision = revisions.get(&claim.id).copied();
        all.push(Seen { claim, basis, revision });
    }
    Ok(all)
}

/// Evaluates what was frozen, by the mechanism of then.
fn evaluate(
    rules: &RuleBook,
    ground: &ClaimGround,
    mechanism: u32,
) -> Result<ClaimEvaluation, Error> {
    if mechanism != MECHANISM {
        return Err(Error::internal(format!("mechanism {mechanism} is not in this version")));
    }
    Ok(evaluate_claim(rules, ground))
}

/// The digest of every line with every step.
pub(super) fn result_digest(evaluation: &ClaimEvaluation) -> String {
    let texts: Vec<(String, String)> = evaluation
        .lines
        .iter()
        .map(|line| (line.engagement.to_string(), line.canonical()))
        .collect();
    Digest(rulefile::digest(&texts)).to_string()
}

/// Whose hours the lines ask for.
pub(super) fn hours(ground: &ClaimGround, evaluation: &ClaimEvaluation) -> Vec<LineHours> {
    let by_id: BTreeMap<EngagementId, &EngagementRecords> =
        ground.records.engagements.iter().map(|one| (one.engagement.id, one)).collect();
    let own = |line: &Line| {
        let held = by_id.get(&line.engagement).into_iter().flat_map(|one| &one.assignments);
        let here = held.filter(|held| held.pcn == ground.question.pcn);
        here.map(|held| held.minute_days(line.month)).sum()
    };
    let line = |line: &Line| {
        let paid_for = line.own_cost > Pence::ZERO && line.payable().is_some();
        LineHours {
            month: line.month,
            engagement: line.engagement,
            minute_days: if paid_for { own(line) } else { 0 },
            own_cost: line.own_cost,
            maximum: line.maximum,
            priced: line.before_sum(),
            payable: line.payable(),
        }
    };
    evaluation.lines.iter().map(line).collect()
}

/// The lines that are not the same in both.
fn differing(
    then: &[LineHours],
    now: &[LineHours],
    evaluation: &ClaimEvaluation,
) -> Vec<(i32, Option<LineHours>, Option<Line>)> {
    let longest = then.len().max(now.len());
    let mut found = Vec::new();
    for (number, index) in (1..).zip(0..longest) {
        let (was, is) = (then.get(index), now.get(index));
        if was != is {
            found.push((number, was.copied(), evaluation.lines.get(index).cloned()));
        }
    }
    found
}

/// Lines with what belongs to them beside their price, as far as the caller may see it.
async fn claim_lines(
    read: &Read,
    scope: &Scope,
    frozen: &Frozen,
    lines: Vec<Line>,
) -> Result<Vec<ClaimLine>, Error> {
    let Frozen { ground, sources } = frozen;
    let pcn = &ground.question.pcn;
    let year_shown = sees_year(scope, pcn, ground.question.month.contract_year());
    let owned = |records: &EngagementRecords| scope.owns(&records.engagement.owner);
    let imports: BTreeSet<Uuid> = ground
        .records
        .engagements
        .iter()
        .filter(|records| owned(records))
        .filter_map(|records| sources.get(&records.engagement.id))
        .flatten()
        .filter_map(|source| source.map(|source| source.import))
        .collect();
    let files = imports::file_names(&**read, &imports).await?;
    let by_id: BTreeMap<EngagementId, &EngagementRecords> =
        ground.records.engagements.iter().map(|one| (one.engagement.id, one)).collect();
    let mut all = Vec::with_capacity(lines.len());
    for (number, line) in (1..).zip(lines) {
        let records = by_id.get(&line.engagement);
        let records = records.ok_or_else(|| Error::internal("a line has an engagement"))?;
        let engaged = Engaged {
            engagement: records.engagement.clone(),
            person_reference: None,
            assignments: records.assignments.clone(),
        };
        let pay_sources = match owned(records) {
            true => pay_sources(&line, records, frozen, &files),
            false => Vec::new(),
        };
        let shown = shown(scope, pcn, line.month, &engaged);
        let record = LineRecord { engaged, shown, year_shown, pay_sources };
        all.push(ClaimLine { number, line, record });
    }
    Ok(all)
}

/// The files and lines of the pay that counts in a line.
fn pay_sources(
    line: &Line,
    records: &EngagementRecords,
    frozen: &Frozen,
    files: &BTreeMap<Uuid, String>,
) -> Vec<(String, PaySource)> {
    let months = months_of_pay(line);
    let sources = frozen.sources.get(&line.engagement).into_iter().flatten();
    let of_line = records.pay.iter().zip(sources).filter(|(pay, _)| months.contains(&pay.month));
    let named = of_line.filter_map(|(_, source)| {
        let source = (*source)?;
        Some((files.get(&source.import).cloned().unwrap_or_default(), source))
    });
    named.collect()
}

/// Whether a scope reaches every month of a year: what a sum of it comes to would tell of the
/// others.
pub(super) fn sees_year(scope: &Scope, pcn: &OdsCode, year: ContractYear) -> bool {
    year.months_to(Month::of(year.last())).all(|month| scope.sees(pcn, month))
}
