//! A report as tables for a terminal.

use arrs_proto::finance::v1::{ClaimLine, ClaimLineState, ClaimStep, PcnMoney};
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::report::v1::{PcnReport, SectionState};
use arrs_proto::summary::v1::Cut;
use arrs_proto::supervision::v1::{PcnSupervision, SupervisionStatus};
use arrs_proto::workforce::v1::{PcnWorkforce, RoleWorkforce};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use terms::{Month, Pence, Population};

/// A line under the header and around the whole; none between rows.
const STYLE: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));
/// The width of a page: fits a terminal that was made a little wider than the usual.
const WIDTH: u16 = 118;
/// The code of the step on cost that waits until it is paid.
const NOT_YET_PAID: &str = "NOT_YET_PAID";

/// The whole report.
pub(super) fn render(report: &PcnReport) -> String {
    let mut text = String::new();
    let code = report.name.trim_start_matches("pcns/");
    let name = match report.display_name.as_str() {
        "" => code.to_owned(),
        name => format!("{name} ({code})"),
    };
    text.push_str(&format!("\n{name}: report of {}\n", month(&report.month)));
    if let Some(cut) = cut(report) {
        text.push_str(&format!("{}\n", basis(cut)));
    }
    for section in &report.sections {
        match section.state() {
            SectionState::Behind => {
                if section.behind_fact_count > 0 {
                    text.push_str(&format!(
                        "! {}: {} facts of workforce are still to be followed\n",
                        section.name, section.behind_fact_count
                    ));
                }
                if !section.reason.is_empty() {
                    let told = format!("! {}: {}", section.name, section.reason);
                    wrapped(&told, "  ", &mut text);
                }
            }
            SectionState::Unavailable => {
                let told = format!("! {} is missing: {}", section.name, section.reason);
                wrapped(&told, "  ", &mut text);
            }
            SectionState::Fresh | SectionState::Unspecified => {}
        }
    }
    if let Some(section) = &report.workforce {
        workforce(section, &mut text);
    }
    if let Some(section) = &report.money {
        money(section, &mut text);
    }
    if let Some(section) = &report.supervision {
        supervision(section, &mut text);
    }
    if let Some(totals) = &report.totals {
        let mut told = Vec::new();
        if let Some(payable) = totals.payable_per_fte_pence {
            told.push(format!("{} payable for each FTE", Pence(payable)));
        }
        if let Some(patients) = totals.patients_per_fte_count {
            told.push(format!("{patients} registered patients for each FTE"));
        }
        text.push_str(&format!("\nOver the sections: {} (FTE averaged).\n", told.join(", ")));
    }
    text
}

pub(super) fn cut(report: &PcnReport) -> Option<&Cut> {
    let money = report.money.as_ref().and_then(|money| money.cut.as_ref());
    money.or_else(|| report.workforce.as_ref().and_then(|workforce| workforce.cut.as_ref()))
}

/// What an answer rests on, in a sentence.
pub(super) fn basis(cut: &Cut) -> String {
    let rules = cut.rules_known_on_date.as_ref().map(day).unwrap_or_default();
    let records = match &cut.known_at_date {
        Some(known_at) => format!("records as known at the end of {}", day(known_at)),
        None => "records as known now".to_owned(),
    };
    let digest = match cut.rule_digest.get(..12) {
        Some(digest) => format!("; rule data {digest}"),
        None => String::new(),
    };
    format!("Figures known on {rules}; {records}{digest}.")
}

fn workforce(section: &PcnWorkforce, text: &mut String) {
    text.push_str("\nWORKFORCE (37.5 hours are one FTE)\n");
    let mut rows = new_table(&[
        ("role", CellAlignment::Left),
        ("staff FTE, month end", CellAlignment::Right),
        ("services FTE, month end", CellAlignment::Right),
        ("staff FTE, average", CellAlignment::Right),
        ("services FTE, average", CellAlignment::Right),
        ("people", CellAlignment::Right),
        ("joined", CellAlignment::Right),
        ("left", CellAlignment::Right),
        ("published FTE", CellAlignment::Right),
    ]);
    let published = |role: &str| {
        let national = section.national_return.as_ref()?;
        let rows = national.roles.iter().filter(|row| role == "all" || row.role == role);
        let rows: Vec<_> = rows.collect();
        let fte = |row: &&arrs_proto::workforce::v1::NationalReturnRole| {
            row.staff_fte_micro + row.contracted_fte_micro
        };
        (!rows.is_empty()).then(|| rows.iter().map(fte).sum::<i64>())
    };
    for role in section.roles.iter().chain(&section.total) {
        let name = if role.role.is_empty() { "all" } else { role.role.as_str() };
        let RoleWorkforce { headcount, joiner_count, leaver_count, .. } = role;
        rows.add_row([
            name.to_owned(),
            fte(role.staff_fte_month_end_micro),
            fte(role.contracted_fte_month_end_micro),
            fte(role.staff_fte_average_micro),
            fte(role.contracted_fte_average_micro),
            headcount.to_string(),
            joiner_count.to_string(),
            leaver_count.to_string(),
            published(name).map_or_else(|| "-".to_owned(), fte),
        ]);
    }
    text.push_str(&format!("{rows}\n"));
    wrapped(
        "FTE at the month end counts the last day, as the national return does; the average counts \
         every day, as a claim does. Neither is capped at 1. A WTE below divides by the employer's \
         own full-time hours.",
        "",
        text,
    );
    if let Some(list) = &section.list_size {
        let date = list.date.as_ref().map(day).unwrap_or_default();
        let weighted = list.weighted_ten_thousandths.and_then(Population::from_ten_thousandths);
        let weighted = weighted
            .map_or_else(|| "weighted not known".to_owned(), |list| format!("{list} weighted"));
        text.push_str(&format!(
            "Patients on {date}: {} registered, {weighted}.\n",
            list.registered_count
        ));
    }
    if section.national_return.is_none() {
        text.push_str("The published return of the month has not been brought in.\n");
    }
}

fn money(section: &PcnMoney, text: &mut String) {
    text.push_str("\nMONEY (lines as they would be prepared)\n");
    for pot in section.allocation.iter().flat_map(|allocation| &allocation.pots) {
        let amount = match pot.amount_pence {
            Some(pence) => Pence(pence).to_string(),
            None => format!("not known: {}", pot.missing),
        };
        text.push_str(&format!("Allocation of the year, {} pot: {amount}\n", pot.pot));
    }
    let mut rows = new_table(&[
        ("engagement", CellAlignment::Left),
        ("role", CellAlignment::Left),
        ("band", CellAlignment::Left),
        ("model", CellAlignment::Left),
        ("WTE", CellAlignment::Right),
        ("cost", CellAlignment::Right),
        ("maximum", CellAlignment::Right),
        ("payable", CellAlignment::Right),
        ("cut", CellAlignment::Right),
    ]);
    for line in &section.lines {
        let (payable, cut) = decided(line);
        rows.add_row([
            line.reference.clone(),
            line.role.clone(),
            line.band.clone(),
            line.model.clone(),
            fte(line.wte_micro),
            Pence(line.actual_cost_pence).to_string(),
            amount(line.maximum_pence),
            payable,
            cut,
        ]);
    }
    let all = [
        "all".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        Pence(section.actual_cost_pence).to_string(),
        String::new(),
        Pence(section.payable_pence).to_string(),
        Pence(section.cut_pence).to_string(),
    ];
    rows.add_row(all);
    text.push_str(&format!("{rows}\n"));
    if section.unpriced_count > 0 {
        let lines = match section.unpriced_count {
            1 => "1 line has".to_owned(),
            count => format!("{count} lines have"),
        };
        text.push_str(&format!("! {lines} no price (reasons below): the totals are incomplete.\n"));
    }
    match (section.year_payable_pence, section.room_pence) {
        (None, _) => text.push_str(
            "April to this month, and the room, are not shown: you may not see all of these \
             months.\n",
        ),
        (Some(payable), room) => {
            let room = match room {
                Some(room) => {
                    format!("room if all months were claimed as prepared: {}", Pence(room))
                }
                None => "the room is not known".to_owned(),
            };
            let payable = Pence(payable);
            text.push_str(&format!(
                "April to this month: {payable} payable as prepared; {room}.\n"
            ));
        }
    }
    for sentence in &section.unplaced {
        wrapped(&format!("! {sentence}"), "  ", text);
    }
    if !section.weakest_confidence.is_empty() {
        text.push_str(&format!(
            "The weakest figure behind these totals is {}.\n",
            section.weakest_confidence
        ));
    }
    reasons(&section.lines, text);
}

/// What is payable of a line and what was cut; of a line that waits or has no price nothing was
/// decided.
pub(crate) fn decided(line: &ClaimLine) -> (String, String) {
    let told = match line.state() {
        ClaimLineState::Prepared => {
            let cut = line.payable_pence.map(|payable| line.actual_cost_pence - payable);
            let cut = cut.map_or_else(|| "-".to_owned(), |cut| Pence(cut).to_string());
            return (amount(line.payable_pence), cut);
        }
        ClaimLineState::Waiting if line.steps.iter().any(|step| step.code == NOT_YET_PAID) => {
            "waits"
        }
        ClaimLineState::Waiting => "no pay",
        ClaimLineState::Unpriced | ClaimLineState::Unspecified => "no price",
    };
    (told.to_owned(), "-".to_owned())
}

/// Whether a step took something off a line, or says why nothing was decided.
pub(super) fn tells(line: &ClaimLine, step: &ClaimStep) -> bool {
    match step.code.as_str() {
        // What another PCN bears of a shared person was not cut.
        "ATTRIBUTION" => false,
        "FIGURE_MISSING" | "UNPRICED" | NOT_YET_PAID => true,
        // Without a step on cost that waits there is no pay, which the step on cost says.
        "COST" => {
            line.state() == ClaimLineState::Waiting
                && line.steps.iter().all(|step| step.code != NOT_YET_PAID)
        }
        _ => step.after_pence != step.before_pence,
    }
}

/// Adds a line of text, broken where the page ends; what follows begins with `indent`.
pub(crate) fn wrapped(line: &str, indent: &str, text: &mut String) {
    let start = line.len() - line.trim_start().len();
    let mut width = start;
    text.push_str(&line[..start]);
    for (index, word) in line.split_whitespace().enumerate() {
        let length = word.chars().count();
        if index > 0 {
            if width + 1 + length > usize::from(WIDTH) {
                text.push('\n');
                text.push_str(indent);
                width = indent.len();
            } else {
                text.push(' ');
                width += 1;
            }
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

/// Each step that took something off a line, or kept it from having a price.
fn reasons(lines: &[ClaimLine], text: &mut String) {
    text.push_str("\nWhy not more\n");
    let mut any = false;
    for line in lines {
        for step in line.steps.iter().filter(|step| tells(line, step)) {
            any = true;
            let change = match Pence(step.after_pence - step.before_pence) {
                Pence::ZERO => "-".to_owned(),
                change => change.to_string(),
            };
            let told = format!("  {} {change}: {}", line.reference, step.text);
            wrapped(&told, "      ", text);
        }
    }
    if !any {
        text.push_str("  nothing was cut\n");
    }
}

fn supervision(section: &PcnSupervision, text: &mut String) {
    text.push_str("\nSUPERVISION\n");
    let mut rows = new_table(&[
        ("person", CellAlignment::Left),
        ("role", CellAlignment::Left),
        ("requirement", CellAlignment::Left),
        ("asked by", CellAlignment::Left),
        ("status", CellAlignment::Left),
        ("sessions", CellAlignment::Right),
        ("last session", CellAlignment::Left),
        ("due by", CellAlignment::Left),
    ]);
    for person in &section.people {
        for requirement in &person.requirements {
            let status = match requirement.status() {
                SupervisionStatus::Met => "met",
                SupervisionStatus::Due => "due",
                SupervisionStatus::Late => "LATE",
                SupervisionStatus::Never => "NEVER",
                SupervisionStatus::Unspecified => "?",
            };
            rows.add_row([
                person.person_reference.clone(),
                person.role.clone(),
                format!("{} ({})", requirement.code, requirement.kind),
                requirement.force.clone(),
                status.to_owned(),
                format!("{} of {}", requirement.session_count, requirement.minimum_session_count),
                optional(requirement.last_session_date.as_ref()),
                optional(requirement.due_date.as_ref()),
            ]);
        }
    }
    if rows.is_empty() {
        text.push_str("No requirement with a count applies to anybody in post.\n");
    } else {
        text.push_str(&format!("{rows}\n"));
    }
    text.push_str(&format!(
        "{} met, {} due, {} late, {} never.\n",
        section.met_count, section.due_count, section.late_count, section.never_count
    ));
    if !section.not_evaluated.is_empty() {
        text.push_str(&format!(
            "{} more requirements of these roles give no count per period and are not evaluated.\n",
            section.not_evaluated.len()
        ));
    }
}

pub(crate) fn new_table(columns: &[(&str, CellAlignment)]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(columns.iter().map(|(name, _)| *name));
    for (index, (_, alignment)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
        }
    }
    table
}

pub(crate) fn amount(pence: Option<i64>) -> String {
    pence.map_or_else(|| "not known".to_owned(), |pence| Pence(pence).to_string())
}

/// Millionths as FTE with two decimals, half up.
pub(crate) fn fte(micro: i64) -> String {
    let hundredths = (micro + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

pub(crate) fn month(text: &str) -> String {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let Ok(month) = text.parse::<Month>() else { return text.to_owned() };
    let index = usize::from(month.number().unsigned_abs()) - 1;
    format!("{} {}", NAMES[index], month.year())
}

pub(crate) fn day(date: &WireDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

pub(super) fn optional(date: Option<&WireDate>) -> String {
    date.map_or_else(|| "-".to_owned(), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(code: &str, before: i64, after: i64) -> ClaimStep {
        ClaimStep {
            code: code.to_owned(),
            before_pence: before,
            after_pence: after,
            text: format!("{code} explained."),
            ..Default::default()
        }
    }

    fn line(state: ClaimLineState, payable: Option<i64>, steps: Vec<ClaimStep>) -> ClaimLine {
        ClaimLine {
            reference: "e-1".to_owned(),
            state: state.into(),
            payable_pence: payable,
            steps,
            ..Default::default()
        }
    }

    #[test]
    fn a_line_without_a_decision_has_no_cut_and_says_why() {
        use ClaimLineState::{Unpriced, Waiting};
        let nothing = line(Waiting, Some(0), vec![step("AREA", 0, 0), step("COST", 0, 0)]);
        let later = line(Waiting, Some(0), vec![step("COST", 9, 9), step("NOT_YET_PAID", 9, 0)]);
        let unknown = line(Unpriced, None, vec![step("UNPRICED", 9, 9), step("COST", 9, 9)]);

        for (line, payable, reason) in [
            (nothing, "no pay", "  e-1 -: COST explained.\n"),
            (later, "waits", "  e-1 -£0.09: NOT_YET_PAID explained.\n"),
            (unknown, "no price", "  e-1 -: UNPRICED explained.\n"),
        ] {
            assert_eq!(decided(&line), (payable.to_owned(), "-".to_owned()));
            let mut text = String::new();
            reasons(&[line], &mut text);
            assert_eq!(text, format!("\nWhy not more\n{reason}"));
        }
    }

    #[test]
    fn a_page_is_as_wide_as_it_says() {
        let (long, mut text) = ("wörd ".repeat(60), String::new());

        wrapped(&format!("  {long}"), "      ", &mut text);

        assert!(text.starts_with("  wörd"));
        assert!(text.lines().skip(1).all(|line| line.starts_with("      wörd")), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
