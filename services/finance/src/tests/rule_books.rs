//! The figures of the scheme, and allocations, as they are read.

use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::allocation_service_server::AllocationService;
use arrs_proto::finance::v1::rule_book_service_server::RuleBookService;
use kit::ErrorReason;
use kit::error::reason_of;
use kit::pages::Key;
use tonic::Status;

use super::fixture::{Finance, PAY, PCN, called, day, list, variant};
use crate::api::allocations::AllocationApi;
use crate::api::rule_books::RuleBookApi;

const ANYBODY: &str = "pcn-viewer@pcn:U09081";

async fn api() -> (Finance, RuleBookApi) {
    let finance = Finance::with_roster().await;
    let pages = Arc::new(Key::new(&[7; 32]));
    let api = RuleBookApi { app: finance.app.clone(), pages };
    (finance, api)
}

async fn figures(
    api: &RuleBookApi,
    request: pb::ListFiguresRequest,
) -> Result<pb::ListFiguresResponse, Status> {
    let request = called(request, ANYBODY, "finance.rules.read");
    api.list_figures(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn all_figures_of_a_year_are_listed_page_by_page_in_the_order_of_names() {
    let (finance, api) = api().await;
    let request = called(
        pb::GetRuleBookRequest { name: "ruleBooks/2025-26".into() },
        ANYBODY,
        "finance.rules.read",
    );
    let book = api.get_rule_book(request).await.unwrap().into_inner();
    assert_eq!(book.digest, finance.app.rules().digest().to_string());
    assert!(book.policies.iter().any(|policy| policy.name == "part_month"));

    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListFiguresRequest {
            parent: "ruleBooks/2025-26".into(),
            page_size: 70,
            page_token,
            ..Default::default()
        };
        let page = figures(&api, request).await.unwrap();
        names.extend(page.figures.into_iter().map(|figure| figure.name));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }

    assert_eq!(names.len(), usize::try_from(book.figure_count).unwrap());
    assert!(names.is_sorted());
}

#[tokio::test]
async fn figures_are_cut_by_role_and_by_what_was_known() {
    let (_finance, api) = api().await;
    let of = |known_on: Option<&str>| pb::ListFiguresRequest {
        parent: "ruleBooks/2025-26".into(),
        role: "CP".into(),
        rules_known_on_date: known_on.map(|text| kit::wire::date(day(text))),
        ..Default::default()
    };

    let before = figures(&api, of(Some("2025-07-31"))).await.unwrap().figures;
    let today = figures(&api, of(None)).await.unwrap().figures;

    assert!(before.iter().chain(&today).all(|figure| figure.role == "CP"));
    let outside = |figures: &[pb::Figure]| -> Vec<i64> {
        let outside = figures.iter().filter(|figure| figure.name.contains("/outside/"));
        outside.map(|figure| figure.value).collect()
    };
    assert_eq!(outside(&before), [6_697_200]);
    assert_eq!(outside(&today), [6_697_200, 6_941_000]);
    assert!(today.iter().all(|figure| !figure.source.is_empty() && !figure.confidence.is_empty()));
}

#[tokio::test]
async fn a_year_without_rules_is_not_found_and_a_malformed_one_is_refused() {
    let (_finance, api) = api().await;
    for (parent, reason) in [
        ("ruleBooks/2031-32", ErrorReason::ResourceNotFound),
        ("ruleBooks/2025", ErrorReason::FieldInvalid),
        ("2025-26", ErrorReason::FieldInvalid),
    ] {
        let request = pb::ListFiguresRequest { parent: parent.into(), ..Default::default() };
        let refused = figures(&api, request).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(reason), "{parent}");
    }
}

#[tokio::test]
async fn an_allocation_is_known_or_says_what_is_missing() {
    let (finance, _api) = api().await;
    let api = AllocationApi { app: finance.app.clone() };
    let get = async |name: &str| {
        let request = pb::GetAllocationRequest { name: name.into(), ..Default::default() };
        let request = called(request, ANYBODY, "finance.allocations.read");
        api.get_allocation(request).await.map(tonic::Response::into_inner)
    };

    let known = get("pcns/U09081/allocations/2025-26").await.unwrap();
    let before = get("pcns/U09081/allocations/2024-25").await.unwrap();

    assert_eq!(known.pots[0].amount_pence, Some(132_202_729));
    assert_eq!(known.cut.unwrap().positions.len(), 2);
    let pots: Vec<&str> = before.pots.iter().map(|pot| pot.pot.as_str()).collect();
    assert_eq!(pots, ["main", "gp"]);
    assert_eq!(before.pots[0].missing, "weighted list of 2024-01-01 not known");
    for name in ["pcns/U31970/allocations/2025-26", "pcns/U99999/allocations/2025-26"] {
        let refused = get(name).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::NotPermitted), "{name}");
    }
}

#[tokio::test]
async fn the_fixed_sums_of_2019_need_the_registered_list_and_say_where_they_are_printed() {
    for (patients, sums, missing) in [
        (48_000, [Some(2_835_750), Some(2_558_475)], ""),
        (100_000, [None, None], "sum of 2019-20 for 100000 registered patients not known"),
    ] {
        let (finance, _api) = api().await;
        let api = AllocationApi { app: finance.app.clone() };
        let pots = async || {
            let name = "pcns/U09081/allocations/2019-20".into();
            let request = pb::GetAllocationRequest { name, ..Default::default() };
            let request = called(request, ANYBODY, "finance.allocations.read");
            api.get_allocation(request).await.unwrap().into_inner().pots
        };

        let before = pots().await;
        finance.know(vec![list("U09081", "2019-01-01", patients)]).await;
        let after = pots().await;

        let unknown = "registered list of 2019-01-01 not known";
        assert!(before.iter().all(|pot| pot.missing == unknown && pot.registered_count.is_none()));
        let names: Vec<_> = after.iter().map(|pot| pot.pot.as_str()).collect();
        let amounts: Vec<_> = after.iter().map(|pot| pot.amount_pence).collect();
        assert_eq!((names, amounts), (vec!["cp", "splw"], sums.to_vec()));
        for pot in &after {
            assert_eq!(
                (pot.registered_count, pot.weighted_ten_thousandths),
                (Some(patients), None)
            );
            assert_eq!(pot.missing, missing);
            let kind = pot.rate.as_ref().map(|sum| (sum.kind.as_str(), sum.confidence.as_str()));
            assert_eq!(kind, missing.is_empty().then_some(("allocation-sum", "ONE SOURCE")));
        }
    }
}

#[tokio::test]
async fn a_line_of_2019_says_which_share_is_paid_and_by_which_figure() {
    let finance = Finance::with_roster().await;
    finance.know(variant(&[("start", "2019-10-01")])).await;
    let header = PAY.lines().next().unwrap();
    let pay = format!("{header}\ndemo-e-998,2019-10,4000.00,0,0,,2019-10-28\n");
    finance.import(&pay).await.unwrap();

    let money = finance.summary_of("auditor@england", PCN, "2019-10").await.unwrap();

    let [line] = money.lines.as_slice() else { panic!("one line: {money:?}") };
    assert_eq!((line.maximum_pence, line.payable_pence), (Some(315_083), Some(280_000)));
    let step = |code: &str| line.steps.iter().find(|step| step.code == code).unwrap();
    assert_eq!(step("SHARE").text, "The scheme pays 70% of the cost: £2,800.00 of £4,000.00.");
    let share = ("share/CP/2019-07-01/2019-07-01", Some(70), "CONFIRMED");
    let pb::ClaimStep { figure, figure_value, confidence, .. } = step("SHARE");
    assert_eq!((figure.as_str(), *figure_value, confidence.as_str()), share);
    assert!(step("FIGURE").text.starts_with("The maximum for 70% of the cost of a Clinical"));
    assert_eq!(money.room_pence, None); // There is no main pot.
}
