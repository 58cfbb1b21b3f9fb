//! What is owed, as tables.

use arrs_proto::finance::v1 as pb;
use comfy_table::CellAlignment;
use kit::client::Channel;
use terms::{OdsCode, Pence};
use tonic::Request;

use super::{last, path};
use crate::cli::OwedArguments;
use crate::exit::Failure;
use crate::remote;
use crate::report::{day, month, new_table, refused, wrapped};

/// What is owed to one PCN, or to each that the caller may see.
pub(super) async fn tell(channel: &Channel, arguments: &OwedArguments) -> Result<String, Failure> {
    match &arguments.code {
        Some(code) => of_pcn(channel, code, arguments).await,
        None => of_all(channel, arguments).await,
    }
}

async fn of_pcn(
    channel: &Channel,
    code: &OdsCode,
    arguments: &OwedArguments,
) -> Result<String, Failure> {
    let request = pb::GetMoneyOwedRequest {
        name: kit::names::pcn(code),
        rules_known_on_date: arguments.known_at.map(kit::wire::date),
        known_at_date: arguments.known_at.map(kit::wire::date),
    };
    let answer = channel.unary(&path("GetMoneyOwed"), Request::new(request)).await;
    let owed: pb::MoneyOwed =
        answer.map_err(|status| refused(status, arguments.known_at))?.into_inner();
    Ok(render(code, &owed))
}

fn render(code: &OdsCode, owed: &pb::MoneyOwed) -> String {
    let as_of = owed.as_of_date.as_ref().map(day).unwrap_or_default();
    let amount = Pence(owed.owed_pence);
    let mut text = format!("Owed to {code} on {as_of}: {amount}\n");
    if !owed.claims.is_empty() {
        text.push_str(&format!("\nHow long it has waited\n{}\n", ages(&owed.ages)));
        text.push_str(&format!("\nClaim by claim\n{}\n", claims(&owed.claims)));
    }
    if !owed.expected_payments.is_empty() {
        let expected = expected(&owed.expected_payments);
        text.push_str(&format!("\nWhen it may be expected\n{expected}\n"));
        for delay in &owed.payment_delays {
            wrapped(&format!("  {}", told(delay)), "    ", &mut text);
        }
    }
    if !owed.cash_gaps.is_empty() {
        text.push_str(&format!("\nWhat people cost, and what came back\n{}\n", gaps(owed)));
        wrapped(
            "The gap is the cost of all claims so far less all that was paid back; what the scheme \
             does not pay of the cost stays in it.",
            "",
            &mut text,
        );
    }
    text
}

/// `in principle, 1 month after the one claimed (ONE SOURCE, ...)`.
fn told(delay: &pb::Figure) -> String {
    let pb::Figure { name, value, confidence, source, .. } = delay;
    let reading = name.split('/').nth(1).unwrap_or_default().replace('_', " ");
    let months = if *value == 1 { "month" } else { "months" };
    format!("{reading}, {value} {months} after the one claimed ({confidence}, {source})")
}

/// `0 to 30 days`, `more than 90 days`.
fn waited(age: &pb::MoneyOwedAge) -> String {
    match age.days_max {
        Some(most) => format!("{} to {most} days", age.days_min),
        None => format!("more than {} days", age.days_min - 1),
    }
}

fn ages(ages: &[pb::MoneyOwedAge]) -> String {
    let mut rows = new_table(&[
        ("waited", CellAlignment::Left),
        ("claims", CellAlignment::Right),
        ("owed", CellAlignment::Right),
    ]);
    for age in ages {
        rows.add_row([waited(age), age.claim_count.to_string(), Pence(age.owed_pence).to_string()]);
    }
    rows.to_string()
}

fn claims(claims: &[pb::OwedClaim]) -> String {
    let mut rows = new_table(&[
        ("claim", CellAlignment::Left),
        ("state", CellAlignment::Left),
        ("owed", CellAlignment::Right),
        ("submitted", CellAlignment::Left),
        ("days", CellAlignment::Right),
        ("in this state", CellAlignment::Right),
        ("in principle", CellAlignment::Left),
        ("usually from", CellAlignment::Left),
        ("to", CellAlignment::Left),
    ]);
    for claim in claims {
        let state = claim.state().as_str_name().trim_start_matches("CLAIM_STATE_");
        rows.add_row([
            last(&claim.claim).to_owned(),
            state.to_owned(),
            Pence(claim.owed_pence).to_string(),
            claim.submit_date.as_ref().map(day).unwrap_or_default(),
            claim.age_days.to_string(),
            claim.days_in_state.to_string(),
            claim.in_principle_month.clone(),
            claim.usual_earliest_month.clone(),
            claim.usual_latest_month.clone(),
        ]);
    }
    rows.to_string()
}

fn expected(payments: &[pb::ExpectedPayment]) -> String {
    let mut rows = new_table(&[
        ("month", CellAlignment::Left),
        ("in principle", CellAlignment::Right),
        ("usually, at the earliest", CellAlignment::Right),
        ("usually, at the latest", CellAlignment::Right),
    ]);
    for payment in payments {
        rows.add_row([
            month(&payment.month),
            Pence(payment.in_principle_pence).to_string(),
            Pence(payment.usual_earliest_pence).to_string(),
            Pence(payment.usual_latest_pence).to_string(),
        ]);
    }
    rows.to_string()
}

fn gaps(owed: &pb::MoneyOwed) -> String {
    let mut rows = new_table(&[
        ("month", CellAlignment::Left),
        ("cost of the month", CellAlignment::Right),
        ("paid back in it", CellAlignment::Right),
        ("gap at its end", CellAlignment::Right),
    ]);
    for gap in &owed.cash_gaps {
        rows.add_row([
            month(&gap.month),
            Pence(gap.cost_pence).to_string(),
            Pence(gap.repaid_pence).to_string(),
            Pence(gap.gap_pence).to_string(),
        ]);
    }
    rows.to_string()
}

async fn of_all(channel: &Channel, arguments: &OwedArguments) -> Result<String, Failure> {
    let ask = |page_token| pb::ListMoneyOwedRequest {
        page_size: 1_000,
        page_token,
        known_at_date: arguments.known_at.map(kit::wire::date),
    };
    let page = |answer: pb::ListMoneyOwedResponse| (answer.pcns, answer.next_page_token);
    let pcns = remote::all(channel, &path("ListMoneyOwed"), ask, page).await;
    let pcns = pcns.map_err(|status| refused(status, arguments.known_at))?;
    let Some(first) = pcns.first() else {
        return Ok("Nothing is owed.\n".to_owned());
    };
    let ages: Vec<String> = first.ages.iter().map(waited).collect();
    let mut columns = vec![("PCN", CellAlignment::Left), ("owed", CellAlignment::Right)];
    columns.extend(ages.iter().map(|age| (age.as_str(), CellAlignment::Right)));
    columns.push(("oldest, days", CellAlignment::Right));
    let mut rows = new_table(&columns);
    for pcn in &pcns {
        let mut row = vec![last(&pcn.name).to_owned(), Pence(pcn.owed_pence).to_string()];
        row.extend(pcn.ages.iter().map(|age| Pence(age.owed_pence).to_string()));
        row.push(pcn.age_days_max.to_string());
        rows.add_row(row);
    }
    let all: Pence = pcns.iter().map(|pcn| Pence(pcn.owed_pence)).sum();
    let to = match pcns.len() {
        1 => "one PCN".to_owned(),
        many => format!("{many} PCNs"),
    };
    Ok(format!("{rows}\n{all} are owed to {to}.\n"))
}
