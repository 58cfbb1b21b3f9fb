//! Rule books, allocations and claim lines.

use arrs_proto::finance::v1 as finance;
use arrs_proto::finance::v1::project_maximum_request::Base;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use terms::Date;
use tonic::{Code, Response};

use super::Paged;
use crate::demo_set::{
    MONTH, OPERATOR, PCN, RECORDED_ON, bring_in, call, denied, invalid, refused,
};

const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
const LIST_FIGURES: &str = "/arrs.finance.v1.RuleBookService/ListFigures";
const PROJECT_MAXIMUM: &str = "/arrs.finance.v1.RuleBookService/ProjectMaximum";
const GET_ALLOCATION: &str = "/arrs.finance.v1.AllocationService/GetAllocation";
const COMPARE_CLAIM_LINE: &str = "/arrs.finance.v1.ClaimService/CompareClaimLine";

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_year_come_with_their_source_and_their_day() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let get = async |name: &str| {
        let request = finance::GetRuleBookRequest { name: name.to_owned() };
        call::<_, finance::RuleBook>(&channel, GET_RULE_BOOK, request).await
    };
    let list = Paged {
        channel: &channel,
        path: LIST_FIGURES,
        request: |page_size, page_token| finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size,
            page_token,
            role: String::new(),
            rules_known_on_date: None,
        },
        other: |page_token| finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size: 1,
            page_token,
            role: "CP".to_owned(),
            rules_known_on_date: None,
        },
        page: |page: finance::ListFiguresResponse| {
            for figure in &page.figures {
                assert!(!figure.source.is_empty() && !figure.confidence.is_empty(), "{figure:?}");
                assert!(figure.applies_from_date.is_some() && figure.known_from_date.is_some());
            }
            (page.figures.into_iter().map(|one| one.name).collect(), page.next_page_token)
        },
    };

    let names = list.check(&operator).await;

    assert!(names.is_sorted());
    let digests = ["ruleBooks/2024-25", "ruleBooks/2025-26", "ruleBooks/2026-27"];
    let mut books = Vec::new();
    for name in digests {
        let book = get(name).await.unwrap().into_inner();
        assert_eq!((book.name.as_str(), book.digest.len()), (name, 64));
        assert!(!book.policies.is_empty() && book.figure_count > 0);
        books.push(book);
    }
    assert!(books.iter().all(|book| book.digest == books[0].digest));
    assert_eq!(usize::try_from(books[1].figure_count).unwrap(), names.len());
    let figures = async |role: &str, day: Option<Date>| {
        let request = finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size: 1_000,
            page_token: String::new(),
            role: role.to_owned(),
            rules_known_on_date: day.map(date),
        };
        call::<_, finance::ListFiguresResponse>(&channel, LIST_FIGURES, request).await
    };
    let today = figures("CP", None).await.unwrap().into_inner().figures;
    let then = figures("CP", Some(RECORDED_ON)).await.unwrap().into_inner().figures;
    assert!(!then.is_empty() && then.len() < today.len());
    assert!(today.iter().chain(&then).all(|figure| figure.role == "CP"));
    let maximum = |figures: &[finance::Figure], value: i64| {
        figures.iter().any(|figure| figure.value == value && figure.unit == "pence_per_year")
    };
    assert!(maximum(&then, 6_697_200) && !maximum(&then, 6_941_000));
    assert!(maximum(&today, 6_697_200) && maximum(&today, 6_941_000));
    invalid(figures("cp", None).await, &["role"]);

    refused(get("ruleBooks/2031-32").await, Code::NotFound, ErrorReason::ResourceNotFound);
    for name in ["", "2025-26", "ruleBooks/2025", "ruleBooks/2025-27"] {
        invalid(get(name).await, &["name"]);
    }
    for (parent, code, reason) in [
        ("ruleBooks/2031-32", Code::NotFound, ErrorReason::ResourceNotFound),
        ("ruleBooks/x", Code::InvalidArgument, ErrorReason::FieldInvalid),
    ] {
        let request =
            finance::ListFiguresRequest { parent: parent.to_owned(), ..Default::default() };
        let answer: Result<Response<finance::ListFiguresResponse>, _> =
            call(&channel, LIST_FIGURES, request).await;
        refused(answer, code, reason);
    }
}

/// The maximum of a pharmacist outside London on a day, after an award on that of an earlier one.
fn awarded(day: Date, edition: Date, basis_points: i32) -> finance::ProjectMaximumRequest {
    finance::ProjectMaximumRequest {
        role: "CP".to_owned(),
        area: "outside".to_owned(),
        date: Some(date(day)),
        base: Some(Base::Award(finance::ProjectedAward {
            edition_date: Some(date(edition)),
            edition_known_on_date: None,
            basis_points,
        })),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projected_maximum_comes_with_every_figure_it_is_built_of() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let ask = async |request: finance::ProjectMaximumRequest| {
        let answer = call::<_, finance::ProjectMaximumResponse>(&channel, PROJECT_MAXIMUM, request);
        answer.await.map(Response::into_inner)
    };
    let july = Date::constant(2024, 7, 1);
    let october = Date::constant(2024, 10, 1);

    let answer = ask(awarded(october, july, 550)).await.unwrap();

    assert_eq!((answer.maximum_pence, answer.half_pence), (Some(6_583_800), None));
    assert_eq!((answer.weakest_confidence.as_str(), answer.missing.as_str()), ("DERIVED", ""));
    assert_eq!(answer.rule_book_figure.as_ref().unwrap().value, 6_583_800);
    let codes: Vec<&str> = answer.steps.iter().map(|step| step.code.as_str()).collect();
    assert_eq!(codes, ["SALARY_IMPLIED", "AWARD", "EMPLOYER_NI", "EMPLOYER_PENSION", "MAXIMUM"]);
    for step in &answer.steps {
        assert!(step.text.ends_with('.') && step.amount_pence > 0, "{step:?}");
        for figure in &step.figures {
            assert!(!figure.source.is_empty() && !figure.confidence.is_empty(), "{figure:?}");
        }
    }
    let words = ["inside the maximum of 2024-07-01", "5.5%", "13.8% of", "14.38%", "£65,838.00"];
    for (step, words) in answer.steps.iter().zip(words) {
        assert!(step.text.contains(words), "{words:?} is not in {}", step.text);
    }
    assert_eq!(ask(awarded(october, july, 550)).await.unwrap(), answer, "asked again");

    let outer = finance::ProjectMaximumRequest {
        role: "MHP_ADULT".to_owned(),
        band: "7".to_owned(),
        area: "outer".to_owned(),
        rules_known_on_date: Some(date(Date::constant(2025, 7, 31))),
        ..awarded(Date::constant(2025, 7, 1), Date::constant(2025, 7, 1), 0)
    };
    let halves = ask(outer).await.unwrap();
    assert_eq!((halves.maximum_pence, halves.half_pence), (Some(7_232_700), Some(3_616_300)));
    assert_eq!(halves.steps.last().unwrap().code, "HALF");

    let general_practitioner = finance::ProjectMaximumRequest {
        role: "GP".to_owned(),
        base: Some(Base::SalaryPence(7_311_400)),
        ..awarded(october, july, 0)
    };
    assert_eq!(ask(general_practitioner).await.unwrap().maximum_pence, Some(9_246_200));

    let unknown = ask(awarded(Date::constant(2027, 4, 1), october, 300)).await.unwrap();
    assert_eq!(unknown.maximum_pence, None);
    assert!(unknown.missing.contains("pension") && unknown.missing.contains("2027-04-01"));
    assert!(unknown.steps.is_empty() && unknown.rule_book_figure.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_names_every_field_that_is_wrong() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let ask = async |request: finance::ProjectMaximumRequest| {
        call::<_, finance::ProjectMaximumResponse>(&channel, PROJECT_MAXIMUM, request).await
    };
    let july = Date::constant(2025, 7, 1);
    let right = || awarded(july, july, 0);

    invalid(ask(Default::default()).await, &["role", "area", "date", "base"]);
    let all = finance::ProjectMaximumRequest {
        role: "XX".to_owned(),
        band: "10".to_owned(),
        area: "fringe".to_owned(),
        date: Some(WireDate { year: 2025, month: 2, day: 30 }),
        base: Some(Base::SalaryPence(0)),
        rules_known_on_date: Some(WireDate { year: 1999, month: 1, day: 1 }),
    };
    let wrong = ["role", "band", "area", "date", "rules_known_on_date", "salary_pence"];
    invalid(ask(all).await, &wrong);
    let early = finance::ProjectMaximumRequest {
        role: "HCSW".to_owned(),
        date: Some(date(Date::constant(2025, 3, 31))),
        ..right()
    };
    invalid(ask(early).await, &["date", "award.edition_date"]);
    for (role, band) in [("MHP_ADULT", ""), ("CP", "6"), ("GP", "7")] {
        let (role, band) = (role.to_owned(), band.to_owned());
        let request = finance::ProjectMaximumRequest { role, band, ..right() };
        invalid(ask(request).await, &["band"]);
    }
    for salary in [-1, 0, 100_000_001, i64::MAX] {
        let base = Some(Base::SalaryPence(salary));
        let request = finance::ProjectMaximumRequest { base, ..right() };
        invalid(ask(request).await, &["salary_pence"]);
    }
    for basis_points in [-5_001, 10_001, i32::MIN] {
        invalid(ask(awarded(july, july, basis_points)).await, &["award.basis_points"]);
    }
    for edge in [-5_000, 10_000] {
        assert!(ask(awarded(july, july, edge)).await.is_ok());
    }
    let base = Some(Base::Award(finance::ProjectedAward {
        edition_date: None,
        edition_known_on_date: Some(date(Date::constant(2025, 8, 1))),
        basis_points: 0,
    }));
    let rules_known_on_date = Some(date(Date::constant(2025, 7, 31)));
    let request = finance::ProjectMaximumRequest { base, rules_known_on_date, ..right() };
    invalid(ask(request).await, &["award.edition_date", "award.edition_known_on_date"]);

    let hub = cluster.channel(&["training-hub@icb:QT6"]);
    let refused: Result<Response<finance::ProjectMaximumResponse>, _> =
        call(&hub, PROJECT_MAXIMUM, right()).await;
    denied(refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_is_the_rate_times_the_weighted_list() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let get = async |channel: &Channel, name: &str| {
        let request = finance::GetAllocationRequest { name: name.to_owned(), ..Default::default() };
        call::<_, finance::Allocation>(channel, GET_ALLOCATION, request).await
    };

    let allocation = get(&viewer, "pcns/U09081/allocations/2025-26").await.unwrap().into_inner();

    assert_eq!(allocation.name, "pcns/U09081/allocations/2025-26");
    let [pot] = allocation.pots.as_slice() else { panic!("one pot: {allocation:?}") };
    assert_eq!((pot.pot.as_str(), pot.amount_pence), ("main", Some(132_202_729)));
    assert_eq!(pot.weighted_ten_thousandths, Some(496_424_200));
    assert_eq!(pot.list_date, Some(date(Date::constant(2025, 1, 1))));
    let rate = pot.rate.as_ref().unwrap();
    assert_eq!(rate.value, 266_310);
    assert_eq!(rate.unit, "ten_thousandths_of_a_pound_per_weighted_patient");
    assert!(pot.missing.is_empty());
    assert_eq!(allocation.cut.unwrap().rule_digest.len(), 64);

    // Two pots in the year before, whose list of 1 January 2024 nobody brought in.
    let before = get(&viewer, "pcns/U09081/allocations/2024-25").await.unwrap().into_inner();
    let pots: Vec<_> = before
        .pots
        .iter()
        .map(|pot| (pot.pot.as_str(), pot.amount_pence, pot.missing.is_empty()))
        .collect();
    assert_eq!(pots, [("main", None, false), ("gp", None, false)]);
    let hidden = denied(get(&viewer, "pcns/U31970/allocations/2025-26").await);
    let absent = denied(get(&viewer, "pcns/U99999/allocations/2025-26").await);
    assert_eq!(hidden.message().replace("U31970", "U99999"), absent.message());
    denied(get(&operator, "pcns/U99999/allocations/2025-26").await);
    for name in ["", "pcns/U09081", "pcns/U09081/allocations/2025", "allocations/2025-26"] {
        invalid(get(&viewer, name).await, &["name"]);
    }
    let wrong = finance::GetAllocationRequest {
        name: "pcns/U09081/allocations/x".to_owned(),
        rules_known_on_date: Some(WireDate { year: 2025, month: 13, day: 1 }),
        known_at_date: None,
    };
    let answer: Result<Response<finance::Allocation>, _> =
        call(&viewer, GET_ALLOCATION, wrong).await;
    invalid(answer, &["name", "rules_known_on_date"]);
    let today = finance::GetAllocationRequest {
        name: "pcns/U09081/allocations/2025-26".to_owned(),
        rules_known_on_date: None,
        known_at_date: Some(date(Clock::system().today())),
    };
    let answer: Result<Response<finance::Allocation>, _> =
        call(&viewer, GET_ALLOCATION, today).await;
    refused(answer, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_compared_with_itself_under_other_figures() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let request = |parent: &str, reference: &str| finance::CompareClaimLineRequest {
        parent: parent.to_owned(),
        month: MONTH.to_owned(),
        reference: reference.to_owned(),
        from_rules_known_on_date: Some(date(RECORDED_ON)),
        to_rules_known_on_date: None,
        known_at_date: None,
    };
    let compare = async |channel: &Channel, request: finance::CompareClaimLineRequest| {
        call::<_, finance::CompareClaimLineResponse>(channel, COMPARE_CLAIM_LINE, request).await
    };

    let compared = compare(&viewer, request(PCN, "demo-e-002")).await.unwrap().into_inner();
    let same = compare(&viewer, request(PCN, "demo-e-003")).await.unwrap().into_inner();
    let nothing = finance::CompareClaimLineRequest {
        to_rules_known_on_date: Some(date(RECORDED_ON)),
        ..request(PCN, "demo-e-002")
    };
    let nothing = compare(&viewer, nothing).await.unwrap().into_inner();

    let payable = |line: Option<finance::ClaimLine>| line.unwrap().payable_pence;
    let told = compared.differences.join("\n");
    assert!(told.contains("66,972") && told.contains("69,410"), "{told}");
    assert_eq!([payable(compared.from), payable(compared.to)], [Some(558_100), Some(578_417)]);
    assert_eq!([payable(same.from), payable(same.to)], [Some(282_652), Some(282_652)]);
    assert_eq!(nothing.from, nothing.to);
    let [sentence] = nothing.differences.as_slice() else { panic!("{:?}", nothing.differences) };
    assert!(sentence.contains("Nothing differs"), "{sentence}");

    let absent = compare(&viewer, request(PCN, "demo-e-999")).await;
    refused(absent, Code::NotFound, ErrorReason::ResourceNotFound);
    // An engagement of another PCN has no hours here.
    let other = compare(&viewer, request(PCN, "demo-e-101")).await;
    refused(other, Code::NotFound, ErrorReason::ResourceNotFound);
    denied(compare(&viewer, request("pcns/U31970", "demo-e-101")).await);
    denied(compare(&operator, request("pcns/U99999", "demo-e-101")).await);
    let wrong = finance::CompareClaimLineRequest {
        parent: "U09081".to_owned(),
        month: "July".to_owned(),
        ..Default::default()
    };
    let all = ["parent", "month", "reference", "from_rules_known_on_date"];
    invalid(compare(&viewer, wrong).await, &all);
}
