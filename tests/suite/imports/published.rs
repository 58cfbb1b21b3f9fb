//! The published files of England, where they are beside the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use arrs_proto::report::v1::PcnReport;
use arrs_proto::summary::v1::StreamPcnSummariesRequest;
use arrs_proto::workforce::v1::stream_pcn_summaries_response::Part as SummaryPart;
use arrs_proto::workforce::v1::{
    ListOrganisationsRequest, ListOrganisationsResponse, Organisation, OrganisationKind,
    StreamPcnSummariesResponse,
};
use arrs_tests::cluster::Cluster;
use kit::client::Channel;
use kit::wire::date;
use terms::Date;

use crate::demo_set::{self, OPERATOR, call, collect, report, report_request, take};

/// The published files, where they are at hand.
fn published(name: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let text = std::fs::read_to_string(folder.join(name));
    if text.is_err() {
        eprintln!("NOT RUN: the published file {name} is not beside the repository");
    }
    text.ok()
}

async fn organisations(channel: &Channel, kind: OrganisationKind) -> Vec<Organisation> {
    let path = "/arrs.workforce.v1.OrganisationService/ListOrganisations";
    let mut found = Vec::new();
    let mut request =
        ListOrganisationsRequest { page_size: 1_000, kind: kind.into(), ..Default::default() };
    loop {
        let page: ListOrganisationsResponse =
            call(channel, path, request.clone()).await.unwrap().into_inner();
        found.extend(page.organisations);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return found;
        }
    }
}

/// Registered patients of each PCN in a month, from one stream.
async fn registered(channel: &Channel, names: &[String], month: &str) -> BTreeMap<String, i64> {
    let path = "/arrs.workforce.v1.WorkforceSummaryService/StreamPcnSummaries";
    let request = StreamPcnSummariesRequest {
        names: names.to_vec(),
        month: month.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    };
    let part = |message: StreamPcnSummariesResponse| message.part;
    let parts = collect(channel, path, request, part).await.unwrap();
    let mut sums = BTreeMap::new();
    for part in parts {
        if let SummaryPart::Summary(summary) = part
            && let Some(list) = summary.list_size
        {
            assert_eq!(list.date, Some(date(Date::constant(2026, 7, 1))), "{}", summary.name);
            sums.insert(summary.name, list.registered_count);
        }
    }
    sums
}

/// Rows of a published file, by the name of their columns.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let text = text.trim_start_matches('\u{feff}');
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_files_of_england_load_as_they_stand() {
    let names = [
        "ods_pcn_details_snapshot.csv",
        "ods_pcn_core_partner_snapshot.csv",
        "practice_pcn_map_july2026.csv",
        "pcn_list_size_july2026.csv",
        "pcn_workforce_sample_rows_june2026.csv",
    ];
    let files: Option<Vec<String>> = names.into_iter().map(published).collect();
    let Some([pcns, partners, lists, sums, workforce]) =
        files.and_then(|files| <[String; 5]>::try_from(files).ok())
    else {
        return;
    };
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);
    let october = Some(Date::constant(2024, 10, 31));
    let july = Some(Date::constant(2026, 7, 1));

    let (details, _) = take(&cluster, "ods-pcns", &pcns, october).await;
    let known_pcns = organisations(&channel, OrganisationKind::Pcn).await;
    let (links, _) = take(&cluster, "ods-partners", &partners, october).await;
    let practices = organisations(&channel, OrganisationKind::Practice).await;
    let (sizes, _) = take(&cluster, "practice-lists", &lists, july).await;
    let (returns, _) = take(&cluster, "pcn-workforce", &workforce, july).await;

    assert_eq!((details.row_count, known_pcns.len()), (1_366, 1_366));
    assert_eq!((links.row_count, practices.len()), (7_705, 6_813));
    let related: usize = practices.iter().map(|practice| practice.relations.len()).sum();
    // Nine practices left a PCN on the day they joined it: a practice is part of one PCN a day.
    assert_eq!(related, 7_705 - 9);
    assert_eq!(sizes.row_count, 6_139);
    assert_eq!(returns.row_count, 67);

    let expected: BTreeMap<String, i64> = rows(&sums)
        .iter()
        .filter(|row| row["PCN_CODE"] != "U")
        .map(|row| {
            let patients = row["registered_patients_published"].parse().unwrap();
            (format!("pcns/{}", row["PCN_CODE"]), patients)
        })
        .collect();
    assert_eq!(expected.len(), 1_298);
    let asked: Vec<String> = expected.keys().cloned().collect();
    assert_eq!(registered(&channel, &asked, "2026-07").await, expected);
    let unallocated = demo_set::denied(
        call::<_, PcnReport>(&channel, demo_set::GET_REPORT, {
            let mut request = report_request();
            "pcns/U".clone_into(&mut request.name);
            request
        })
        .await,
    );
    assert!(unallocated.message().contains("pcns/U"));

    published_returns(&channel, &workforce).await;
    for (kind, text, recorded_on) in [
        ("ods-pcns", &pcns, october),
        ("ods-partners", &partners, october),
        ("practice-lists", &lists, july),
        ("pcn-workforce", &workforce, july),
    ] {
        let (again, _) = take(&cluster, kind, text, recorded_on).await;
        assert_eq!((again.added_count, again.corrected_count), (0, 0), "{kind}: {again:?}");
    }
}

/// Asserts that the published rows come out as they went in, PCN by PCN.
async fn published_returns(channel: &Channel, text: &str) {
    let mut expected: BTreeMap<String, (i64, BTreeSet<String>)> = BTreeMap::new();
    for row in rows(text) {
        let fte = micro(&row["FTE"]);
        let (sum, people) = expected.entry(row["PCN_CODE"].clone()).or_default();
        *sum += fte;
        if !row["UNIQUE_IDENTIFIER"].is_empty() {
            people.insert(row["UNIQUE_IDENTIFIER"].clone());
        }
    }
    for (code, (fte, people)) in expected {
        let mut request = report_request();
        request.name = format!("pcns/{code}");
        "2026-06".clone_into(&mut request.month);
        let report = report(channel, request, None).await;
        let workforce = report.workforce.unwrap();
        let published = workforce.national_return.unwrap_or_else(|| panic!("{code} has rows"));
        let sum: i64 = published
            .roles
            .iter()
            .map(|role| role.staff_fte_micro + role.contracted_fte_micro)
            .sum();
        // Each row and each sum is rounded to a millionth once.
        assert!((sum - fte).abs() <= 100, "{code}: {sum} where the file has {fte}");
        let heads: i32 = published.roles.iter().map(|role| role.headcount).sum();
        assert!(usize::try_from(heads).unwrap() >= people.len(), "{code}");
    }
}

/// A decimal number in millionths, cut off.
fn micro(text: &str) -> i64 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = rest.chars().chain("000000".chars()).take(6).collect();
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().unwrap() };
    whole * 1_000_000 + digits.parse::<i64>().unwrap()
}
