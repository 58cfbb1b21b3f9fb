//! The publication of PCN workforce: 16 columns, one row a person, PCN and role.

use super::people::{People, month};
use super::places::Places;
use super::roles::OTHERS;
use super::table::Table;
use super::{Counts, Size};
use crate::source::Source;

const HEADER: [&str; 16] = [
    "Data_source",
    "CENSUS_YEAR",
    "CENSUS_MONTH",
    "PCN_CODE",
    "PCN_NAME",
    "SUB_ICB_CODE",
    "SUB_ICB_NAME",
    "ICB_CODE",
    "ICB_NAME",
    "COMM_REGION_CODE",
    "COMM_REGION_NAME",
    "STAFF_GROUP",
    "STAFF_ROLE",
    "DETAILED_STAFF_ROLE",
    "FTE",
    "UNIQUE_IDENTIFIER",
];

const STAFF: &str = "NWRS Staff";
const CONTRACTED: &str = "NWRS contracted services";

/// A row before its places are written down.
struct Row {
    pcn: usize,
    leaf: super::roles::Leaf,
    hours: i64,
    person: Option<usize>,
}

/// Makes the publication of the last month of the size.
pub(super) fn make(
    source: &mut Source,
    size: Size,
    places: &Places,
    people: &People,
    counts: &mut Counts,
) -> String {
    let day = month(size.months - 1).1;
    let [year, census_month] = [day.year().to_string(), day.month().to_string()];
    let mut table = Table::published(&HEADER);
    for (line, row) in rows(source, size, places, people, counts).iter().enumerate() {
        let pcn = &places.pcns[row.pcn];
        let [sub_icb, sub_icb_name, icb, icb_name, region, region_name] =
            places.published(row.pcn, line);
        let (group, role, leaf) = row.leaf;
        counts.publication_rows += 1;
        table.row(&[
            if row.person.is_some() { STAFF } else { CONTRACTED },
            &year,
            &census_month,
            &pcn.code,
            &pcn.name_published,
            sub_icb,
            sub_icb_name,
            icb,
            icb_name,
            region,
            region_name,
            group,
            role,
            leaf,
            &fte(row.hours),
            &row.person.map(identifier).unwrap_or_default(),
        ]);
    }
    table.finish()
}

fn rows(
    source: &mut Source,
    size: Size,
    places: &Places,
    people: &People,
    counts: &mut Counts,
) -> Vec<Row> {
    let day = month(size.months - 1).1;
    let mut rows = Vec::new();
    for engagement in &people.0 {
        let leaf = source.weighted(engagement.role.leaves);
        let person = engagement.person.map(|person| person.number);
        for assignment in engagement.rows.iter().filter(|row| row.covers(day)) {
            if places.pcns[assignment.pcn].silent {
                continue;
            }
            let (pcn, hours) = (assignment.pcn, assignment.hours);
            rows.push(Row { pcn, leaf, hours, person });
            // 61 of 33,575 rows repeat person, PCN and role with other hours.
            if person.is_some() && source.chance(18) {
                counts.publication_repeats += 1;
                rows.push(Row { pcn, leaf, hours: 3_75, person });
            }
        }
    }

    let mut next = counts.people;
    for (pcn, place) in places.pcns.iter().enumerate() {
        if place.silent {
            continue;
        }
        for (tenths, hundredths, leaf) in OTHERS {
            let count = tenths / 10 + usize::from(source.below(10) < tenths % 10);
            for _ in 0..count {
                next += 1;
                // Directors are never bought in; of the others a tenth is.
                let bought = leaf.0 != "Directors" && source.chance(1_000);
                let hours = i64::try_from(*hundredths).expect("below one FTE") * 37_50 / 100;
                rows.push(Row { pcn, leaf: *leaf, hours, person: (!bought).then_some(next) });
            }
        }
    }
    rows
}

/// Hours by 37.5 with up to nine decimals, as printed.
fn fte(hours: i64) -> String {
    let billionths = (hours * 1_000_000_000 + 37_50 / 2) / 37_50;
    let text = format!("{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The publisher's number, which is given anew with each release.
fn identifier(person: usize) -> String {
    (person * 3 + 2_000).to_string()
}
