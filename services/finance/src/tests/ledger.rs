//! MON-1, MON-2 and MON-6 over the store, on the engine that the tests run on.

use std::collections::BTreeMap;

use futures::future::join_all;
use kit::error::ErrorReason;
use kit::{Error, Scope};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use terms::{ContractYear, Instant, Month, Pence};

use super::claims::{APPROVER, CHECKER, MANAGER, Who, said};
use super::fixture::{Finance, code, day, named, numbered, weighted_list};
use crate::app::claim_moves::Doing;
use crate::domain::claim::{Action, ClaimName, ClaimState, MOVES};
use crate::domain::figure::Pot;
use crate::domain::ledger::{Account, Balance, Transfer};
use crate::store::entity::{balance, posting};
use crate::store::ledger::{self, Posting, Sum};

/// What the one person of each PCN is paid a month, below the maximum of the role.
const A_MONTH: Pence = Pence(300_000);
/// 200 weighted patients at £26.631.
const ALLOCATION: Pence = Pence(532_620);

fn posting_now() -> Posting {
    Posting { at: Instant(1), by: "test".into(), claim: None }
}

fn sum(pcn: &str) -> Sum {
    Sum { pcn: code(pcn), year: ContractYear::starting(2025).unwrap(), pot: Pot::Main }
}

/// What the claims of a PCN should be, kept by hand and not by the code under test.
#[derive(Default)]
struct Model(BTreeMap<Month, (ClaimState, Pence)>);

impl Model {
    fn held(&self, wanted: &[ClaimState]) -> Pence {
        let of = self.0.values().filter(|(state, _)| wanted.contains(state));
        of.map(|(_, amount)| *amount).sum()
    }

    fn room(&self) -> Pence {
        use ClaimState::{Approved, Checked, Paid, Queried, Submitted};
        ALLOCATION - self.held(&[Submitted, Queried, Checked, Approved, Paid])
    }

    /// What should come of a move; none: it is refused.
    fn does(&mut self, month: Month, action: Action) -> Option<()> {
        use ClaimState::{
            Approved, Checked, Paid, Prepared, Queried, Rejected, Submitted, Withdrawn,
        };
        let room = self.room();
        let (state, amount) = match self.0.get(&month) {
            None if action == Action::Prepare => (Withdrawn, Pence::ZERO),
            None => return None,
            Some(found) => *found,
        };
        let next = match (action, state) {
            (Action::Prepare, Prepared | Rejected | Withdrawn) => (Prepared, A_MONTH.min(room)),
            (Action::Submit, Prepared) if room > Pence::ZERO => (Submitted, A_MONTH.min(room)),
            (Action::Query, Submitted | Checked) => (Queried, amount),
            (Action::Reply, Queried) => (Submitted, amount),
            (Action::Check, Submitted) => (Checked, amount),
            (Action::Approve, Checked) => (Approved, amount),
            (Action::Reject, Submitted | Queried | Checked) => (Rejected, amount),
            (Action::Withdraw, Prepared | Submitted | Queried | Checked) => (Withdrawn, amount),
            (Action::Pay, Approved) => (Paid, amount),
            (Action::Remark, state) => (state, amount),
            _ => return None,
        };
        self.0.insert(month, next);
        Some(())
    }

    fn balance(&self, opened: bool) -> Balance {
        use ClaimState::{Approved, Checked, Paid, Queried, Submitted};
        if !opened {
            return Balance::default();
        }
        Balance::new([
            -ALLOCATION,
            self.room(),
            self.held(&[Submitted, Queried]),
            self.held(&[Checked]),
            self.held(&[Approved]),
            self.held(&[Paid]),
        ])
    }
}

fn doing(action: Action) -> (Who, Doing) {
    match action {
        Action::Prepare => (MANAGER, Doing::Prepare),
        Action::Amend => (MANAGER, Doing::Amend { note: String::new(), evidence: Vec::new() }),
        Action::Submit => (MANAGER, Doing::Submit),
        Action::Query => (CHECKER, Doing::Query(said("why?"))),
        Action::Reply => (MANAGER, Doing::Reply(said("because"))),
        Action::Check => (CHECKER, Doing::Check),
        Action::Approve => (APPROVER, Doing::Approve),
        Action::Reject => (CHECKER, Doing::Reject(said("no"))),
        Action::Withdraw => (MANAGER, Doing::Withdraw),
        Action::Pay => (CHECKER, Doing::Pay { date: day("2026-07-15"), reference: "BACS".into() }),
        Action::Remark => (APPROVER, Doing::Remark(said("seen"))),
    }
}

/// The postings of a sum, added up account by account; each transfer of two that cancel out.
async fn folded(finance: &Finance, sum: &Sum) -> Balance {
    let read = finance.app.database().read().await.unwrap();
    Scope::england().enter(&*read).await.unwrap();
    let rows = posting::Entity::find()
        .filter(posting::Column::PcnCode.eq(sum.pcn.as_str()))
        .all(&*read)
        .await
        .unwrap();
    let mut transfers: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut accounts = [Pence::ZERO; 6];
    for row in rows {
        transfers.entry(row.number).or_default().push(row.amount_pence);
        let account: Account = row.account.parse().unwrap();
        accounts[account as usize] = accounts[account as usize] + Pence(row.amount_pence);
    }
    for (number, amounts) in &transfers {
        assert_eq!((amounts.len(), amounts.iter().sum::<i64>()), (2, 0), "transfer {number}");
    }
    let numbers: Vec<i64> = transfers.into_keys().collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as i64), "{numbers:?}");
    let kept = ledger::balance(&*read, &Scope::england(), sum).await.unwrap();
    assert_eq!(kept, Balance::new(accounts), "the balance is not what its postings add up to");
    kept
}

/// MON-1: any moves in any order, against a model kept by hand. After every move debits equal
/// credits, the balance is the fold of its postings, and both are the model's.
#[tokio::test(flavor = "multi_thread")]
async fn mon_1_any_moves_leave_the_ledger_as_the_model_has_it() {
    any_moves(12, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: `just soak` runs it"]
async fn mon_1_many_moves_leave_the_ledger_as_the_model_has_it() {
    any_moves(300, 100).await;
}

async fn any_moves(sequences: u32, steps: u32) {
    let finance = Finance::empty().await;
    let months: Vec<Month> =
        ["2025-04", "2025-05", "2025-06", "2025-07"].map(|month| month.parse().unwrap()).to_vec();
    let mut pay =
        "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n".to_owned();
    let pcns: Vec<String> = (0..sequences).map(|number| format!("U8{number:04}")).collect();
    for (number, pcn) in (600..).zip(&pcns) {
        let mut lines = vec![named(pcn, "pcn"), weighted_list(pcn, "2025-01-01", "200")];
        lines.push(super::fixture::area(pcn, "outside"));
        lines.extend(numbered(
            number,
            &[("pcn_code", pcn), ("role", "CP"), ("start", "2025-04-01")],
        ));
        finance.know(lines).await;
        for month in &months {
            pay += &format!("demo-e-{number:03},{month},3000.00,0,0,,{month}-28\n");
        }
    }
    finance.import(&pay).await.unwrap();
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);

    let (mut done, mut refused) = (0, 0);
    for pcn in &pcns {
        let mut model = Model::default();
        let mut opened = false;
        for _ in 0..steps {
            let month = months[random.next_u32() as usize % months.len()];
            // Two of three moves are such as the state allows, so that claims get on.
            let state = model.0.get(&month).map(|(state, _)| *state);
            let willing = !random.next_u32().is_multiple_of(3);
            let fits = |action: &Action| match state {
                None => *action == Action::Prepare,
                Some(state) => {
                    MOVES.iter().any(|row| row.action == *action && row.from.contains(&state))
                }
            };
            let some = Action::ALL.iter().copied().filter(|action| *action != Action::Amend);
            let some: Vec<Action> = some.filter(|action| !willing || fits(action)).collect();
            let action = some[random.next_u32() as usize % some.len()];
            let name = ClaimName { pcn: code(pcn), month, number: 0 };
            let (who, doing) = doing(action);
            let expected = model.does(month, action);
            let answer = finance.act(who, &name, doing).await;

            assert_eq!(answer.is_ok(), expected.is_some(), "{action} of {name}: {answer:?}");
            opened |= action == Action::Submit && answer.is_ok();
            match answer {
                Ok(seen) => {
                    let (state, amount) = model.0[&month];
                    assert_eq!((seen.claim.state, seen.claim.payable()), (state, amount), "{name}");
                    done += 1;
                }
                Err(_) => refused += 1,
            }
            let found = folded(&finance, &sum(pcn)).await;
            assert_eq!(found, model.balance(opened), "after {action} of {name}");
            assert!(found.is_sound());
        }
    }
    assert!(done > sequences * steps / 2 && refused > 0, "{done} done, {refused} refused");
}

async fn opened(pcn: &str, allocation: Pence) -> Finance {
    let finance = Finance::empty().await;
    let write = finance.app.database().write().await.unwrap();
    let scope = Scope::england();
    scope.enter(&*write).await.unwrap();
    let first = Transfer::of_allocation(&Balance::default(), allocation).unwrap();
    ledger::transfer(&*write, &scope, &sum(pcn), first, &posting_now()).await.unwrap();
    write.commit().await.unwrap();
    finance
}

async fn reserve(finance: &Finance, pcn: &str, amount: Pence) -> Result<(), Error> {
    let write = finance.app.database().write().await?;
    let scope = Scope::england();
    scope.enter(&*write).await?;
    let transfer = Transfer::new(Account::Room, Account::Claimed, amount).unwrap();
    match ledger::transfer(&*write, &scope, &sum(pcn), transfer, &posting_now()).await {
        Ok(()) => write.commit().await.map(drop),
        Err(error) => {
            write.roll_back().await?;
            Err(error)
        }
    }
}

/// MON-2: 64 at once on one sum take all of it and not a penny more.
#[tokio::test(flavor = "multi_thread")]
async fn mon_2_64_at_once_take_the_whole_sum_and_not_a_penny_more() {
    let cap = Pence(100_000);
    let finance = opened("U80000", cap).await;
    let attempts = (0..64).map(|number: i64| {
        let finance = &finance;
        async move { (number, reserve(finance, "U80000", Pence(2_000 + number % 3 * 1_000)).await) }
    });

    let answers = join_all(attempts).await;

    let refused = answers.iter().filter_map(|(_, answer)| answer.as_ref().err());
    assert!(refused.map(Error::reason).all(|reason| reason == ErrorReason::SumExhausted));
    let taken: Pence = answers
        .iter()
        .filter(|(_, answer)| answer.is_ok())
        .map(|(number, _)| Pence(2_000 + number % 3 * 1_000))
        .sum();
    let balance = folded(&finance, &sum("U80000")).await;
    assert_eq!(balance.on(Account::Claimed), taken);
    assert!(taken <= cap && cap - taken < Pence(2_000), "{taken}");
    let rest = cap - taken;
    if rest > Pence::ZERO {
        reserve(&finance, "U80000", rest).await.unwrap();
    }
    assert_eq!(folded(&finance, &sum("U80000")).await.on(Account::Claimed), cap);
    let more = reserve(&finance, "U80000", Pence(1)).await.unwrap_err();
    assert_eq!(more.reason(), ErrorReason::SumExhausted);
}

/// What MON-2 would find: whoever reads what is left first, and takes it afterwards, overspends.
#[tokio::test(flavor = "multi_thread")]
async fn mon_2_reading_first_and_taking_afterwards_would_overspend() {
    let cap = Pence(100_000);
    let finance = opened("U80000", cap).await;
    let naive = (0..64).map(|_| {
        let finance = &finance;
        async move {
            let taken = {
                let read = finance.app.database().read().await.unwrap();
                Scope::england().enter(&*read).await.unwrap();
                let now = ledger::balance(&*read, &Scope::england(), &sum("U80000")).await.unwrap();
                now.used()
            };
            tokio::task::yield_now().await;
            (taken + Pence(10_000) <= cap).then_some(Pence(10_000))
        }
    });

    let taken: Pence = join_all(naive).await.into_iter().flatten().sum();

    assert!(taken > cap, "{taken} of {cap}: the readers did not overlap");
}

/// MON-6: what was posted stays as it was posted, and no balance goes below nothing, whatever
/// statement somebody sends.
#[tokio::test]
async fn mon_6_postings_are_neither_changed_nor_removed() {
    let finance = opened("U80000", Pence(1_000)).await;
    for statement in [
        "UPDATE posting SET amount_pence = 0",
        "UPDATE posting SET posted_by = 'nobody'",
        "DELETE FROM posting",
        "DELETE FROM claim_build",
        "UPDATE claim_line SET payable_pence = 1",
        "UPDATE balance SET room_pence = -1, claimed_pence = 1001",
        "UPDATE balance SET claimed_pence = 500",
    ] {
        let table_has_rows = !statement.contains("claim_");
        let write = finance.app.database().write().await.unwrap();
        Scope::england().enter(&*write).await.unwrap();
        let done = write.execute_unprepared(statement).await;
        write.roll_back().await.unwrap();
        // The embedded engine refuses rows, and an empty table has none.
        if table_has_rows || kit::testing::on_postgres() {
            assert!(done.is_err(), "{statement} was done");
        }
    }
    let kept = folded(&finance, &sum("U80000")).await;
    assert_eq!(kept.on(Account::Room), Pence(1_000));
    let read = finance.app.database().read().await.unwrap();
    Scope::england().enter(&*read).await.unwrap();
    assert_eq!(balance::Entity::find().all(&*read).await.unwrap().len(), 1);
}
