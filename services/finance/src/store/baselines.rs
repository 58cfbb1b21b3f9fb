//! Baselines and practice-funded staff in post, by PCN and role.

use std::collections::BTreeMap;

use kit::roster::{from_column, to_column};
use kit::statement::{self, Outcome, Provenance, known_at};
use kit::{Error, Revision, Scope, db};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use terms::{Instant, OdsCode, RoleCode};

use super::entity::{baseline, practice_funded};
use crate::domain::baseline::{Agreed, Baseline, Funded, Wte};

/// Everything recorded of a PCN's baselines as known at an instant, by role; none outside the
/// scope.
pub async fn of_pcn(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    at: Instant,
) -> Result<Vec<Baseline>, Error> {
    if !scope.sees_ever(pcn) {
        return Ok(Vec::new());
    }
    let agreed = baseline::Entity::find()
        .filter(baseline::Column::PcnCode.eq(pcn.as_str()))
        .filter(known_at::<baseline::Model>(at))
        .order_by_asc(baseline::Column::ValidFrom)
        .all(db)
        .await
        .map_err(db::sort)?;
    let funded = practice_funded::Entity::find()
        .filter(practice_funded::Column::PcnCode.eq(pcn.as_str()))
        .filter(known_at::<practice_funded::Model>(at))
        .order_by_asc(practice_funded::Column::ValidFrom)
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut found: BTreeMap<String, Baseline> = BTreeMap::new();
    for row in agreed {
        let (from, wte) = (from_column(row.valid_from), wte(row.wte_micro)?);
        let agreed = Agreed { from, wte, by: row.agreed_by, reference: row.reference };
        of_role(&mut found, pcn, row.role)?.agreed.push(agreed);
    }
    for row in funded {
        let funded = Funded { from: from_column(row.valid_from), wte: wte(row.wte_micro)? };
        of_role(&mut found, pcn, row.role)?.funded.push(funded);
    }
    Ok(found.into_values().collect())
}

fn of_role<'a>(
    found: &'a mut BTreeMap<String, Baseline>,
    pcn: &OdsCode,
    role: String,
) -> Result<&'a mut Baseline, Error> {
    let parsed: RoleCode = role.parse().map_err(|_| Error::internal("a stored role is none"))?;
    Ok(found.entry(role).or_insert_with(|| Baseline::empty(pcn.clone(), parsed)))
}

fn wte(micro: i64) -> Result<Wte, Error> {
    Wte::from_micro(micro).ok_or_else(|| Error::internal("a stored WTE is none"))
}

/// The baseline of a role as known at an instant; without records it is empty.
pub async fn of_pcn_and_role(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    role: &RoleCode,
    at: Instant,
) -> Result<Baseline, Error> {
    let all = of_pcn(db, scope, pcn, at).await?;
    let found = all.into_iter().find(|baseline| baseline.role == *role);
    Ok(found.unwrap_or_else(|| Baseline::empty(pcn.clone(), role.clone())))
}

/// How often the baseline of a role has changed, with what practices pay for. None outside the
/// scope.
pub async fn revision(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    role: &RoleCode,
) -> Result<Revision, Error> {
    if !scope.sees_ever(pcn) {
        return Ok(Revision::default());
    }
    let agreed = baseline::Entity::find()
        .filter(baseline::Column::PcnCode.eq(pcn.as_str()))
        .filter(baseline::Column::Role.eq(role.as_str()))
        .all(db)
        .await
        .map_err(db::sort)?;
    let funded = practice_funded::Entity::find()
        .filter(practice_funded::Column::PcnCode.eq(pcn.as_str()))
        .filter(practice_funded::Column::Role.eq(role.as_str()))
        .all(db)
        .await
        .map_err(db::sort)?;
    let agreed = agreed.iter().map(|row| (row.known_from, row.known_until));
    let funded = funded.iter().map(|row| (row.known_from, row.known_until));
    let each = agreed.chain(funded).map(|(from, until)| {
        let newest = Some(from).max(until).map(Instant);
        Revision::new(1, i64::from(until.is_some()), newest)
    });
    Ok(each.fold(Revision::default(), Revision::and))
}

/// Records what was agreed for a role of a PCN in the scope; answers whether it was not known.
pub async fn agree(
    db: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    (pcn, role): (&OdsCode, &RoleCode),
    agreed: &Agreed,
) -> Result<bool, Error> {
    assert!(scope.sees_ever(pcn), "baselines of other PCNs were refused");
    let row = baseline::Model::new(
        provenance,
        None,
        pcn.to_string(),
        role.to_string(),
        to_column(agreed.from),
        agreed.wte.micro(),
        agreed.by.clone(),
        agreed.reference.clone(),
    );
    let outcomes = statement::record(db, vec![row]).await?;
    Ok(outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged))
}

/// Records what practices pay for in a role of a PCN in the scope; answers whether it was not
/// known.
pub async fn fund(
    db: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    (pcn, role): (&OdsCode, &RoleCode),
    funded: &Funded,
) -> Result<bool, Error> {
    assert!(scope.sees_ever(pcn), "baselines of other PCNs were refused");
    let row = practice_funded::Model::new(
        provenance,
        None,
        pcn.to_string(),
        role.to_string(),
        to_column(funded.from),
        funded.wte.micro(),
    );
    let outcomes = statement::record(db, vec![row]).await?;
    Ok(outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged))
}
