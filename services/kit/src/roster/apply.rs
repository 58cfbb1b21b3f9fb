//! Statements of the roster: recorded by workforce, told as facts, and recorded again from them.

use std::collections::BTreeSet;

use arrs_proto::event::v1 as pb;
use prost::{Message, Name};
use sea_orm::{ConnectionTrait, EntityTrait, Set};
use terms::{EngagementId, Instant, OdsCode};
use uuid::Uuid;

use super::table::{
    assignment, engagement, engagement_tenant, list_size, london_area, organisation,
    organisation_relation,
};
use super::{from_column, to_column};
use crate::db::{self, Write};
use crate::error::Error;
use crate::facts::{NewFact, Projection};
use crate::names;
use crate::statement::{self, Beside, Outcome, Provenance, Said};
use crate::wire;

/// Pairs written in one statement.
const PAIRS: usize = 10_000;

/// One statement of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An organisation has a name and a kind.
    Organisation(organisation::Model),
    /// An organisation belongs to another.
    Relation(organisation_relation::Model),
    /// A PCN lies in an area.
    LondonArea(london_area::Model),
    /// An organisation had a list.
    ListSize(list_size::Model),
    /// An engagement is so.
    Engagement(engagement::Model),
    /// An engagement has hours in a PCN.
    Assignment(assignment::Model),
    /// An engagement never had these hours: the key of the row is what counts.
    NoAssignment(assignment::Model),
}

/// What recording lines of the roster changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// New statements.
    pub added: u32,
    /// Of the new ones those of whose keys more became known later.
    pub later: u32,
    /// Of the new ones those that had been withdrawn.
    pub again: Vec<Line>,
    /// Statements that took the place of another, as `(new, old)`.
    pub corrected: Vec<(Line, Line)>,
    /// Statements known already.
    pub unchanged: u32,
    /// What is new or took a place, in the order of the roster's tables.
    pub changed: Vec<Line>,
}

/// Records lines, each table at a time.
pub async fn record(txn: &impl ConnectionTrait, lines: Vec<Line>) -> Result<Told, Error> {
    let mut organisations = Vec::new();
    let mut relations = Vec::new();
    let mut areas = Vec::new();
    let mut lists = Vec::new();
    let mut engagements = Vec::new();
    let mut assignments = Vec::new();
    for line in lines {
        match line {
            Line::Organisation(row) => organisations.push(row),
            Line::Relation(row) => relations.push(row),
            Line::LondonArea(row) => areas.push(row),
            Line::ListSize(row) => lists.push(row),
            Line::Engagement(row) => engagements.push(row),
            Line::Assignment(row) => assignments.push(Said::So(row)),
            Line::NoAssignment(row) => assignments.push(Said::Withdrawn(row)),
        }
    }
    // First, so that the rows that follow belong to somebody who may write them.
    concern(txn, &engagements, &assignments).await?;
    let mut told = Told::default();
    let outcomes = statement::record(txn, organisations.clone()).await?;
    told.take(organisations.into_iter().map(Line::Organisation), outcomes, Line::Organisation);
    let outcomes = statement::record(txn, relations.clone()).await?;
    told.take(relations.into_iter().map(Line::Relation), outcomes, Line::Relation);
    let outcomes = statement::record(txn, areas.clone()).await?;
    told.take(areas.into_iter().map(Line::LondonArea), outcomes, Line::LondonArea);
    let outcomes = statement::record(txn, lists.clone()).await?;
    told.take(lists.into_iter().map(Line::ListSize), outcomes, Line::ListSize);
    let outcomes = statement::record(txn, engagements.clone()).await?;
    told.take(engagements.into_iter().map(Line::Engagement), outcomes, Line::Engagement);
    let outcomes = statement::record_said(txn, assignments.clone()).await?;
    let lines = assignments.into_iter().map(|said| match said {
        Said::So(row) => Line::Assignment(row),
        Said::Withdrawn(row) => Line::NoAssignment(row),
    });
    told.take(lines, outcomes, Line::Assignment);
    Ok(told)
}

/// Notes whom engagements concern.
async fn concern(
    txn: &impl ConnectionTrait,
    engagements: &[engagement::Model],
    assignments: &[Said<assignment::Model>],
) -> Result<(), Error> {
    let assignments = assignments.iter().filter_map(|said| match said {
        Said::So(row) => Some(row),
        Said::Withdrawn(_) => None,
    });
    let owners = engagements.iter().map(|row| (row.owner_code.as_str(), row.engagement_id));
    let pcns = assignments.map(|row| (row.pcn_code.as_str(), row.engagement_id));
    let pairs: BTreeSet<(&str, Uuid)> = owners.chain(pcns).collect();
    let rows: Vec<_> = pairs
        .into_iter()
        .map(|(tenant, id)| engagement_tenant::ActiveModel {
            tenant_code: Set(tenant.to_owned()),
            engagement_id: Set(id),
        })
        .collect();
    for chunk in rows.chunks(PAIRS) {
        engagement_tenant::Entity::insert_many(chunk.iter().cloned())
            .on_conflict_do_nothing()
            .exec_without_returning(txn)
            .await
            .map_err(db::sort)?;
    }
    Ok(())
}

impl Told {
    fn take<S>(
        &mut self,
        lines: impl Iterator<Item = Line>,
        outcomes: Vec<Outcome<S>>,
        before: fn(S) -> Line,
    ) {
        for (line, outcome) in lines.zip(outcomes) {
            match outcome {
                Outcome::Unchanged => self.unchanged += 1,
                Outcome::Added(beside) => {
                    self.added += 1;
                    match beside {
                        Beside::Nothing => {}
                        Beside::Later => self.later += 1,
                        Beside::Withdrawn => self.again.push(line.clone()),
                    }
                    self.changed.push(line);
                }
                Outcome::Corrected(old) => {
                    self.corrected.push((line.clone(), before(*old)));
                    self.changed.push(line);
                }
            }
        }
    }
}

fn optional(day: Option<chrono::NaiveDate>) -> Option<arrs_proto::google::r#type::Date> {
    day.map(|day| wire::date(from_column(day)))
}

fn since(known_from: i64) -> Option<prost_types::Timestamp> {
    Some(wire::timestamp(Instant(known_from)))
}

fn code(text: &str) -> String {
    format!("organisations/{text}")
}

/// The fact of a line. Facts of engagements go to the owner, of hours to their PCN.
pub fn tell(line: &Line) -> NewFact {
    match line {
        Line::Organisation(row) => {
            let fact = pb::OrganisationNamed {
                known_from_time: since(row.known_from),
                organisation: code(&row.code),
                display_name: row.display_name.clone(),
                kind: row.kind.clone(),
                valid_from_date: optional(row.valid_from),
                valid_until_date: optional(row.valid_until),
            };
            NewFact::new(&fact, code(&row.code), None)
        }
        Line::Relation(row) => {
            let fact = pb::OrganisationRelated {
                known_from_time: since(row.known_from),
                organisation: code(&row.code),
                relation: row.relation.clone(),
                related: code(&row.related_code),
                valid_from_date: optional(Some(row.valid_from)),
                valid_until_date: optional(row.valid_until),
                seen: row.seen,
            };
            NewFact::new(&fact, code(&row.code), None)
        }
        Line::LondonArea(row) => {
            let fact = pb::LondonAreaSet {
                known_from_time: since(row.known_from),
                organisation: code(&row.code),
                area: row.area.clone(),
                valid_from_date: optional(Some(row.valid_from)),
                valid_until_date: optional(row.valid_until),
            };
            NewFact::new(&fact, code(&row.code), row.code.parse().ok())
        }
        Line::ListSize(row) => {
            let fact = pb::ListSizeRecorded {
                known_from_time: since(row.known_from),
                organisation: code(&row.code),
                date: optional(Some(row.date)),
                registered_count: row.registered_count,
                weighted_ten_thousandths: row.weighted_ten_thousandths,
                adjusted_ten_thousandths: row.adjusted_ten_thousandths,
            };
            NewFact::new(&fact, code(&row.code), row.code.parse().ok())
        }
        Line::Engagement(row) => {
            let subject = EngagementId(row.engagement_id).to_string();
            let fact = pb::EngagementRecorded {
                known_from_time: since(row.known_from),
                engagement: subject.clone(),
                owner: code(&row.owner_code),
                reference: row.reference.clone(),
                person: row.person_id.map(|id| terms::PersonId(id).to_string()).unwrap_or_default(),
                person_reference: row.person_reference.clone().unwrap_or_default(),
                role: row.role.clone(),
                employer: code(&row.employer_code),
                model: row.model.clone(),
                full_time_minutes: row.full_time_minutes,
                leaving_reason: row.leaving_reason.clone().unwrap_or_default(),
            };
            NewFact::new(&fact, subject, row.owner_code.parse().ok())
        }
        Line::Assignment(row) => {
            let subject = EngagementId(row.engagement_id).to_string();
            let fact = pb::AssignmentHoursSet {
                known_from_time: since(row.known_from),
                engagement: subject.clone(),
                pcn: code(&row.pcn_code),
                valid_from_date: optional(Some(row.valid_from)),
                valid_until_date: optional(row.valid_until),
                weekly_minutes: row.weekly_minutes,
                contract_minutes: row.contract_minutes,
                stage: row.stage.clone(),
                band: row.band.clone().unwrap_or_default(),
            };
            NewFact::new(&fact, subject, row.pcn_code.parse().ok())
        }
        Line::NoAssignment(row) => {
            let subject = EngagementId(row.engagement_id).to_string();
            let fact = pb::AssignmentWithdrawn {
                known_from_time: since(row.known_from),
                engagement: subject.clone(),
                pcn: code(&row.pcn_code),
                valid_from_date: optional(Some(row.valid_from)),
            };
            NewFact::new(&fact, subject, row.pcn_code.parse().ok())
        }
    }
}

/// The roster as followed from workforce; facts about other things are passed over.
#[derive(Clone, Copy, Debug)]
pub struct Followed;

#[async_trait::async_trait]
impl Projection for Followed {
    async fn apply(&self, write: &Write, facts: &[pb::Fact]) -> Result<(), Error> {
        let mut lines = Vec::with_capacity(facts.len());
        for fact in facts {
            if let Some(mut line) = line_of(fact)? {
                // The identifier of the fact, so that a roster built again is the same to the byte.
                line.identify(Uuid::try_parse(&fact.id).map_err(Error::internal)?);
                lines.push(line);
            }
        }
        record(&**write, lines).await.map(drop)
    }

    async fn forget(&self, write: &Write) -> Result<(), Error> {
        let txn = &**write;
        organisation::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        organisation_relation::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        london_area::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        list_size::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        engagement::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        engagement_tenant::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        assignment::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
        Ok(())
    }
}

impl Line {
    fn identify(&mut self, id: Uuid) {
        match self {
            Line::Organisation(row) => row.id = id,
            Line::Relation(row) => row.id = id,
            Line::LondonArea(row) => row.id = id,
            Line::ListSize(row) => row.id = id,
            Line::Engagement(row) => row.id = id,
            Line::Assignment(row) | Line::NoAssignment(row) => row.id = id,
        }
    }
}

fn line_of(fact: &pb::Fact) -> Result<Option<Line>, Error> {
    let body = &fact.body[..];
    let kind = fact.r#type.as_str();
    let recorded_at = instant(fact.time.as_ref(), Instant(0))?;
    let by = |known_from: &Option<prost_types::Timestamp>| {
        Ok::<_, Error>(Provenance {
            known_from: instant(known_from.as_ref(), recorded_at)?,
            recorded_at,
            recorded_by: "workforce".to_owned(),
            import: None,
        })
    };
    let line = if kind == pb::OrganisationNamed::full_name() {
        let fact = decode::<pb::OrganisationNamed>(body)?;
        Line::Organisation(organisation::Model::new(
            &by(&fact.known_from_time)?,
            None,
            ods(&fact.organisation)?,
            fact.display_name,
            fact.kind,
            day(fact.valid_from_date.as_ref())?,
            day(fact.valid_until_date.as_ref())?,
        ))
    } else if kind == pb::OrganisationRelated::full_name() {
        let fact = decode::<pb::OrganisationRelated>(body)?;
        Line::Relation(organisation_relation::Model::new(
            &by(&fact.known_from_time)?,
            None,
            ods(&fact.organisation)?,
            fact.relation,
            ods(&fact.related)?,
            needed(day(fact.valid_from_date.as_ref())?)?,
            day(fact.valid_until_date.as_ref())?,
            fact.seen,
        ))
    } else if kind == pb::LondonAreaSet::full_name() {
        let fact = decode::<pb::LondonAreaSet>(body)?;
        Line::LondonArea(london_area::Model::new(
            &by(&fact.known_from_time)?,
            None,
            ods(&fact.organisation)?,
            needed(day(fact.valid_from_date.as_ref())?)?,
            fact.area,
            day(fact.valid_until_date.as_ref())?,
        ))
    } else if kind == pb::ListSizeRecorded::full_name() {
        let fact = decode::<pb::ListSizeRecorded>(body)?;
        Line::ListSize(list_size::Model::new(
            &by(&fact.known_from_time)?,
            None,
            ods(&fact.organisation)?,
            needed(day(fact.date.as_ref())?)?,
            fact.registered_count,
            fact.weighted_ten_thousandths,
            fact.adjusted_ten_thousandths,
        ))
    } else if kind == pb::EngagementRecorded::full_name() {
        let fact = decode::<pb::EngagementRecorded>(body)?;
        Line::Engagement(engagement::Model::new(
            &by(&fact.known_from_time)?,
            None,
            engagement_id(&fact.engagement)?,
            ods(&fact.owner)?,
            fact.reference,
            names::parse_person(&fact.person).map(|person| person.0),
            Some(fact.person_reference).filter(|reference| !reference.is_empty()),
            fact.role,
            ods(&fact.employer)?,
            fact.model,
            fact.full_time_minutes,
            Some(fact.leaving_reason).filter(|reason| !reason.is_empty()),
        ))
    } else if kind == pb::AssignmentHoursSet::full_name() {
        let fact = decode::<pb::AssignmentHoursSet>(body)?;
        Line::Assignment(assignment::Model::new(
            &by(&fact.known_from_time)?,
            None,
            engagement_id(&fact.engagement)?,
            ods(&fact.pcn)?,
            needed(day(fact.valid_from_date.as_ref())?)?,
            day(fact.valid_until_date.as_ref())?,
            fact.weekly_minutes,
            fact.contract_minutes,
            fact.stage,
            Some(fact.band).filter(|band| !band.is_empty()),
        ))
    } else if kind == pb::AssignmentWithdrawn::full_name() {
        let fact = decode::<pb::AssignmentWithdrawn>(body)?;
        Line::NoAssignment(assignment::Model::never(
            &by(&fact.known_from_time)?,
            engagement_id(&fact.engagement)?,
            ods(&fact.pcn)?,
            needed(day(fact.valid_from_date.as_ref())?)?,
        ))
    } else {
        return Ok(None);
    };
    Ok(Some(line))
}

fn decode<M: Message + Default + Name>(body: &[u8]) -> Result<M, Error> {
    M::decode(body)
        .map_err(|error| Error::internal(format!("{} is damaged: {error}", M::full_name())))
}

/// An instant that a fact gives, or the one that stands for it where it gives none.
fn instant(given: Option<&prost_types::Timestamp>, absent: Instant) -> Result<Instant, Error> {
    let Some(given) = given else { return Ok(absent) };
    wire::instant(given).ok_or_else(|| Error::internal(format!("a fact gives the time {given:?}")))
}

fn ods(name: &str) -> Result<String, Error> {
    let code: Option<OdsCode> = names::parse_organisation(name);
    code.map(|code| code.to_string())
        .ok_or_else(|| Error::internal(format!("a fact names {name:?}")))
}

fn engagement_id(name: &str) -> Result<Uuid, Error> {
    names::parse_engagement(name)
        .map(|id| id.0)
        .ok_or_else(|| Error::internal(format!("a fact names {name:?}")))
}

fn day(
    date: Option<&arrs_proto::google::r#type::Date>,
) -> Result<Option<chrono::NaiveDate>, Error> {
    let Some(date) = date else { return Ok(None) };
    let day = terms::Date::new(
        i16::try_from(date.year).unwrap_or(0),
        i8::try_from(date.month).unwrap_or(0),
        i8::try_from(date.day).unwrap_or(0),
    );
    day.map(|day| Some(to_column(day))).map_err(Error::internal)
}

fn needed<T>(value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::internal("a fact lacks a date"))
}
