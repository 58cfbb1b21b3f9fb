//! Files: whole or not at all, once, undamaged, and every fault by its place.

mod published;

use std::collections::BTreeSet;
use std::io::Read;

use arrs_proto::admin::v1::create_import_request::Part;
use arrs_proto::admin::v1::{
    CreateImportRequest, GetImportRequest, Import, ImportError, ImportHeader, ImportState,
};
use arrs_proto::report::v1::PcnReport;
use arrs_proto::workforce::v1::{ListEngagementsRequest, ListEngagementsResponse};
use arrs_tests::cluster::{Cluster, header, service_of, upload};
use arrs_tests::england::broken::{self, Broken, Expected, GROUND};
use kit::Clock;
use kit::error::ErrorReason;
use kit::imports::Digest;
use kit::wire::date;
use terms::{Date, Pence};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::demo_set::{
    self, FILES, OPERATOR, PAY, PCN, RECORDED_ON, SESSIONS, bring_in, call, errors_of, invalid,
    metadata, positions, refused, report, report_request, take,
};

/// The services with imports, and how each is sent a file.
const CREATE: [&str; 3] = [
    "/arrs.workforce.v1.ImportService/CreateImport",
    "/arrs.finance.v1.ImportService/CreateImport",
    "/arrs.supervision.v1.ImportService/CreateImport",
];
/// Bytes sent at a time.
const CHUNK: usize = 64 * 1024;
/// One row of a kind, right by itself, in the files of the demonstration.
const STAFF_HEADER: &str = "engagement_id,person_id,family_name,given_name,role,stage,band,\
    employer_code,model,pcn_code,weekly_hours,full_time_hours,start,end,registration_body,\
    registration_number,registration_expiry,leaving_reason\n";
const NEWCOMER: &str = "demo-e-900,demo-p-900,Demo-Newcomer,Nine-Hundred,CC,,4,DEMOCOM01,\
    PCN_DIRECT,U09081,15,,2025-07-01,,,,,\n";

fn newcomer() -> String {
    format!("{STAFF_HEADER}{NEWCOMER}")
}

/// What is not as it must be with a refused file; empty if all is.
fn judge(expected: &Expected, import: &Import, errors: &[ImportError]) -> String {
    let (lines, column, value) = match expected {
        Expected::Taken if import.state() == ImportState::Done => return String::new(),
        Expected::Taken => return format!("must be taken: {errors:?}"),
        Expected::Refused { lines, column, value } => (lines, column, value),
    };
    if import.state() != ImportState::Refused {
        return format!("must be refused, was {:?}", import.state());
    }
    if usize::try_from(import.error_count).unwrap() != errors.len() {
        return format!("{} errors are counted, {errors:?} listed", import.error_count);
    }
    let line = |error: &ImportError| u64::try_from(error.line).unwrap();
    let named: BTreeSet<u64> =
        errors.iter().filter(|error| error.column == *column).map(line).collect();
    let stray = errors.iter().any(|error| !lines.contains(&line(error)));
    let amount = |text: &str| text.parse::<Pence>().ok();
    // Amounts may be shown as they were read.
    let same =
        |shown: &str| shown == *value || amount(value).is_some_and(|it| Some(it) == amount(shown));
    let shown = errors.iter().any(|error| error.column == *column && same(&error.value));
    let silent = errors.iter().any(|error| error.reason.is_empty());
    if stray || silent || !shown || named != lines.iter().copied().collect() {
        return format!("must name lines {lines:?}, column {column:?}, {value:?}: {errors:?}");
    }
    String::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_one_fault_is_refused_at_its_place_and_changes_nothing() {
    let cluster = Cluster::one().await;
    for (kind, text) in GROUND {
        take(&cluster, kind, text, None).await;
    }
    let channel = cluster.channel(&[OPERATOR]);
    let files = broken::files();
    assert!(files.len() > 60, "{} files", files.len());

    let mut wrong = Vec::new();
    for Broken { name, kind, content, expected } in files {
        let before = positions(&channel).await;
        let answer = upload(&channel, header(kind, &content, None), &content).await;
        let import = match answer {
            Ok(import) => import.into_inner(),
            Err(status) => {
                wrong.push(format!("{name}: {status:?}"));
                continue;
            }
        };
        let errors = errors_of(&channel, service_of(kind), &import.name).await;
        let mut verdict = judge(&expected, &import, &errors);
        let refused = matches!(expected, Expected::Refused { .. });
        if refused && positions(&channel).await != before {
            verdict.push_str(" and something was written");
        }
        let path = format!("/arrs.{}.v1.ImportService/GetImport", service_of(kind));
        let request = GetImportRequest { name: import.name.clone() };
        let kept: Import = call(&channel, &path, request).await.unwrap().into_inner();
        if kept != import {
            verdict.push_str(" and it is kept otherwise than answered");
        }
        if !verdict.is_empty() {
            wrong.push(format!("{name} ({kind}): {verdict}"));
        }
    }

    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_twice_changes_nothing_and_says_so() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let before = positions(&channel).await;
    let shown = report(&channel, report_request(), None).await;

    for (kind, text) in FILES {
        for recorded_on in [Some(RECORDED_ON), None] {
            let (import, position) = take(&cluster, kind, text, recorded_on).await;

            assert_eq!((import.added_count, import.corrected_count), (0, 0), "{kind}");
            assert!(import.unchanged_count > 0, "{kind}");
            let rows = text.lines().filter(|line| !line.trim().is_empty()).count() - 1;
            assert_eq!(usize::try_from(import.row_count).unwrap(), rows, "{kind}");
            assert_eq!(position, None, "{kind}");
        }
    }

    assert_eq!(positions(&channel).await, before);
    assert_eq!(report(&channel, report_request(), None).await, shown);
}

/// What the engagement cost in the report.
fn cost(report: &PcnReport, reference: &str) -> i64 {
    let lines = &report.money.as_ref().unwrap().lines;
    lines.iter().find(|line| line.reference == reference).unwrap().actual_cost_pence
}

/// FTE of everybody at the end of the month, in millionths.
fn fte(report: &PcnReport) -> i64 {
    let total = report.workforce.as_ref().unwrap().total.as_ref().unwrap();
    total.staff_fte_month_end_micro + total.contracted_fte_month_end_micro
}

/// How many sessions of demo-p-001 count towards the monthly requirement.
fn met(report: &PcnReport) -> i32 {
    let people = &report.supervision.as_ref().unwrap().people;
    let person = people.iter().find(|person| person.person_reference == "demo-p-001").unwrap();
    let monthly = person.requirements.iter().find(|one| one.code == "CP-CLIN-M").unwrap();
    monthly.session_count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_noted_and_what_was_known_before_still_says_the_old() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let header = |text: &str| text.lines().next().unwrap().to_owned();
    let changed = |text: &str, start: &str, old: &str, new: &str| {
        let row = text.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(row.contains(old), "{row}");
        format!("{}\n{}\n", header(text), row.replacen(old, new, 1))
    };
    let yesterday = Clock::system().today().yesterday().unwrap();
    let mut as_known = report_request();
    as_known.known_at_date = Some(date(yesterday));
    let old = report(&channel, as_known.clone(), None).await;

    let mut noted = Vec::new();
    for (kind, text) in [
        ("pay", changed(PAY, "demo-e-001,2025-07", "4479.58", "4500.00")),
        ("staff", changed(demo_set::STAFF, "demo-e-001", ",37.5,", ",30,")),
        ("sessions", changed(SESSIONS, "demo-ss-037", "2025-07-10", "2025-06-10")),
    ] {
        let (import, position) = take(&cluster, kind, &text, None).await;
        assert_eq!((import.added_count, import.corrected_count), (0, 1), "{kind}: {import:?}");
        assert!(position.is_some(), "{kind}");
        noted.push(import.notes.join("\n"));
    }
    let now = report(&channel, report_request(), None).await;
    let again = report(&channel, as_known, None).await;

    for (note, telling) in noted.iter().zip([
        "4479.58 -> 4500.00",
        "band 8a -> to open, 1800 minutes a week",
        "2025-07-10 -> 2025-06-10",
    ]) {
        assert!(note.contains(telling), "{telling:?} is not in {note:?}");
    }
    assert_eq!([cost(&old, "demo-e-001"), cost(&now, "demo-e-001")], [573_318, 575_360]);
    assert_eq!([fte(&old), fte(&now)], [12_200_000, 12_000_000]);
    assert_eq!([met(&old), met(&now)], [1, 0]);
    assert_eq!(
        [cost(&again, "demo-e-001"), fte(&again), met(&again).into()],
        [573_318, 12_200_000, 1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_first_answer_and_another_file_is_refused() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let text = newcomer();
    let first_header = header("staff", text.as_bytes(), None);

    let first = upload(&channel, first_header.clone(), text.as_bytes()).await.unwrap();
    let before = positions(&channel).await;
    let repeated = upload(&channel, first_header.clone(), text.as_bytes()).await.unwrap();

    let first = first.into_inner();
    assert_eq!((first.state(), first.added_count > 0), (ImportState::Done, true), "{first:?}");
    assert_eq!(repeated.into_inner(), first);
    let other = text.replace(",15,", ",20,");
    let mut header = header("staff", other.as_bytes(), None);
    header.request_id.clone_from(&first_header.request_id);
    let another_file = upload(&channel, header, other.as_bytes()).await;
    refused(another_file, Code::InvalidArgument, ErrorReason::RequestIdReused);
    for change in [
        |header: &mut ImportHeader| header.validate_only = true,
        |header: &mut ImportHeader| header.owner = "organisations/U31970".to_owned(),
        |header: &mut ImportHeader| header.recorded_on_date = Some(date(RECORDED_ON)),
    ] {
        let mut header = first_header.clone();
        change(&mut header);
        let answer = upload(&channel, header, text.as_bytes()).await;
        refused(answer, Code::InvalidArgument, ErrorReason::RequestIdReused);
    }
    assert_eq!(positions(&channel).await, before);

    // The name of a request is its caller's: another one's is another request.
    let manager = cluster.issuer(Clock::system());
    let grants = ["pcn-manager@pcn:U09081".parse().unwrap()];
    let manager = cluster.channel_to("gateway", &manager.token("another", &grants, 5));
    let theirs = upload(&manager, first_header, text.as_bytes()).await.unwrap().into_inner();
    assert_ne!(theirs.name, first.name);
    assert_eq!((theirs.state(), theirs.added_count), (ImportState::Done, 0), "{theirs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_upload_is_refused_and_nothing_of_it_is_kept() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let before = positions(&channel).await;
    let staff = newcomer();
    let files = [
        ("staff", staff.as_str()),
        (
            "pay",
            "engagement_id,month,salary,employer_ni,employer_pension\n\
                 demo-e-003,2025-07,1.00,0.00,0.00\n",
        ),
        (
            "sessions",
            "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n\
                      demo-ss-900,demo-p-001,demo-s-01,clinical,2025-07-01,30,U09081\n",
        ),
    ];

    for ((kind, text), path) in files.into_iter().zip(CREATE) {
        assert!(path.starts_with(&format!("/arrs.{}.", service_of(kind))));
        let right = header(kind, text.as_bytes(), None);
        let size = right.size_bytes;
        let mut damaged = vec![
            ImportHeader { sha256: "0".repeat(64), ..right.clone() },
            ImportHeader { size_bytes: size - 1, ..right.clone() },
            ImportHeader { size_bytes: size + 1, ..right.clone() },
            ImportHeader { size_bytes: 0, ..right.clone() },
        ];
        for header in damaged.drain(..) {
            let answer = upload(&channel, header, text.as_bytes()).await;
            let status = refused(answer, Code::InvalidArgument, ErrorReason::UploadDamaged);
            assert!(metadata(&status, "expected").is_some(), "{status:?}");
            assert_ne!(metadata(&status, "expected"), metadata(&status, "actual"));
        }
        let mut flipped = text.as_bytes().to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        let answer = upload(&channel, right.clone(), &flipped).await;
        refused(answer, Code::InvalidArgument, ErrorReason::UploadDamaged);
        let answer = upload(&channel, right.clone(), b"").await;
        refused(answer, Code::InvalidArgument, ErrorReason::UploadDamaged);
        assert_eq!(positions(&channel).await, before, "{kind}");

        // Only the header is the first message, and the header comes once.
        let part = |part| CreateImportRequest { part: Some(part) };
        let chunk = || part(Part::Chunk(text.as_bytes().to_vec()));
        let headless: Result<Response<Import>, Status> =
            channel.client_streaming(path, futures::stream::iter([chunk()])).await;
        invalid(headless, &["header"]);
        let twice = [part(Part::Header(right.clone())), part(Part::Header(right.clone()))];
        let twice: Result<Response<Import>, Status> =
            channel.client_streaming(path, futures::stream::iter(twice)).await;
        invalid(twice, &["chunk"]);
        let nothing: Result<Response<Import>, Status> =
            channel.client_streaming(path, futures::stream::empty::<CreateImportRequest>()).await;
        invalid(nothing, &["header"]);
    }
    assert_eq!(positions(&channel).await, before);
    for (kind, text) in files {
        // None of the damaged ones used the request up.
        let header = header(kind, text.as_bytes(), None);
        let broken = ImportHeader { sha256: "0".repeat(64), ..header.clone() };
        let answer = upload(&channel, broken, text.as_bytes()).await;
        refused(answer, Code::InvalidArgument, ErrorReason::UploadDamaged);
        let import = upload(&channel, header, text.as_bytes()).await.unwrap().into_inner();
        assert_eq!(import.state(), ImportState::Done, "{kind}");
        assert!(import.added_count > 0, "{kind}: {import:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_header_is_named_at_once() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);
    let tomorrow = Clock::system().today().tomorrow().unwrap();
    let right = header("staff", b"", None);
    let wrong = ImportHeader {
        kind: "stuff".to_owned(),
        owner: "U09081".to_owned(),
        file_name: "x".repeat(256),
        size_bytes: -1,
        sha256: "0".repeat(63),
        recorded_on_date: Some(date(tomorrow)),
        validate_only: false,
        request_id: "1".to_owned(),
    };
    let all = [
        "header.kind",
        "header.owner",
        "header.file_name",
        "header.size_bytes",
        "header.sha256",
        "header.recorded_on_date",
        "header.request_id",
    ];

    invalid(upload(&channel, wrong, b"").await, &all);

    let future = ImportHeader { recorded_on_date: Some(date(tomorrow)), ..right.clone() };
    invalid(upload(&channel, future, b"").await, &["header.recorded_on_date"]);
    // A kind that another service owns.
    let elsewhere = CreateImportRequest { part: Some(Part::Header(header("staff", b"", None))) };
    for path in &CREATE[1..] {
        let messages = futures::stream::iter([elsewhere.clone()]);
        let answer: Result<Response<Import>, Status> =
            channel.client_streaming(path, messages).await;
        invalid(answer, &["header.kind"]);
    }
    let large = ImportHeader { size_bytes: 256 * 1024 * 1024 + 1, ..right.clone() };
    invalid(upload(&channel, large, b"").await, &["header.size_bytes"]);
    let capitals = ImportHeader { sha256: right.sha256.to_uppercase(), ..right };
    invalid(upload(&channel, capitals, b"").await, &["header.sha256"]);
    assert_eq!(positions(&channel).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn back_loading_is_recorded_as_of_its_day_and_needs_the_right_to_import() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let text = newcomer();
    let before = positions(&channel).await;

    for grant in ["auditor@england", "pcn-viewer@pcn:U09081", "icb-finance@icb:QT6"] {
        let caller = cluster.channel(&[grant]);
        let header = header("staff", text.as_bytes(), Some(RECORDED_ON));
        let status = demo_set::denied(upload(&caller, header, text.as_bytes()).await);
        let permission = metadata(&status, "permission");
        assert_eq!(permission.as_deref(), Some("workforce.imports.create"), "{grant}");
    }
    assert_eq!(positions(&channel).await, before);

    let recorded_on = Date::constant(2025, 9, 1);
    let (import, _) = take(&cluster, "staff", &text, Some(recorded_on)).await;
    assert_eq!(import.recorded_on_date, Some(date(recorded_on)));
    let mut request = report_request();
    for (day, expected) in [
        (Date::constant(2025, 8, 31), 12_200_000),
        (recorded_on, 12_600_000),
        (Date::constant(2025, 12, 31), 12_600_000),
    ] {
        request.known_at_date = Some(date(day));
        assert_eq!(fte(&report(&channel, request.clone(), None).await), expected, "{day}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_only_checked_tells_all_and_writes_nothing() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let before = positions(&channel).await;
    let text = newcomer();
    let check = |text: &str| {
        let header = header("staff", text.as_bytes(), None);
        ImportHeader { validate_only: true, ..header }
    };

    let checked = upload(&channel, check(&text), text.as_bytes()).await.unwrap().into_inner();
    let wrong = text.replace("U09081", "U99999");
    let faulty = upload(&channel, check(&wrong), wrong.as_bytes()).await.unwrap().into_inner();

    assert_eq!((checked.state(), checked.validate_only), (ImportState::Done, true));
    assert!(checked.added_count > 0, "{checked:?}");
    assert_eq!(faulty.state(), ImportState::Refused);
    let errors = errors_of(&channel, "workforce", &faulty.name).await;
    assert!(errors.iter().any(|error| error.column == "pcn_code"), "{errors:?}");
    assert_eq!(positions(&channel).await, before);
    let path = "/arrs.workforce.v1.EngagementService/ListEngagements";
    let request = ListEngagementsRequest { parent: PCN.to_owned(), ..Default::default() };
    let listed: ListEngagementsResponse = call(&channel, path, request).await.unwrap().into_inner();
    assert!(listed.engagements.iter().all(|engagement| engagement.reference != "demo-e-900"));

    let (real, _) = take(&cluster, "staff", &text, None).await;
    assert_eq!(
        (real.row_count, real.added_count, real.corrected_count),
        (checked.row_count, checked.added_count, checked.corrected_count)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_errors_a_thousand_are_listed_and_all_are_counted() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);
    let mut text = "code,date,registered,weighted\n".to_owned();
    for _ in 0..1_200 {
        text.push_str("L82006,2025-01-01,few,\n");
    }

    let answer = upload(&channel, header("lists", text.as_bytes(), None), text.as_bytes()).await;
    let import = answer.unwrap().into_inner();

    assert_eq!(import.state(), ImportState::Refused);
    assert!(import.error_count >= 1_200, "{import:?}");
    let errors = errors_of(&channel, "workforce", &import.name).await;
    assert_eq!(errors.len(), 1_000);
    assert_eq!((errors[0].line, errors[0].column.as_str()), (2, "registered"));
    assert!(errors.is_sorted_by_key(|error| error.line));
}

/// Memory of a process at its highest, in KiB.
fn highest_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_without_an_end_is_refused_without_the_memory_for_it() {
    let cluster = Cluster::one().await;
    for (kind, text) in GROUND {
        take(&cluster, kind, text, None).await;
    }
    let channel = cluster.channel(&[OPERATOR]);
    let before = positions(&channel).await;
    // Close to the largest file, so that holding it twice cannot pass for holding none of it.
    let bytes = 250 * 1024 * 1024;
    let mut digest = Digest::new();
    let mut size = 0;
    let mut piece = vec![0; CHUNK];
    let mut source = broken::endless_field(bytes);
    loop {
        let read = source.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        digest.update(&piece[..read]);
        size += i64::try_from(read).unwrap();
    }
    let mut header = header("staff", b"", None);
    (header.size_bytes, header.sha256) = (size, digest.finish());
    let part = |part| CreateImportRequest { part: Some(part) };
    let mut source = broken::endless_field(bytes);
    let pieces = std::iter::from_fn(move || {
        let mut piece = vec![0; CHUNK];
        let read = source.read(&mut piece).unwrap();
        piece.truncate(read);
        (read > 0).then(|| part(Part::Chunk(piece)))
    });
    let messages = std::iter::once(part(Part::Header(header.clone()))).chain(pieces);

    let answer = channel.client_streaming(CREATE[0], futures::stream::iter(messages)).await;
    let import: Import = answer.unwrap().into_inner();

    assert_eq!(import.state(), ImportState::Refused);
    let errors = errors_of(&channel, "workforce", &import.name).await;
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2], "{errors:?}");
    assert!(errors[0].value.chars().count() <= 80);
    let highest = highest_kib(cluster.process_id("all"));
    assert!(highest < 300 * 1024, "{highest} KiB at the highest");

    // Two gigabytes are refused before the first of them is sent.
    let (size_bytes, request_id) = (2 << 30, Uuid::new_v4().to_string());
    let huge = ImportHeader { size_bytes, request_id, ..header };
    invalid(upload(&channel, huge, b"").await, &["header.size_bytes"]);
    assert_eq!(positions(&channel).await, before);
}
