//! Changes of who works where, one at a time: hours stated, ended, withdrawn.
//!
//! A change is checked as a file of that one engagement would be. Only who keeps the record may
//! make it; who may not is told the same as of a record that is not there.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::slice;

use kit::answers::{Answer, Asked};
use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::db::Write;
use kit::error::FieldViolation;
use kit::imports::Context;
use kit::roster::table::assignment;
use kit::roster::{self, Line, from_column, to_column};
use kit::table::{Problem, Problems};
use kit::{Caller, Cut, Error, Etag};
use terms::{Band, Date, EngagementId, Minutes, OdsCode, Period, PersonId, Stage};

use crate::app::App;
use crate::app::engagements::{Seen, seen};
use crate::app::imports::staff::{self, Group, Row, Unsaid, period_of};
use crate::domain::role::Roles;
use crate::store::people::{self, Stored};

/// The line of the row that the caller states, among those that follow from it.
const ASKED: u32 = 1;
/// The lines of hours that end because others begin, or because everything does.
const ENDED: u32 = 2;

/// Said of hours on days that are not the caller's to change.
const OUTSIDE: &str = "has days outside those of the PCN that you may change";

/// Hours of an engagement in a PCN from a day on, all of what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAssignment {
    /// Whose hours.
    pub engagement: EngagementId,
    /// Where.
    pub pcn: OdsCode,
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Option<Date>,
    /// Minutes a week there.
    pub weekly: Minutes,
    /// All hours of the engagement, where some are outside PCNs.
    pub contract: Option<Minutes>,
    /// How far the person is in the role.
    pub stage: Stage,
    /// The pay band.
    pub band: Option<Band>,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
}

/// The last day of an engagement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndEngagement {
    /// Which.
    pub engagement: EngagementId,
    /// The last day.
    pub last: Date,
    /// Why; none leaves what is known.
    pub leaving_reason: Option<String>,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
}

/// Hours that were never so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawAssignment {
    /// Whose hours.
    pub engagement: EngagementId,
    /// Where they were said to be.
    pub pcn: OdsCode,
    /// The first day that was stated.
    pub start: Date,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
}

/// An engagement after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// As the caller sees it now.
    pub seen: Seen,
    /// What a careful reader should know.
    pub notes: Vec<String>,
}

impl App {
    /// States hours. Those in the same PCN that began earlier and are running on the first day
    /// end the day before.
    pub async fn set_assignment(
        &self,
        caller: &Caller,
        command: &SetAssignment,
        asked: Asked<Changed>,
    ) -> Result<Answer, Error> {
        let SetAssignment { engagement, etag, .. } = *command;
        let change = match self.open(caller, engagement, etag, &asked).await? {
            ControlFlow::Continue(change) => change,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let mut rows = Vec::new();
        let running = change.stored.assignments.iter().find(|hours| {
            let days = period_of(hours).filter(|days| days.from() < command.start);
            hours.pcn_code == command.pcn.as_str()
                && days.is_some_and(|days| days.contains(command.start))
        });
        if let (Some(running), Ok(before)) = (running, command.start.yesterday()) {
            rows.push(Row { line: ENDED, end: Some(before), ..change.row(running)? });
        }
        let row = Row {
            line: ASKED,
            pcn: command.pcn.clone(),
            start: command.start,
            end: command.end,
            weekly: command.weekly,
            contract: command.contract,
            stage: command.stage,
            band: command.band,
            ..change.about()?
        };

        let mut problems = Problems::new();
        let after = command.end.and_then(|last| last.tomorrow().ok());
        if let (Some(running), Some(after)) = (running.and_then(period_of), after)
            && running.contains(after)
        {
            let reason = format!(
                "the hours that began on {} go on after it: leave it out, then state what is so \
                 from {after}",
                running.from()
            );
            problems.push(Problem::new(ASKED, "end", "", reason));
        }
        let stated = slice::from_ref(&row);
        let known = staff::organisations(&change.write, stated).await?;
        let mut refused = staff::check_pcns(stated, &known, &change.context, &mut problems);
        let alone = stated.iter().filter(|row| refused.contains(&row.line));
        staff::alone(alone, self.roles(), &mut problems);
        rows.push(row);
        let groups = [change.group(&rows)];
        let warnings = match refused.is_empty() {
            false => Vec::new(),
            true => change.examine(&groups, &mut refused, self.roles(), &mut problems).await?,
        };
        if !problems.is_empty() {
            return Err(invalid(problems, |problem| match problem.column.as_str() {
                _ if problem.line == ENDED => "start_date",
                "pcn_code" => "pcn",
                "end" => "end_date",
                "weekly_hours" => "weekly_minutes",
                "contract_hours" => "contract_minutes",
                // The role is given: it is the day that does not fit it.
                _ => "start_date",
            }));
        }
        let lines = staff::assignment_lines(&groups[0], Some(&change.stored), &change.context);
        let detail = format!("hours in {} from {}", command.pcn, command.start);
        let notes = warnings.into_iter().map(|warning| warning.reason).collect();
        change.close(caller, lines, detail, notes, asked).await
    }

    /// Ends hours that are running on the last day, and withdraws those that would begin later.
    pub async fn end_engagement(
        &self,
        caller: &Caller,
        command: &EndEngagement,
        asked: Asked<Changed>,
    ) -> Result<Answer, Error> {
        let EndEngagement { engagement, last, etag, .. } = *command;
        let change = match self.open(caller, engagement, etag, &asked).await? {
            ControlFlow::Continue(change) => change,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let (mut rows, mut later) = (Vec::new(), Vec::new());
        for hours in &change.stored.assignments {
            let Some(days) = period_of(hours) else { continue };
            if days.contains(last) {
                let leaving_reason = command.leaving_reason.clone();
                let (line, end) = (ENDED, Some(last));
                rows.push(Row { line, end, leaving_reason, ..change.row(hours)? });
            } else if days.from() > last {
                later.push(hours);
            }
        }
        if rows.is_empty() {
            return Err(Error::invalid("last_date", "must be a day on which it has hours"));
        }
        let mut problems = Problems::new();
        let groups = [change.group(&rows)];
        change.examine(&groups, &mut BTreeSet::new(), self.roles(), &mut problems).await?;
        if !problems.is_empty() {
            return Err(invalid(problems, |_| "last_date"));
        }
        if later.iter().any(|hours| !change.covers(hours)) {
            return Err(Error::invalid("last_date", OUTSIDE));
        }
        let (before, context) = (Some(&change.stored), &change.context);
        let mut lines = vec![staff::engagement_line(&groups[0], before, context)];
        lines.extend(staff::assignment_lines(&groups[0], before, context));
        lines.extend(later.into_iter().map(|hours| change.never(hours)));
        let detail = format!("ended on {last}");
        change.close(caller, lines, detail, Vec::new(), asked).await
    }

    /// Withdraws hours that were never so.
    pub async fn withdraw_assignment(
        &self,
        caller: &Caller,
        command: &WithdrawAssignment,
        asked: Asked<Changed>,
    ) -> Result<Answer, Error> {
        let WithdrawAssignment { engagement, start, etag, .. } = *command;
        let change = match self.open(caller, engagement, etag, &asked).await? {
            ControlFlow::Continue(change) => change,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let found = change.stored.assignments.iter().find(|hours| {
            hours.pcn_code == command.pcn.as_str() && hours.valid_from == to_column(start)
        });
        let Some(hours) = found else {
            let reason = "must be the first day of hours that are known in this PCN";
            return Err(Error::invalid("start_date", reason));
        };
        if !change.covers(hours) {
            return Err(Error::invalid("start_date", OUTSIDE));
        }
        let lines = vec![change.never(hours)];
        let detail = format!("hours in {} from {start} were never so", command.pcn);
        change.close(caller, lines, detail, Vec::new(), asked).await
    }

    /// Begins a change of an engagement that the caller keeps, from the version that it has read;
    /// or answers what a call answered that this one repeats.
    async fn open(
        &self,
        caller: &Caller,
        id: EngagementId,
        etag: Option<Etag>,
        asked: &Asked<Changed>,
    ) -> Result<ControlFlow<Answer, Change>, Error> {
        let write = self.database.write().await?;
        let clock = self.database.clock();
        let scope = caller.scope(&*write, clock).await?;
        let mut found = people::stored(&*write, &scope, &BTreeSet::from([id]), NOW).await?;
        let stored = found.remove(&id).ok_or_else(|| caller.denied(&id.to_string()))?;
        let engagement = stored.engagement.as_ref().expect("it was found by its own row");
        let owner: OdsCode = engagement.owner_code.parse().map_err(Error::internal)?;
        if let Some(answer) = asked.before(&write, caller, &owner).await? {
            return Ok(ControlFlow::Break(answer));
        }
        let revision = roster::revision(&*write, id).await?;
        revision.check(etag, &id.to_string())?;
        let effect = asked.effect();
        let context = Context::of_change(caller, scope, clock, "staff", &owner, revision, effect);
        Ok(ControlFlow::Continue(Change { write, context, id, owner, stored }))
    }
}

/// A change of an engagement under way.
struct Change {
    write: Write,
    context: Context,
    id: EngagementId,
    owner: OdsCode,
    stored: Stored,
}

impl Change {
    fn engagement(&self) -> &roster::table::engagement::Model {
        self.stored.engagement.as_ref().expect("a change begins with a known engagement")
    }

    /// What a file would say of the engagement, with hours of nothing.
    fn about(&self) -> Result<Row, Error> {
        let known = self.engagement();
        Ok(Row {
            line: ASKED,
            engagement: known.reference.clone(),
            person: known.person_reference.clone(),
            particulars: people::Particulars::default(),
            expiry: None,
            role: known.role.parse().map_err(Error::internal)?,
            stage: Stage::Standard,
            band: None,
            employer: known.employer_code.parse().map_err(Error::internal)?,
            model: known.model.parse().map_err(Error::internal)?,
            pcn: self.owner.clone(),
            weekly: Minutes::ZERO,
            full_time: minutes(known.full_time_minutes)?,
            contract: None,
            start: self.context.recorded_on,
            end: None,
            leaving_reason: None,
            rounded: 0,
        })
    }

    /// What a file would say of hours that are known.
    fn row(&self, hours: &assignment::Model) -> Result<Row, Error> {
        let band = hours.band.as_deref().map(str::parse).transpose();
        Ok(Row {
            pcn: hours.pcn_code.parse().map_err(Error::internal)?,
            start: from_column(hours.valid_from),
            end: period_of(hours).and_then(Period::last),
            weekly: minutes(hours.weekly_minutes)?,
            contract: hours.contract_minutes.map(minutes).transpose()?,
            stage: hours.stage.parse().map_err(Error::internal)?,
            band: band.map_err(Error::internal)?,
            ..self.about()?
        })
    }

    fn group<'a>(&self, rows: &'a [Row]) -> Group<'a> {
        Group {
            rows: rows.iter().collect(),
            owner: self.owner.clone(),
            id: self.id,
            person: self.engagement().person_id.map(PersonId),
            unsaid: Unsaid::Clears,
        }
    }

    /// Checks rows as those of a file are; answers what had better not be so.
    async fn examine(
        &self,
        groups: &[Group<'_>],
        refused: &mut BTreeSet<u32>,
        roles: &Roles,
        problems: &mut Problems,
    ) -> Result<Vec<Problem>, Error> {
        let Change { write, context, id, stored, .. } = self;
        let stored = HashMap::from([(*id, stored.clone())]);
        let known = staff::examine(write, groups, stored, refused, roles, context, problems);
        Ok(known.await?.warnings)
    }

    /// Whether all days of hours are the caller's to change.
    fn covers(&self, hours: &assignment::Model) -> bool {
        let (Ok(pcn), Some(days)) = (hours.pcn_code.parse(), period_of(hours)) else {
            return false;
        };
        self.context.scope.covers(&pcn, days)
    }

    fn never(&self, hours: &assignment::Model) -> Line {
        let pcn_code = hours.pcn_code.clone();
        let provenance = &self.context.provenance;
        let row = assignment::Model::never(provenance, self.id.0, pcn_code, hours.valid_from);
        Line::NoAssignment(row)
    }

    /// Writes, tells and answers; all of it is known once it commits.
    async fn close(
        self,
        caller: &Caller,
        lines: Vec<Line>,
        detail: String,
        notes: Vec<String>,
        asked: Asked<Changed>,
    ) -> Result<Answer, Error> {
        let Change { mut write, context, id, owner, .. } = self;
        let told = roster::record(&*write, lines).await?;
        for line in &told.changed {
            write.tell(roster::tell(line));
        }
        let clock = write.clock().clone();
        let entry = Entry::new(caller, Outcome::Done, &id.to_string());
        audit::append(&*write, &clock, [entry.of_tenant(&owner).saying(detail)]).await?;
        let scope = &context.scope;
        let after = roster::engagement_by_id(&*write, scope, id, NOW).await?;
        let after = after.ok_or_else(|| Error::internal("an engagement was lost by a change"))?;
        let revision = roster::revision(&*write, id).await?;
        let cut = Cut::now(&clock);
        let seen = seen(scope, after, cut.as_of).of_version(scope, &cut, Some(revision));
        asked.finish(write, caller, &owner, Changed { seen, notes }).await
    }
}

fn minutes(value: i32) -> Result<Minutes, Error> {
    u32::try_from(value).map(Minutes::new).map_err(Error::internal)
}

/// What is wrong with the rows of a change, as fields of its request.
fn invalid(problems: Problems, field: fn(&Problem) -> &'static str) -> Error {
    let violation = |problem: Problem| {
        let field = field(&problem).to_owned();
        FieldViolation { field, description: problem.reason }
    };
    Error::Invalid(problems.into_vec().into_iter().map(violation).collect())
}
