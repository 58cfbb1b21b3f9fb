//! Claims with their history, and what each was built from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kit::roster::{from_column, to_column};
use kit::statement::{self, Provenance, Statement, known_at};
use kit::{Error, Revision, Scope, db};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use terms::{ContractYear, Date, EngagementId, Instant, Month, OdsCode, Pence};
use uuid::Uuid;

use super::entity::claim::{Column, Entity, Model};
use super::entity::{claim_build, claim_line};
use crate::domain::adjustment::{Settled, Settlements};
use crate::domain::claim::{Claim, ClaimName, ClaimState, entering, holding};
use crate::domain::figure::Pot;
use crate::domain::owed::LineCost;

/// Lines written in one statement.
const LINES: usize = 2_000;
/// Engagements looked up in one statement.
const KEYS: usize = 5_000;

/// A claim with who did the last thing, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The claim after it.
    pub claim: Claim,
    /// When.
    pub at: Instant,
    /// Issuer and subject of the token.
    pub by: String,
}

/// What a claim is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Records as known then.
    pub known_at: Instant,
    /// Figures known at the end of this day.
    pub rules_known_on: Date,
    /// Cost paid by the end of this day.
    pub claim_date: Date,
    /// The rule book, by its digest.
    pub rule_digest: String,
    /// The mechanism, by its number.
    pub mechanism: u32,
    /// The digest of the ground.
    pub ground_digest: String,
    /// The digest of the lines that it gave.
    pub result_digest: String,
}

/// What a claim is built from, as it is frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Our identifier.
    pub id: Uuid,
    /// What it is made of.
    pub basis: Basis,
    /// The ground of the evaluation.
    pub ground: String,
}

/// Whose hours a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHours {
    /// The month worked.
    pub month: Month,
    /// The engagement.
    pub engagement: EngagementId,
    /// Minutes a week times days in the PCN, if they are paid for.
    pub minute_days: i64,
    /// The PCN's part of the paid cost.
    pub own_cost: Pence,
    /// The maximum, if it has a price.
    pub maximum: Option<Pence>,
    /// What it comes to before it is compared with the sum, if it has a price.
    pub priced: Option<Pence>,
    /// What it comes to, if it has a price.
    pub payable: Option<Pence>,
}

/// A claim as known at an instant.
pub async fn claim(
    db: &impl ConnectionTrait,
    scope: &Scope,
    name: &ClaimName,
    at: Instant,
) -> Result<Option<Moved>, Error> {
    if !sees(scope, name) {
        return Ok(None);
    }
    let found = Entity::find()
        .filter(Column::PcnCode.eq(name.pcn.as_str()))
        .filter(Column::Month.eq(to_column(name.month.first())))
        .filter(Column::Number.eq(name.number))
        .filter(known_at::<Model>(at))
        .one(db)
        .await
        .map_err(db::sort)?;
    found.map(to_moved).transpose()
}

/// Which claims are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of one PCN; none is all that may be seen.
    pub pcn: Option<OdsCode>,
    /// In one of these states; none is any.
    pub states: BTreeSet<ClaimState>,
    /// Of one year; none is any.
    pub year: Option<ContractYear>,
    /// From just past this one.
    pub after: Option<ClaimName>,
    /// The most.
    pub limit: u64,
    /// As known when.
    pub at: Instant,
}

/// One page of claims of months that the scope sees, by PCN and month.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    wanted: &Wanted,
) -> Result<Vec<Moved>, Error> {
    // A claim of a month is seen where any day of the month is; its row has the first.
    let mut query =
        Entity::find()
            .filter(scope.pcn_within(Column::PcnCode))
            .filter(known_at::<Model>(wanted.at));
    if let Some(pcn) = &wanted.pcn {
        query = query.filter(Column::PcnCode.eq(pcn.as_str()));
    }
    if !wanted.states.is_empty() {
        let states = wanted.states.iter().map(|state| state.as_str());
        query = query.filter(Column::State.is_in(states));
    }
    if let Some(year) = wanted.year {
        let days = [year.first(), year.last()].map(to_column);
        query = query.filter(Column::Month.between(days[0], days[1]));
    }
    let mut found: Vec<Moved> = Vec::new();
    let mut after = wanted.after.clone();
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    // Months outside the scope are left out here, so a page may take more than one statement.
    loop {
        let mut page = query.clone();
        if let Some(ClaimName { pcn, month, number }) = &after {
            let month = to_column(month.first());
            let same_month =
                Condition::all().add(Column::Month.eq(month)).add(Column::Number.gt(*number));
            let same_pcn = Condition::all()
                .add(Column::PcnCode.eq(pcn.as_str()))
                .add(Condition::any().add(Column::Month.gt(month)).add(same_month));
            let later = Condition::any().add(Column::PcnCode.gt(pcn.as_str())).add(same_pcn);
            page = page.filter(later);
        }
        let rows = page
            .order_by_asc(Column::PcnCode)
            .order_by_asc(Column::Month)
            .order_by_asc(Column::Number)
            .limit(wanted.limit)
            .all(db)
            .await
            .map_err(db::sort)?;
        let whole = rows.len() == limit;
        for row in rows {
            let moved = to_moved(row)?;
            let name = &moved.claim.name;
            after = Some(name.clone());
            if sees(scope, name) && found.len() < limit {
                found.push(moved);
            }
        }
        if !whole || found.len() == limit {
            return Ok(found);
        }
    }
}

/// One page of what was done with a claim, in its order.
pub async fn history(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claim: &Claim,
    after: i32,
    limit: u64,
) -> Result<Vec<Moved>, Error> {
    within(scope, &claim.name);
    let rows = Entity::find()
        .filter(Column::ClaimId.eq(claim.id))
        .filter(Column::Step.gt(after))
        .filter(Column::Step.lte(claim.step))
        .order_by_asc(Column::Step)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter().map(to_moved).collect()
}

/// What each line of some claims of a PCN in the scope cost it.
pub async fn line_costs(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claims: &[&Claim],
) -> Result<Vec<LineCost>, Error> {
    let builds: Vec<Uuid> = claims.iter().map(|claim| claim.build).collect();
    let mut found = Vec::new();
    for chunk in builds.chunks(KEYS) {
        let rows = claim_line::Entity::find()
            .filter(scope.pcn_within(claim_line::Column::PcnCode))
            .filter(claim_line::Column::BuildId.is_in(chunk.iter().copied()))
            .all(db)
            .await
            .map_err(db::sort)?;
        found.extend(rows.into_iter().map(|row| LineCost {
            build: row.build_id,
            month: Month::of(from_column(row.month)),
            engagement: EngagementId(row.engagement_id),
            cost: Pence(row.own_cost_pence),
        }));
    }
    Ok(found)
}

/// When each of some claims came into the state it was in at an instant.
pub async fn in_state_since(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claims: &[Uuid],
    at: Instant,
) -> Result<BTreeMap<Uuid, Instant>, Error> {
    let mut found = BTreeMap::new();
    for chunk in claims.chunks(KEYS) {
        let rows: Vec<(Uuid, i64)> = Entity::find()
            .select_only()
            .column(Column::ClaimId)
            .column_as(Column::KnownFrom.max(), "since")
            .filter(scope.pcn_within(Column::PcnCode))
            .filter(Column::ClaimId.is_in(chunk.iter().copied()))
            .filter(Column::KnownFrom.lte(at.0))
            .filter(Column::Action.is_in(entering()))
            .group_by(Column::ClaimId)
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        found.extend(rows.into_iter().map(|(claim, since)| (claim, Instant(since))));
    }
    Ok(found)
}

/// How often a claim has changed.
pub async fn revision(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claim: &Claim,
) -> Result<Revision, Error> {
    within(scope, &claim.name);
    let mut found = revisions(db, &[claim.id]).await?;
    Ok(found.remove(&claim.id).unwrap_or_default())
}

/// How often each of some claims, found inside a scope, has changed.
pub async fn revisions(
    db: &impl ConnectionTrait,
    claims: &[Uuid],
) -> Result<std::collections::HashMap<Uuid, Revision>, Error> {
    statement::revisions::<Model>(db, Column::ClaimId, claims, &Condition::all()).await
}

/// Records what was done with a claim of the scope.
pub async fn record(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    claim: &Claim,
) -> Result<(), Error> {
    within(scope, &claim.name);
    let pots: BTreeMap<String, i64> =
        claim.pots.iter().map(|(pot, amount)| (pot.to_string(), amount.0)).collect();
    let row = Model::new(
        provenance,
        None,
        claim.id,
        claim.name.pcn.to_string(),
        to_column(claim.name.month.first()),
        claim.name.number,
        claim.step,
        claim.action.to_string(),
        claim.state.to_string(),
        claim.line,
        claim.said.clone(),
        claim.build,
        claim.line_count,
        claim.unpriced_count,
        claim.own_cost.0,
        claim.payable().0,
        serde_json::to_string(&pots).map_err(Error::internal)?,
        claim.weakest.map(|mark| mark.to_string()),
        claim.note.clone(),
        serde_json::to_string(&claim.evidence).map_err(Error::internal)?,
        claim.payment_date.map(to_column),
        claim.payment_reference.clone(),
        claim.submitted_at.map(|at| at.0),
    );
    statement::record(txn, vec![row]).await?;
    Ok(())
}

/// Freezes what a claim of the scope is built from, and whose hours its lines ask for.
pub async fn freeze(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    name: &ClaimName,
    build: &Build,
    lines: &[LineHours],
) -> Result<(), Error> {
    within(scope, name);
    let Build { id, basis, ground } = build;
    let row = claim_build::ActiveModel {
        id: Set(*id),
        pcn_code: Set(name.pcn.to_string()),
        month: Set(to_column(name.month.first())),
        known_at: Set(basis.known_at.0),
        rules_known_on: Set(to_column(basis.rules_known_on)),
        claim_date: Set(to_column(basis.claim_date)),
        rule_digest: Set(basis.rule_digest.clone()),
        mechanism: Set(i32::try_from(basis.mechanism).map_err(Error::internal)?),
        ground: Set(ground.clone()),
        ground_digest: Set(basis.ground_digest.clone()),
        result_digest: Set(basis.result_digest.clone()),
    };
    claim_build::Entity::insert(row).exec_without_returning(txn).await.map_err(db::sort)?;
    let numbered: Vec<(i32, &LineHours)> = (1..).zip(lines).collect();
    for chunk in numbered.chunks(LINES) {
        let rows = chunk.iter().map(|(number, line)| claim_line::ActiveModel {
            build_id: Set(*id),
            line: Set(*number),
            pcn_code: Set(name.pcn.to_string()),
            month: Set(to_column(line.month.first())),
            engagement_id: Set(line.engagement.0),
            minute_days: Set(line.minute_days),
            own_cost_pence: Set(line.own_cost.0),
            maximum_pence: Set(line.maximum.map(|Pence(pence)| pence)),
            priced_pence: Set(line.priced.map(|Pence(pence)| pence)),
            payable_pence: Set(line.payable.map(|Pence(pence)| pence)),
        });
        let insert = claim_line::Entity::insert_many(rows).exec_without_returning(txn).await;
        insert.map_err(db::sort)?;
    }
    Ok(())
}

/// What a claim of the scope is built from.
pub async fn build(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claim: &Claim,
) -> Result<Build, Error> {
    within(scope, &claim.name);
    let found = claim_build::Entity::find_by_id(claim.build).one(db).await.map_err(db::sort)?;
    let row = found.ok_or_else(|| Error::internal("a claim has no ground"))?;
    let ground = row.ground.clone();
    Ok(Build { id: row.id, basis: to_basis(&row)?, ground })
}

/// What claims found inside a scope are made of, without the ground.
pub async fn bases(
    db: &impl ConnectionTrait,
    claims: &[&Claim],
) -> Result<BTreeMap<Uuid, Basis>, Error> {
    use claim_build::Column;
    let rows: Vec<claim_build::Model> = claim_build::Entity::find()
        .select_only()
        .columns(Column::iter().filter(|column| !matches!(column, Column::Ground)))
        // The ground is long, and asked for one claim at a time.
        .expr_as(Expr::val(""), "ground")
        .filter(Column::Id.is_in(claims.iter().map(|claim| claim.build)))
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.iter().map(|row| Ok((row.id, to_basis(row)?))).collect()
}

fn to_basis(row: &claim_build::Model) -> Result<Basis, Error> {
    Ok(Basis {
        known_at: Instant(row.known_at),
        rules_known_on: from_column(row.rules_known_on),
        claim_date: from_column(row.claim_date),
        rule_digest: row.rule_digest.clone(),
        mechanism: u32::try_from(row.mechanism).map_err(Error::internal)?,
        ground_digest: row.ground_digest.clone(),
        result_digest: row.result_digest.clone(),
    })
}

/// Whose hours the lines of a claim ask for, in their order.
pub async fn lines(
    db: &impl ConnectionTrait,
    scope: &Scope,
    claim: &Claim,
) -> Result<Vec<LineHours>, Error> {
    within(scope, &claim.name);
    let rows = claim_line::Entity::find()
        .filter(claim_line::Column::BuildId.eq(claim.build))
        .order_by_asc(claim_line::Column::Line)
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(rows.iter().map(to_hours).collect())
}

fn to_hours(row: &claim_line::Model) -> LineHours {
    LineHours {
        month: Month::of(from_column(row.month)),
        engagement: EngagementId(row.engagement_id),
        minute_days: row.minute_days,
        own_cost: Pence(row.own_cost_pence),
        maximum: row.maximum_pence.map(Pence),
        priced: row.priced_pence.map(Pence),
        payable: row.payable_pence.map(Pence),
    }
}

/// What approved claims have of a run of months, by month and engagement; the months of which the
/// claim itself is approved; and the builds of these claims, the newest last.
pub async fn settled(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    months: RangeInclusive<Month>,
) -> Result<(Settlements, BTreeSet<Month>, Vec<Uuid>), Error> {
    let approved = [ClaimState::Approved, ClaimState::Paid].map(ClaimState::as_str);
    let [first, last] = [months.start(), months.end()].map(|month| to_column(month.first()));
    let claims = Entity::find()
        .filter(Column::PcnCode.eq(pcn.as_str()))
        .filter(Column::State.is_in(approved))
        .filter(Column::Month.between(first, last))
        .filter(known_at::<Model>(kit::cut::NOW))
        .order_by_asc(Column::SubmittedAt)
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut settlements = Settlements::new();
    let mut closed = BTreeSet::new();
    let mut builds = Vec::new();
    for row in claims {
        let claim = to_moved(row)?.claim;
        within(scope, &claim.name);
        if claim.name.number == 0 {
            closed.insert(claim.name.month);
        }
        for line in lines(db, scope, &claim).await? {
            let so_far = settlements.remove(&(line.month, line.engagement));
            let before = so_far.map_or(Pence::ZERO, |settled: Settled| settled.approved);
            let settled = Settled {
                approved: before + line.payable.unwrap_or(Pence::ZERO),
                own_cost: line.own_cost,
                maximum: line.maximum,
            };
            settlements.insert((line.month, line.engagement), settled);
        }
        builds.push(claim.build);
    }
    Ok((settlements, closed, builds))
}

/// The grounds of some builds that were found inside a scope, in their order.
pub async fn grounds(db: &impl ConnectionTrait, builds: &[Uuid]) -> Result<Vec<String>, Error> {
    let found = claim_build::Entity::find()
        .filter(claim_build::Column::Id.is_in(builds.iter().copied()))
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut by_id: BTreeMap<Uuid, String> =
        found.into_iter().map(|row| (row.id, row.ground)).collect();
    Ok(builds.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// The adjustments of a PCN and contract year, as they stand.
pub async fn adjustments(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    year: ContractYear,
) -> Result<Vec<Claim>, Error> {
    let [first, last] = [year.first(), year.last()].map(to_column);
    let rows = Entity::find()
        .filter(Column::PcnCode.eq(pcn.as_str()))
        .filter(Column::Month.between(first, last))
        .filter(Column::Number.gt(0))
        .filter(known_at::<Model>(kit::cut::NOW))
        .order_by_asc(Column::Month)
        .order_by_asc(Column::Number)
        .all(db)
        .await
        .map_err(db::sort)?;
    let claims = rows.into_iter().map(|row| {
        let claim = to_moved(row)?.claim;
        within(scope, &claim.name);
        Ok(claim)
    });
    claims.collect()
}

/// The minute-days of a month that claims of other PCNs are paid for, by engagement: what the
/// newest of each PCN says.
///
/// Reads past the caller's scope, as finding them takes: what is found must reach a caller as no
/// more than which of its own engagements have too few hours left.
pub async fn claimed_elsewhere(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    month: Month,
    engagements: &[EngagementId],
) -> Result<BTreeMap<EngagementId, i64>, Error> {
    let found = async {
        let mut newest: BTreeMap<(EngagementId, String), (Option<i64>, i64)> = BTreeMap::new();
        for chunk in engagements.chunks(KEYS) {
            let rows = claim_line::Entity::find()
                .filter(claim_line::Column::EngagementId.is_in(chunk.iter().map(|id| id.0)))
                .filter(claim_line::Column::Month.eq(to_column(month.first())))
                .filter(claim_line::Column::PcnCode.ne(pcn.as_str()))
                .all(db)
                .await
                .map_err(db::sort)?;
            let builds: BTreeSet<Uuid> = rows.iter().map(|row| row.build_id).collect();
            let standing = standing(db, builds).await?;
            for row in rows {
                let Some(submitted_at) = standing.get(&row.build_id) else { continue };
                let key = (EngagementId(row.engagement_id), row.pcn_code);
                let known = newest.entry(key).or_default();
                if known.0 <= *submitted_at {
                    *known = (*submitted_at, row.minute_days);
                }
            }
        }
        let mut sums: BTreeMap<EngagementId, i64> = BTreeMap::new();
        for ((engagement, _), (_, minute_days)) in newest {
            *sums.entry(engagement).or_default() += minute_days;
        }
        Ok(sums)
    };
    db::across_tenants(db, found).await
}

/// Of some builds those of claims whose money is set aside, and when these were submitted.
async fn standing(
    db: &impl ConnectionTrait,
    builds: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Option<i64>>, Error> {
    let rows: Vec<(Uuid, Option<i64>)> = Entity::find()
        .select_only()
        .column(Column::BuildId)
        .column(Column::SubmittedAt)
        .filter(Column::BuildId.is_in(builds))
        .filter(Column::State.is_in(holding()))
        .filter(known_at::<Model>(kit::cut::NOW))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(rows.into_iter().collect())
}

/// Whether a scope reaches every month that a claim may have lines of.
pub fn sees(scope: &Scope, name: &ClaimName) -> bool {
    let days = name.days();
    match name.is_adjustment() {
        // Some day of the month is enough, as for what is reported of it.
        false => scope.sees(&name.pcn, name.month),
        true => scope.covers(&name.pcn, days),
    }
}

/// Claims that the scope does not see were refused before.
fn within(scope: &Scope, name: &ClaimName) {
    assert!(sees(scope, name), "claims of other PCNs were refused");
}

fn to_moved(row: Model) -> Result<Moved, Error> {
    let pots: BTreeMap<String, i64> = serde_json::from_str(&row.pots).map_err(Error::internal)?;
    let pots = pots.into_iter().map(|(pot, amount)| {
        let pot: Pot = pot.parse().map_err(|_| Error::internal("a stored pot is none"))?;
        Ok((pot, Pence(amount)))
    });
    let (at, by) = (Instant(row.known_from()), row.recorded_by.clone());
    let claim = Claim {
        id: row.claim_id,
        name: ClaimName {
            pcn: stored("pcn_code", row.pcn_code.parse())?,
            month: Month::of(from_column(row.month)),
            number: row.number,
        },
        step: row.step,
        action: stored("action", row.action.parse())?,
        state: stored("state", row.state.parse())?,
        line: row.line,
        said: row.said,
        build: row.build_id,
        line_count: row.line_count,
        unpriced_count: row.unpriced_count,
        own_cost: Pence(row.own_cost_pence),
        pots: pots.collect::<Result<_, Error>>()?,
        weakest: match row.weakest_confidence {
            Some(mark) => Some(stored("weakest_confidence", mark.parse())?),
            None => None,
        },
        note: row.note,
        evidence: serde_json::from_str(&row.evidence).map_err(Error::internal)?,
        payment_date: row.payment_date.map(from_column),
        payment_reference: row.payment_reference,
        submitted_at: row.submitted_at.map(Instant),
    };
    Ok(Moved { claim, at, by })
}

fn stored<T>(column: &str, parsed: Result<T, terms::ParseError>) -> Result<T, Error> {
    parsed.map_err(|error| Error::internal(format!("a stored {column} {error}")))
}
