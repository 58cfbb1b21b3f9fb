//! `arrs report money`: the money of a PCN and contract year.

use arrs_proto::finance::v1 as pb;
use comfy_table::CellAlignment;
use terms::{OdsCode, Pence, Population, Rate};
use tonic::Request;

use super::refused;
use super::table::{amount, basis, month, new_table, wrapped};
use crate::cli::MoneyReportArguments;
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{print, progress, remote};

/// Asks for the year and prints it.
pub(super) async fn run(
    settings: &Settings,
    arguments: &MoneyReportArguments,
) -> Result<(), Failure> {
    let MoneyReportArguments { code, year, rules_known_on, known_at, server } = arguments;
    let channel = remote::connect(settings, server)?;
    let request = pb::GetPcnYearRequest {
        name: kit::names::pcn(code),
        year: year.to_string(),
        rules_known_on_date: rules_known_on.or(*known_at).map(kit::wire::date),
        known_at_date: known_at.map(kit::wire::date),
    };
    let spinner = progress::spinner("asking");
    let path = "/arrs.finance.v1.FinanceSummaryService/GetPcnYear";
    let answer = channel.unary(path, Request::new(request)).await;
    spinner.finish_and_clear();
    let answer = answer.map_err(|status| refused(status, *known_at).at(&server.server))?;
    print(&render(code, answer.get_ref()))
}

fn render(code: &OdsCode, money: &pb::PcnYear) -> String {
    let through = month(&money.through_month);
    let mut text = format!("\n{code}: money of {}, up to the end of {through}\n", money.year);
    if let Some(cut) = &money.cut {
        text.push_str(&format!("{}\n", basis(cut)));
    }
    text.push_str("\nBESIDE THE SCHEME (rate times the list of 1 January before the year)\n");
    incomes(money, &mut text);
    text.push_str("\nTHE SCHEME (ARRS)\n");
    pots(&money.pots, &mut text);
    text.push_str(&format!(
        "\nROLE BY ROLE (as the lines would be prepared now)\n{}\n",
        roles(money)
    ));
    cuts(money, &mut text);
    text.push_str("\nTOGETHER, SO FAR\n");
    for (name, total) in [
        ("income of the PCN beside the scheme", &money.pcn_income),
        ("payable by the scheme", &money.arrs),
        ("both", &money.all),
        ("to its practices, no income of the PCN", &money.practice_income),
    ] {
        if let Some(total) = total {
            summed(name, total, &mut text);
        }
    }
    text
}

fn incomes(money: &pb::PcnYear, text: &mut String) {
    let mut rows = new_table(&[
        ("line", CellAlignment::Left),
        ("rate", CellAlignment::Right),
        ("of", CellAlignment::Left),
        ("list", CellAlignment::Right),
        ("so far", CellAlignment::Right),
        ("in the year", CellAlignment::Right),
        ("mark", CellAlignment::Left),
    ]);
    for income in &money.incomes {
        let pb::PcnIncome { line, counted, to_date_pence, of_year_pence, .. } = income;
        let list = income.list_ten_thousandths.and_then(Population::from_ten_thousandths);
        let mark = income.rate.as_ref().map(|rate| rate.confidence.clone());
        rows.add_row([
            if income.to_practices { format!("{line} *") } else { line.clone() },
            rate(income),
            counted.replace('_', " "),
            list.map_or_else(|| "-".to_owned(), |list| list.to_string()),
            amount(*to_date_pence),
            amount(*of_year_pence),
            mark.unwrap_or_default(),
        ]);
    }
    text.push_str(&format!("{rows}\n"));
    if money.incomes.iter().any(|income| income.to_practices) {
        text.push_str("* to the practices, and no income of the PCN\n");
    }
    for income in money.incomes.iter().filter(|income| !income.missing.is_empty()) {
        wrapped(&format!("! {}: {}", income.line, income.missing), "  ", text);
    }
}

/// `£1.5`, `£0.72 for 6 months`.
fn rate(income: &pb::PcnIncome) -> String {
    let Some(figure) = income.rate.as_ref().filter(|figure| figure.unit != "not_printed") else {
        return "not known".to_owned();
    };
    let Some(rate) = Rate::from_ten_thousandths(figure.value) else { return String::new() };
    match income.rate_months {
        12 => rate.to_string(),
        months => format!("{rate} for {months} months"),
    }
}

fn pots(pots: &[pb::PotYear], text: &mut String) {
    let mut rows = new_table(&[
        ("pot", CellAlignment::Left),
        ("allocation", CellAlignment::Right),
        ("claimed", CellAlignment::Right),
        ("committed", CellAlignment::Right),
        ("approved", CellAlignment::Right),
        ("paid", CellAlignment::Right),
        ("room", CellAlignment::Right),
        ("mark", CellAlignment::Left),
    ]);
    for pb::PotYear { allocation, balance } in pots {
        let Some(allocation) = allocation else { continue };
        let of =
            |part: fn(&pb::Balance) -> i64| Pence(balance.as_ref().map_or(0, part)).to_string();
        let room = balance.as_ref().map(|balance| balance.room_pence);
        rows.add_row([
            allocation.pot.clone(),
            amount(allocation.amount_pence),
            of(|balance| balance.claimed_pence),
            of(|balance| balance.committed_pence),
            of(|balance| balance.approved_pence),
            of(|balance| balance.paid_pence),
            amount(room.or(allocation.amount_pence)),
            allocation.rate.as_ref().map(|rate| rate.confidence.clone()).unwrap_or_default(),
        ]);
    }
    text.push_str(&format!("{rows}\n"));
    for allocation in pots.iter().filter_map(|pot| pot.allocation.as_ref()) {
        if !allocation.missing.is_empty() {
            wrapped(&format!("! {}: {}", allocation.pot, allocation.missing), "  ", text);
        }
    }
}

fn roles(money: &pb::PcnYear) -> String {
    let mut rows = new_table(&[
        ("role", CellAlignment::Left),
        ("lines", CellAlignment::Right),
        ("cost", CellAlignment::Right),
        ("maximum", CellAlignment::Right),
        ("payable", CellAlignment::Right),
        ("unclaimed", CellAlignment::Right),
        ("cut", CellAlignment::Right),
        ("no price", CellAlignment::Right),
        ("mark", CellAlignment::Left),
    ]);
    for role in money.roles.iter().chain(&money.all_roles) {
        rows.add_row([
            if role.role.is_empty() { "all".to_owned() } else { role.role.clone() },
            role.line_count.to_string(),
            Pence(role.cost_pence).to_string(),
            Pence(role.maximum_pence).to_string(),
            Pence(role.payable_pence).to_string(),
            Pence(role.unclaimed_pence).to_string(),
            Pence(role.cut_pence).to_string(),
            role.unpriced_count.to_string(),
            role.weakest_confidence.clone(),
        ]);
    }
    rows.to_string()
}

/// What was cut by which step, role by role.
fn cuts(money: &pb::PcnYear, text: &mut String) {
    let cut: Vec<&pb::RoleYear> = money.roles.iter().filter(|role| !role.cuts.is_empty()).collect();
    if cut.is_empty() {
        return;
    }
    text.push_str("\nWhat was cut, and by which step\n");
    for role in cut.into_iter().chain(&money.all_roles) {
        let name = if role.role.is_empty() { "all" } else { &role.role };
        let parts: Vec<String> = role
            .cuts
            .iter()
            .map(|cut| format!("{} {}", cut.code, Pence(cut.amount_pence)))
            .collect();
        let told = format!("  {name} {}: {}", Pence(role.cut_pence), parts.join(", "));
        wrapped(&told, "      ", text);
    }
}

/// A total with what it rests on.
fn summed(name: &str, total: &pb::MoneyTotal, text: &mut String) {
    let mut told = format!("  {name}: {}", Pence(total.to_date_pence));
    if let Some(year) = total.of_year_pence {
        told.push_str(&format!(", {} in the year", Pence(year)));
    }
    if !total.unconfirmed.is_empty() {
        let (mark, lines) = (&total.weakest_confidence, total.unconfirmed.join(", "));
        told.push_str(&format!("; at its weakest {mark}, not confirmed: {lines}"));
    }
    if !total.missing.is_empty() {
        told.push_str(&format!("; without {}", total.missing.join(", ")));
    }
    wrapped(&told, "      ", text);
}
