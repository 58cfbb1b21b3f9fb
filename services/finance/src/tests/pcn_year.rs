//! The money of a PCN and year: what it gets beside the scheme, and what the scheme pays.

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::finance_summary_service_server::FinanceSummaryService;
use kit::error::{ErrorReason, reason_of};
use tonic::Status;

use super::claims::{MANAGER, july};
use super::fixture::{Finance, PCN, called, day};
use crate::api::pcn_money::FinanceSummaryApi;
use crate::app::claim_moves::Doing;

impl Finance {
    async fn year(
        &self,
        grant: &str,
        year: &str,
        known_at: Option<&str>,
    ) -> Result<pb::PcnYear, Status> {
        let api = FinanceSummaryApi { app: self.app.clone() };
        let request = pb::GetPcnYearRequest {
            name: format!("pcns/{PCN}"),
            year: year.into(),
            rules_known_on_date: None,
            known_at_date: known_at.map(|text| kit::wire::date(day(text))),
        };
        let request = called(request, grant, "finance.summaries.read");
        api.get_pcn_year(request).await.map(tonic::Response::into_inner)
    }
}

#[tokio::test]
async fn a_year_so_far_is_the_income_beside_the_scheme_and_what_the_scheme_pays() {
    let finance = Finance::with_pay().await;
    let grant = "pcn-viewer@pcn:U09081";
    let july = finance.summary(grant, PCN, None, Some("2025-07-31")).await.unwrap();

    let year = finance.year(grant, "2025-26", Some("2025-07-31")).await.unwrap();

    assert_eq!((year.year.as_str(), year.through_month.as_str()), ("2025-26", "2025-07"));
    let income = year.pcn_income.clone().unwrap();
    assert_eq!((income.to_date_pence, income.of_year_pence), (26_123_029, Some(78_369_087)));
    assert_eq!(income.weakest_confidence, "ONE SOURCE");
    assert_eq!(income.unconfirmed, ["CASP"]);
    assert_eq!(income.missing, ["CARE_HOME_PREMIUM", "IIF"]);
    let beds = year.incomes.iter().find(|income| income.line == "CARE_HOME_PREMIUM").unwrap();
    assert_eq!(
        (beds.to_date_pence, beds.missing.as_str()),
        (None, "no record of beds of care homes")
    );
    assert_eq!(beds.rate.as_ref().unwrap().value, 1_302_530);
    let arrs = year.arrs.clone().unwrap();
    assert_eq!(Some(arrs.to_date_pence), july.year_payable_pence);
    let all = year.all.clone().unwrap();
    assert_eq!(all.to_date_pence, income.to_date_pence + arrs.to_date_pence);
    assert!(all.unconfirmed.contains(&"CASP".to_owned()), "{all:?}");
    assert!(arrs.unconfirmed.iter().all(|role| all.unconfirmed.contains(role)), "{all:?}");

    // Role by role, every step's cut adds up to the cost that is not payable.
    let whole = year.all_roles.clone().unwrap();
    assert_eq!(whole.payable_pence, arrs.to_date_pence);
    assert!(whole.cut_pence > 0 && year.roles.len() > 5);
    for role in year.roles.iter().chain([&whole]) {
        let cuts: i64 = role.cuts.iter().map(|cut| cut.amount_pence).sum();
        assert_eq!(cuts, role.cut_pence, "{role:?}");
        assert_eq!(role.cut_pence, role.cost_pence - role.payable_pence, "{role:?}");
        assert_eq!(role.unclaimed_pence, role.maximum_pence - role.payable_pence, "{role:?}");
    }
    let sum = |of: fn(&pb::RoleYear) -> i64| year.roles.iter().map(of).sum::<i64>();
    assert_eq!(sum(|role| role.cost_pence), whole.cost_pence);
    assert_eq!(sum(|role| role.cut_pence), whole.cut_pence);
    assert_eq!(sum(|role| i64::from(role.line_count)), i64::from(whole.line_count));
    let weakest = year.roles.iter().any(|role| role.weakest_confidence == whole.weakest_confidence);
    assert!(weakest, "the weakest of all is that of some role");
}

#[tokio::test]
async fn what_was_claimed_stands_beside_the_sum_of_the_year_and_an_answer_stays() {
    let finance = Finance::with_pay().await;
    let auditor = "auditor@england";
    let before = finance.year(auditor, "2025-26", None).await.unwrap();
    let [pot] = before.pots.as_slice() else { panic!("{:?}", before.pots) };
    assert_eq!(pot.allocation.as_ref().unwrap().amount_pence, Some(132_202_729));
    assert_eq!(pot.balance, None, "nothing was asked for");
    assert_eq!(before.through_month, "2026-03", "the year is over in July 2026");

    finance.act(MANAGER, &july(), Doing::Prepare).await.unwrap();
    let claim = finance.act(MANAGER, &july(), Doing::Submit).await.unwrap().claim;
    let after = finance.year(auditor, "2025-26", None).await.unwrap();
    let balance = after.pots[0].balance.as_ref().unwrap();
    assert_eq!(balance.claimed_pence, claim.payable().0);
    assert_eq!(balance.room_pence, 132_202_729 - claim.payable().0);
    assert_eq!(after.roles, before.roles, "what is prepared is not what is claimed");

    // As known on a day that is over, it is the same whatever happens later.
    finance.wait(2);
    let then = finance.year(auditor, "2025-26", Some("2026-07-14")).await.unwrap();
    assert_eq!(then.pots[0].balance, None);
    assert_eq!((&then.roles, &then.incomes), (&before.roles, &before.incomes));
    let later = finance.year(auditor, "2025-26", Some("2026-07-15")).await.unwrap();
    assert_eq!(later.pots[0].balance, after.pots[0].balance);
}

#[tokio::test]
async fn a_year_is_shown_to_who_sees_all_of_it_and_once_it_has_begun() {
    let finance = Finance::with_pay().await;

    let other = finance.year("pcn-viewer@pcn:U31970", "2025-26", None).await.unwrap_err();
    assert_eq!(reason_of(&other), Some(ErrorReason::NotPermitted));
    let early = finance.year("auditor@england", "2026-27", Some("2025-07-31")).await.unwrap_err();
    assert_eq!(reason_of(&early), Some(ErrorReason::FieldInvalid));
    let begun = finance.year("auditor@england", "2026-27", None).await.unwrap();
    assert_eq!(begun.through_month, "2026-07");
    let missing = begun.pcn_income.unwrap().missing;
    assert_eq!(missing, ["CARE_HOME_PREMIUM", "IIF"]);
}
