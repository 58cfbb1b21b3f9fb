//! A report as CSV: one row a figure, for spreadsheets.

use arrs_proto::finance::v1::{ClaimLine, PcnMoney};
use arrs_proto::report::v1::PcnReport;
use arrs_proto::supervision::v1::PcnSupervision;
use arrs_proto::workforce::v1::PcnWorkforce;
use terms::Pence;

use crate::exit::Failure;

const HEADER: [&str; 6] = ["pcn", "month", "section", "row", "measure", "value"];

/// The report, a row a figure. Missing sections have a row that says so, never zeros.
pub(super) fn render(report: &PcnReport) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for section in &report.sections {
        let state = section.state().as_str_name().trim_start_matches("SECTION_STATE_");
        rows.push([section.name.clone(), String::new(), "state".to_owned(), state.to_owned()]);
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

fn workforce_rows(workforce: &PcnWorkforce, rows: &mut Vec<Row>) {
    for role in workforce.roles.iter().chain(&workforce.total) {
        let name = if role.role.is_empty() { "total" } else { &role.role };
        for (measure, value) in [
            ("staff_fte_month_end", role.staff_fte_month_end_micro),
            ("contracted_fte_month_end", role.contracted_fte_month_end_micro),
            ("staff_fte_average", role.staff_fte_average_micro),
            ("contracted_fte_average", role.contracted_fte_average_micro),
        ] {
            rows.push(row("workforce", name, measure, micro(value)));
        }
        rows.push(row("workforce", name, "headcount", role.headcount));
    }
}

fn money_rows(money: &PcnMoney, rows: &mut Vec<Row>) {
    for line in &money.lines {
        let ClaimLine { reference, role, .. } = line;
        rows.push(row("money", reference, "role", role));
        rows.push(row("money", reference, "wte", micro(line.wte_micro)));
        let amounts = [
            ("actual_cost", Some(line.actual_cost_pence)),
            ("maximum", line.maximum_pence),
            ("payable", line.payable_pence),
        ];
        for (measure, value) in amounts {
            if let Some(value) = value {
                rows.push(row("money", reference, measure, pounds(value)));
            }
        }
    }
    for (measure, value) in [
        ("actual_cost", Some(money.actual_cost_pence)),
        ("payable", Some(money.payable_pence)),
        ("cut", Some(money.cut_pence)),
        ("year_payable", Some(money.year_payable_pence)),
        ("room", money.room_pence),
    ] {
        if let Some(value) = value {
            rows.push(row("money", "total", measure, pounds(value)));
        }
    }
    rows.push(row("money", "total", "unpriced_lines", money.unpriced_count));
    rows.push(row("money", "total", "weakest_confidence", &money.weakest_confidence));
}

fn supervision_rows(supervision: &PcnSupervision, rows: &mut Vec<Row>) {
    for person in &supervision.people {
        for requirement in &person.requirements {
            let status = requirement.status();
            let status = status.as_str_name().trim_start_matches("SUPERVISION_STATUS_");
            rows.push(row("supervision", &person.person_reference, &requirement.code, status));
        }
    }
    for (measure, value) in [
        ("met", supervision.met_count),
        ("due", supervision.due_count),
        ("late", supervision.late_count),
        ("never", supervision.never_count),
    ] {
        rows.push(row("supervision", "total", measure, value));
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
}
