//! The same human under two owners.

use arrs_proto::admin::v1::{Import, ImportState};
use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster::{self, Cluster};
use kit::client::Channel;
use kit::wire::date;
use prost::Message;
use terms::Date;
use tonic::{Code, Response};

use super::{MANAGER, Paged};
use crate::demo_set::{OPERATOR, STAFF, bring_in, call, denied, facts, invalid};

const LIST_MATCHED_PEOPLE: &str = "/arrs.workforce.v1.PersonService/ListMatchedPeople";
const FEDERATION: &str = "federation-manager@federation:DEMOFED01";
const ICB: &str = "icb-workforce@icb:QT6";

/// Falmouth states ten hours of somebody whom the federation has for 37.5 hours in Truro.
const FALMOUTH_ROW: &str = "m-e-1,m-p-1,Demo-Match,One,CP,,7,DEMOCOM01,PCN_DIRECT,U09081,10,,\
    2025-01-06,,gphc,demo 101,,,";
/// The federation states ten hours of somebody whom a PCN has that it does not serve.
const FEDERATION_ROW: &str = "m-e-2,m-p-2,Demo-Match,Two,CP,,7,DEMOFED01,FEDERATION,U31970,10,,\
    2025-01-06,,NMC,DEMO-201,,,";
/// That PCN states one hour of somebody whom the federation has for 37.5 hours.
const SIBLING_ROW: &str = "m-e-3,m-p-3,Demo-Match,Three,PARA,,7,DEMOPRA01,LEAD_PRACTICE,U60113,1,,\
    2025-01-06,,HCPC,DEMO-007,,,";
/// What stands in the note of the first row and nothing else.
const NOTE: &str = "line 2: weekly_hours: on some day hours elsewhere for the same registration \
    exceed the contract of person m-p-1, or the 40 hours of a week where none is stated";

fn file(row: &str) -> String {
    format!("{}\n{row}\n", STAFF.lines().next().unwrap())
}

async fn bring(channel: &Channel, row: &str, validate_only: bool) -> Import {
    let text = file(row);
    let mut header = cluster::header("staff", text.as_bytes(), None);
    header.validate_only = validate_only;
    let import = cluster::upload(channel, header, text.as_bytes()).await.unwrap().into_inner();
    assert_eq!(import.state(), ImportState::Done, "{import:?}");
    import
}

async fn list(channel: &Channel) -> Vec<workforce::MatchedPerson> {
    let request = workforce::ListMatchedPeopleRequest::default();
    let page: workforce::ListMatchedPeopleResponse =
        call(channel, LIST_MATCHED_PEOPLE, request).await.unwrap().into_inner();
    page.matched_people
}

/// The owners of the engagements shown.
fn owners(matched: &workforce::MatchedPerson) -> Vec<&str> {
    let mut owners: Vec<&str> = matched.engagements.iter().map(|one| one.owner.as_str()).collect();
    owners.sort_unstable();
    owners
}

#[tokio::test(flavor = "multi_thread")]
async fn matched_people_are_listed_to_who_sees_both_records() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let icb = cluster.channel(&[ICB]);
    let federation = cluster.channel(&[FEDERATION]);
    for (grant, row) in [
        (MANAGER, FALMOUTH_ROW),
        (FEDERATION, FEDERATION_ROW),
        ("pcn-manager@pcn:U60113", SIBLING_ROW),
    ] {
        bring(&cluster.channel(&[grant]), row, false).await;
    }

    let rows = Paged {
        channel: &icb,
        path: LIST_MATCHED_PEOPLE,
        request: |page_size, page_token| workforce::ListMatchedPeopleRequest {
            page_size,
            page_token,
            on_date: None,
        },
        other: |page_token| workforce::ListMatchedPeopleRequest {
            page_size: 1,
            page_token,
            on_date: Some(date(Date::constant(2025, 1, 6))),
        },
        page: |page: workforce::ListMatchedPeopleResponse| {
            let people = page.matched_people.into_iter().map(|one| one.people.join(" "));
            (people.collect(), page.next_page_token)
        },
    }
    .check(&cluster.channel(&[OPERATOR]))
    .await;
    assert_eq!(rows.len(), 3);

    for grant in ["icb-finance@icb:QT6", "auditor@england", OPERATOR] {
        assert_eq!(list(&cluster.channel(&[grant])).await, list(&icb).await, "{grant}");
    }
    let told = list(&icb).await;
    let mut numbers: Vec<_> = told
        .iter()
        .map(|one| {
            let other = owners(one)[1].to_owned();
            (other, one.weekly_minutes, one.contract_minutes, one.hours_exceed_contract)
        })
        .collect();
    numbers.sort();
    assert_eq!(
        numbers,
        [
            ("organisations/U09081".to_owned(), 2_850, 2_400, true),
            ("organisations/U60113".to_owned(), 2_310, 2_400, false),
            ("organisations/U60113".to_owned(), 2_850, 2_400, true),
        ]
    );
    // The federation sees both records of one of them, and nothing of the others.
    let [seen] = &list(&federation).await[..] else { panic!("one that the federation sees") };
    assert_eq!(owners(seen), ["organisations/DEMOFED01", "organisations/U09081"]);
    let day = workforce::ListMatchedPeopleRequest {
        on_date: Some(date(Date::constant(2025, 1, 5))),
        ..Default::default()
    };
    let before: workforce::ListMatchedPeopleResponse =
        call(&federation, LIST_MATCHED_PEOPLE, day).await.unwrap().into_inner();
    assert_eq!(owners(&before.matched_people[0]), ["organisations/DEMOFED01"]);
    assert!(!before.matched_people[0].hours_exceed_contract);
    for bytes in [told[0].encode_to_vec(), told[1].encode_to_vec(), told[2].encode_to_vec()] {
        let text = String::from_utf8_lossy(&bytes).to_uppercase();
        for word in ["DEMO-101", "DEMO 101", "DEMO101", "GPHC", "DEMO-MATCH"] {
            assert!(!text.contains(word), "{word} is in an answer");
        }
    }

    // Who keeps one of the records learns no more than the note says.
    for grant in [MANAGER, "pcn-viewer@pcn:U09081", "training-hub@icb:QT6"] {
        let request = workforce::ListMatchedPeopleRequest::default();
        denied::<Response<workforce::ListMatchedPeopleResponse>>(
            call(&cluster.channel(&[grant]), LIST_MATCHED_PEOPLE, request).await,
        );
    }
    let wrong = workforce::ListMatchedPeopleRequest {
        page_size: -1,
        page_token: String::new(),
        on_date: Some(arrs_proto::google::r#type::Date { year: 2025, month: 2, day: 30 }),
    };
    let answer: Result<Response<workforce::ListMatchedPeopleResponse>, _> =
        call(&icb, LIST_MATCHED_PEOPLE, wrong).await;
    assert_eq!(answer.as_ref().unwrap_err().code(), Code::InvalidArgument);
    invalid(answer, &["on_date", "page_size"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_one_bit_of_hours_elsewhere_and_a_check_none() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&[MANAGER]);

    let checked = bring(&manager, FALMOUTH_ROW, true).await;
    let written = bring(&manager, FALMOUTH_ROW, false).await;
    let again = bring(&manager, FALMOUTH_ROW, false).await;
    let other = bring(&manager, &FALMOUTH_ROW.replace("demo 101", "demo 999"), false).await;

    let [note] = &written.notes[..] else { panic!("{:?}", written.notes) };
    assert!(note.starts_with(NOTE), "{note}");
    assert_eq!((again.added_count, again.notes), (0, written.notes));
    assert_eq!(checked.notes, Vec::<String>::new());
    let matched = other.notes.iter().any(|note| note.contains("the same registration"));
    assert!(!matched, "{:?}", other.notes);
    assert_eq!(list(&cluster.channel(&[ICB])).await, [], "the number was corrected");
    // Neither the numbers nor what they are compared by leave the particulars.
    let operator = cluster.channel(&[OPERATOR]);
    let told = facts(&operator, "workforce", 0).await.facts;
    let bodies: Vec<u8> = told.into_iter().flat_map(|fact| fact.encode_to_vec()).collect();
    let log = cluster.log("all").to_uppercase();
    assert!(!log.is_empty() && !bodies.is_empty());
    let said = String::from_utf8_lossy(&bodies).to_uppercase() + &log;
    for word in ["DEMO-101", "DEMO 101", "GPHC/DEMO", "DEMO-MATCH", "DEMO 999"] {
        assert!(!said.contains(word), "{word} was told");
    }
}
