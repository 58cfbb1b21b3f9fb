use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::*;

/// Rows of a file by column.
fn read(text: &str) -> Vec<HashMap<String, String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.expect("as many cells as the header")).collect()
}

#[track_caller]
fn near(part: usize, of: usize, expected_per_thousand: usize, tolerance: usize) {
    let found = part * 1_000 / of;
    assert!(
        found.abs_diff(expected_per_thousand) <= tolerance,
        "{part} of {of} is {found} per thousand, not {expected_per_thousand} +- {tolerance}"
    );
}

/// FNV-1a, so that a change of the files shows as a change of this test.
fn digest(england: &England) -> u64 {
    let bytes = england.files().into_iter().flat_map(|(_, content)| content.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let small = england(7, Size::small());

    assert_eq!(small, england(7, Size::small()));
    assert_ne!(small.staff, england(8, Size::small()).staff);
    assert_eq!(digest(&small), DIGEST, "the files changed: benchmarks before and after differ");
}

/// Of `england(7, Size::small())`.
const DIGEST: u64 = 7_193_277_802_482_048_418;

#[test]
fn more_months_leave_the_places_as_they_are() {
    let short = england(7, Size { months: 1, ..Size::small() });
    let long = england(7, Size { months: 12, ..Size::small() });

    assert_eq!(short.organisations, long.organisations);
    assert_eq!(short.lists, long.lists);
}

#[test]
fn england_has_the_proportions_of_the_publication() {
    let size = Size { months: 1, ..Size::england() };
    let england = england(42, size);
    let counts = england.counts;

    assert_eq!(counts.pcns, 1_270);
    assert_eq!(counts.pcns_silent, 27);
    assert_eq!(counts.engagements, 40_000);
    near(counts.contracted, counts.engagements, 160, 15);
    near(counts.people_shared, counts.people, 20, 4);
    near(counts.people_above_full_time, counts.people, 33, 8);
    near(counts.practices_moved, counts.practices, 110, 20);
    assert!((5_500..6_800).contains(&counts.practices), "{}", counts.practices);
    assert!((30..130).contains(&counts.publication_repeats), "{}", counts.publication_repeats);

    let organisations = read(&england.organisations);
    let codes = |kind: &str| {
        let rows = organisations.iter().filter(|row| row["kind"] == kind);
        rows.map(|row| row["code"].clone()).collect::<HashSet<_>>().len()
    };
    assert_eq!((codes("region"), codes("icb"), codes("sub-icb")), (7, 36, 106));
    assert_eq!(codes("pcn"), 1_270 + 80);

    let staff = read(&england.staff);
    let rows_of = |role: &str| staff.iter().filter(|row| row["role"] == role).count();
    near(rows_of("CP"), staff.len(), 211, 12);
    near(rows_of("CC"), staff.len(), 186, 12);
    near(rows_of("GP"), staff.len(), 41, 6);
    assert!(0 < rows_of("NA"), "nursing associates are no empty cells");

    let mut lists: Vec<usize> = list_sizes(&organisations, &england.lists);
    lists.sort_unstable();
    let median = lists[lists.len() / 2];
    assert!((43_000..47_500).contains(&median), "{median}");
    near(lists.iter().filter(|list| 100_000 <= **list).count(), lists.len(), 24, 12);
}

fn list_sizes(organisations: &[HashMap<String, String>], lists: &str) -> Vec<usize> {
    let now =
        organisations.iter().filter(|row| row["kind"] == "practice" && row["valid_to"].is_empty());
    let pcn_of: HashMap<&str, &str> =
        now.map(|row| (&*row["code"], &*row["related_code"])).collect();
    let mut sums: HashMap<&str, usize> = HashMap::new();
    for row in read(lists) {
        let registered: usize = row["registered"].parse().expect("whole patients");
        *sums.entry(pcn_of[&*row["code"]]).or_default() += registered;
    }
    sums.into_values().collect()
}

#[test]
fn keys_are_unique_and_references_resolve() {
    let england = england(3, Size::small());
    let organisations = read(&england.organisations);
    let staff = read(&england.staff);
    let codes: HashSet<&str> = organisations.iter().map(|row| &*row["code"]).collect();
    let people: HashSet<&str> = staff.iter().map(|row| &*row["person_id"]).collect();
    let engagements: HashSet<&str> = staff.iter().map(|row| &*row["engagement_id"]).collect();

    unique(&organisations, &["code", "relation", "related_code", "valid_from"]);
    unique(&read(&england.lists), &["code", "date"]);
    unique(&staff, &["engagement_id", "pcn_code", "start"]);
    unique(&read(&england.pay), &["engagement_id", "month", "paid_on"]);
    unique(&read(&england.sessions), &["session_id"]);
    for row in &organisations {
        assert!(row["related_code"].is_empty() || codes.contains(&*row["related_code"]), "{row:?}");
    }
    for row in &staff {
        assert!(codes.contains(&*row["pcn_code"]) && codes.contains(&*row["employer_code"]));
        assert!(row["end"].is_empty() || row["start"] <= row["end"], "{row:?}");
    }
    for row in read(&england.pay) {
        assert!(engagements.contains(&*row["engagement_id"]), "{row:?}");
    }
    for row in read(&england.sessions) {
        assert!(people.contains(&*row["person_id"]), "{row:?}");
    }
}

#[track_caller]
fn unique(rows: &[HashMap<String, String>], key: &[&str]) {
    let keys: HashSet<Vec<&str>> =
        rows.iter().map(|row| key.iter().map(|column| &*row[*column]).collect()).collect();
    assert_eq!(keys.len(), rows.len(), "{key:?}");
}

#[test]
fn columns_of_one_engagement_and_of_one_person_agree() {
    const ENGAGEMENT: &[&str] =
        &["person_id", "role", "employer_code", "model", "full_time_hours", "leaving_reason"];
    const PERSON: &[&str] = &["family_name", "given_name", "registration_number"];
    let staff = read(&england(3, Size::small()).staff);

    for (key, columns) in [("engagement_id", ENGAGEMENT), ("person_id", PERSON)] {
        let mut seen: HashMap<&str, Vec<&str>> = HashMap::new();
        for row in staff.iter().filter(|row| !row[key].is_empty()) {
            let cells: Vec<&str> = columns.iter().map(|column| &*row[*column]).collect();
            assert_eq!(*seen.entry(&row[key]).or_insert_with(|| cells.clone()), cells, "{row:?}");
        }
    }
}

#[test]
fn the_publication_has_its_traps() {
    let england = england(3, Size { pcns: 120, engagements: 3_800, months: 4 });
    let rows = read(&england.pcn_workforce);

    assert!(england.pcn_workforce.starts_with("\u{feff}Data_source,CENSUS_YEAR,"));
    assert!(england.pcn_workforce.ends_with("\r\n"));
    for row in &rows {
        let contracted = row["Data_source"] == "NWRS contracted services";
        assert_eq!(contracted, row["UNIQUE_IDENTIFIER"].is_empty(), "{row:?}");
        assert_eq!((&*row["CENSUS_YEAR"], &*row["CENSUS_MONTH"]), ("2025", "7"));
    }
    let pcns: HashSet<&str> = rows.iter().map(|row| &*row["PCN_CODE"]).collect();
    assert_eq!(pcns.len(), england.counts.pcns - england.counts.pcns_silent);

    let names = read(&england.organisations);
    let names: HashMap<&str, &str> =
        names.iter().map(|row| (&*row["code"], &*row["name"])).collect();
    assert!(rows.iter().any(|row| names[&*row["PCN_CODE"]] != row["PCN_NAME"]));

    let mut icbs: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in &rows {
        icbs.entry(&row["PCN_CODE"]).or_default().insert(&row["ICB_CODE"]);
    }
    assert_eq!(icbs.values().filter(|icbs| icbs.len() == 2).count(), 1);
}

#[test]
fn files_can_be_written_to_a_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let england = england(1, Size { pcns: 2, engagements: 30, months: 1 });

    let written = england.write_to(directory.path()).expect("written");

    assert_eq!(written.len(), 6);
    assert_eq!(fs::read_to_string(&written[2].1).expect("readable"), england.staff);
}

#[test]
fn broken_files_have_names_of_their_own() {
    let files = broken::files();
    let names: HashSet<&str> = files.iter().map(|file| file.name).collect();

    assert_eq!(names.len(), files.len());
    for file in &files {
        let broken::Expected::Refused { lines, value, .. } = file.expected else {
            continue;
        };
        assert!(!lines.is_empty(), "{}", file.name);
        let text = String::from_utf8_lossy(&file.content);
        assert!(text.contains(value), "{}", file.name);
    }
}

#[test]
fn an_endless_field_is_as_long_as_asked() {
    let mut start = Vec::new();
    let mut reader = broken::endless_field(1_000);

    reader.read_to_end(&mut start).expect("readable");

    assert!(start.ends_with(b"xxx") && start.starts_with(b"engagement_id,"));
}
