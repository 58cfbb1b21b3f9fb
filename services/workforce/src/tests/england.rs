//! All of England, from the published files, where they are at hand beside the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant as Stopwatch;

use kit::cut;
use kit::roster;
use terms::{Date, OrganisationKind, Relation};

use super::*;

const OCTOBER: Date = Date::constant(2024, 10, 1);
const LISTED: Date = Date::constant(2026, 7, 1);
const FILES: [(&str, &str, Date); 3] = [
    ("ods-pcns", "ods_pcn_details_snapshot.csv", OCTOBER),
    ("ods-partners", "ods_pcn_core_partner_snapshot.csv", OCTOBER),
    ("practice-lists", "practice_pcn_map_july2026.csv", LISTED),
];

fn published() -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    directory.is_dir().then_some(directory)
}

async fn england() -> Option<(World, BTreeMap<&'static str, Applied>)> {
    let Some(directory) = published() else {
        println!("not proven: the published files are not beside the repository");
        return None;
    };
    let world = World::new().await;
    let mut applied = BTreeMap::new();
    for (kind, name, day) in FILES {
        let file = std::fs::read(directory.join(name)).unwrap();
        let started = Stopwatch::now();
        let result = world.bring(OPERATOR, kind, file, Some(day)).await.unwrap();
        println!("{kind}: {:?}, {} notes", started.elapsed(), result.notes.len());
        applied.insert(kind, result);
    }
    Some((world, applied))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_files_load_as_they_stand() {
    let Some((world, applied)) = england().await else { return };
    let rows: Vec<u32> = applied.values().map(|applied| applied.rows).collect();
    // ods-partners, ods-pcns, practice-lists.
    assert_eq!(rows, [7_705, 1_366, 6_139]);

    let read = world.database().read().await.unwrap();
    let day = world.database().clock().end_of(OCTOBER);
    let kinds = roster::kinds(&*read, day).await.unwrap();
    let of = |kind| kinds.iter().filter(move |(_, known)| **known == kind);
    assert_eq!(of(OrganisationKind::Pcn).count(), 1_366);
    assert_eq!(of(OrganisationKind::Practice).count(), 6_813);
    let practices = of(OrganisationKind::Practice).map(|(code, _)| code.clone()).collect();
    let versions = crate::store::places::relation_versions(&*read, &practices).await.unwrap();
    let first = world.database().clock().start_of(OCTOBER).0;
    let links = versions.values().flatten().filter(|row| row.known_from == first);
    assert_eq!(links.count(), 7_705);
    drop(read);

    // Nothing changes when they are loaded again.
    let position = world.position().await;
    let directory = published().unwrap();
    for (kind, name, day) in FILES {
        let file = std::fs::read(directory.join(name)).unwrap();
        let again = world.bring(OPERATOR, kind, file, Some(day)).await.unwrap();
        assert_eq!((again.added, again.corrected), (0, 0), "{kind}: {:?}", again.notes);
    }
    assert_eq!(world.position().await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_is_part_of_one_pcn_a_day() {
    let Some((world, applied)) = england().await else { return };
    let read = world.database().read().await.unwrap();
    let kinds = roster::kinds(&*read, cut::NOW).await.unwrap();
    let codes = kinds
        .iter()
        .filter(|(_, kind)| **kind == OrganisationKind::Practice)
        .map(|(code, _)| code.clone())
        .collect();
    let versions = crate::store::places::relation_versions(&*read, &codes).await.unwrap();
    for (practice, rows) in versions {
        let mut days: Vec<_> = rows
            .iter()
            .filter(|row| row.known_until.is_none() && row.relation == Relation::PartOf.as_str())
            .map(|row| (row.valid_from, row.valid_until.unwrap_or(chrono::NaiveDate::MAX)))
            .filter(|(from, until)| from < until)
            .collect();
        days.sort_unstable();
        assert!(days.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{practice}: {days:?}");
    }
    // Two links that begin on one day: the one that lasts stands.
    let relations = roster::relations(&*read, &code("P85004"), cut::NOW).await.unwrap();
    let links: Vec<_> = relations.iter().map(|link| link.related.as_str()).collect();
    assert!(links.contains(&"U17156") && !links.contains(&"U04503"), "{links:?}");
    let overlaps = applied["ods-partners"].notes.iter().filter(|note| note.contains("overlaps"));
    assert_eq!(overlaps.count(), 11);
    let moved =
        applied["practice-lists"].notes.iter().filter(|note| note.contains("seen: the real"));
    println!("{} links ended by the snapshot", moved.count());
    // Seven practices are part of no PCN any more.
    let none =
        applied["practice-lists"].notes.iter().filter(|note| note.contains("part of no other"));
    assert_eq!(none.count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sums_of_pcns_are_the_published_ones() {
    let Some((world, _)) = england().await else { return };
    let text = std::fs::read_to_string(published().unwrap().join("pcn_list_size_july2026.csv"));
    let text = text.unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut equal = 0;
    let mut differ = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        if &record[0] == "U" {
            continue;
        }
        let found = world.summary(OPERATOR, &record[0], "2026-07", None).await.unwrap();
        let registered = found.list_size.map(|list| list.registered.to_string());
        if registered.as_deref() == Some(&record[7]) {
            equal += 1;
        } else {
            differ.push((record[0].to_owned(), registered, record[7].to_owned()));
        }
    }
    assert_eq!((equal, differ), (1_298, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_of_the_published_return_loads() {
    let Some((world, _)) = england().await else { return };
    let path = published().unwrap().join("pcn_workforce_sample_rows_june2026.csv");
    let file = std::fs::read(path).unwrap();

    let applied = world.bring(OPERATOR, "pcn-workforce", &file, None).await.unwrap();

    assert_eq!((applied.rows, applied.added), (67, 67));
    let again = world.bring(OPERATOR, "pcn-workforce", &file, None).await.unwrap();
    assert_eq!((again.added, again.corrected, again.unchanged), (0, 0, 67));
    let summary = world.summary(OPERATOR, "U96599", "2026-06", None).await.unwrap();
    assert!(!summary.national_return.unwrap().roles.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_may_come_in_any_order() {
    let Some(directory) = published() else { return };
    let world = World::new().await;
    // The list of July is known since July, the links of 2024 only since today.
    for (kind, name, day) in [
        ("practice-lists", FILES[2].1, Some(LISTED)),
        ("ods-pcns", FILES[0].1, None),
        ("ods-partners", FILES[1].1, None),
    ] {
        let file = std::fs::read(directory.join(name)).unwrap();
        world.bring(OPERATOR, kind, file, day).await.unwrap();
    }
    let file = std::fs::read(directory.join(FILES[2].1)).unwrap();
    let again = world.bring(OPERATOR, "practice-lists", file, Some(LISTED)).await.unwrap();
    assert_eq!((again.added, again.corrected), (0, 0), "{:?}", again.notes);

    let read = world.database().read().await.unwrap();
    let links = roster::relations(&*read, &code("A81001"), cut::NOW).await.unwrap();
    let days: Vec<_> = links.iter().map(|link| (link.period.from(), link.period.until())).collect();
    assert_eq!(days, [(Date::constant(2019, 10, 1), Some(LISTED)), (LISTED, None)]);
    let before = world.database().clock().end_of(LISTED);
    let links = roster::relations(&*read, &code("A81001"), before).await.unwrap();
    assert_eq!(links.len(), 1);
}
