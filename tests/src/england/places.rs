//! Regions, ICBs, sub-ICBs, PCNs, practices and who employs.

use super::table::Table;
use super::{Counts, Size};
use crate::source::Source;

/// The day the first networks began.
const FIRST_DAY: &str = "2019-10-01";
/// Most changes of networks are of a 31 March and a 1 April.
const LAST_DAY_BEFORE: &str = "2024-03-31";
const DAY_OF_CHANGES: &str = "2024-04-01";

/// The seven regions.
const REGIONS: [(&str, &str); 7] = [
    ("Y58", "South West"),
    ("Y56", "London"),
    ("Y59", "South East"),
    ("Y60", "Midlands"),
    ("Y61", "East of England"),
    ("Y62", "North West"),
    ("Y63", "North East and Yorkshire"),
];

/// Registered patients of a PCN by how many of a thousand PCNs are smaller, July 2026.
const LIST_SIZES: [(usize, usize); 16] = [
    (0, 7_894),
    (50, 27_130),
    (100, 30_320),
    (200, 34_139),
    (300, 37_339),
    (400, 41_152),
    (500, 45_098),
    (600, 49_085),
    (700, 53_239),
    (800, 59_474),
    (900, 69_925),
    (950, 84_510),
    (976, 99_698),
    (990, 120_264),
    (995, 143_317),
    (1_000, 270_256),
];

/// Practices in a PCN, with the number of PCNs that have so many.
const PRACTICES: [(usize, usize); 12] = [
    (93, 1),
    (130, 2),
    (220, 3),
    (250, 4),
    (221, 5),
    (138, 6),
    (97, 7),
    (57, 8),
    (31, 9),
    (24, 10),
    (30, 12),
    (7, 18),
];

/// Where London stands among the regions.
const LONDON: usize = 1;

/// How many PCNs one federation serves.
const PCNS_OF_FEDERATION: usize = 8;
/// England has 106 sub-ICBs and 36 ICBs for 1,270 PCNs; a smaller size has fewer in proportion,
/// so that sub-ICBs have several PCNs.
const PCNS_OF_SUB_ICB: usize = 12;
const PCNS_OF_ICB: usize = 36;

/// All places.
pub(super) struct Places {
    icbs: Vec<Unit>,
    sub_icbs: Vec<Unit>,
    /// Open PCNs.
    pub(super) pcns: Vec<Pcn>,
    closed: Vec<(String, String, usize)>,
    federations: Vec<String>,
}

/// An ICB or a sub-ICB.
struct Unit {
    code: String,
    name: String,
    parent: usize,
}

/// An open PCN.
pub(super) struct Pcn {
    /// Its code.
    pub(super) code: String,
    /// Its name in the reference files.
    pub(super) name: String,
    /// Its name in the publication, where 140 of 1,299 differ.
    pub(super) name_published: String,
    /// Position of its sub-ICB.
    sub_icb: usize,
    /// The first day.
    pub(super) from: &'static str,
    area: &'static str,
    list: usize,
    /// Its practices.
    pub(super) practices: Vec<Practice>,
    /// Code of the federation that serves it.
    pub(super) federation: Option<String>,
    /// Sends nothing to the publisher.
    pub(super) silent: bool,
}

/// A practice.
pub(super) struct Practice {
    /// Its code.
    pub(super) code: String,
    name: String,
    list: usize,
    moved_from: Option<String>,
}

/// Makes the places.
pub(super) fn make(source: &mut Source, size: Size, counts: &mut Counts) -> Places {
    let icbs: Vec<Unit> = (0..size.pcns.div_ceil(PCNS_OF_ICB).min(36)).map(icb).collect();
    let sub_icbs = size.pcns.div_ceil(PCNS_OF_SUB_ICB).min(106);
    let sub_icbs: Vec<Unit> = (0..sub_icbs).map(|i| sub_icb(i, &icbs)).collect();
    let silent = (size.pcns * 27 / 1_299).max(1);
    let mut pcns: Vec<Pcn> = (0..size.pcns)
        .map(|i| {
            let sub_icb = i % sub_icbs.len();
            let london = icbs[sub_icbs[sub_icb].parent].parent == LONDON;
            Pcn {
                // Spread over the size, and never the first, which is the one of examples.
                silent: 1 < size.pcns && i % (size.pcns / silent).max(2) == 1,
                ..pcn(source, i, sub_icb, london)
            }
        })
        .collect();

    let mut next_practice = 0;
    for i in 0..pcns.len() {
        let count = source.weighted(&PRACTICES);
        let lists = divide(source, pcns[i].list, count);
        let former = &pcns[(i + sub_icbs.len()) % pcns.len()];
        let former =
            (former.from == FIRST_DAY && former.code != pcns[i].code).then(|| former.code.clone());
        for list in lists {
            // 788 of 6,813 practices have been in more than one PCN.
            let moved_from = former.clone().filter(|_| source.chance(1_157));
            counts.practices_moved += usize::from(moved_from.is_some());
            pcns[i].practices.push(practice(next_practice, list, moved_from));
            next_practice += 1;
        }
    }

    let federations: Vec<String> =
        (0..size.pcns.div_ceil(PCNS_OF_FEDERATION)).map(|i| format!("TESTFED{i:04}")).collect();
    for (i, pcn) in pcns.iter_mut().enumerate() {
        // Neighbours in the order of codes are of different sub-ICBs; a federation is of one.
        let place = i % sub_icbs.len() + i / (sub_icbs.len() * PCNS_OF_FEDERATION) * sub_icbs.len();
        pcn.federation = federations.get(place).filter(|_| i % 3 != 2).cloned();
    }

    let closed = (0..size.pcns.div_ceil(16))
        .map(|i| (pcn_code(size.pcns + i), format!("TEST CLOSED {i} PCN"), i % sub_icbs.len()))
        .collect();

    counts.pcns = pcns.len();
    counts.pcns_silent = pcns.iter().filter(|pcn| pcn.silent).count();
    counts.practices = next_practice;
    Places { icbs, sub_icbs, pcns, closed, federations }
}

fn icb(i: usize) -> Unit {
    // Codes of three characters, and of five since 2026.
    let code = if i % 6 == 5 {
        format!("Z{i:02}0Z")
    } else {
        const LAST: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        format!("QX{}", char::from(LAST[i]))
    };
    let name = if i % 4 == 1 {
        format!("NHS Test, Trial and Sample {i} ICB")
    } else {
        format!("NHS Test {i} ICB")
    };
    Unit { code, name, parent: i % REGIONS.len() }
}

fn sub_icb(i: usize, icbs: &[Unit]) -> Unit {
    let code = if i % 9 == 8 { format!("W{i:03}Z") } else { format!("{i:03}").replace('1', "L") };
    let parent = i % icbs.len();
    Unit { name: format!("{} - {code}", icbs[parent].name), code, parent }
}

fn pcn_code(i: usize) -> String {
    // Has no common factor with 100,000, so that no code comes twice.
    format!("U{:05}", (i * 7_919 + 10_007) % 100_000)
}

fn pcn(source: &mut Source, i: usize, sub_icb: usize, london: bool) -> Pcn {
    let name = match i % 9 {
        0 => format!("TEST NORTH AND SOUTH {i} PCN"),
        1 => format!("TEST VALE, HILL & DALE {i} PCN"),
        2 => format!("TEST \"OLD TOWN\" {i} PCN"),
        _ => format!("TEST {i} PCN"),
    };
    let area = match (london, source.below(20)) {
        // No public file says which PCN is inner or outer: some stay unknown.
        (true, 0) => "",
        (true, 1..=8) => "inner",
        (true, _) => "outer",
        (false, 0..10) => "outside",
        (false, _) => "",
    };
    Pcn {
        code: pcn_code(i),
        name_published: name.replace(" AND ", " & "),
        name,
        sub_icb,
        from: if i % 20 == 19 { DAY_OF_CHANGES } else { FIRST_DAY },
        area,
        list: list_size(source),
        practices: Vec::new(),
        federation: None,
        silent: false,
    }
}

fn list_size(source: &mut Source) -> usize {
    let place = source.below(100_000);
    for pair in LIST_SIZES.windows(2) {
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        if place < to * 100 {
            return low + (high - low) * (place - from * 100) / ((to - from) * 100);
        }
    }
    unreachable!("the last step ends at one thousand of a thousand")
}

/// Parts that differ by at most a factor of three and add to the whole.
fn divide(source: &mut Source, whole: usize, parts: usize) -> Vec<usize> {
    let weights: Vec<usize> = (0..parts).map(|_| 100 + source.below(200)).collect();
    let total: usize = weights.iter().sum();
    let mut lists: Vec<usize> = weights.iter().map(|weight| whole * weight / total).collect();
    lists[0] += whole - lists.iter().sum::<usize>();
    lists
}

fn practice(i: usize, list: usize, moved_from: Option<String>) -> Practice {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPWY";
    let letter = char::from(LETTERS[i % LETTERS.len()]);
    Practice {
        code: format!("{letter}{}", 80_000 + i / LETTERS.len()),
        name: format!("TEST SURGERY {i}"),
        list,
        moved_from,
    }
}

impl Places {
    /// Code of the trust that deploys to a PCN.
    pub(super) fn trust(&self, pcn: usize) -> String {
        format!("TESTTRU{:04}", self.sub_icbs[self.pcns[pcn].sub_icb].parent)
    }

    /// Code of the provider company or charity that deploys to a PCN.
    pub(super) fn provider(&self, pcn: usize) -> String {
        format!("TESTPRO{:04}", self.pcns[pcn].sub_icb)
    }

    /// PCNs of the same sub-ICB as this one, this one left out.
    pub(super) fn neighbours(&self, pcn: usize) -> Vec<usize> {
        let step = self.sub_icbs.len();
        (pcn % step..self.pcns.len()).step_by(step).filter(|other| *other != pcn).collect()
    }

    /// Patients registered with a PCN.
    pub(super) fn list(&self, pcn: usize) -> usize {
        self.pcns[pcn].list
    }

    /// Columns 6 to 11 of the publication.
    ///
    /// The first PCN crosses two ICBs, as one in England does: its odd lines name the other.
    pub(super) fn published(&self, pcn: usize, line: usize) -> [&str; 6] {
        let own = self.pcns[pcn].sub_icb;
        let crossed = pcn == 0 && line % 2 == 1;
        let sub_icb = &self.sub_icbs[if crossed { (own + 1) % self.sub_icbs.len() } else { own }];
        let icb = &self.icbs[sub_icb.parent];
        let (region, region_name) = REGIONS[icb.parent];
        [&sub_icb.code, &sub_icb.name, &icb.code, &icb.name, region, region_name]
    }

    /// The `organisations` file.
    pub(super) fn organisations(&self) -> String {
        let mut table = Table::new(&[
            "code",
            "name",
            "kind",
            "relation",
            "related_code",
            "valid_from",
            "valid_to",
            "london_area",
        ]);
        let regions = REGIONS.len().min(self.icbs.len());
        for (code, name) in &REGIONS[..regions] {
            table.row(&[code, name, "region", "", "", FIRST_DAY, "", ""]);
        }
        for icb in &self.icbs {
            let region = REGIONS[icb.parent].0;
            table.row(&[&*icb.code, &icb.name, "icb", "part-of", region, FIRST_DAY, "", ""]);
        }
        for sub in &self.sub_icbs {
            let icb = &*self.icbs[sub.parent].code;
            table.row(&[&*sub.code, &sub.name, "sub-icb", "part-of", icb, FIRST_DAY, "", ""]);
        }
        for (code, name, sub_icb) in &self.closed {
            let sub_icb = &*self.sub_icbs[*sub_icb].code;
            let days = [FIRST_DAY, LAST_DAY_BEFORE];
            table.row(&[code, name, "pcn", "part-of", sub_icb, days[0], days[1], ""]);
        }
        for pcn in &self.pcns {
            self.pcn_rows(pcn, &mut table);
        }
        self.employers(&mut table);
        table.finish()
    }

    fn pcn_rows(&self, pcn: &Pcn, table: &mut Table) {
        let sub_icb = &*self.sub_icbs[pcn.sub_icb].code;
        table.row(&[&*pcn.code, &pcn.name, "pcn", "part-of", sub_icb, pcn.from, "", pcn.area]);
        if let Some(federation) = &pcn.federation {
            let since = DAY_OF_CHANGES;
            table.row(&[&*pcn.code, &pcn.name, "pcn", "served-by", federation, since, "", ""]);
        }
        for practice in &pcn.practices {
            let mut from = pcn.from;
            if let Some(former) = &practice.moved_from {
                let [code, name] = [&*practice.code, &practice.name];
                let days = [FIRST_DAY, LAST_DAY_BEFORE];
                table.row(&[code, name, "practice", "part-of", former, days[0], days[1], ""]);
                from = DAY_OF_CHANGES;
            }
            let [code, name] = [&*practice.code, &practice.name];
            table.row(&[code, name, "practice", "part-of", &pcn.code, from, "", ""]);
        }
    }

    fn employers(&self, table: &mut Table) {
        for (i, code) in self.federations.iter().enumerate() {
            let name = format!("TEST FEDERATION {i}");
            table.row(&[code, &name, "federation", "", "", FIRST_DAY, "", ""]);
        }
        for i in 0..self.icbs.len() {
            let [code, name] = [format!("TESTTRU{i:04}"), format!("TEST TRUST {i}")];
            table.row(&[&*code, &name, "trust", "", "", FIRST_DAY, "", ""]);
        }
        for i in 0..self.sub_icbs.len() {
            let [code, name] = [format!("TESTPRO{i:04}"), format!("TEST PROVIDER {i}")];
            table.row(&[&*code, &name, "other", "", "", FIRST_DAY, "", ""]);
        }
    }

    /// The `lists` file: every practice on 1 January 2025, weighted and adjusted with decimals.
    pub(super) fn lists(&self, source: &mut Source) -> String {
        let mut table = Table::new(&["code", "date", "registered", "weighted", "adjusted"]);
        for practice in self.pcns.iter().flat_map(|pcn| &pcn.practices) {
            let weighted = practice.list * (9_000 + source.below(2_000));
            let adjusted = practice.list * (9_000 + source.below(2_000));
            table.row(&[
                &*practice.code,
                "2025-01-01",
                &practice.list.to_string(),
                &format!("{}.{:04}", weighted / 10_000, weighted % 10_000),
                &format!("{}.{:02}", adjusted / 10_000, adjusted % 10_000 / 100),
            ]);
        }
        table.finish()
    }
}
