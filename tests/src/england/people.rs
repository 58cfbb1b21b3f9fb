//! Engagements, people, their pay and their supervision.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::places::Places;
use super::roles::{ROLES, Role};
use super::table::Table;
use super::{Counts, Size};
use crate::source::Source;

/// Full time in hundredths of an hour.
const FULL_TIME: i64 = 37_50;
/// Pay of a month on which the employer owes no insurance, 5,000 a year, in pence.
const THRESHOLD: i64 = 41_667;
/// What a second run of a month pays or takes back, in pence.
const EXTRA: i64 = 50_00;
/// The first day for which there is pay.
pub(super) const FIRST_DAY: Date = date(2025, 4, 1);

/// Contracted hours of people in hundredths, by how common they are.
const HOURS: &[(usize, i64)] = &[
    (450, 37_50),
    (110, 30_00),
    (90, 22_50),
    (80, 18_75),
    (60, 15_00),
    (50, 28_00),
    (40, 34_00),
    (30, 7_50),
    // 24 h 40 min has no exact decimal: minutes are rounded when it is read.
    (30, 24_67),
    (20, 3_75),
    (26, 40_00),
    (4, 42_50),
    (2, 45_00),
];

/// Hours bought in hundredths: from a few minutes a week to several people pooled.
const HOURS_BOUGHT: &[(usize, i64)] = &[
    (30, 37_50),
    (25, 18_75),
    (15, 7_50),
    (12, 12_40),
    (8, 75_00),
    (6, 60_00),
    (2, 12),
    // All hours that a week has are taken, and no more.
    (2, 16_800),
];

/// Everybody.
pub(super) struct People(pub(super) Vec<Engagement>);

/// One engagement.
pub(super) struct Engagement {
    /// Its number, the id in files.
    id: usize,
    /// None for a contracted service.
    pub(super) person: Option<Person>,
    /// The role.
    pub(super) role: &'static Role,
    band: &'static str,
    stage: &'static str,
    employer: String,
    model: &'static str,
    full_time: &'static str,
    /// The rows of the staff file.
    pub(super) rows: Vec<Assignment>,
    contract: Option<i64>,
    annual_pence: i64,
}

/// A person, as in all rows.
#[derive(Clone, Copy)]
pub(super) struct Person {
    /// The number, the id in files.
    pub(super) number: usize,
    body: &'static str,
}

/// A row of the staff file.
pub(super) struct Assignment {
    /// Position of the PCN.
    pub(super) pcn: usize,
    /// Hundredths of an hour a week.
    pub(super) hours: i64,
    start: Date,
    end: Option<Date>,
}

impl Assignment {
    /// In post on the day.
    pub(super) fn covers(&self, day: Date) -> bool {
        self.start <= day && self.end.is_none_or(|end| day <= end)
    }

    fn days(&self, first: Date, last: Date) -> i64 {
        let from = self.start.max(first);
        let to = self.end.map_or(last, |end| end.min(last));
        (i64::from((to - from).get_days()) + 1).max(0)
    }
}

/// First and last day of a month of the size, counted from April 2025.
pub(super) fn month(i: usize) -> (Date, Date) {
    let months = i32::try_from(i).expect("a year has twelve months");
    let first = FIRST_DAY.saturating_add(months.months());
    (first, first.last_of_month())
}

/// Makes everybody.
pub(super) fn make(
    source: &mut Source,
    size: Size,
    places: &Places,
    counts: &mut Counts,
) -> People {
    let last = month(size.months - 1).1;
    let (mut weights, mut silent) = (Vec::with_capacity(places.pcns.len()), 0);
    for (pcn, place) in places.pcns.iter().enumerate() {
        silent += usize::from(place.silent);
        // Every second PCN that sends nothing has nobody either: the two look alike.
        let nobody = place.silent && silent % 2 == 0;
        weights.push(if nobody { 0 } else { places.list(pcn) });
    }
    let total: usize = weights.iter().sum();
    let (mut made, mut reached) = (Vec::with_capacity(size.engagements), 0);
    let mut maker = Maker { source, places, last, people: 0, hours: Vec::new(), shared: 0 };
    for (pcn, weight) in weights.iter().enumerate() {
        reached += weight;
        while made.len() < size.engagements * reached / total.max(1) {
            let earlier = made.last().filter(|earlier: &&Engagement| earlier.rows[0].pcn == pcn);
            let engagement = maker.engagement(made.len() + 1, pcn, earlier);
            made.push(engagement);
        }
    }
    counts.engagements = made.len();
    counts.contracted = made.iter().filter(|engagement| engagement.person.is_none()).count();
    counts.people = maker.people;
    counts.people_shared = maker.shared;
    counts.people_above_full_time = maker.hours.iter().filter(|hours| FULL_TIME < **hours).count();
    People(made)
}

struct Maker<'a> {
    source: &'a mut Source,
    places: &'a Places,
    last: Date,
    people: usize,
    /// Weekly hours of each person over all engagements.
    hours: Vec<i64>,
    shared: usize,
}

impl Maker<'_> {
    fn engagement(&mut self, id: usize, pcn: usize, earlier: Option<&Engagement>) -> Engagement {
        let role = self.role();
        // Rows of roles outside the scheme are bought in less often; together it is 16%.
        let contracted = self.source.chance(role.contracted * 9);
        // 327 of 32,545 people hold a second role. It is with the same employer: under another owner
        // the same id would be another person.
        let second = earlier.filter(|earlier| {
            let elsewhere = earlier.rows.iter().any(|row| row.pcn != pcn);
            let trust = earlier.model == "MHP_5050" || role.code.starts_with("MHP");
            !contracted && !elsewhere && !trust && self.source.chance(120)
        });
        let second = second.and_then(|earlier| Some((earlier.person?, earlier)));
        let person =
            (!contracted).then(|| second.map_or_else(|| self.person(role), |(person, _)| person));

        // 651 of 32,545 people work in several PCNs.
        let shared = person.is_some() && second.is_none() && self.source.chance(200);
        let pcns = if shared { self.several(pcn) } else { vec![pcn] };
        self.shared += usize::from(1 < pcns.len());

        let hours = match (person, second) {
            (None, _) => self.source.weighted(HOURS_BOUGHT),
            (Some(_), Some(_)) => 7_50,
            (Some(_), None) => self.hours_of(role),
        };
        let rows = self.rows(role, &pcns, hours);
        let weekly = rows.iter().filter(|row| row.end.is_none()).map(|row| row.hours).sum::<i64>();
        if let Some(person) = person {
            self.hours[person.number - 1] += weekly;
        }

        let (model, employer) = match second {
            Some((_, earlier)) => (earlier.model, earlier.employer.clone()),
            None => self.employment(role, pcn, contracted, 1 < pcns.len()),
        };
        let plain = role.code != "GP" && person.is_some();
        let outside = model == "SHARED_EMP" && hours <= 18_75;
        Engagement {
            id,
            person,
            role,
            band: self.source.weighted(role.bands),
            stage: self.stage(role),
            employer,
            model,
            full_time: if plain && self.source.chance(150) { "37" } else { "" },
            contract: outside.then_some(FULL_TIME),
            annual_pence: 0,
            rows,
        }
        .paid(self.source)
    }

    fn role(&mut self) -> &'static Role {
        let total = ROLES.iter().map(|role| role.weight).sum();
        let mut left = self.source.below(total);
        for role in ROLES {
            if left < role.weight {
                return role;
            }
            left -= role.weight;
        }
        unreachable!("the number lies below the sum of the weights")
    }

    fn person(&mut self, role: &Role) -> Person {
        self.people += 1;
        self.hours.push(0);
        Person { number: self.people, body: role.body }
    }

    /// Two PCNs for nine of ten who are shared, up to nine for the others.
    fn several(&mut self, pcn: usize) -> Vec<usize> {
        let mut neighbours = self.places.neighbours(pcn);
        neighbours.retain(|other| !self.places.pcns[*other].silent);
        let wanted = if self.source.chance(8_940) { 1 } else { 2 + self.source.below(7) };
        neighbours.truncate(wanted);
        neighbours.insert(0, pcn);
        neighbours
    }

    fn hours_of(&mut self, role: &Role) -> i64 {
        if role.code == "GP" {
            // Sessions of 4 h 10 min, to two decimals.
            let sessions = self.source.between(2, 9);
            return (sessions * 250 * 100 + 30) / 60;
        }
        self.source.weighted(HOURS)
    }

    fn rows(&mut self, role: &Role, pcns: &[usize], hours: i64) -> Vec<Assignment> {
        let first: Date = role.first.parse().expect("written so in the table");
        let open = |pcn: &usize| self.places.pcns[*pcn].from.parse::<Date>().expect("a date");
        let first = pcns.iter().map(open).fold(first, Date::max);
        // Three of a hundred start while pay runs.
        let early = date(2025, 3, 1);
        let start = if early < first || self.source.chance(300) {
            self.day(first.max(FIRST_DAY), self.last)
        } else {
            self.day(first, early)
        };
        let end = self.source.chance(250).then(|| self.day(start.max(FIRST_DAY), self.last));

        let count = i64::try_from(pcns.len()).expect("nine at most");
        let row = |pcn: &usize| Assignment { pcn: *pcn, hours: hours / count, start, end };
        let mut rows: Vec<Assignment> = pcns.iter().map(row).collect();

        // Three of a hundred change their hours while pay runs.
        let change = self.day(FIRST_DAY, self.last);
        if rows.len() == 1 && end.is_none() && start < change && self.source.chance(300) {
            rows[0].end = Some(change.saturating_sub(1.day()));
            rows.push(Assignment { pcn: pcns[0], hours: 30_00, start: change, end: None });
        }
        rows
    }

    fn day(&mut self, first: Date, last: Date) -> Date {
        let days = i64::from((last - first).get_days());
        first.saturating_add(self.source.between(0, days).days())
    }

    fn employment(
        &mut self,
        role: &Role,
        pcn: usize,
        contracted: bool,
        shared: bool,
    ) -> (&'static str, String) {
        let place = &self.places.pcns[pcn];
        let federation = place.federation.clone();
        let practice = place.practices[self.source.below(place.practices.len())].code.clone();
        if role.code.starts_with("MHP") {
            return ("MHP_5050", self.places.trust(pcn));
        }
        if let Some(federation) = federation.filter(|_| shared || self.source.chance(2_500)) {
            return ("FEDERATION", federation);
        }
        if contracted {
            return match role.code {
                "SPLW" => ("VCSE_SUB", self.places.provider(pcn)),
                "PARA" => ("AMB_ROTATION", self.places.trust(pcn)),
                "FCP" | "OT" | "POD" | "DIET" => ("TRUST_EMP", self.places.trust(pcn)),
                _ => ("NON_GP", self.places.provider(pcn)),
            };
        }
        match self.source.below(20) {
            0..9 => ("PCN_DIRECT", place.code.clone()),
            9..16 => ("LEAD_PRACTICE", practice),
            16..18 => ("FLAT", practice),
            18 => ("SHARED_EMP", self.places.trust(pcn)),
            _ => ("EA_POOL", place.code.clone()),
        }
    }

    fn stage(&mut self, role: &Role) -> &'static str {
        match role.code {
            "CP" => {
                self.source.weighted(&[(60, ""), (20, "pathway"), (15, "senior"), (5, "standard")])
            }
            "FCP" | "PARA" => self.source.weighted(&[(80, ""), (20, "in-training")]),
            _ => "",
        }
    }
}

impl Engagement {
    /// With a salary on the scale of 2024-25.
    fn paid(mut self, source: &mut Source) -> Engagement {
        let scale: &[i64] = match self.band {
            "3" => &[24_071, 25_674],
            "4" => &[26_530, 29_114],
            "5" => &[29_970, 32_324, 36_483],
            "6" => &[37_338, 39_405, 44_962],
            "7" => &[46_148, 48_526, 52_809],
            "8a" => &[53_755, 56_454, 60_504],
            _ => &[78_000, 82_418, 86_000],
        };
        self.annual_pence = source.one_of(scale) * 100;
        self
    }

    fn file_id(&self) -> String {
        format!("t-e-{:06}", self.id)
    }

    /// Salary of a month in pence, by hours and days.
    fn salary(&self, first: Date, last: Date) -> i64 {
        let own: i64 = self.rows.iter().map(|row| row.hours * row.days(first, last)).sum();
        let days = i64::from(last.day());
        let contract =
            self.contract.map_or(own, |contract| contract * self.rows[0].days(first, last));
        let scale = 12 * FULL_TIME * days;
        (self.annual_pence * contract + scale / 2) / scale
    }
}

impl Person {
    /// The id in files.
    pub(super) fn file_id(self) -> String {
        format!("t-p-{:06}", self.number)
    }
}

impl People {
    /// The `staff` file.
    pub(super) fn staff(&self, places: &Places, counts: &mut Counts) -> String {
        let mut table = Table::new(&[
            "engagement_id",
            "person_id",
            "family_name",
            "given_name",
            "role",
            "stage",
            "band",
            "employer_code",
            "model",
            "pcn_code",
            "weekly_hours",
            "full_time_hours",
            "start",
            "end",
            "registration_body",
            "registration_number",
            "registration_expiry",
            "leaving_reason",
            "contract_hours",
        ]);
        for engagement in &self.0 {
            let person = engagement.person;
            let text = |text: fn(Person) -> String| person.map(text).unwrap_or_default();
            let registered = person.filter(|person| !person.body.is_empty());
            let number = registered.map(|person| format!("T{:06}", person.number));
            // A change of hours is no leaving: only the last row can end the engagement.
            let left = engagement.rows.last().and_then(|row| row.end).is_some();
            for row in &engagement.rows {
                counts.staff_rows += 1;
                table.row(&[
                    &*engagement.file_id(),
                    &text(Person::file_id),
                    &text(|_| "Test-Person".to_owned()),
                    &text(|person| format!("Number {}", person.number)),
                    engagement.role.code,
                    engagement.stage,
                    engagement.band,
                    &engagement.employer,
                    engagement.model,
                    &places.pcns[row.pcn].code,
                    &hundredths(row.hours),
                    engagement.full_time,
                    &row.start.to_string(),
                    &row.end.map(|end| end.to_string()).unwrap_or_default(),
                    registered.map_or("", |person| person.body),
                    number.as_deref().unwrap_or_default(),
                    if registered.is_some() { "2026-12-31" } else { "" },
                    if left { "moved to another employer" } else { "" },
                    &engagement.contract.map(hundredths).unwrap_or_default(),
                ]);
            }
        }
        table.finish()
    }

    /// The `pay` file: nearly everybody in post, sometimes in two runs, sometimes taken back.
    pub(super) fn pay(&self, source: &mut Source, size: Size, counts: &mut Counts) -> String {
        let mut table = Table::new(&[
            "engagement_id",
            "month",
            "salary",
            "employer_ni",
            "employer_pension",
            "fees",
            "paid_on",
        ]);
        for i in 0..size.months {
            let (first, last) = month(i);
            for engagement in &self.0 {
                let salary = engagement.salary(first, last);
                // One of a hundred is not paid yet.
                if salary == 0 || source.chance(100) {
                    continue;
                }
                let fee = if engagement.model == "VCSE_SUB" { 20_000 } else { 0 };
                let mut row = |salary: i64, insured: i64, fee: i64, paid_on: Date| {
                    counts.pay_rows += 1;
                    let paid_on = paid_on.to_string();
                    table.row(&[
                        &*engagement.file_id(),
                        &paid_on[..7],
                        &hundredths(salary),
                        &hundredths(rounded(insured * 15, 100)),
                        &hundredths(rounded(salary * 1_438, 10_000)),
                        &if fee == 0 { String::new() } else { hundredths(fee) },
                        &paid_on,
                    ]);
                };
                let insured = (salary - THRESHOLD).max(0);
                row(salary, insured, fee, first.saturating_add(26.days()));
                match source.below(1_000) {
                    0..20 => row(EXTRA, EXTRA, 0, last),
                    20..25 if EXTRA < insured => row(-EXTRA, -EXTRA, 0, last),
                    _ => {}
                }
            }
        }
        table.finish()
    }

    /// The `sessions` file: some are met, some are late, some never happened.
    pub(super) fn sessions(
        &self,
        source: &mut Source,
        size: Size,
        places: &Places,
        counts: &mut Counts,
    ) -> String {
        let mut table = Table::new(&[
            "session_id",
            "person_id",
            "supervisor_id",
            "kind",
            "date",
            "minutes",
            "pcn_code",
        ]);
        for engagement in &self.0 {
            let Some(person) = engagement.person else {
                continue;
            };
            // One of twenty has never been supervised.
            if source.chance(500) {
                continue;
            }
            let chance = if engagement.role.monthly { 8_500 } else { 1_500 };
            for i in 0..size.months {
                let first = month(i).0;
                let day = first.saturating_add(source.between(0, 27).days());
                let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
                let row = engagement.rows.iter().find(|row| row.covers(day));
                let Some(row) = row.filter(|_| !weekend && source.chance(chance)) else {
                    continue;
                };
                counts.session_rows += 1;
                let pcn = &places.pcns[row.pcn].code;
                table.row(&[
                    &*format!("t-ss-{:07}", counts.session_rows),
                    &person.file_id(),
                    &format!("t-s-{pcn}"),
                    "clinical",
                    &day.to_string(),
                    source.one_of(&["30", "45", "60"]),
                    pcn,
                ]);
            }
        }
        table.finish()
    }
}

/// Divides half away from zero.
fn rounded(value: i64, by: i64) -> i64 {
    (value.abs() + by / 2) / by * value.signum()
}

/// Two decimals; zeros at the end are left away, as people write hours and pounds.
fn hundredths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.abs() / 100, value.abs() % 100);
    match part {
        0 => format!("{sign}{whole}"),
        _ if part % 10 == 0 => format!("{sign}{whole}.{}", part / 10),
        _ => format!("{sign}{whole}.{part:02}"),
    }
}
