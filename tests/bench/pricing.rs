//! Pricing claim lines in memory, beside the same rules in pandas.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use arrs_tests::england::{England, england};
use finance::domain::allocation::allocate;
use finance::domain::evaluation::{ClaimGround, evaluate_claim};
use finance::domain::figure::{Cell, Share, Value};
use finance::domain::pay::Pay;
use finance::domain::rulebook::{Role, RoleCap, RoleShare, RuleBook};
use finance::store::claim_ground::{Frozen, from_text, to_text};
use finance::store::rulebook;
use terms::{Band, LondonArea, Month, Pence, Period};

use super::grounds::{self, KNOWN};
use super::pandas::Script;
use super::{MONTH_OF_ENGLAND, ROUNDS, Sides, Times, short, time};

/// Rounds of what takes seconds in pandas, the first of which is to warm up.
const ROUNDS_BY_ROWS: usize = 4;
/// Seven years of claims.
const MONTHS: usize = 84;

/// What a line comes to, by what files call its engagement, and its PCN; none without a price.
type Payable = BTreeMap<(String, String), Option<i64>>;

/// Prices the claims of one month of an England made by `england(seed)`.
pub(super) fn run() {
    let rules = rulebook::load(None).expect("the rule book is compiled in");
    let england = england(13, MONTH_OF_ENGLAND);
    let grounds = grounds::of(&england);

    evaluation(&rules, &grounds);
    seven_years(&rules, &grounds);
    beside_pandas(&rules, &england, &grounds);
}

/// How many lines there are, and how many of them have a price.
struct Count {
    lines: usize,
    priced: usize,
}

/// Every claim, once.
fn evaluate(rules: &RuleBook, grounds: &[ClaimGround]) -> Count {
    let mut count = Count { lines: 0, priced: 0 };
    for ground in grounds {
        let evaluation = evaluate_claim(rules, ground);
        count.lines += evaluation.lines.len();
        count.priced += evaluation.lines.iter().filter(|line| line.payable().is_some()).count();
    }
    count
}

fn evaluation(rules: &RuleBook, grounds: &[ClaimGround]) {
    let Count { lines, priced } = evaluate(rules, grounds);
    let times = time(ROUNDS, || evaluate(rules, grounds));
    let each = |time: Duration| lines as u128 * 1_000_000_000 / time.as_nanos().max(1);
    println!(
        "pricing: {lines} lines of {} claims with every step ({priced} have a price): {} a second \
         on one core (rounds {} to {}); the bar is 1,000,000",
        grounds.len(),
        each(times.median()),
        each(times.most()),
        each(times.least()),
    );
}

fn seven_years(rules: &RuleBook, grounds: &[ClaimGround]) {
    let largest = grounds.iter().max_by_key(|ground| ground.records.engagements.len());
    let first = Month::new(2019, 7).expect("a month");
    let months = std::iter::successors(Some(first), |month| Some(month.next())).take(MONTHS);
    let frozen: Vec<String> = months
        .map(|month| {
            let ground = in_month(rules, largest.expect("a PCN has people"), month);
            to_text(&Frozen { ground, sources: BTreeMap::new() }).expect("it has a text")
        })
        .collect();
    let mut lines = 0;
    let times = time(ROUNDS, || {
        let grounds =
            frozen.iter().map(|text| from_text(text).expect("it was just written").ground);
        lines = grounds.map(|ground| evaluate(rules, &[ground]).priced).sum();
    });
    println!(
        "pricing: {MONTHS} claims of one PCN, {lines} lines with a price, read from what was frozen \
         with them ({} kB) and priced anew: {}; the bar is 50 ms",
        frozen.iter().map(String::len).sum::<usize>() / 1_000,
        times.told(),
    );
}

/// The same people in another month, each of them there since the role began, and paid alike.
fn in_month(rules: &RuleBook, ground: &ClaimGround, month: Month) -> ClaimGround {
    let mut ground = ground.clone();
    ground.question.month = month;
    ground.months = BTreeSet::from([month]);
    for records in &mut ground.records.engagements {
        let joined = rules.role(&records.engagement.role).expect("a role").joined;
        for held in &mut records.assignments {
            held.period = Period::new(joined, None).expect("days");
        }
        for pay in &mut records.pay {
            *pay = Pay { month, paid_on: Some(month.last()), ..pay.clone() };
        }
    }
    ground
}

fn beside_pandas(rules: &RuleBook, england: &England, grounds: &[ClaimGround]) {
    let folder = tempfile::tempdir().expect("a folder");
    england.write_to(folder.path()).expect("it has room");
    let month = grounds[0].question.month;
    write_rules(folder.path(), rules, grounds);
    let path = folder.path().to_str().expect("a plain path");
    let mut script = Script::start("pricing.py", &[path, &month.to_string(), &KNOWN.to_string()]);

    let ours = payable(rules, grounds);
    for (word, how, rounds, bar) in
        [("rows", "row by row", ROUNDS_BY_ROWS, 50), ("columns", "by columns", ROUNDS, 2)]
    {
        let mut sides = Sides::default();
        for round in 0..rounds {
            let started = Instant::now();
            std::hint::black_box(evaluate(rules, grounds));
            sides.keep(round, started.elapsed(), script.time(word));
        }
        compare(word, &ours, &read(&folder.path().join(format!("{word}.csv"))));
        println!(
            "pricing: {} lines in {}, {} times as fast as the same rules in pandas {how}, which \
             come to the same pennies and keep no step ({}); the bar is {bar}",
            ours.len(),
            short(sides.ours()),
            sides.reached(),
            Times(sides.bare.clone()).told(),
        );
    }
}

/// What every line comes to.
fn payable(rules: &RuleBook, grounds: &[ClaimGround]) -> Payable {
    let mut payable = Payable::new();
    for ground in grounds {
        let engagements = ground.records.engagements.iter();
        let references: HashMap<_, _> =
            engagements.map(|one| (one.engagement.id, &one.engagement.reference)).collect();
        for line in evaluate_claim(rules, ground).lines {
            let key = (references[&line.engagement].clone(), ground.question.pcn.to_string());
            payable.insert(key, line.payable().map(|Pence(pence)| pence));
        }
    }
    payable
}

fn read(path: &Path) -> Payable {
    let mut reader = csv::Reader::from_path(path).expect("the script wrote it");
    let rows = reader.deserialize::<(String, String, Option<i64>)>();
    rows.map(|row| row.expect("a row")).map(|(id, pcn, pence)| ((id, pcn), pence)).collect()
}

/// A ratio of two sides that do not come to the same is none.
fn compare(word: &str, ours: &Payable, theirs: &Payable) {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differing: Vec<_> = keys
        .into_iter()
        .filter(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| (key, ours.get(key), theirs.get(key)))
        .collect();
    let some = &differing[..differing.len().min(5)];
    assert!(differing.is_empty(), "{word}: {} lines differ, such as {some:?}", differing.len());
}

/// The rules of the month as tables: of each role and band, and of each pot.
fn write_rules(folder: &Path, rules: &RuleBook, grounds: &[ClaimGround]) {
    let ground = &grounds[0];
    let (month, lists) = (ground.question.month, ground.records.lists);
    assert!(grounds.iter().all(|other| other.records.lists == lists), "one sum for all PCNs");
    let shares = |cell: &Cell| matches!(cell, Cell::Share { .. });
    let mut figures = rules.figures().iter();
    assert!(
        !figures.any(|figure| shares(&figure.cell) && figure.validity.covers(month.first())),
        "the tables have one share for a role"
    );

    let mut text = String::from("role,band,joined,left,full_time,share,pot,fee,cap,a_year\n");
    for (index, role) in rules.roles().iter().enumerate() {
        let cap = cap(rules.cap(index, lists.registered, month.first(), KNOWN));
        for band in role.bands.iter().copied().map(Some).chain([None]) {
            let left = role.left.map(|day| day.to_string()).unwrap_or_default();
            let share = share(role);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{},{},{},{left},{},{},{},{},{cap},{}",
                role.code,
                band.map(|band| band.to_string()).unwrap_or_default(),
                role.joined,
                role.full_time.map_or(0, |minutes| minutes.get()),
                share.percent(),
                role.pot(month.first()),
                fee(rules, role, month),
                a_year(rules, role, band, share, month),
            );
        }
    }
    fs::write(folder.join("rules.csv"), text).expect("it has room");

    let mut text = String::from("pot,amount\n");
    for sum in allocate(rules, month.contract_year(), lists, KNOWN) {
        let _ = writeln!(text, "{},{}", sum.pot, sum.amount.expect("it is known").0);
    }
    fs::write(folder.join("sums.csv"), text).expect("it has room");
}

fn share(role: &Role) -> Share {
    match role.share {
        RoleShare::Whole => Share::WHOLE,
        RoleShare::Half { .. } => Share::HALF,
    }
}

/// Pence a month, 0 where no fee may be claimed, -1 where nobody knows how much.
fn fee(rules: &RuleBook, role: &Role, month: Month) -> i64 {
    if !rules.has_fee(&role.code, month.first()) {
        return 0;
    }
    let figure = rules.fee(&role.code, month.first(), KNOWN);
    match figure.map(|figure| figure.value) {
        Some(Value::AMonth(Pence(pence))) => pence,
        _ => -1,
    }
}

/// WTE, -1 where none is said or there is no limit.
fn cap(cap: RoleCap<'_>) -> i64 {
    match cap {
        RoleCap::Stated(figure) => match figure.value {
            Value::Wte(wte) => i64::from(wte),
            _ => -1,
        },
        RoleCap::None | RoleCap::Unknown(_) => -1,
    }
}

/// Pence a year, -1 where nobody knows how much.
fn a_year(rules: &RuleBook, role: &Role, band: Option<Band>, share: Share, month: Month) -> i64 {
    let on = |day| rules.maximum(&role.code, band, LondonArea::Outside, share, day, KNOWN);
    let (first, last) = (on(month.first()), on(month.last()));
    assert_eq!(first, last, "the tables have one maximum for a month");
    match first.map(|figure| figure.value) {
        Some(Value::AYear(Pence(pence))) => pence,
        _ => -1,
    }
}
