//! The London areas of PCNs, stated or derived, and their lists. Places are published, so no scope
//! is asked for.

use std::collections::BTreeSet;

use kit::Error;
use kit::roster;
use sea_orm::ConnectionTrait;
use terms::{
    ContractYear, Instant, LondonArea, OdsCode, OrganisationKind, Period, Population, Relation,
};

use crate::domain::allocation::Lists;
use crate::domain::line::{AreaBasis, AreaPeriod};
use crate::domain::rulebook::LondonRegion;

/// PCN, sub-ICB, ICB, region, and a bound against a circle.
const LEVELS: usize = 5;

/// The areas of a PCN: those stated, and outside for days on which its region is known and is
/// not London. Inside London, or without a known region, nothing is derived.
pub async fn areas(
    db: &impl ConnectionTrait,
    london: &LondonRegion,
    pcn: &OdsCode,
    days: Period,
    at: Instant,
) -> Result<Vec<AreaPeriod>, Error> {
    let stated = roster::london_areas(db, pcn, at).await?;
    let mut areas: Vec<AreaPeriod> = stated
        .into_iter()
        .map(|(period, area)| AreaPeriod { period, area, basis: AreaBasis::Stated })
        .collect();
    let covered = |area: &AreaPeriod| area.period.overlap(days) == Some(days);
    if areas.iter().any(covered) {
        return Ok(areas);
    }
    for period in outside_london_region(db, london, pcn, days, at).await? {
        let (area, basis) = (LondonArea::Outside, AreaBasis::OutsideLondonRegion);
        areas.push(AreaPeriod { period, area, basis });
    }
    Ok(areas)
}

/// The lists of a PCN on which the sums of a year rest.
pub async fn lists(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    year: ContractYear,
    at: Instant,
) -> Result<Lists, Error> {
    let Some(list) = roster::list_size(db, pcn, year.list_date(), at).await? else {
        return Ok(Lists::default());
    };
    let registered = u32::try_from(list.registered).ok().map(Population::from_patients);
    Ok(Lists { registered, weighted: list.weighted })
}

/// The list by which most of a PCN's other income is paid.
pub async fn adjusted_list(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    year: ContractYear,
    at: Instant,
) -> Result<Option<Population>, Error> {
    let list = roster::list_size(db, pcn, year.list_date(), at).await?;
    Ok(list.and_then(|list| list.adjusted))
}

/// The days of a period on which a PCN is part of a known region other than London.
async fn outside_london_region(
    db: &impl ConnectionTrait,
    london: &LondonRegion,
    pcn: &OdsCode,
    days: Period,
    at: Instant,
) -> Result<Vec<Period>, Error> {
    let mut outside = Vec::new();
    let mut level = vec![(pcn.clone(), days)];
    for _ in 0..LEVELS {
        let mut above = Vec::new();
        for (code, days) in level {
            for related in roster::relations(db, &code, at).await? {
                let part_of = related.relation == Relation::PartOf;
                if let Some(days) = related.period.overlap(days).filter(|_| part_of) {
                    above.push((related.related, days));
                }
            }
        }
        if above.is_empty() {
            break;
        }
        let codes: BTreeSet<OdsCode> = above.iter().map(|(code, _)| code.clone()).collect();
        let known = roster::organisations_by_code(db, &codes, at).await?;
        let mut next = Vec::new();
        for (code, days) in above {
            match known.get(&code).map(|found| found.kind) {
                Some(OrganisationKind::Region) if code == london.code => {}
                Some(OrganisationKind::Region) => outside.push(days),
                Some(_) | None => next.push((code, days)),
            }
        }
        level = next;
    }
    Ok(outside)
}
