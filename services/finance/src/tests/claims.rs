//! Claims from the first preparation to the payment, and everything that stops one.

use arrs_proto::finance::v1 as pb;
use kit::answers::{Asked, Effect};
use kit::error::ErrorReason;
use kit::{Caller, Clock, Cut, Error, Etag};
use terms::{Instant, Month, Pence};
use uuid::Uuid;

use super::fixture::{Finance, PAY, PCN, code, day, numbered, weighted_list};
use crate::app::claim_moves::{Doing, MoveClaim, Words};
use crate::app::claims::Seen;
use crate::domain::claim::{ClaimName, ClaimState};
use crate::domain::cost::month_in_post;
use crate::domain::figure::Pot;
use crate::domain::ledger::{Account, Balance};
use crate::store::{claim_ground, claims as store};

/// Somebody with a grant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who(pub(super) &'static str, pub(super) &'static str);

pub(super) const MANAGER: Who = Who("manager", "pcn-manager@england");
pub(super) const CHECKER: Who = Who("checker", "icb-finance@england");
pub(super) const APPROVER: Who = Who("approver", "icb-finance-approver@england");
const AUDITOR: Who = Who("auditor", "auditor@england");

impl Who {
    fn caller(self, permission: &str) -> Caller {
        Caller::for_test(&[self.1], permission).named(self.0)
    }
}

pub(super) fn july() -> ClaimName {
    format!("pcns/{PCN}/claims/2025-07").parse().unwrap()
}

pub(super) fn said(text: &str) -> Words {
    Words { text: text.to_owned(), line: 0 }
}

fn permission(doing: &Doing) -> &'static str {
    match doing {
        Doing::Prepare
        | Doing::Amend { .. }
        | Doing::Submit
        | Doing::Reply(_)
        | Doing::Withdraw => "finance.claims.prepare",
        Doing::Query(_) | Doing::Reject(_) => "finance.claims.review",
        Doing::Check => "finance.claims.check",
        Doing::Approve => "finance.claims.approve",
        Doing::Pay { .. } => "finance.claims.pay",
        Doing::Remark(_) => "finance.claims.remark",
    }
}

impl Finance {
    pub(super) async fn claim(&self, name: &ClaimName) -> Result<Seen, Error> {
        let caller = AUDITOR.caller("finance.claims.read");
        self.app.claim(&caller, name, &Cut::now(self.app.clock())).await
    }

    /// Does something with the claim as it stands.
    pub(super) async fn act(
        &self,
        who: Who,
        name: &ClaimName,
        doing: Doing,
    ) -> Result<Seen, Error> {
        let read = self.claim(name).await.ok();
        let etag = read.and_then(|seen| seen.revision).map(|revision| revision.to_string());
        self.act_on(who, name, doing, etag.map(|etag| etag.parse().unwrap()), Effect::Wanted)
            .await?;
        self.claim(name).await
    }

    async fn act_on(
        &self,
        who: Who,
        name: &ClaimName,
        doing: Doing,
        etag: Option<Etag>,
        effect: Effect,
    ) -> Result<(), Error> {
        let caller = who.caller(permission(&doing));
        let words = pb::Claim::default();
        let asked = Asked::new(Some(Uuid::new_v4()), &words, effect, |_| Vec::new());
        let command = MoveClaim { name: name.clone(), etag, doing };
        self.app.move_claim(&caller, command, asked).await.map(drop)
    }

    /// Prepares a claim; answers the text of what it is built from.
    async fn prepared_from(&self, name: &ClaimName) -> String {
        self.act(MANAGER, name, prepared()).await.unwrap();
        let read = self.app.database().read().await.unwrap();
        let scope = kit::Scope::england();
        scope.enter(&*read).await.unwrap();
        let moved = store::claim(&*read, &scope, name, kit::cut::NOW);
        let claim = moved.await.unwrap().unwrap().claim;
        store::build(&*read, &scope, &claim).await.unwrap().ground
    }

    pub(super) async fn balance(&self, name: &ClaimName) -> Balance {
        let caller = AUDITOR.caller("finance.ledger.read");
        let cut = Cut::now(self.app.clock());
        let all = self.app.balances(&caller, &name.pcn, &cut).await.unwrap();
        all.get(&(name.month.contract_year(), Pot::Main)).copied().unwrap_or_default()
    }

    pub(super) async fn with_pay() -> Finance {
        let finance = Finance::with_roster().await;
        finance.import(PAY).await.unwrap();
        finance
    }

    /// Lets time pass, so that what is done next is known later.
    pub(super) fn wait(&self, days: i64) {
        let clock: &Clock = self.app.clock();
        clock.move_to(Instant(clock.now().0 + days * 86_400_000_000));
    }
}

#[track_caller]
fn refused(answer: Result<Seen, Error>, reason: ErrorReason) -> String {
    let error = answer.unwrap_err();
    assert_eq!(error.reason(), reason, "{error}");
    error.to_string()
}

fn prepared() -> Doing {
    Doing::Prepare
}

#[tokio::test]
async fn a_claim_goes_from_hand_to_hand_and_its_money_with_it() {
    let finance = Finance::with_pay().await;
    let name = july();
    let report = finance.summary_of("auditor@england", PCN, "2025-07").await.unwrap();

    let first = finance.act(MANAGER, &name, prepared()).await.unwrap();
    let total = first.claim.payable();
    assert_eq!(total.0, report.payable_pence, "nothing was claimed before, and there is room");
    assert_eq!(finance.balance(&name).await, Balance::default());
    let amended =
        Doing::Amend { note: "with the July award".into(), evidence: vec!["run 7".into()] };
    finance.act(MANAGER, &name, amended).await.unwrap();
    let submitted = finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
    assert_eq!((submitted.claim.state, submitted.claim.payable()), (ClaimState::Submitted, total));
    assert_eq!(submitted.claim.note, "with the July award");
    let allocation = Pence(132_202_729);
    let on = async |account| finance.balance(&name).await.on(account);
    assert_eq!((on(Account::Claimed).await, on(Account::Room).await), (total, allocation - total));
    finance.act(CHECKER, &name, Doing::Query(said("whose hours are these?"))).await.unwrap();
    assert_eq!(on(Account::Claimed).await, total);
    finance.act(MANAGER, &name, Doing::Reply(said("those of the rota"))).await.unwrap();
    finance.act(CHECKER, &name, Doing::Check).await.unwrap();
    assert_eq!((on(Account::Claimed).await, on(Account::Committed).await), (Pence(0), total));
    finance.wait(1);
    finance.act(APPROVER, &name, Doing::Approve).await.unwrap();
    assert_eq!((on(Account::Committed).await, on(Account::Approved).await), (Pence(0), total));
    let pay = |date: &str| Doing::Pay { date: day(date), reference: "BACS 1".into() };
    let early =
        refused(finance.act(CHECKER, &name, pay("2026-07-15")).await, ErrorReason::FieldInvalid);
    assert!(early.contains("2026-07-16"), "{early}");
    refused(finance.act(CHECKER, &name, pay("2026-07-17")).await, ErrorReason::FieldInvalid);
    let paid = finance.act(CHECKER, &name, pay("2026-07-16")).await.unwrap();
    assert_eq!((on(Account::Approved).await, on(Account::Paid).await), (Pence(0), total));
    assert_eq!(paid.claim.payment_date, Some(day("2026-07-16")));

    let state =
        refused(finance.act(MANAGER, &name, Doing::Withdraw).await, ErrorReason::ClaimStateWrong);
    assert!(state.contains("possible: REMARK"), "{state}");
    let events = finance
        .app
        .claim_events(&AUDITOR.caller("finance.claims.read"), &name, 0, 100)
        .await
        .unwrap();
    let words: Vec<String> =
        events.iter().map(|one| format!("{} {}", one.by, one.claim.action)).collect();
    assert_eq!(
        words,
        [
            "manager prepare",
            "manager amend",
            "manager submit",
            "checker query",
            "manager reply",
            "checker check",
            "approver approve",
            "checker pay",
        ]
    );
}

/// As known on an earlier day, a claim is what it was then.
#[tokio::test]
async fn a_claim_of_an_earlier_day_is_shown_as_it_was_known_then() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    finance.wait(2);
    finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
    let clock = finance.app.clock();
    let of = |date: &str| Cut {
        known_at: Some(day(date)),
        at: clock.end_of(day(date)),
        ..Cut::now(clock)
    };
    let caller = AUDITOR.caller("finance.claims.read");

    let then = finance.app.claim(&caller, &name, &of("2026-07-15")).await.unwrap();
    let now = finance.app.claim(&caller, &name, &of("2026-07-17")).await.unwrap();

    assert_eq!((then.claim.state, then.revision), (ClaimState::Prepared, None));
    assert_eq!(now.claim.state, ClaimState::Submitted);
    let before = finance.app.claim(&caller, &name, &of("2026-07-14")).await;
    refused(before, ErrorReason::ResourceNotFound);
}

#[tokio::test]
async fn what_is_frozen_is_evaluated_again_with_the_same_result_whatever_is_recorded_later() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    let submitted = finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
    let caller = AUDITOR.caller("finance.claims.read");
    let first =
        finance.app.claim_lines(&caller, &name, &Cut::now(finance.app.clock())).await.unwrap();

    // Hours and pay of the month, recorded as if they had been known before.
    finance.know(numbered(998, &[("start", "2025-07-01")])).await;
    let more = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n\
                demo-e-001,2025-07,100.00,0,0,,2025-07-29\n";
    finance.import_as("operator@england", None, "2025-08-01", more).await.unwrap();

    let verified = finance.app.verify_claim(&caller, &name).await.unwrap();
    assert_eq!(verified.result_digest, submitted.basis.result_digest);
    assert_eq!(verified.differing, []);
    let again =
        finance.app.claim_lines(&caller, &name, &Cut::now(finance.app.clock())).await.unwrap();
    assert_eq!(again, first);
    let anew = finance.summary_of("auditor@england", PCN, "2025-07").await.unwrap();
    assert_ne!(
        anew.lines.len(),
        first.len(),
        "what was recorded later counts in a report of today"
    );
}

#[tokio::test]
async fn every_line_of_a_claim_is_explained_to_the_penny() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
    let about = Words { text: "the award was paid in July".into(), line: 2 };
    finance.act(MANAGER, &name, Doing::Remark(about)).await.unwrap();
    let cut = Cut::now(finance.app.clock());
    let caller = AUDITOR.caller("finance.claims.read");

    for line in finance.app.claim_lines(&caller, &name, &cut).await.unwrap() {
        let explained =
            finance.app.explain_claim_line(&caller, &name, line.number, &cut).await.unwrap();
        let steps = &explained.line.line.steps;
        let difference: Pence = steps.iter().map(|step| step.after - step.before).sum();
        if let Some(payable) = line.line.payable() {
            assert_eq!(line.line.actual_cost + difference, payable, "{line:?}");
        }
        let remarks: Vec<&str> =
            explained.remarks.iter().map(|moved| &moved.claim.said[..]).collect();
        assert_eq!(remarks.is_empty(), line.number != 2, "{remarks:?}");
    }
    let beyond = finance.app.explain_claim_line(&caller, &name, 99, &cut).await;
    assert_eq!(beyond.unwrap_err().reason(), ErrorReason::ResourceNotFound);
}

#[tokio::test]
async fn a_claim_that_changed_since_it_was_prepared_is_not_submitted() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    let less = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n\
                demo-e-001,2025-07,-500.00,0,0,,2025-07-30\n";
    finance.import(less).await.unwrap();

    let told =
        refused(finance.act(MANAGER, &name, Doing::Submit).await, ErrorReason::ClaimOutdated);

    assert!(told.contains("in demo-e-001: prepare it again"), "{told}");
    assert_eq!(finance.balance(&name).await, Balance::default());
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_claimed_says_why_and_changes_nothing() {
    let finance = Finance::with_roster().await;
    let name = july();
    let future = ClaimName { month: "2026-08".parse().unwrap(), ..name.clone() };
    let told = refused(finance.act(MANAGER, &future, prepared()).await, ErrorReason::FieldInvalid);
    assert!(told.contains("2026-08 is to come"), "{told}");
    refused(finance.act(MANAGER, &name, Doing::Submit).await, ErrorReason::ResourceNotFound);
    let nobody = ClaimName { pcn: code("U99999"), ..name.clone() };
    refused(finance.act(MANAGER, &nobody, prepared()).await, ErrorReason::NotPermitted);

    // No pay: every line waits.
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    refused(finance.act(MANAGER, &name, Doing::Submit).await, ErrorReason::ClaimEmpty);
    let line = Doing::Remark(Words { text: "there is none".into(), line: 99 });
    refused(finance.act(MANAGER, &name, line).await, ErrorReason::FieldInvalid);
    // A year whose lists nobody recorded.
    let finance = Finance::with_pay().await;
    let old = ClaimName { month: "2024-03".parse::<Month>().unwrap(), ..name };
    let pay = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n\
               demo-e-001,2024-03,4000.00,500,600,,2024-03-28\n";
    finance.import(pay).await.unwrap();
    finance.act(MANAGER, &old, prepared()).await.unwrap();
    let told =
        refused(finance.act(MANAGER, &old, Doing::Submit).await, ErrorReason::AllocationUnknown);
    assert!(told.contains("weighted list of 2023-01-01 not known"), "{told}");
    assert_eq!(finance.balance(&old).await, Balance::default());
}

/// MON-7, over every approval, with money that would move.
#[tokio::test]
async fn mon_7_who_made_a_claim_approves_nothing_of_it() {
    let finance = Finance::with_pay().await;
    let name = july();
    let both = |who: &'static str, role: &'static str| Who(who, role);
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    finance.act(both("submitter", MANAGER.1), &name, Doing::Submit).await.unwrap();
    for who in ["manager", "submitter"] {
        let own = finance.act(both(who, CHECKER.1), &name, Doing::Check).await;
        refused(own, ErrorReason::SecondPersonNeeded);
    }
    let before = finance.balance(&name).await;
    finance.act(CHECKER, &name, Doing::Check).await.unwrap();
    for who in ["manager", "submitter", "checker"] {
        let own = finance.act(both(who, APPROVER.1), &name, Doing::Approve).await;
        refused(own, ErrorReason::SecondPersonNeeded);
    }
    let after = finance.balance(&name).await;
    assert_eq!(after.on(Account::Committed), before.on(Account::Claimed));
    finance.act(APPROVER, &name, Doing::Approve).await.unwrap();
}

/// Two PCNs cannot be paid for the same hours: the second to submit is told whose they are.
#[tokio::test]
async fn hours_that_another_pcn_has_claimed_are_not_claimed_again() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act(MANAGER, &name, prepared()).await.unwrap();
    finance.act(MANAGER, &name, Doing::Submit).await.unwrap();
    // It turns out that demo-e-001 was in another PCN since the beginning of July.
    let until_june = numbered(1, &[("end", "2025-06-30")]).split_off(1);
    let since_july = numbered(1, &[("pcn_code", "U60113"), ("start", "2025-07-01")]).split_off(1);
    finance.know([until_june, since_july].concat()).await;
    let other = ClaimName { pcn: code("U60113"), ..name.clone() };
    finance.know(vec![weighted_list("U60113", "2025-01-01", "50000")]).await;
    finance.act(MANAGER, &other, prepared()).await.unwrap();

    let told = refused(
        finance.act(MANAGER, &other, Doing::Submit).await,
        ErrorReason::HoursClaimedElsewhere,
    );

    assert!(told.contains("demo-e-001") && !told.contains(PCN), "{told}");
    assert_eq!(finance.balance(&other).await, Balance::default());
    finance.act(MANAGER, &name, Doing::Withdraw).await.unwrap();
    finance.act(MANAGER, &other, Doing::Submit).await.unwrap();
}

#[tokio::test]
async fn a_check_alone_writes_nothing() {
    let finance = Finance::with_pay().await;
    let name = july();
    finance.act_on(MANAGER, &name, prepared(), None, Effect::CheckedOnly).await.unwrap();
    refused(finance.claim(&name).await, ErrorReason::ResourceNotFound);
    let first = finance.act(MANAGER, &name, prepared()).await.unwrap();
    let etag = first.revision.unwrap().to_string().parse().ok();
    finance.act_on(MANAGER, &name, Doing::Submit, etag, Effect::CheckedOnly).await.unwrap();

    assert_eq!(finance.claim(&name).await.unwrap(), first);
    assert_eq!(finance.balance(&name).await, Balance::default());
    let without = finance.act_on(MANAGER, &name, Doing::Submit, None, Effect::Wanted).await;
    assert_eq!(without.unwrap_err().reason(), ErrorReason::FieldInvalid);
}

#[tokio::test]
async fn what_a_claim_is_built_from_reads_back_as_it_was() {
    let finance = Finance::with_pay().await;
    let text = finance.prepared_from(&july()).await;

    let frozen = claim_ground::from_text(&text).unwrap();

    assert_eq!(claim_ground::to_text(&frozen).unwrap(), text);
    assert!(frozen.ground.records.engagements.len() > 5);
    assert!(frozen.sources.values().flatten().any(Option::is_some));
    for word in ["Demo-Pharmacist", "GPhC", "leaving"] {
        assert!(!text.contains(word), "{word} is personal and of no use to a price");
    }
}

#[tokio::test]
async fn a_claim_is_built_from_the_pay_that_counts_in_its_month_and_no_other() {
    let finance = Finance::with_pay().await;
    let text = finance.prepared_from(&july()).await;

    let frozen = claim_ground::from_text(&text).unwrap();

    let engagements = &frozen.ground.records.engagements;
    assert!(engagements.iter().filter(|one| !one.pay.is_empty()).count() > 5);
    for one in engagements {
        let months = one.pay.iter().map(|pay| month_in_post(pay.month, &one.assignments));
        assert!(months.into_iter().all(|month| month == Some(july().month)));
        assert_eq!(frozen.sources[&one.engagement.id].len(), one.pay.len());
    }
}
