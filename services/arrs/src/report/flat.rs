//! A report as CSV: one row a figure, for spreadsheets.

use std::collections::BTreeMap;

use arrs_proto::finance::v1::{ClaimLine, ClaimLineState, PcnMoney};
use arrs_proto::report::v1::PcnReport;
use arrs_proto::summary::v1::Cut;
use arrs_proto::supervision::v1::PcnSupervision;
use arrs_proto::workforce::v1::PcnWorkforce;
use terms::{Pence, Population};

use super::table::{cut, day, optional, tells};
use crate::exit::Failure;

const HEADER: [&str; 6] = ["pcn", "month", "section", "row", "measure", "value"];

/// The report, a row a figure. Missing sections have a row that says so, never zeros.
///
/// What is about a whole section has an empty row and, beside rows that somebody else named, a
/// section of its own: an engagement may be called `total`.
pub(super) fn render(report: &PcnReport) -> Result<String, Failure> {
    let mut rows = vec![row("report", "", "display_name", &report.display_name)];
    if let Some(cut) = cut(report) {
        cut_rows(cut, &mut rows);
    }
    for section in &report.sections {
        let state = section.state().as_str_name().trim_start_matches("SECTION_STATE_");
        rows.push(row(&section.name, "", "state", state));
        if section.behind_fact_count > 0 {
            rows.push(row(&section.name, "", "behind_facts", section.behind_fact_count));
        }
        if !section.reason.is_empty() {
            rows.push(row(&section.name, "", "reason", &section.reason));
        }
    }
    if let Some(workforce) = &report.workforce {
        workforce_rows(workforce, &mut rows);
    }
    if let Some(money) = &report.money {
        money_rows(money, &mut rows);
    }
    if let Some(supervision) = &report.supervision {
        supervision_rows(supervision, &mut rows);
    }
    if let Some(totals) = &report.totals {
        if let Some(payable) = totals.payable_per_fte_pence {
            rows.push(row("totals", "", "payable_per_fte", pounds(payable)));
        }
        if let Some(patients) = totals.patients_per_fte_count {
            rows.push(row("totals", "", "patients_per_fte", patients));
        }
    }
    let failed = |error: csv::Error| Failure::refused(format!("cannot write CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).map_err(failed)?;
    let pcn = report.name.trim_start_matches("pcns/");
    for [section, row, measure, value] in rows {
        let cells = [pcn, &report.month, &section, &plain(&row), &measure, &plain(&value)];
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    String::from_utf8(bytes).map_err(|error| Failure::refused(error.to_string()))
}

/// A cell that a spreadsheet does not take for a formula; numbers stay as they are.
fn plain(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let number = cell.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit())
        && cell.trim_start_matches('-').chars().all(|c| c.is_ascii_digit() || c == '.');
    if formula && !number { format!("'{cell}") } else { cell.to_owned() }
}

type Row = [String; 4];

fn row(section: &str, row: &str, measure: &str, value: impl ToString) -> Row {
    [section.to_owned(), row.to_owned(), measure.to_owned(), value.to_string()]
}

/// The name of each row, with what tells it apart where two rows have the same.
fn keys<'a>(names: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Vec<String> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, _) in names.clone() {
        *seen.entry(name).or_default() += 1;
    }
    let key = |(name, other): (&str, &str)| match seen.get(name) {
        Some(1) | None => name.to_owned(),
        Some(_) => format!("{name} ({other})"),
    };
    names.map(key).collect()
}

fn cut_rows(cut: &Cut, rows: &mut Vec<Row>) {
    let rules_known_on = cut.rules_known_on_date.as_ref().map(day).unwrap_or_default();
    rows.push(row("cut", "", "rules_known_on", rules_known_on));
    let known_at = cut.known_at_date.as_ref().map_or_else(|| "now".to_owned(), day);
    rows.push(row("cut", "", "known_at", known_at));
    rows.push(row("cut", "", "rule_digest", &cut.rule_digest));
    for position in &cut.positions {
        rows.push(row("cut", &position.producer, "position", position.position));
    }
}

fn workforce_rows(workforce: &PcnWorkforce, rows: &mut Vec<Row>) {
    for role in workforce.roles.iter().chain(&workforce.total) {
        let name = role.role.as_str();
        let section = if name.is_empty() { "workforce_total" } else { "workforce" };
        for (measure, value) in [
            ("staff_fte_month_end", role.staff_fte_month_end_micro),
            ("contracted_fte_month_end", role.contracted_fte_month_end_micro),
            ("staff_fte_average", role.staff_fte_average_micro),
            ("contracted_fte_average", role.contracted_fte_average_micro),
        ] {
            rows.push(row(section, name, measure, micro(value)));
        }
        for (measure, value) in [
            ("headcount", role.headcount),
            ("joined", role.joiner_count),
            ("left", role.leaver_count),
        ] {
            rows.push(row(section, name, measure, value));
        }
    }
    if let Some(list) = &workforce.list_size {
        rows.push(row("list", "", "date", optional(list.date.as_ref())));
        rows.push(row("list", "", "registered", list.registered_count));
        let weighted = list.weighted_ten_thousandths.and_then(Population::from_ten_thousandths);
        if let Some(weighted) = weighted {
            rows.push(row("list", "", "weighted", weighted));
        }
    }
    for role in workforce.national_return.iter().flat_map(|published| &published.roles) {
        let name = if role.role.is_empty() { "outside the scheme" } else { &role.role };
        for (measure, value) in
            [("staff_fte", role.staff_fte_micro), ("contracted_fte", role.contracted_fte_micro)]
        {
            rows.push(row("published_return", name, measure, micro(value)));
        }
        rows.push(row("published_return", name, "headcount", role.headcount));
    }
}

fn money_rows(money: &PcnMoney, rows: &mut Vec<Row>) {
    for pot in money.allocation.iter().flat_map(|allocation| &allocation.pots) {
        rows.push(match pot.amount_pence {
            Some(amount) => row("allocation", &pot.pot, "amount", pounds(amount)),
            None => row("allocation", &pot.pot, "missing", &pot.missing),
        });
    }
    let names = money.lines.iter().map(|line| (line.reference.as_str(), line.engagement.as_str()));
    for (line, key) in money.lines.iter().zip(keys(names)) {
        line_rows(line, &key, rows);
    }
    for (measure, value) in [
        ("actual_cost", Some(money.actual_cost_pence)),
        ("payable", Some(money.payable_pence)),
        ("cut", Some(money.cut_pence)),
        ("year_payable", money.year_payable_pence),
        ("room", money.room_pence),
    ] {
        if let Some(value) = value {
            rows.push(row("money_total", "", measure, pounds(value)));
        }
    }
    rows.push(row("money_total", "", "unpriced_lines", money.unpriced_count));
    rows.push(row("money_total", "", "weakest_confidence", &money.weakest_confidence));
    for (index, sentence) in money.unplaced.iter().enumerate() {
        rows.push(row("unplaced_pay", &(index + 1).to_string(), "text", sentence));
    }
}

fn line_rows(line: &ClaimLine, key: &str, rows: &mut Vec<Row>) {
    let state = line.state().as_str_name().trim_start_matches("CLAIM_LINE_STATE_");
    for (measure, value) in [
        ("engagement", line.engagement.as_str()),
        ("role", &line.role),
        ("band", &line.band),
        ("model", &line.model),
        ("state", state),
        ("wte", &micro(line.wte_micro)),
        ("pay_source", &line.pay_source),
    ] {
        rows.push(row("money", key, measure, value));
    }
    let prepared = line.state() == ClaimLineState::Prepared;
    let cut = line.payable_pence.filter(|_| prepared).map(|some| line.actual_cost_pence - some);
    for (measure, value) in [
        ("actual_cost", Some(line.actual_cost_pence)),
        ("maximum", line.maximum_pence),
        ("payable", line.payable_pence),
        ("cut", cut),
    ] {
        if let Some(value) = value {
            rows.push(row("money", key, measure, pounds(value)));
        }
    }
    let telling = line.steps.iter().filter(|step| tells(line, step));
    for (number, step) in (1..).zip(telling) {
        let of = |what: &str| format!("reason_{number}_{what}");
        let change = pounds(step.after_pence - step.before_pence);
        rows.push(row("money", key, &of("code"), &step.code));
        rows.push(row("money", key, &of("change"), change));
        rows.push(row("money", key, &of("text"), &step.text));
    }
}

fn supervision_rows(supervision: &PcnSupervision, rows: &mut Vec<Row>) {
    let people = &supervision.people;
    let names = people.iter().map(|one| (one.person_reference.as_str(), one.engagement.as_str()));
    for (person, key) in people.iter().zip(keys(names)) {
        rows.push(row("supervision", &key, "role", &person.role));
        for requirement in &person.requirements {
            let status = requirement.status();
            let status = status.as_str_name().trim_start_matches("SUPERVISION_STATUS_");
            let code = &requirement.code;
            let of = |what: &str| format!("{code}_{what}");
            rows.push(row("supervision", &key, code, status));
            rows.push(row("supervision", &key, &of("force"), &requirement.force));
            rows.push(row("supervision", &key, &of("sessions"), requirement.session_count));
            let minimum = requirement.minimum_session_count;
            rows.push(row("supervision", &key, &of("minimum_sessions"), minimum));
            for (what, date) in
                [("last_session", &requirement.last_session_date), ("due", &requirement.due_date)]
            {
                if let Some(date) = date {
                    rows.push(row("supervision", &key, &of(what), day(date)));
                }
            }
        }
    }
    for (measure, value) in [
        ("met", supervision.met_count),
        ("due", supervision.due_count),
        ("late", supervision.late_count),
        ("never", supervision.never_count),
    ] {
        rows.push(row("supervision_total", "", measure, value));
    }
    for (index, sentence) in supervision.not_evaluated.iter().enumerate() {
        rows.push(row("not_evaluated", &(index + 1).to_string(), "text", sentence));
    }
}

/// Millionths as a decimal number.
fn micro(value: i64) -> String {
    format!("{}.{:06}", value / 1_000_000, value % 1_000_000)
}

/// Pence as pounds with two decimals and nothing else.
fn pounds(pence: i64) -> String {
    let sign = if pence < 0 { "-" } else { "" };
    let size = Pence(pence).0.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_a_negative_amount_stays_a_number() {
        assert_eq!(plain("=1+1"), "'=1+1");
        assert_eq!(plain("-cmd"), "'-cmd");
        assert_eq!(plain("-20.05"), "-20.05");
        assert_eq!(pounds(-2005), "-20.05");
        assert_eq!(micro(500_000), "0.500000");
    }

    #[test]
    fn a_line_called_total_and_two_of_one_name_are_told_apart() {
        let line = |reference: &str, engagement: &str| ClaimLine {
            reference: reference.to_owned(),
            engagement: engagement.to_owned(),
            state: ClaimLineState::Waiting.into(),
            ..Default::default()
        };
        let lines = vec![line("total", "engagements/1"), line("x", "engagements/2")];
        let lines = [lines, vec![line("x", "engagements/3")]].concat();
        let report = PcnReport {
            name: "pcns/U09081".to_owned(),
            month: "2025-07".to_owned(),
            money: Some(PcnMoney { lines, payable_pence: 5, ..Default::default() }),
            ..Default::default()
        };

        let text = render(&report).unwrap();

        let mut keys: Vec<&str> =
            text.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
        for wanted in [
            "U09081,2025-07,money,total,actual_cost",
            "U09081,2025-07,money,x (engagements/2),state",
            "U09081,2025-07,money,x (engagements/3),state",
            "U09081,2025-07,money_total,,payable",
        ] {
            assert!(keys.contains(&wanted), "{wanted} is not in {text}");
        }
        assert!(!text.contains("year_payable"), "what is not shown is no zero: {text}");
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "{text}");
    }
}
