//! What is owed: claimed and not paid, as known at a cut, and to whom it is told.

use kit::{Caller, Cut};
use terms::{Month, Pence};

use super::claims::{APPROVER, CHECKER, MANAGER, july, said};
use super::fixture::{Finance, PCN, area, code, day, named, numbered, weighted_list};
use crate::app::claim_moves::Doing;
use crate::domain::claim::{ClaimName, ClaimState};
use crate::domain::owed::{CashGap, Owed};

impl Finance {
    async fn owed(&self, grant: &str, known_at: Option<&str>) -> Result<Owed, kit::Error> {
        self.owed_with_gaps(grant, known_at).await.map(|(owed, _)| owed)
    }

    async fn gaps(&self, known_at: Option<&str>) -> Vec<CashGap> {
        self.owed_with_gaps("auditor@england", known_at).await.unwrap().1
    }

    async fn owed_with_gaps(
        &self,
        grant: &str,
        known_at: Option<&str>,
    ) -> Result<(Owed, Vec<CashGap>), kit::Error> {
        let caller = Caller::for_test(&[grant], "finance.ledger.read");
        let cut = self.cut(known_at);
        let answer = self.app.money_owed(&caller, &code(PCN), &cut).await;
        answer.map(|(owed, gaps, _)| (owed, gaps))
    }

    fn cut(&self, known_at: Option<&str>) -> Cut {
        let clock = self.app.clock();
        match known_at.map(day) {
            None => Cut::now(clock),
            Some(day) => {
                Cut { known_at: Some(day), at: clock.end_of(day), as_of: day, ..Cut::now(clock) }
            }
        }
    }
}

fn in_order(owed: &Owed) -> [i64; 4] {
    owed.ages.map(|age| age.amount.0)
}

#[tokio::test]
async fn what_is_asked_for_grows_old_until_it_is_paid() {
    let finance = Finance::with_pay().await;
    let (name, auditor) = (july(), "auditor@england");
    assert_eq!(finance.owed(auditor, None).await.unwrap().amount, Pence::ZERO);
    finance.act(MANAGER, &name, Doing::Prepare).await.unwrap();
    let prepared = finance.owed(auditor, None).await.unwrap();
    assert_eq!((prepared.amount, prepared.claims.len()), (Pence::ZERO, 0), "nothing is asked for");
    let gaps = finance.gaps(None).await;
    assert_eq!(gaps.last().unwrap().gap, gaps[0].cost);
    assert!(gaps[0].cost > Pence::ZERO, "people are paid all the same");

    // Submitted on 15 July 2026, asked about ten days later, answered after thirty more.
    let claim = finance.act(MANAGER, &name, Doing::Submit).await.unwrap().claim;
    let total = claim.payable();
    finance.wait(10);
    finance.act(CHECKER, &name, Doing::Query(said("why?"))).await.unwrap();
    finance.wait(5);
    finance.act(MANAGER, &name, Doing::Remark(said("looking"))).await.unwrap();
    finance.wait(25);
    let waiting = finance.owed(auditor, None).await.unwrap();
    let [one] = waiting.claims.as_slice() else { panic!("{waiting:?}") };
    assert_eq!((one.state, one.amount), (ClaimState::Queried, total));
    assert_eq!((one.age_days, one.days_in_state), (40, 30), "a remark moves nothing");
    assert_eq!(in_order(&waiting), [0, total.0, 0, 0]);
    let months: Vec<String> = one.expected.values().map(Month::to_string).collect();
    assert_eq!(months, ["2026-07", "2026-08", "2026-09"], "a late claim counts from June 2026");

    finance.act(MANAGER, &name, Doing::Reply(said("because"))).await.unwrap();
    finance.act(CHECKER, &name, Doing::Check).await.unwrap();
    finance.act(APPROVER, &name, Doing::Approve).await.unwrap();
    let approved = finance.owed(auditor, None).await.unwrap();
    assert_eq!((approved.claims[0].age_days, approved.claims[0].days_in_state), (40, 0));
    finance.wait(3);
    let pay = Doing::Pay { date: day("2026-08-27"), reference: "BACS 1".into() };
    finance.act(CHECKER, &name, pay).await.unwrap();
    finance.wait(1);
    let paid = finance.owed(auditor, None).await.unwrap();
    assert_eq!((paid.amount, paid.claims.len()), (Pence::ZERO, 0));
    let gaps = finance.gaps(None).await;
    let august = gaps.last().unwrap();
    assert_eq!((august.month.to_string(), august.repaid), ("2026-08".to_owned(), total));
    assert_eq!(august.gap, claim.own_cost - total, "what was cut stays with the PCN");

    // As known on a day it is what it was on that day, to the penny and the day.
    let then = finance.owed(auditor, Some("2026-08-23")).await.unwrap();
    assert_eq!((then.claims[0].age_days, then.claims[0].days_in_state), (39, 29));
    assert_eq!(then.claims[0].state, ClaimState::Queried);
    assert_eq!(then, finance.owed(auditor, Some("2026-08-23")).await.unwrap());
    let before = finance.owed(auditor, Some("2026-07-14")).await.unwrap();
    assert_eq!(before.amount, Pence::ZERO);
    assert_eq!(finance.gaps(Some("2026-07-14")).await, []);
}

#[tokio::test]
async fn what_is_owed_is_told_to_who_sees_the_whole_year() {
    let finance = Finance::with_pay().await;
    finance.act(MANAGER, &july(), Doing::Prepare).await.unwrap();
    finance.act(MANAGER, &july(), Doing::Submit).await.unwrap();

    let own = finance.owed("pcn-viewer@pcn:U09081", None).await.unwrap();
    assert!(own.amount > Pence::ZERO);
    let other = finance.owed("pcn-viewer@pcn:U31970", None).await.unwrap_err();
    assert_eq!(other.reason(), kit::error::ErrorReason::NotPermitted);
}

#[tokio::test]
async fn the_pcns_of_a_scope_are_listed_in_pages() {
    let finance = Finance::empty().await;
    let mut pay =
        "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n".to_owned();
    let pcns = ["U80001", "U80002", "U80003"];
    for (number, pcn) in (600..).zip(pcns) {
        let mut lines = vec![named(pcn, "pcn"), weighted_list(pcn, "2025-01-01", "90000")];
        lines.push(area(pcn, "outside"));
        let cells = [("pcn_code", pcn), ("role", "CP"), ("start", "2025-04-01")];
        lines.extend(numbered(number, &cells));
        finance.know(lines).await;
        for month in ["2025-04", "2025-05"] {
            pay += &format!("demo-e-{number:03},{month},3000.00,0,0,,{month}-28\n");
        }
    }
    finance.import(&pay).await.unwrap();
    // The second PCN only prepares.
    for (pcn, moves) in [("U80001", 2), ("U80002", 1), ("U80003", 2)] {
        for month in ["2025-04", "2025-05"] {
            let name = ClaimName { pcn: code(pcn), month: month.parse().unwrap(), number: 0 };
            for doing in [Doing::Prepare, Doing::Submit].into_iter().take(moves) {
                finance.act(MANAGER, &name, doing).await.unwrap();
            }
        }
    }
    let ask = async |grant: &str, after: Option<&str>, limit| {
        let caller = Caller::for_test(&[grant], "finance.ledger.read");
        let cut = finance.cut(None);
        let page = finance.app.money_owed_by_pcn(&caller, after.map(code), limit, &cut).await;
        let rows = page.unwrap().into_iter();
        rows.map(|(pcn, owed)| (pcn.to_string(), owed.amount.0)).collect::<Vec<_>>()
    };

    let row = |pcn: &str| (pcn.to_owned(), 600_000);
    let all = ask("auditor@england", None, 10).await;
    assert_eq!(all, [row("U80001"), row("U80003")]);
    assert_eq!(ask("auditor@england", None, 1).await, all[..1]);
    assert_eq!(ask("auditor@england", Some("U80001"), 10).await, all[1..]);
    assert_eq!(ask("auditor@england", Some("U80003"), 10).await, []);
    assert_eq!(ask("pcn-viewer@pcn:U80003", None, 10).await, all[1..]);
    assert_eq!(ask("pcn-viewer@pcn:U80002", None, 10).await, []);
}
