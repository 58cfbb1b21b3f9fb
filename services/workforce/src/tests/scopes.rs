//! Who sees and changes what.

use terms::{Minutes, PersonId};

use super::*;
use crate::app::engagements::{List, Seen};

const FALMOUTH: &str = "pcn-manager@pcn:U09081";
const TRURO: &str = "pcn-manager@pcn:U31970";
const COASTAL: &str = "pcn-manager@pcn:U62043";
const FEDERATION: &str = "federation-manager@federation:DEMOFED01";

async fn engagements(world: &World, grant: &str, pcn: &str) -> Result<Vec<Seen>, Error> {
    let caller = Caller::for_test(&[grant], "workforce.engagements.read");
    let cut = Cut::now(world.database().clock());
    let list = List { pcn: code(pcn), after: None, limit: 100, cut };
    world.app.engagements(&caller, &list).await
}

async fn shared(world: &World, grant: &str, pcn: &str) -> Seen {
    let found = engagements(world, grant, pcn).await.unwrap();
    found.into_iter().find(|seen| seen.engaged.engagement.reference == "demo-e-007").unwrap()
}

async fn person(world: &World, grant: &str, id: PersonId) -> Result<String, Error> {
    let caller = Caller::for_test(&[grant], "workforce.people.readPersonal");
    let (_, particulars, registrations) = world.app.person(&caller, id).await?;
    assert_eq!(registrations.len(), 1);
    Ok(particulars.registration_number.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_sees_nothing_and_cannot_tell_whether_it_exists() {
    let world = World::demonstration().await;

    let ours = world.summary(FALMOUTH, "U09081", "2025-07", None).await;
    assert!(ours.is_ok());
    let text = |error: Error| error.to_string().replace("U99999", "U09081");
    let hidden = world.summary(COASTAL, "U09081", "2025-07", None).await.unwrap_err();
    let absent = world.summary(COASTAL, "U99999", "2025-07", None).await.unwrap_err();
    assert_eq!(text(hidden), text(absent));
    let hidden = engagements(&world, COASTAL, "U09081").await.unwrap_err();
    let absent = engagements(&world, COASTAL, "U99999").await.unwrap_err();
    assert_eq!(text(hidden), text(absent));
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_elsewhere_are_one_number() {
    let world = World::demonstration().await;

    let here = shared(&world, TRURO, "U31970").await;
    let pcns: Vec<&str> = here.engaged.assignments.iter().map(|hours| hours.pcn.as_str()).collect();
    assert_eq!((pcns, here.elsewhere), (vec!["U31970"], Minutes::new(1350)));
    let all = shared(&world, OPERATOR, "U31970").await;
    assert_eq!((all.engaged.assignments.len(), all.elsewhere), (2, Minutes::ZERO));
    let practice = code("L82006");
    let caller = |grant: &str| Caller::for_test(&[grant], "workforce.summaries.read");
    let (ours, other) = (caller(FALMOUTH), caller(TRURO));
    assert_eq!(world.app.list_sizes(&ours, &practice, None).await.unwrap().len(), 3);
    assert!(world.app.list_sizes(&other, &practice, None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn particulars_are_read_by_owners_and_places_of_work_only() {
    let world = World::demonstration().await;
    let paramedic = shared(&world, OPERATOR, "U09081").await.engaged.engagement;
    assert_eq!(paramedic.owner, code("DEMOFED01"));
    let id = paramedic.person.unwrap();

    for grant in [FALMOUTH, TRURO, FEDERATION] {
        assert_eq!(person(&world, grant, id).await.unwrap(), "DEMO-007", "{grant}");
    }
    let refused = person(&world, COASTAL, id).await.unwrap_err();
    let absent = PersonId(Uuid::now_v7());
    let unknown = person(&world, COASTAL, absent).await.unwrap_err();
    let text = |error: Error| {
        error.to_string().replace(&id.to_string(), "?").replace(&absent.to_string(), "?")
    };
    assert_eq!(text(refused), text(unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_writes_only_inside_the_scope_and_hides_what_is_outside() {
    let world = World::demonstration().await;
    let header = STAFF.lines().next().unwrap();
    let row = |engagement: &str, employer: &str, pcn: &str| {
        format!("{engagement},p-1,A,B,SPLW,,5,{employer},FEDERATION,{pcn},10,,2025-01-06,,,,,,\n")
    };

    let file = format!(
        "{header}\n{}{}{}",
        row("e-1", "DEMOCOM01", "U09081"),
        row("e-2", "DEMOCOM01", "U31970"),
        row("e-3", "DEMOCOM01", "U99999")
    );
    let found = world.bring(FALMOUTH, "staff", file, None).await.unwrap_err();
    assert_eq!(
        found,
        [
            "3 pcn_code<U31970> unknown PCN or one you may not see; import organisations first \
             if it is new",
            "4 pcn_code<U99999> unknown PCN or one you may not see; import organisations first \
             if it is new",
        ]
    );

    // The same identifiers under another owner are other records.
    let file = format!("{header}\n{}", row("demo-e-301", "DEMOCOM01", "U09081"));
    let applied = world.bring(FALMOUTH, "staff", file, None).await.unwrap();
    assert_eq!((applied.added, applied.corrected), (2, 0));
    let coastal = engagements(&world, COASTAL, "U62043").await.unwrap();
    assert_eq!(coastal[0].engaged.engagement.owner, code("U62043"));
    // A federation keeps what it employs.
    let file = format!("{header}\n{}", row("e-9", "DEMOFED01", "U31970"));
    world.bring(FEDERATION, "staff", file, None).await.unwrap();
    let truro = engagements(&world, TRURO, "U31970").await.unwrap();
    let kept = truro.iter().find(|seen| seen.engaged.engagement.reference == "e-9").unwrap();
    assert_eq!(kept.engaged.engagement.owner, code("DEMOFED01"));
}
