//! Who keeps a record, and that nobody keeps or learns what is another's.

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::engagement_service_server::EngagementService;
use arrs_proto::workforce::v1::organisation_service_server::OrganisationService;
use tonic::Request;

use super::*;

const FALMOUTH: &str = "pcn-manager@pcn:U09081";
const FEDERATION: &str = "federation-manager@federation:DEMOFED01";

pub(super) fn file(rows: &[&str]) -> String {
    let header = STAFF.lines().next().unwrap();
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!("{header}\n{rows}")
}

fn demonstration(reference: &str) -> String {
    let rows: Vec<&str> = STAFF.lines().filter(|row| row.starts_with(reference)).collect();
    file(&rows)
}

async fn list(world: &World, grant: &str, page_size: i32) -> Vec<pb::Engagement> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let message = pb::ListEngagementsRequest {
            parent: "pcns/U09081".to_owned(),
            page_size,
            page_token,
            known_at_date: None,
        };
        let mut request = Request::new(message);
        let caller = Caller::for_test(&[grant], "workforce.engagements.read");
        request.extensions_mut().insert(caller);
        let page = world.api.list_engagements(request).await.unwrap().into_inner();
        page_token = page.next_page_token;
        let full = usize::try_from(page_size).unwrap();
        assert!(page_token.is_empty() || page.engagements.len() == full);
        found.extend(page.engagements);
        if page_token.is_empty() {
            return found;
        }
    }
}

/// Falmouth belongs to another ICB since 2025; what it was before stays with the former.
pub(super) async fn moved() -> World {
    let world = World::demonstration().await;
    let header = ORGANISATIONS.lines().next().unwrap();
    let file = format!(
        "{header}\n\
         Q99,OTHER ICB (invented),icb,part-of,Y58,2022-07-01,,\n\
         99Z,OTHER PART (invented),sub-icb,part-of,Q99,2022-07-01,,\n\
         U09081,FALMOUTH AND PENRYN PCN,pcn,part-of,99Z,2025-03-01,,\n"
    );
    world.bring(OPERATOR, "organisations", file, None).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_named_must_be_one() {
    let world = World::demonstration().await;
    let position = world.position().await;
    for owner in ["NOPE", "L82006", "DEMOTRU01", "Y58"] {
        let refused = world.bring_for(OPERATOR, Some(owner), "staff", STAFF, None).await;
        let text = format!("{:?}", refused.unwrap_err());
        assert!(text.contains("header.owner"), "{owner}: {text}");
    }
    assert_eq!(world.position().await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engagement_is_not_kept_twice() {
    let world = World::demonstration().await;
    let position = world.position().await;

    let other = demonstration("demo-e-001");
    let other = world.bring_for(OPERATOR, Some("U31970"), "staff", other, None).await.unwrap();
    let shared = world.bring(FALMOUTH, "staff", demonstration("demo-e-007"), None).await;

    assert_eq!(
        other.unwrap_err(),
        ["2 engagement_id<demo-e-001> is kept by another owner, U09081, with hours in U09081 on \
          the same days"]
    );
    let shared = shared.unwrap_err();
    assert_eq!(
        shared[0],
        "2 engagement_id<demo-e-007> is kept by another owner, DEMOFED01, with hours in U09081 \
         on the same days"
    );
    assert!(shared[1].starts_with("3 pcn_code<U31970> unknown PCN"), "{shared:?}");
    assert_eq!((shared.len(), world.position().await), (2, position));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_another_pcn_took_stands_in_nobodys_way() {
    let row = "demo-e-301,p-1,A,B,SPLW,,5,DEMOCOM01,PCN_DIRECT,U09081,10,,2025-01-06,,,,,,";
    let world = World::demonstration().await;
    world.bring(FALMOUTH, "staff", file(&[row]), None).await.unwrap();
    let again = world.bring(OPERATOR, "staff", STAFF, None).await.unwrap();
    assert_eq!((again.added, again.corrected), (0, 0));

    // Nor does it if it came first.
    let world = World::new().await;
    world.bring(OPERATOR, "organisations", ORGANISATIONS, Some(JULY)).await.unwrap();
    world.bring(FALMOUTH, "staff", file(&[row]), None).await.unwrap();
    let first = world.bring(OPERATOR, "staff", STAFF, None).await.unwrap();
    assert_eq!(first.corrected, 0);
    let seen = world.summary("pcn-manager@pcn:U62043", "U62043", "2025-07", None).await.unwrap();
    assert_eq!(seen.statistics.roles.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_outside_the_scope_are_not_written() {
    let world = World::demonstration().await;
    // The federation serves Truro since April 2024.
    let new = "e-1,p-1,A,B,SPLW,,5,DEMOFED01,FEDERATION,U31970,10,,2024-03-31,,,,,,";
    let known = demonstration("demo-e-101");
    let longer = known.replace("U31970,37.5", "U31970,30");

    let new = world.bring(FEDERATION, "staff", file(&[new]), None).await.unwrap_err();
    let longer = world.bring(FEDERATION, "staff", longer, None).await.unwrap_err();
    let same = world.bring(FEDERATION, "staff", known, None).await.unwrap();

    let reason = "has days outside those of the PCN that you may change";
    assert_eq!(new, [format!("2 start<2024-03-31> {reason}")]);
    assert_eq!(longer, [format!("2 start<2023-06-05> {reason}")]);
    assert_eq!((same.added, same.corrected), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_may_not_be_seen_are_hours_elsewhere() {
    let world = World::demonstration().await;
    let row = |pcn: &str, hours: &str, contract: &str| {
        format!(
            "e-1,p-1,A,B,SPLW,,5,DEMOCOM01,PCN_DIRECT,{pcn},{hours},,2025-01-06,,,,,,{contract}"
        )
    };
    let both = file(&[&row("U09081", "10", "30"), &row("U31970", "20", "")]);
    world.bring_for(OPERATOR, Some("U09081"), "staff", both, None).await.unwrap().unwrap();

    let beyond = file(&[&row("U09081", "11", "")]);
    let beyond = world.bring(FALMOUTH, "staff", beyond, None).await.unwrap_err();
    let week = file(&[&row("U09081", "30", "50")]);
    let week = world.bring(FALMOUTH, "staff", week, None).await.unwrap();
    let hidden = file(&[&row("U09081", "11", ""), &row("U31970", "60", "")]);
    let hidden = world.bring(FALMOUTH, "staff", hidden, None).await.unwrap_err();

    assert_eq!(beyond, ["2 weekly_hours<11> hours elsewhere exceed the contract"]);
    let note = "line 2: weekly_hours: with hours elsewhere the person has more than the 40 hours \
                a week that a claim takes";
    assert!(week.notes.iter().any(|told| told == note), "{:?}", week.notes);
    assert!(hidden[0].starts_with("3 pcn_code<U31970>") && hidden.len() == 1, "{hidden:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_elsewhere_are_told_without_their_numbers() {
    let world = World::demonstration().await;
    let row = |pcn: &str, contract: &str| {
        format!("e-1,p-1,A,B,SPLW,,5,DEMOCOM01,PCN_DIRECT,{pcn},10,,2025-01-06,,,,,,{contract}")
    };
    let both = file(&[&row("U09081", ""), &row("U31970", "30")]);
    world.bring_for(OPERATOR, Some("U09081"), "staff", both, None).await.unwrap().unwrap();

    let found = world.bring(FALMOUTH, "staff", file(&[&row("U09081", "25")]), None).await;

    assert_eq!(
        found.unwrap_err(),
        ["2 contract_hours<25> hours elsewhere say otherwise: one day has one contract"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_icb_sees_the_days_that_were_its_own() {
    let world = moved().await;
    let former = "icb-workforce@icb:QT6";

    let pages = list(&world, former, 1).await;
    let all = list(&world, OPERATOR, 1).await;
    let lists = |grant: &'static str, parent: &str| {
        let (parent, page_token) = (format!("organisations/{parent}"), String::new());
        let message = pb::ListListSizesRequest { parent, page_size: 10, page_token };
        let mut request = Request::new(message);
        request.extensions_mut().insert(Caller::for_test(&[grant], "workforce.summaries.read"));
        world.api.list_list_sizes(request)
    };

    // Without those who came after February 2025.
    assert_eq!((pages.len(), all.len()), (13, 15));
    for engagement in &pages {
        for hours in engagement.assignments.iter().filter(|hours| hours.pcn == "pcns/U09081") {
            let until = hours.end_date.unwrap();
            assert!((until.year, until.month, until.day) <= (2025, 2, 28), "{until:?}");
        }
    }
    for parent in ["U09081", "L82006"] {
        let years = |found: pb::ListListSizesResponse| -> Vec<i32> {
            found.list_sizes.iter().map(|list| list.date.unwrap().year).collect()
        };
        let seen = years(lists(former, parent).await.unwrap().into_inner());
        assert_eq!(seen, [2025], "{parent}");
        let all = years(lists(OPERATOR, parent).await.unwrap().into_inner());
        assert_eq!(all, [2026, 2026, 2025], "{parent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_of_a_known_day_stays() {
    let world = World::demonstration().await;

    let then = world.summary(OPERATOR, "U09081", "2025-07", Some(JULY)).await.unwrap();
    let now = world.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();

    // Everything was told long after July.
    assert_eq!((then.place.position, now.place.position), (0, world.position().await));
}
