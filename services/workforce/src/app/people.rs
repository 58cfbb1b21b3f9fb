//! The personal particulars of people.

use std::collections::{BTreeMap, BTreeSet};

use kit::cut::NOW;
use kit::roster::{self, Engaged};
use kit::{Caller, Error, Scope};
use terms::{Date, Minutes, PersonId};

use super::engagements::{Seen, seen};
use crate::app::App;
use crate::domain::registration_match::{Hours, together};
use crate::store::matches::{self, Record};
use crate::store::people;
pub use crate::store::people::{Particulars, Person, Registration};

/// How many people are compared at a time.
const COMPARED: u64 = 500;

/// Somebody whom at least two owners keep, as a caller may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The records, one or more with each owner, in their order.
    pub people: Vec<PersonId>,
    /// The engagements with hours on the day, with the hours of that day.
    pub engagements: Vec<Seen>,
    /// Minutes a week on the day that the caller may see.
    pub weekly: Minutes,
    /// The smallest contract of the day.
    pub contract: Minutes,
    /// Whether all hours of these engagements, seen or not, are more than that contract.
    pub exceed: bool,
}

/// Which page of matched people is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// For which day.
    pub on: Date,
    /// From just past the one whose first record is this.
    pub after: Option<PersonId>,
    /// The most to answer.
    pub limit: u64,
}

impl App {
    /// One page of the people whom two owners keep, both in the scope, in the order of the first
    /// record that the caller may see.
    pub async fn matched_people(
        &self,
        caller: &Caller,
        matching: &Matching,
    ) -> Result<Vec<Matched>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let limit = usize::try_from(matching.limit).unwrap_or(usize::MAX);
        let mut after = matching.after;
        let mut found = Vec::new();
        while found.len() < limit {
            let firsts = matches::people_across_owners(&*read, after, COMPARED).await?;
            let Some(last) = firsts.last() else { break };
            after = Some(*last);
            let humans = matches::records_across_owners(&*read, &firsts).await?;
            let people = humans
                .iter()
                .flat_map(|human| &human.records)
                .map(|record| record.person)
                .collect();
            let mut engaged: BTreeMap<PersonId, Vec<Engaged>> = BTreeMap::new();
            for one in roster::engagements_of_people(&*read, &scope, &people, NOW).await? {
                if let Some(person) = one.engagement.person {
                    engaged.entry(person).or_default().push(one);
                }
            }
            let mut page: Vec<Matched> = humans
                .iter()
                .filter_map(|human| matched(&scope, &human.records, &engaged, matching.on))
                .filter(|matched| firsts.contains(&matched.people[0]))
                .collect();
            page.sort_by_key(|matched| matched.people[0]);
            found.append(&mut page);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// One person with name and registrations, if the owner or hours of theirs are in the scope.
    pub async fn person(
        &self,
        caller: &Caller,
        id: PersonId,
    ) -> Result<(Person, Particulars, Vec<Registration>), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let person = people::person(&*read, &scope, id).await?;
        let person = person.ok_or_else(|| caller.denied(&id.to_string()))?;
        let one = BTreeSet::from([id]);
        let mut particulars = people::particulars(&*read, &scope, &one).await?;
        let registrations = people::registrations(&*read, &scope, &one, NOW).await?;
        Ok((person, particulars.remove(&id).unwrap_or_default(), registrations))
    }
}

/// What of a human the scope sees; none unless it sees the records of two owners. `engaged` are
/// the engagements in the scope, by person.
fn matched(
    scope: &Scope,
    human: &[Record],
    engaged: &BTreeMap<PersonId, Vec<Engaged>>,
    on: Date,
) -> Option<Matched> {
    let is_seen =
        |record: &&Record| scope.owns(&record.owner) || engaged.contains_key(&record.person);
    let records: Vec<&Record> = human.iter().filter(is_seen).collect();
    let owners: BTreeSet<_> = records.iter().map(|record| &record.owner).collect();
    if owners.len() < 2 {
        return None;
    }
    let people: Vec<PersonId> = records.iter().map(|record| record.person).collect();
    let today: Vec<&Engaged> = people
        .iter()
        .filter_map(|person| engaged.get(person))
        .flatten()
        .filter(|engaged| engaged.assignments.iter().any(|hours| hours.period.contains(on)))
        .collect();
    let hours: Vec<Hours> = today.iter().flat_map(|engaged| hours(engaged)).collect();
    let all = together(&hours, on);
    let engagements: Vec<Seen> = today
        .into_iter()
        .map(|engaged| {
            let mut seen = seen(scope, engaged.clone(), on);
            seen.engaged.assignments.retain(|hours| hours.period.contains(on));
            seen
        })
        .collect();
    let shown = engagements.iter().flat_map(|seen| &seen.engaged.assignments);
    let weekly = shown.map(|hours| hours.weekly).sum();
    Some(Matched { people, engagements, weekly, contract: all.contract, exceed: all.exceed })
}

fn hours(engaged: &Engaged) -> impl Iterator<Item = Hours> {
    engaged.assignments.iter().map(|assignment| Hours {
        owner: engaged.engagement.owner.clone(),
        engagement: assignment.engagement,
        days: assignment.period,
        weekly: assignment.weekly,
        contract: assignment.contract,
    })
}
