//! The same human under two owners: what one of them is told, and who sees both.

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::person_service_server::PersonService;
use tonic::{Request, Status};

use super::owners::{file, moved};
use super::*;

const FALMOUTH: &str = "pcn-manager@pcn:U09081";
const FEDERATION: &str = "federation-manager@federation:DEMOFED01";
const ICB: &str = "icb-workforce@icb:QT6";

/// Somebody in Falmouth with a registration; demo-e-101 of the federation has GPhC DEMO-101 and
/// 37.5 hours in Truro since 5 June 2023.
fn row(hours: &str, days: &str, registration: &str, contract: &str) -> String {
    let person = "e-1,p-1,Demo-Match,One,CP,,7,DEMOCOM01,PCN_DIRECT,U09081";
    format!("{person},{hours},,{days},{registration},,,{contract}")
}

/// The notes of a file that speak of a match.
async fn notes(world: &World, grant: &str, rows: &[&str]) -> Vec<String> {
    let applied = world.bring(grant, "staff", file(rows), None).await.unwrap();
    applied.notes.into_iter().filter(|note| note.contains("the same registration")).collect()
}

async fn list(world: &World, grant: &str, on: Option<Date>) -> Vec<pb::MatchedPerson> {
    page(world, grant, on, 0, "").await.unwrap().matched_people
}

async fn page(
    world: &World,
    grant: &str,
    on: Option<Date>,
    page_size: i32,
    token: &str,
) -> Result<pb::ListMatchedPeopleResponse, Status> {
    let on_date = on.map(kit::wire::date);
    let page_token = token.to_owned();
    let message = pb::ListMatchedPeopleRequest { page_size, page_token, on_date };
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::for_test(&[grant], "workforce.matches.read"));
    world.api.list_matched_people(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pcn_is_told_that_hours_elsewhere_exceed_the_contract_and_no_more() {
    let same = "GPhC,DEMO-101";
    for (hours, days, registration, contract, told) in [
        ("10", "2025-01-06,", same, "", true),
        ("10", "2025-01-06,", "gphc,demo 101", "", true),
        // Forty hours are a week, and a contract is what it says.
        ("2.5", "2025-01-06,", same, "", false),
        ("10", "2025-01-06,", same, "47.5", false),
        ("10", "2025-01-06,", same, "47.25", true),
        // One after the other is no doubling.
        ("37.5", "2023-01-02,2023-06-04", same, "", false),
        ("37.5", "2023-01-02,2023-06-05", same, "", true),
        // Somebody else.
        ("37.5", "2025-01-06,", "GPhC,DEMO-999", "", false),
        ("37.5", "2025-01-06,", "GMC,DEMO-101", "", false),
        ("37.5", "2025-01-06,", "GPhC,", "", false),
        ("37.5", "2025-01-06,", ",", "", false),
    ] {
        let world = World::new().await;
        world.bring(OPERATOR, "organisations", ORGANISATIONS, Some(JULY)).await.unwrap();
        world.bring(OPERATOR, "staff", STAFF, Some(JULY)).await.unwrap();
        let row = row(hours, days, registration, contract);

        let first = notes(&world, FALMOUTH, &[&row]).await;
        let again = notes(&world, FALMOUTH, &[&row]).await;

        let note = "line 2: weekly_hours: on some day hours elsewhere for the same registration \
                    exceed the contract of person p-1, or the 40 hours of a week where none is \
                    stated";
        let found = first.first().is_some_and(|first| first.starts_with(note));
        assert_eq!((found, first.len()), (told, usize::from(told)), "{row}: {first:?}");
        assert_eq!(again, first, "{row}");
    }
}

/// Contracts and hours chosen one after the other would find out what is kept elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_registration_stands_whatever_is_stated_next() {
    let same = "GPhC,DEMO-101";
    for (first, next, told) in [(("10", ""), ("10", "47.5"), 1), (("2.5", ""), ("10", ""), 0)] {
        let world = World::demonstration().await;
        let row_of = |(hours, contract): (&str, &str)| row(hours, "2025-01-06,", same, contract);
        let elsewhere = |notes: Vec<String>| -> Vec<String> {
            notes.into_iter().filter(|note| note.contains("hours elsewhere")).collect()
        };

        let before = elsewhere(notes(&world, FALMOUTH, &[&row_of(first)]).await);
        let after = elsewhere(notes(&world, FALMOUTH, &[&row_of(next)]).await);
        let other = row_of(next).replace("e-1,p-1", "e-2,p-2");
        let by_another_name = elsewhere(notes(&world, FALMOUTH, &[&other]).await);

        assert_eq!([before.len(), after.len(), by_another_name.len()], [told; 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_tells_one_bit_a_file_however_many_people_have_it() {
    let world = World::demonstration().await;
    let first = row("10", "2025-01-06,", "GPhC,DEMO-101", "");
    let second = first.replace("e-1,p-1", "e-2,p-2");
    let third = row("1", "2025-01-06,", "GPhC,DEMO-101", "").replace("e-1,p-1", "e-3,p-3");

    let told = notes(&world, FALMOUTH, &[&third, &first, &second]).await;

    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("line 2: ") && told[0].contains("person p-3"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_the_records_of_both_owners_sees_the_human_once() {
    let world = World::demonstration().await;
    assert_eq!(list(&world, OPERATOR, None).await, []);
    let here = row("10", "2025-01-06,", "GPhC,DEMO-101", "");
    notes(&world, FALMOUTH, &[&here]).await;
    // In Truro by the federation, in a third PCN by that PCN.
    let there =
        here.replace("U09081", "U31970").replace("DEMOCOM01,PCN_DIRECT", "DEMOFED01,FEDERATION");
    let there = there.replace("GPhC,DEMO-101", "NMC,DEMO 201").replace("e-1,p-1", "e-2,p-2");
    let told = notes(&world, FEDERATION, &[&there]).await;
    assert_eq!(told.len(), 1, "{told:?}");

    let both = list(&world, ICB, None).await;

    assert_eq!((both.len(), list(&world, OPERATOR, None).await.len()), (2, 2));
    let matched = both
        .iter()
        .find(|one| one.engagements.iter().any(|engagement| engagement.reference == "demo-e-101"));
    let matched = matched.unwrap().clone();
    let told = |matched: &pb::MatchedPerson| -> Vec<(String, String, i32)> {
        let mut told = Vec::new();
        for engagement in &matched.engagements {
            assert!(matched.people.contains(&engagement.person));
            for hours in &engagement.assignments {
                told.push((engagement.owner.clone(), hours.pcn.clone(), hours.weekly_minutes));
            }
        }
        told.sort();
        told
    };
    let line = |owner: &str, pcn: &str, minutes| (owner.to_owned(), pcn.to_owned(), minutes);
    assert_eq!(
        told(&matched),
        [
            line("organisations/DEMOFED01", "pcns/U31970", 2_250),
            line("organisations/U09081", "pcns/U09081", 600),
        ]
    );
    let numbers = |one: &pb::MatchedPerson| {
        (one.weekly_minutes, one.contract_minutes, one.hours_exceed_contract)
    };
    assert_eq!((matched.people.len(), numbers(&matched)), (2, (2_850, 2_400, true)));
    // The federation serves Falmouth, and does not serve the third PCN.
    let [seen] = &list(&world, FEDERATION, None).await[..] else { panic!("one of the two") };
    assert_eq!((&seen.people, told(seen)), (&matched.people, told(&matched)));
    assert_eq!(numbers(seen), numbers(&matched));
    for one in ["operator@pcn:U09081", "operator@pcn:U31970", "operator@pcn:U60113"] {
        assert_eq!(list(&world, one, None).await, [], "{one}");
    }

    let before = list(&world, FEDERATION, Some(Date::constant(2025, 1, 5))).await;
    assert_eq!(told(&before[0]), [line("organisations/DEMOFED01", "pcns/U31970", 2_250)]);
    assert_eq!(numbers(&before[0]), (2_250, 2_400, false));
    let earlier = list(&world, FEDERATION, Some(Date::constant(2020, 1, 1))).await;
    assert_eq!((earlier[0].people.len(), earlier[0].engagements.len()), (2, 0));

    let first = page(&world, ICB, None, 1, "").await.unwrap();
    let second = page(&world, ICB, None, 1, &first.next_page_token).await.unwrap();
    assert_eq!([first.matched_people, second.matched_people].concat(), both);
    assert_eq!(second.next_page_token, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_pcn_that_left_an_icb_only_its_days_there_make_a_match() {
    for (start, seen) in [("2025-02-28", true), ("2025-03-01", false)] {
        let world = moved().await;
        let here = row("10", &format!("{start},"), "GPhC,DEMO-101", "");
        notes(&world, FALMOUTH, &[&here]).await;

        let former = list(&world, ICB, None).await;
        let present = list(&world, "icb-workforce@icb:Q99", None).await;
        let all = list(&world, OPERATOR, None).await;

        assert_eq!((all.len(), former.len(), present.len()), (1, usize::from(seen), 0), "{start}");
        let Some(former) = former.first() else { continue };
        // The hours of today are those that the former ICB may not look at: one number.
        let hidden = former.engagements.iter().find(|one| one.reference == "e-1").unwrap();
        assert_eq!((hidden.assignments.len(), hidden.elsewhere_minutes), (0, 600));
        assert_eq!((former.weekly_minutes, former.hours_exceed_contract), (2_250, true));
    }
}
