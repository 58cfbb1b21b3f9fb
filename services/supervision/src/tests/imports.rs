use arrs_proto::admin::v1::ImportState;
use tonic::Code;

use super::*;

const MANAGER: &str = "pcn-manager@pcn:U09081";
const SIBLING: &str = "pcn-manager@pcn:U31970";

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_loads_once_and_a_second_time_changes_nothing() {
    let suite = Suite::start().await;

    let first = suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    let listed = suite.sessions(OPERATOR, "U09081", None).await.unwrap();
    let second = suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    let today = suite.import(OPERATOR, SESSIONS, None).await;

    assert_eq!((first.counts(), &first.errors[..]), ([45, 0, 0, 0], &[][..]));
    assert_eq!(first.import.row_count, 45);
    assert_eq!(first.position.as_deref(), Some("supervision=45"));
    let here = SESSIONS.lines().filter(|line| line.ends_with(",U09081")).count();
    assert_eq!(listed.len(), here);
    assert_eq!((second.counts(), second.position), ([0, 0, 45, 0], None));
    assert_eq!((today.counts(), today.position), ([0, 0, 45, 0], None));
    assert_eq!(suite.sessions(OPERATOR, "U09081", None).await.unwrap(), listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_file_is_named_and_nothing_of_it_is_written() {
    let suite = Suite::start().await;
    let file = format!(
        "{HEADER}\
         s-1,demo-p-001,x,clinical,2025-07-01,30,U09081\n\
         s-2,demo-p-999,x,clinical,2025-07-01,30,U09081\n\
         s-3,demo-p-001,x,clinical,2025-07-01,30,U99999\n\
         s-4,demo-p-001,x,clinical,2025-07-01,30,L82006\n\
         s-5,demo-p-001,x,clinical,2025-07-01,30,U31970\n\
         s-6,demo-p-001,x,clinical,2025-08-16,30,U09081\n\
         s-7,demo-p-003,x,clinical,2025-07-13,30,U09081\n\
         s-8,demo-p-011,x,clinical,2025-07-12,30,U09081\n\
         s-9,demo-p-001,x,clinical,2025-07-01,30,U09081\n\
         s-9,demo-p-002,x,clinical,2025-07-01,30,U09081\n"
    );

    let import = suite.import(OPERATOR, &file, None).await;

    const PCN: &str = "is not a PCN whose sessions you may record (or it might not exist)";
    assert_eq!(
        import.errors,
        [
            "3 person_id<demo-p-999> is not a person whose sessions you may record (or it might \
             not exist)"
                .to_owned(),
            format!("4 pcn_code<U99999> {PCN}"),
            format!("5 pcn_code<L82006> {PCN}"),
            "6 pcn_code<U31970> is not a PCN in which the person was in post on 2025-07-01".into(),
            "7 date<2025-08-16> must not be after 2025-08-15".into(),
            "8 date<2025-07-13> is before the person's first day".into(),
            "9 pcn_code<U09081> is not a PCN in which the person was in post on 2025-07-12".into(),
            "10 session_id<s-9> is also on line 11".into(),
            "11 session_id<s-9> is also on line 10".into(),
        ]
    );
    assert_eq!(import.import.state(), ImportState::Refused);
    assert_eq!(import.position, None);
    assert_eq!(suite.sessions(OPERATOR, "U09081", None).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_and_headers_that_cannot_be_read_refuse_the_file() {
    let suite = Suite::start().await;
    let bad = "s-1,demo-p-001,x,ratio,2025-07-32,0,u09081,more\ns-2,p,x,ratio,1,1441,u\n";

    let cells = suite.import(OPERATOR, &format!("{HEADER}{bad}"), None).await;
    let header = suite.import(OPERATOR, "session_id,person\nx,y\n", None).await;
    let late = format!("{HEADER}s-1,demo-p-001,x,clinical,2025-07-02,30,U09081\n");
    let backdated = suite.import(OPERATOR, &late, Some("2025-07-01")).await;

    assert_eq!(cells.errors.len(), 5, "{:?}", cells.errors);
    // What is wrong with cells hides nothing of the other rows.
    let rest = "s-3,demo-p-999,x,clinical,2025-07-01,30,U09081\n";
    let all = suite.import(OPERATOR, &format!("{HEADER}{bad}{rest}"), None).await;
    assert_eq!(all.errors.len(), 6, "{:?}", all.errors);
    assert!(all.errors[5].starts_with("4 person_id<demo-p-999>"), "{:?}", all.errors);
    assert!(header.errors.iter().all(|error| error.starts_with("1 ")));
    assert_eq!(header.errors.len(), 7, "{:?}", header.errors);
    assert_eq!(backdated.errors, ["2 date<2025-07-02> must not be after 2025-07-01"]);
    assert_eq!(suite.sessions(OPERATOR, "U09081", None).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_keeps_the_session_and_what_was_known_before() {
    let suite = Suite::start().await;
    let row =
        |minutes: u32| format!("{HEADER}s-1,demo-p-001,x,clinical,2025-07-10,{minutes},U09081\n");

    suite.import(MANAGER, &row(60), Some("2025-07-31")).await;
    let corrected = suite.import(MANAGER, &row(45), None).await;

    assert_eq!(corrected.counts(), [0, 1, 0, 0]);
    assert_eq!(corrected.import.notes, ["line 2: session s-1: minutes 60 -> 45"]);
    let before = suite.sessions(MANAGER, "U09081", Some("2025-07-30")).await;
    let july = suite.sessions(MANAGER, "U09081", Some("2025-07-31")).await.unwrap();
    let now = suite.sessions(MANAGER, "U09081", None).await.unwrap();
    // The organisation itself was not known yet.
    assert_eq!(before.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!((july[0].session_minutes, now[0].session_minutes), (60, 45));
    assert_eq!((july.len(), now.len(), &july[0].name), (1, 1, &now[0].name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_sees_and_changes_nothing() {
    let suite = Suite::start().await;
    let row = |reference: &str, person: &str, date: &str, pcn: &str| {
        format!("{HEADER}{reference},{person},x,clinical,{date},30,{pcn}\n")
    };
    let shared = row("s-1", "demo-p-007", "2025-07-01", "U09081");
    assert_eq!(suite.import(MANAGER, &shared, None).await.counts(), [1, 0, 0, 0]);

    // Nobody of theirs, and a PCN that is not theirs, read as if they were not there.
    let person = row("s-2", "demo-p-001", "2025-07-01", "U31970");
    let person = suite.import(SIBLING, &person, None).await;
    assert_eq!(
        person.errors,
        ["2 person_id<demo-p-001> is not a person whose sessions you may record (or it might \
          not exist)"]
    );
    let place = suite.import(SIBLING, row("s-2", "demo-p-007", "2025-07-01", "U09081"), None);
    let nowhere = suite.import(SIBLING, row("s-2", "demo-p-007", "2025-07-01", "U99999"), None);
    let (place, nowhere) = (place.await.errors, nowhere.await.errors);
    assert_eq!(place[0].replace("U09081", "U99999"), nowhere[0]);
    // The federation keeps the record of both; what the other calls s-1 is nothing to them.
    let own = suite.import(SIBLING, row("s-1", "demo-p-007", "2025-07-02", "U31970"), None).await;
    assert_eq!((own.counts(), &own.import.notes[..]), ([1, 0, 0, 0], &[][..]));
    let again = suite.import(SIBLING, row("s-1", "demo-p-007", "2025-07-03", "U31970"), None).await;
    assert_eq!(again.import.notes, ["line 2: session s-1: date 2025-07-02 -> 2025-07-03"]);

    assert_eq!(suite.sessions(SIBLING, "U31970", None).await.unwrap().len(), 1);
    for pcn in ["U09081", "U99999"] {
        let refused = suite.sessions(SIBLING, pcn, None).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let both = "federation-manager@federation:DEMOFED01";
    assert_eq!(suite.sessions(both, "U09081", None).await.unwrap().len(), 1);
    assert_eq!(suite.sessions(both, "U31970", None).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_narrows_who_is_meant() {
    let mut suite = Suite::start().await;
    // The PCN calls somebody else what the federation calls its paramedic.
    suite.tell(|by| staff(by, &namesake())).await;
    let file = format!("{HEADER}s-1,demo-p-007,x,clinical,2025-07-01,30,U09081\n");

    let unclear = suite.import(OPERATOR, &file, None).await;
    let nobody = suite.import_for(OPERATOR, "organisations/U60113", &file, None).await;
    let one = suite.import_for(OPERATOR, "organisations/DEMOFED01", &file, None).await;
    let other = suite.import_for(OPERATOR, "organisations/U09081", &file, None).await;
    let again = suite.import_for(OPERATOR, "organisations/U09081", &file, None).await;

    assert_eq!(
        unclear.errors,
        ["2 person_id<demo-p-007> is somebody else for each of several owners; bring the file in \
          with the owner"]
    );
    assert_eq!((nobody.counts(), one.counts()), ([0, 0, 0, 1], [1, 0, 0, 0]));
    assert_eq!((other.counts(), again.counts()), ([1, 0, 0, 0], [0, 0, 1, 0]));
    assert_eq!(
        other.import.notes,
        ["line 2: session s-1 of another owner has the same session_id and stays as it is"]
    );
    assert_eq!(suite.sessions(OPERATOR, "U09081", None).await.unwrap().len(), 2);
}

/// Falmouth is served by a federation since July 2025 only.
fn served_since_july(by: &Provenance) -> Vec<Line> {
    let new = |code: &str, relation: &str, related: &str, from: &str, until: Option<&str>| {
        let day = |text: &str| to_column(day(text));
        Line::Relation(table::organisation_relation::Model::new(
            by,
            None,
            code.to_owned(),
            relation.to_owned(),
            related.to_owned(),
            day(from),
            until.map(day),
            false,
        ))
    };
    vec![
        new("U09081", "served-by", "DEMOFED01", "2024-04-01", Some("2024-04-02")),
        new("U09081", "served-by", "DEMOFED01", "2025-07-01", None),
    ]
}

const FEDERATION: &str = "federation-manager@federation:DEMOFED01";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_days_outside_the_scope_are_not_listed_and_pages_are_full() {
    let mut suite = Suite::start().await;
    suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    suite.tell(served_since_july).await;

    let mut client = SessionServiceClient::new(suite.channel(FEDERATION));
    let mut request = pb::ListSessionsRequest {
        parent: "pcns/U09081".to_owned(),
        page_size: 2,
        page_token: String::new(),
        known_at_date: None,
    };
    let mut found = Vec::new();
    loop {
        let page = client.list_sessions(suite.after(request.clone())).await.unwrap().into_inner();
        request.page_token = page.next_page_token;
        assert!(request.page_token.is_empty() || page.sessions.len() == 2);
        found.extend(page.sessions);
        if request.page_token.is_empty() {
            break;
        }
    }

    let july =
        SESSIONS.lines().filter(|line| line.contains(",2025-07-") && line.ends_with("U09081"));
    assert_eq!(found.len(), july.count());
    assert!(found.iter().all(|session| session.date.unwrap().month == 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_recorded_and_corrected_on_days_inside_the_scope_only() {
    let mut suite = Suite::start().await;
    suite.tell(served_since_july).await;
    let row = |date: &str| format!("{HEADER}s-1,demo-p-007,x,clinical,{date},30,U09081\n");
    suite.import(MANAGER, row("2025-06-30"), None).await;

    // The federation keeps the record of the person, which is not enough.
    let early = suite.import(FEDERATION, row("2025-06-30"), None).await;
    let correction = suite.import(FEDERATION, row("2025-07-01"), None).await;
    let other = row("2025-07-01").replace("s-1", "s-2");
    let inside = suite.import(FEDERATION, other, None).await;

    assert_eq!(
        early.errors[0],
        "2 pcn_code<U09081> is not a PCN whose sessions you may record (or it might not exist)"
    );
    assert_eq!(
        correction.errors,
        ["2 session_id<s-1> is used already on a day outside those you may see; use another"]
    );
    assert_eq!(inside.counts(), [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_tells_nothing_of_a_session_on_a_hidden_day() {
    let mut suite = Suite::start().await;
    suite.tell(served_since_july).await;
    let row = format!("{HEADER}s-1,demo-p-007,x,clinical,2025-06-30,30,U09081\n");
    suite.import(MANAGER, row, None).await;
    let held = suite.sessions(MANAGER, "U09081", None).await.unwrap().remove(0);
    let mut client = SessionServiceClient::new(suite.channel(FEDERATION));

    let mut told = Vec::new();
    for reference in ["s-1", "s-9"] {
        let request = pb::RecordSessionRequest {
            parent: "pcns/U09081".to_owned(),
            reference: reference.to_owned(),
            person: held.person.clone(),
            supervisor_reference: "x".to_owned(),
            kind: "clinical".to_owned(),
            date: Some(wire::date(day("2025-07-01"))),
            session_minutes: 30,
            etag: held.etag.clone(),
            ..Default::default()
        };
        let refused = client.record_session(suite.after(request)).await.unwrap_err();
        told.push((refused.code(), refused.message().replace(reference, "it")));
    }

    assert!(told[0].1.contains("has changed since it was read"), "{told:?}");
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_hangs_on_no_day_outside_the_scope() {
    let mut suite = Suite::start().await;
    suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    suite.tell(served_since_july).await;

    let seen = suite.summary(FEDERATION, "U09081", "2025-07", None).await.unwrap();
    let whole = suite.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();

    let of = |summary: &pb::PcnSupervision, person: &str| -> Vec<String> {
        let person = summary.people.iter().find(|one| one.person_reference == person).unwrap();
        let told = |one: &pb::RequirementStatus| {
            let last = one.last_session_date.map(|date| date.month);
            format!("{} {} {last:?}", one.code, one.status().as_str_name())
        };
        person.requirements.iter().map(told).collect()
    };
    let early = |summary: &pb::PcnSupervision| {
        let mut all = summary.people.iter().flat_map(|one| &one.requirements);
        all.any(|one| one.last_session_date.is_some_and(|date| date.month < 7))
    };
    assert!(early(&whole) && !early(&seen));
    assert_eq!(seen.never_count, 0);
    // Late since a session in April; never, as far as may be seen, which is not claimed.
    let late = "SPLW-CLIN-M SUPERVISION_STATUS_LATE";
    assert!(of(&whole, "demo-p-005").contains(&format!("{late} Some(4)")));
    assert!(of(&seen, "demo-p-005").contains(&format!("{late} None")));
    let july = "CP-CLIN-M SUPERVISION_STATUS_MET Some(7)".to_owned();
    assert!(of(&seen, "demo-p-001").contains(&july));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_oneself_and_the_same_name_in_another_pcn_are_noted() {
    let suite = Suite::start().await;
    let row =
        |pcn: &str| format!("{HEADER}s-1,demo-p-007,demo-p-007,clinical,2025-07-02,30,{pcn}\n");

    let first = suite.import(OPERATOR, row("U09081"), None).await;
    let second = suite.import(OPERATOR, row("U31970"), None).await;

    assert_eq!(first.import.notes, ["supervised by the same person: line 2"]);
    assert_eq!(
        second.import.notes,
        [
            "line 2: session s-1 in U09081 has the same session_id and stays as it is",
            "supervised by the same person: line 2",
        ]
    );
    assert_eq!(suite.sessions(OPERATOR, "U31970", None).await.unwrap().len(), 1);
}

/// The staff file with one row, the person of which has the reference of another.
fn namesake() -> String {
    let mut lines = STAFF.lines();
    let header = lines.next().unwrap();
    let row = lines.find(|line| line.starts_with("demo-e-001,")).unwrap();
    let row = row.replace("demo-e-001", "demo-e-901").replace("demo-p-001", "demo-p-007");
    format!("{header}\n{row}\n")
}
