//! What people do with claims: one transaction each, with the money that moves by it.

use std::collections::{BTreeMap, BTreeSet};

use kit::answers::{Answer, Asked};
use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::db::Write;
use kit::statement::Provenance;
use kit::{Caller, Error, ErrorReason, Etag, Revision, Scope};
use terms::{ContractYear, Date, Instant, Month, Pence};
use uuid::Uuid;

use super::App;
use super::claim_builds::Built;
use super::claims::{Seen, admit, missing};
use crate::domain::allocation::Allocation;
use crate::domain::claim::{
    Action, Claim, ClaimName, ClaimState, Hand, MoveError, account, decide,
};
use crate::domain::figure::Pot;
use crate::domain::ledger::{Account, Transfer};
use crate::events;
use crate::store::claims::{self as store, LineHours, Moved};
use crate::store::ledger::{self, Posting, Sum, exhausted};

/// What is to be done with a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveClaim {
    /// Which claim.
    pub name: ClaimName,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
    /// What to do.
    pub doing: Doing,
}

/// What is done, with what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Build it, or build it anew.
    Prepare,
    /// Replace note and evidence.
    Amend {
        /// What the PCN says about it.
        note: String,
        /// Where the evidence is kept.
        evidence: Vec<String>,
    },
    /// Ask for the money.
    Submit,
    /// Ask the PCN a question.
    Query(Words),
    /// Answer it.
    Reply(Words),
    /// Give the first approval.
    Check,
    /// Give the second one.
    Approve,
    /// Refuse it.
    Reject(Words),
    /// Take it back.
    Withdraw,
    /// Record that it was paid.
    Pay {
        /// On which day.
        date: Date,
        /// What the payer calls the payment.
        reference: String,
    },
    /// Say something about it.
    Remark(Words),
}

/// What is said about a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What.
    pub text: String,
    /// About which line; 0 for the whole.
    pub line: i32,
}

impl Doing {
    const fn action(&self) -> Action {
        match self {
            Doing::Prepare => Action::Prepare,
            Doing::Amend { .. } => Action::Amend,
            Doing::Submit => Action::Submit,
            Doing::Query(_) => Action::Query,
            Doing::Reply(_) => Action::Reply,
            Doing::Check => Action::Check,
            Doing::Approve => Action::Approve,
            Doing::Reject(_) => Action::Reject,
            Doing::Withdraw => Action::Withdraw,
            Doing::Pay { .. } => Action::Pay,
            Doing::Remark(_) => Action::Remark,
        }
    }
}

impl App {
    /// Moves a claim from hand to hand, and its money with it; or answers what a call answered
    /// that this one repeats.
    pub async fn move_claim(
        &self,
        caller: &Caller,
        command: MoveClaim,
        asked: Asked<Seen>,
    ) -> Result<Answer, Error> {
        let MoveClaim { name, etag, doing } = command;
        let mut write = self.database.write().await?;
        let clock = self.clock();
        let scope = caller.scope(&*write, clock).await?;
        let whole = |scope: &Scope| scope.covers(&name.pcn, name.days());
        admit(&write, caller, &scope, &name, whole).await?;
        if let Some(answer) = asked.before(&write, caller, &name.pcn).await? {
            return Ok(answer);
        }
        let found = store::claim(&*write, &scope, &name, NOW).await?;
        let (revision, history) = match &found {
            Some(Moved { claim, .. }) => (
                store::revision(&*write, &scope, claim).await?,
                store::history(&*write, &scope, claim, 0, u64::MAX >> 1).await?,
            ),
            None => (Revision::default(), Vec::new()),
        };
        if found.is_none() && doing != Doing::Prepare {
            return Err(missing(&name));
        }
        revision.check(etag, &name.to_string())?;
        let before = found.map(|moved| moved.claim);
        let mut change = Change {
            app: self,
            caller,
            at: revision.next(clock.now()),
            write: &mut write,
            scope: &scope,
            name: &name,
            history: &history,
        };
        let claim = match before {
            None => change.first().await?,
            Some(_) if etag.is_none() => {
                return Err(Error::invalid("etag", "must be given: the claim was prepared before"));
            }
            Some(before) => change.next(&before, doing).await?,
        };
        let at = change.at;
        let provenance = Provenance {
            known_from: at,
            recorded_at: clock.now(),
            recorded_by: caller.principal().to_owned(),
            import: None,
        };
        store::record(&*write, &scope, &provenance, &claim).await?;
        let detail = format!("{}: {}, {}", claim.action, claim.state, claim.payable());
        let entry = Entry::new(caller, Outcome::Done, &name.to_string());
        audit::append(&*write, clock, [entry.of_tenant(&name.pcn).saying(detail)]).await?;
        write.tell(events::claim_changed(&claim, at));
        let basis = store::bases(&*write, &[&claim]).await?.remove(&claim.build);
        let basis = basis.ok_or_else(|| Error::internal("a claim has no ground"))?;
        let revision = Some(store::revision(&*write, &scope, &claim).await?);
        let pcn = name.pcn;
        asked.finish(write, caller, &pcn, Seen { claim, basis, revision }).await
    }
}

/// A change of a claim under way.
struct Change<'a> {
    app: &'a App,
    caller: &'a Caller,
    /// Since when it is known.
    at: Instant,
    write: &'a mut Write,
    scope: &'a Scope,
    name: &'a ClaimName,
    /// What was done with the claim, the first thing first.
    history: &'a [Moved],
}

impl Change<'_> {
    /// A claim of a month for which nothing was prepared.
    async fn first(&mut self) -> Result<Claim, Error> {
        let built = self.build().await?;
        let nothing = Claim {
            id: Uuid::now_v7(),
            name: self.name.clone(),
            step: 1,
            action: Action::Prepare,
            state: ClaimState::Prepared,
            line: 0,
            said: String::new(),
            build: Uuid::nil(),
            line_count: 0,
            unpriced_count: 0,
            own_cost: Pence::ZERO,
            pots: BTreeMap::new(),
            weakest: None,
            note: String::new(),
            evidence: Vec::new(),
            payment_date: None,
            payment_reference: String::new(),
            submitted_at: None,
        };
        self.freeze(&built).await?;
        Ok(of_build(nothing, &built))
    }

    /// The claim after something was done with it, its money moved.
    async fn next(&mut self, before: &Claim, doing: Doing) -> Result<Claim, Error> {
        let action = doing.action();
        let state = self.decide(action, before)?;
        let after = Claim {
            step: before.step + 1,
            action,
            state,
            line: 0,
            said: String::new(),
            ..before.clone()
        };
        let after = match doing {
            Doing::Prepare => {
                let built = self.build().await?;
                self.freeze(&built).await?;
                let fresh = Claim { submitted_at: None, ..after };
                return Ok(of_build(fresh, &built));
            }
            Doing::Submit => return self.submit(before, after).await,
            Doing::Amend { note, evidence } => Claim { note, evidence, ..after },
            Doing::Check | Doing::Approve | Doing::Withdraw => after,
            Doing::Query(words)
            | Doing::Reply(words)
            | Doing::Reject(words)
            | Doing::Remark(words) => {
                let Words { text, line } = words;
                if !(0..=before.line_count).contains(&line) {
                    let most = before.line_count;
                    let reason =
                        format!("must be a line of the claim, 1 to {most}, or 0 for all of it");
                    return Err(Error::invalid("line", reason));
                }
                Claim { said: text, line, ..after }
            }
            Doing::Pay { date, reference } => {
                self.payable_on(date)?;
                Claim { payment_date: Some(date), payment_reference: reference, ..after }
            }
        };
        self.carry(&before.pots, before.state, after.state).await?;
        Ok(after)
    }

    fn decide(&self, action: Action, before: &Claim) -> Result<ClaimState, Error> {
        let hand = |moved: &Moved| Hand { action: moved.claim.action, principal: moved.by.clone() };
        let hands: Vec<Hand> = self.history.iter().map(hand).collect();
        decide(action, before.state, &hands, self.caller.principal())
            .map_err(|error| refusal(self.name, error))
    }

    /// A payment is of an approved claim, and has been made.
    fn payable_on(&self, date: Date) -> Result<(), Error> {
        let clock = self.app.clock();
        let today = clock.today();
        let approved =
            self.history.iter().rev().find(|moved| moved.claim.action == Action::Approve);
        let approved = approved.map(|moved| clock.day(moved.at));
        if date > today {
            return Err(Error::invalid(
                "payment_date",
                format!("must not be after today, {today}"),
            ));
        }
        if let Some(approved) = approved.filter(|approved| date < *approved) {
            let reason = format!("must not be before {approved}, when the claim was approved");
            return Err(Error::invalid("payment_date", reason));
        }
        Ok(())
    }

    /// Asks for the money: what was prepared, evaluated and frozen now, reserved in the sums.
    async fn submit(&mut self, before: &Claim, after: Claim) -> Result<Claim, Error> {
        let built = self.build().await?;
        self.unchanged(before, &built).await?;
        self.hours_left(&built).await?;
        let nothing = |amount: Option<Pence>| amount.unwrap_or(Pence::ZERO) == Pence::ZERO;
        let Some(asking) = built.evaluation.lines.iter().find(|line| !nothing(line.before_sum()))
        else {
            return Err(Error::refused(
                ErrorReason::ClaimEmpty,
                format!("{} asks for nothing: no line has an amount", self.name),
                [("name", self.name.to_string())],
            ));
        };
        for allocation in &built.evaluation.allocations {
            self.allocate(allocation, &built).await?;
        }
        if built.lines.iter().all(|line| nothing(line.payable)) {
            let asked = built.lines.iter().filter_map(|line| line.priced).sum();
            let sum = self.sum(self.name.month.contract_year(), asking.pot);
            return Err(exhausted(&sum, Account::Room, asked));
        }
        self.carry(&built.evaluation.payable(), before.state, after.state).await?;
        self.freeze(&built).await?;
        let submitted = Claim { submitted_at: Some(self.at), ..after };
        Ok(of_build(submitted, &built))
    }

    /// Brings a sum of the year to what is known of it now.
    async fn allocate(&mut self, allocation: &Allocation, built: &Built) -> Result<(), Error> {
        let (pot, year) = (allocation.pot, allocation.year);
        let sum = self.sum(year, pot);
        let Ok(amount) = allocation.amount else {
            let asks = |(line, hours): (&crate::domain::line::Line, &LineHours)| {
                line.pot == pot && hours.priced.unwrap_or(Pence::ZERO) > Pence::ZERO
            };
            if !built.evaluation.lines.iter().zip(&built.lines).any(asks) {
                return Ok(());
            }
            let missing = allocation.missing().unwrap_or_default();
            let pcn = &self.name.pcn;
            return Err(Error::refused(
                ErrorReason::AllocationUnknown,
                format!("the {pot} sum of {pcn} for {year} cannot be said: {missing}"),
                [("pot", pot.to_string()), ("missing", missing)],
            ));
        };
        let now = ledger::balance(&**self.write, self.scope, &sum).await?;
        let Some(change) = Transfer::of_allocation(&now, amount) else { return Ok(()) };
        let posting = Posting { claim: None, ..self.posting() };
        ledger::transfer(&**self.write, self.scope, &sum, change, &posting).await
    }

    /// Moves the money of a claim to where it stands in its new state. What is paid back moves
    /// once, when it came back: until then it is still paid.
    async fn carry(
        &mut self,
        pots: &BTreeMap<Pot, Pence>,
        before: ClaimState,
        state: ClaimState,
    ) -> Result<(), Error> {
        let (from, to) = (account(before), account(state));
        let year = self.name.month.contract_year();
        for (pot, amount) in pots {
            if *amount >= Pence::ZERO {
                self.transfer(year, *pot, from, to, *amount).await?;
            } else if to == Account::Paid && from != to {
                self.transfer(year, *pot, Account::Paid, Account::Room, -*amount).await?;
            }
        }
        Ok(())
    }

    async fn transfer(
        &mut self,
        year: ContractYear,
        pot: Pot,
        from: Account,
        to: Account,
        amount: Pence,
    ) -> Result<(), Error> {
        let Some(transfer) = Transfer::new(from, to, amount) else { return Ok(()) };
        let (sum, posting) = (self.sum(year, pot), self.posting());
        ledger::transfer(&**self.write, self.scope, &sum, transfer, &posting).await
    }

    fn sum(&self, year: ContractYear, pot: Pot) -> Sum {
        Sum { pcn: self.name.pcn.clone(), year, pot }
    }

    fn posting(&self) -> Posting {
        let by = self.caller.principal().to_owned();
        Posting { at: self.at, by, claim: Some((self.name.month, self.name.number)) }
    }

    /// Refuses a claim that does not come to what was prepared, and so to what its maker saw.
    async fn unchanged(&self, before: &Claim, built: &Built) -> Result<(), Error> {
        let prepared = store::lines(&**self.write, self.scope, before).await?;
        let by_id = |lines: &[LineHours]| -> BTreeMap<_, _> {
            let key = |line: &LineHours| (line.month, line.engagement);
            lines.iter().map(|line| (key(line), (line.minute_days, line.priced))).collect()
        };
        let (then, now) = (by_id(&prepared), by_id(&built.lines));
        let differ = then.keys().chain(now.keys()).filter(|id| then.get(id) != now.get(id));
        let mut references: Vec<String> = differ
            .map(|(_, id)| built.references.get(id).cloned().unwrap_or_else(|| id.to_string()))
            .collect();
        references.sort_unstable();
        references.dedup();
        if references.is_empty() {
            return Ok(());
        }
        let lines = references.join(", ");
        Err(Error::refused(
            ErrorReason::ClaimOutdated,
            format!(
                "{} has changed since it was prepared, in {lines}: prepare it again",
                self.name
            ),
            [("name", self.name.to_string()), ("lines", lines)],
        ))
    }

    /// Refuses hours that claims of other PCNs are paid for.
    async fn hours_left(&self, built: &Built) -> Result<(), Error> {
        let asking = built.lines.iter().filter(|line| line.priced > Some(Pence::ZERO));
        let mut by_month: BTreeMap<Month, Vec<&LineHours>> = BTreeMap::new();
        for line in asking {
            by_month.entry(line.month).or_default().push(line);
        }
        let mut references: BTreeSet<String> = BTreeSet::new();
        for (month, lines) in by_month {
            let ids: Vec<_> = lines.iter().map(|line| line.engagement).collect();
            let pcn = &self.name.pcn;
            let elsewhere = store::claimed_elsewhere(&**self.write, pcn, month, &ids).await?;
            for line in lines {
                let taken = elsewhere.get(&line.engagement).copied().unwrap_or_default();
                let all = built.all_hours.get(&(month, line.engagement)).copied();
                if taken > 0 && taken + line.minute_days > all.unwrap_or_default() {
                    references.extend(built.references.get(&line.engagement).cloned());
                }
            }
        }
        if references.is_empty() {
            return Ok(());
        }
        let references = references.into_iter().collect::<Vec<_>>().join(", ");
        Err(Error::refused(
            ErrorReason::HoursClaimedElsewhere,
            format!(
                "claims of other PCNs leave too few hours of {references}: agree with \
                 them whose they are, and correct the hours"
            ),
            [("references", references)],
        ))
    }

    async fn build(&self) -> Result<Built, Error> {
        self.app.build_claim(self.write, self.scope, self.name, self.at).await
    }

    async fn freeze(&self, built: &Built) -> Result<(), Error> {
        let Built { build, lines, .. } = built;
        store::freeze(&**self.write, self.scope, self.name, build, lines).await
    }
}

/// The claim that a build makes.
fn of_build(claim: Claim, built: &Built) -> Claim {
    let lines = &built.evaluation.lines;
    let count = |lines: usize| i32::try_from(lines).unwrap_or(i32::MAX);
    Claim {
        build: built.build.id,
        line_count: count(lines.len()),
        unpriced_count: count(lines.iter().filter(|line| line.payable().is_none()).count()),
        own_cost: lines.iter().map(|line| line.own_cost).sum(),
        pots: built.evaluation.payable(),
        weakest: lines.iter().filter_map(|line| line.confidence).max(),
        payment_date: None,
        payment_reference: String::new(),
        ..claim
    }
}

fn refusal(name: &ClaimName, error: MoveError) -> Error {
    let message = format!("{name}: {error}");
    let name = ("name", name.to_string());
    let upper = |word: &str| word.to_uppercase();
    match error {
        MoveError::State { state, action, possible } => {
            let possible: Vec<String> =
                possible.iter().map(|action| upper(action.as_str())).collect();
            let possible = possible.join(", ");
            Error::refused(
                ErrorReason::ClaimStateWrong,
                format!("{message}; possible: {possible}"),
                [
                    name,
                    ("state", upper(state.as_str())),
                    ("action", upper(action.as_str())),
                    ("possible", possible),
                ],
            )
        }
        MoveError::SecondPerson { did, .. } => Error::refused(
            ErrorReason::SecondPersonNeeded,
            message,
            [name, ("action", upper(did.as_str()))],
        ),
    }
}
