//! What changes about approved months: higher maxima, arrears paid late, pay taken back, hours that
//! were never so.

use kit::error::ErrorReason;
use kit::roster::Line;
use kit::roster::table::assignment;
use kit::statement::{Said, record_said};
use kit::{Caller, Scope};
use sea_orm::EntityTrait;
use terms::{ContractYear, Instant, Pence};

use super::claims::{APPROVER, CHECKER, MANAGER};
use super::fixture::{Finance, PAY, PCN, code, day, engagement_id, numbered};
use crate::app::arrears::ChangedLine;
use crate::app::claim_moves::Doing;
use crate::domain::claim::{ClaimName, ClaimState};
use crate::domain::ledger::Account;
use crate::store::entity::{claim, claim_line, posting};

const HEADER: &str = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n";

fn name(claim: &str) -> ClaimName {
    format!("pcns/{PCN}/claims/{claim}").parse().unwrap()
}

/// What is kept of claims and money, of any time.
type Written = (Vec<claim::Model>, Vec<claim_line::Model>, Vec<posting::Model>);

impl Finance {
    fn at(&self, date: &str) {
        let clock = self.app.clock();
        clock.move_to(Instant(clock.start_of(day(date)).0 + 12 * 3_600_000_000));
    }

    /// All of a claim's way, on one day.
    async fn settle(&self, claim: &ClaimName, date: &str) {
        self.act(MANAGER, claim, Doing::Prepare).await.unwrap();
        self.act(MANAGER, claim, Doing::Submit).await.unwrap();
        self.act(CHECKER, claim, Doing::Check).await.unwrap();
        self.act(APPROVER, claim, Doing::Approve).await.unwrap();
        let pay = Doing::Pay { date: day(date), reference: "BACS".into() };
        self.act(CHECKER, claim, pay).await.unwrap();
    }

    /// The demonstration PCN, its months from June settled on 31 July 2025, before the maxima of
    /// the award were known.
    async fn settled() -> Finance {
        let finance = Finance::with_roster().await;
        finance.import(PAY).await.unwrap();
        finance.at("2025-07-31");
        for month in ["2025-06", "2025-07"] {
            finance.settle(&name(month), "2025-07-31").await;
        }
        finance
    }

    async fn arrears(&self) -> Vec<ChangedLine> {
        let caller = Caller::for_test(&["auditor@england"], "finance.claims.read");
        let year = ContractYear::starting(2025).unwrap();
        self.app.arrears(&caller, &code(PCN), year).await.unwrap()
    }

    async fn kept(&self) -> Written {
        let read = self.app.database().read().await.unwrap();
        Scope::england().enter(&*read).await.unwrap();
        let mut claims = claim::Entity::find().all(&*read).await.unwrap();
        claims.sort_by_key(|row| (row.month, row.number, row.step));
        let lines = claim_line::Entity::find().all(&*read).await.unwrap();
        let postings = posting::Entity::find().all(&*read).await.unwrap();
        (claims, lines, postings)
    }
}

fn of<'a>(changed: &'a [ChangedLine], month: &str, reference: &str) -> &'a ChangedLine {
    let wanted = |one: &&ChangedLine| {
        one.reference == reference && one.arrears.line.month.to_string() == month
    };
    changed.iter().find(wanted).unwrap_or_else(|| panic!("no {reference} of {month}: {changed:?}"))
}

/// The case of August 2025: maxima rose, backdated to April. Only who was paid the award is
/// claimed for, no more than was paid, and what was approved stays to the byte (MON-5).
#[tokio::test]
async fn mon_5_a_maximum_that_rose_is_claimed_for_those_who_were_paid_the_arrears() {
    let finance = Finance::settled().await;
    assert_eq!(finance.arrears().await, [], "nothing changed on the day itself");
    let approved = finance.kept().await;

    finance.at("2025-08-15");
    // demo-e-002 costs more than either maximum; nobody was paid anything yet.
    let before = finance.arrears().await;
    let unpaid = &of(&before, "2025-07", "demo-e-002").arrears;
    assert_eq!(unpaid.settled.maximum, Some(Pence(558_100)));
    assert_eq!(unpaid.line.maximum, Some(Pence(578_417)));
    assert!(before.iter().all(|one| one.arrears.change == Pence::ZERO), "{before:?}");
    let adjustment = name("2025-07-adj1");
    finance.act(MANAGER, &adjustment, Doing::Prepare).await.unwrap();
    let empty = finance.act(MANAGER, &adjustment, Doing::Submit).await.unwrap_err();
    assert_eq!(empty.reason(), ErrorReason::ClaimEmpty);

    // Two are paid: demo-e-002 less than the maximum rose in June, and more in July.
    let paid = format!(
        "{HEADER}demo-e-002,2025-06,150.00,0,0,,2025-08-28\n\
         demo-e-002,2025-07,400.00,0,0,,2025-08-28\n\
         demo-e-001,2025-07,100.00,0,0,,2025-08-28\n"
    );
    finance.import_as("operator@england", None, "2025-08-29", &paid).await.unwrap();
    finance.at("2025-09-01");
    let changed = finance.arrears().await;
    let change = |month: &str, reference: &str| of(&changed, month, reference).arrears.change;
    assert_eq!(change("2025-06", "demo-e-002"), Pence(15_000));
    assert_eq!(change("2025-07", "demo-e-002"), Pence(578_417 - 558_100));
    assert_eq!(change("2025-07", "demo-e-001"), Pence(10_000), "no more than was paid");

    let total: Pence = changed.iter().map(|one| one.arrears.change).sum();
    finance.settle(&adjustment, "2025-09-01").await;
    let paid = finance.claim(&adjustment).await.unwrap().claim;
    assert_eq!((paid.state, paid.payable(), paid.line_count), (ClaimState::Paid, total, 3));
    let (claims, lines, postings) = finance.kept().await;
    let (claims_then, lines_then, postings_then) = approved;
    let others = |row: &&claim::Model| row.number == 0;
    assert!(claims.iter().filter(others).eq(claims_then.iter()), "an approved claim changed");
    assert!(lines_then.iter().all(|line| lines.contains(line)), "an approved line changed");
    assert!(postings_then.iter().all(|posting| postings.contains(posting)), "a posting changed");
    let june = finance.claim(&name("2025-06")).await.unwrap().claim.payable();
    let july = finance.claim(&name("2025-07")).await.unwrap().claim.payable();
    assert_eq!(finance.balance(&adjustment).await.on(Account::Paid), june + july + total);
    // What was claimed once is not claimed again.
    assert!(finance.arrears().await.iter().all(|one| one.arrears.change == Pence::ZERO));
}

#[tokio::test]
async fn pay_that_was_taken_back_is_paid_back() {
    let finance = Finance::settled().await;
    let back = format!("{HEADER}demo-e-001,2025-07,-1000.00,0,0,,2025-08-28\n");
    finance.import_as("operator@england", None, "2025-08-29", &back).await.unwrap();
    finance.at("2025-09-01");
    let changed = finance.arrears().await;
    let less = of(&changed, "2025-07", "demo-e-001").arrears.change;
    assert!(less < Pence::ZERO, "{changed:?}");
    let adjustment = name("2025-07-adj1");
    let before = finance.balance(&adjustment).await;

    finance.act(MANAGER, &adjustment, Doing::Prepare).await.unwrap();
    finance.act(MANAGER, &adjustment, Doing::Submit).await.unwrap();
    assert_eq!(finance.balance(&adjustment).await, before, "nothing to reserve");
    finance.act(CHECKER, &adjustment, Doing::Check).await.unwrap();
    finance.act(APPROVER, &adjustment, Doing::Approve).await.unwrap();
    let pay = Doing::Pay { date: day("2025-09-01"), reference: "recovered".into() };
    let paid = finance.act(CHECKER, &adjustment, pay).await.unwrap().claim;

    assert_eq!(paid.payable(), less);
    let after = finance.balance(&adjustment).await;
    assert_eq!(after.on(Account::Paid), before.on(Account::Paid) + less);
    assert_eq!(after.on(Account::Room), before.on(Account::Room) - less);
    assert!(after.is_sound());
}

#[tokio::test]
async fn hours_that_were_never_so_are_paid_back_whole() {
    let finance = Finance::settled().await;
    let paid = finance.claim(&name("2025-07")).await.unwrap().claim.payable();
    // All hours of demo-e-001 in the PCN, withdrawn.
    let write = finance.app.database().write().await.unwrap();
    Scope::england().enter(&*write).await.unwrap();
    let mut never = Vec::new();
    for line in numbered(1, &[]) {
        if let Line::Assignment(row) = line {
            let by = super::fixture::provenance("2025-08-01");
            let (engagement, from) = (engagement_id("demo-e-001"), row.valid_from);
            let row = assignment::Model::never(&by, engagement, row.pcn_code, from);
            never.push(Said::Withdrawn(row));
        }
    }
    record_said(&*write, never).await.unwrap();
    write.commit().await.unwrap();
    finance.at("2025-08-02");

    let changed = finance.arrears().await;

    let gone = &of(&changed, "2025-07", "demo-e-001").arrears;
    assert_eq!(gone.change, -gone.settled.approved);
    assert!(gone.settled.approved > Pence::ZERO);
    let adjustment = name("2025-07-adj1");
    finance.settle(&adjustment, "2025-08-02").await;
    let claim = finance.claim(&adjustment).await.unwrap().claim;
    assert_eq!(claim.payable(), changed.iter().map(|one| one.arrears.change).sum());
    assert!(claim.payable() < Pence::ZERO && -claim.payable() < paid + paid);
}

#[tokio::test]
async fn one_adjustment_of_a_year_is_on_its_way_at_a_time() {
    let finance = Finance::settled().await;
    let paid = format!("{HEADER}demo-e-002,2025-07,400.00,0,0,,2025-08-28\n");
    finance.import_as("operator@england", None, "2025-08-29", &paid).await.unwrap();
    finance.at("2025-09-01");
    let (first, second) = (name("2025-07-adj1"), name("2025-08-adj1"));
    let third = finance.act(MANAGER, &name("2025-07-adj2"), Doing::Prepare).await.unwrap_err();
    assert!(third.to_string().contains("2025-07-adj1, the next"), "{third}");
    finance.act(MANAGER, &second, Doing::Prepare).await.unwrap();
    finance.act(MANAGER, &first, Doing::Prepare).await.unwrap();
    finance.act(MANAGER, &first, Doing::Submit).await.unwrap();

    let other = finance.act(MANAGER, &second, Doing::Submit).await.unwrap_err();

    assert_eq!(other.reason(), ErrorReason::ClaimStateWrong);
    assert!(other.to_string().contains("2025-07-adj1 is SUBMITTED"), "{other}");
    finance.act(CHECKER, &first, Doing::Check).await.unwrap();
    finance.act(APPROVER, &first, Doing::Approve).await.unwrap();
    let outdated = finance.act(MANAGER, &second, Doing::Submit).await.unwrap_err();
    assert_eq!(outdated.reason(), ErrorReason::ClaimOutdated, "{outdated}");
}
