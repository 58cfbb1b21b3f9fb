//! Claims for a terminal.

use arrs_proto::finance::v1::{
    Arrears, Claim, ClaimBasis, ClaimEvent, ClaimLine, ClaimLineState, ClaimPot, ClaimState,
};
use comfy_table::CellAlignment;
use jiff::Timestamp;
use prost_types::Timestamp as WireTimestamp;
use terms::Pence;

use crate::report::{amount, day, decided, month, new_table, wrapped};

/// Where the values of a head begin.
const VALUES: usize = 17;

/// A claim without its lines: how far it has come, what it comes to, and what it rests on.
pub(super) fn head(claim: &Claim) -> String {
    let (code, of) = parts(&claim.name);
    let what = match of.split_once("-adj") {
        Some((up_to, number)) => {
            format!("Adjustment {number} of {code} of the months up to {}", month(up_to))
        }
        None => format!("Claim of {code} for {}", month(of)),
    };
    let mut text = format!("{what}: {}\n", state(claim.state()));
    row("lines", &counted(claim), &mut text);
    row("own cost", &Pence(claim.own_cost_pence).to_string(), &mut text);
    row("payable", &Pence(claim.payable_pence).to_string(), &mut text);
    let pots = claim
        .pots
        .iter()
        .map(|ClaimPot { pot, payable_pence }| format!("{pot} {}", Pence(*payable_pence)));
    row("taken from", &pots.collect::<Vec<_>>().join(", "), &mut text);
    row("weakest figure", &claim.weakest_confidence, &mut text);
    row("note", &claim.note, &mut text);
    for (index, evidence) in claim.evidence.iter().enumerate() {
        row(if index == 0 { "evidence" } else { "" }, evidence, &mut text);
    }
    if let Some(paid) = &claim.payment_date {
        row("paid", &format!("on {} as {}", day(paid), claim.payment_reference), &mut text);
    }
    if claim.submit_time.is_some() {
        row("submitted", &time(claim.submit_time.as_ref()), &mut text);
    }
    if let Some(basis) = &claim.basis {
        row("built from", &rests_on(basis), &mut text);
    }
    row("etag", claim.etag.trim_matches('"'), &mut text);
    text
}

/// A claim with its lines.
pub(super) fn whole(claim: &Claim, lines: &[ClaimLine]) -> String {
    let mut text = head(claim);
    let mut rows = new_table(&[
        ("line", CellAlignment::Right),
        ("month", CellAlignment::Left),
        ("engagement", CellAlignment::Left),
        ("role", CellAlignment::Left),
        ("own cost", CellAlignment::Right),
        ("maximum", CellAlignment::Right),
        ("payable", CellAlignment::Right),
        ("cut", CellAlignment::Right),
    ]);
    for line in lines {
        // A line in a list has no steps, which would say what it waits for.
        let (payable, cut) = match line.state() {
            ClaimLineState::Waiting => ("waits".to_owned(), "-".to_owned()),
            ClaimLineState::Prepared | ClaimLineState::Unpriced | ClaimLineState::Unspecified => {
                decided(line)
            }
        };
        rows.add_row([
            number(line).to_owned(),
            line.month.clone(),
            line.reference.clone(),
            line.role.clone(),
            Pence(line.actual_cost_pence).to_string(),
            amount(line.maximum_pence),
            payable,
            cut,
        ]);
    }
    if !lines.is_empty() {
        text.push_str(&format!("\n{rows}\n"));
        let (code, of) = parts(&claim.name);
        text.push_str(&format!("`arrs claim explain {code} {of} LINE` says why.\n"));
    }
    text
}

/// Claims, one a row.
pub(super) fn list(claims: &[Claim]) -> String {
    if claims.is_empty() {
        return "There is no such claim.\n".to_owned();
    }
    let mut rows = new_table(&[
        ("PCN", CellAlignment::Left),
        ("month", CellAlignment::Left),
        ("state", CellAlignment::Left),
        ("lines", CellAlignment::Right),
        ("own cost", CellAlignment::Right),
        ("payable", CellAlignment::Right),
        ("submitted", CellAlignment::Left),
        ("paid", CellAlignment::Left),
    ]);
    for claim in claims {
        let (code, of) = parts(&claim.name);
        rows.add_row([
            code.to_owned(),
            of.to_owned(),
            word(claim.state()).to_owned(),
            counted(claim),
            Pence(claim.own_cost_pence).to_string(),
            Pence(claim.payable_pence).to_string(),
            time(claim.submit_time.as_ref()),
            claim.payment_date.as_ref().map_or_else(|| "-".to_owned(), day),
        ]);
    }
    format!("{rows}\n")
}

/// What changed about approved months, a row and a sentence each.
pub(super) fn arrears(all: &[Arrears]) -> String {
    if all.is_empty() {
        return "Nothing changed about the approved months of the year.\n".to_owned();
    }
    let mut text = String::new();
    for one in all {
        text.push_str(&format!(
            "{}  {:20}  {:6}  {:>14}\n",
            one.month,
            one.reference,
            one.role,
            Pence(one.change_pence).to_string()
        ));
        wrapped(&format!("    {}", one.text), "    ", &mut text);
    }
    let more: Pence = all.iter().map(|one| Pence(one.change_pence.max(0))).sum();
    let back: Pence = all.iter().map(|one| Pence(-one.change_pence.min(0))).sum();
    text.push_str(&format!("To be claimed: {more}; to be paid back: {back}\n"));
    text
}

/// What was done with a claim, in its order.
pub(super) fn history(events: &[ClaimEvent]) -> String {
    let mut text = String::new();
    for event in events {
        let ClaimEvent { action, payable_pence, .. } = event;
        text.push_str(&format!(
            "{}  {action:8}  {:9}  {:>14}  {}\n",
            time(event.time.as_ref()),
            word(event.state()),
            Pence(*payable_pence).to_string(),
            // Whoever issues tokens writes the subject, not we.
            event.principal.escape_debug(),
        ));
        if let Some(said) = said(event) {
            wrapped(&format!("    {said}"), "    ", &mut text);
        }
    }
    text
}

/// What was said, and about which line.
pub(super) fn said(event: &ClaimEvent) -> Option<String> {
    let text = plain(&event.text);
    match (event.line, text.trim()) {
        (_, "") => None,
        (0, text) => Some(text.to_owned()),
        (line, text) => Some(format!("line {line}: {text}")),
    }
}

/// The number of a line.
pub(super) fn number(line: &ClaimLine) -> &str {
    line.name.rsplit('/').next().unwrap_or_default()
}

/// What was typed by somebody, without what would move the cursor of a terminal.
fn plain(text: &str) -> String {
    let shown = |it: char| if it.is_control() && !it.is_whitespace() { '\u{fffd}' } else { it };
    text.chars().map(shown).collect()
}

/// An instant to the second.
pub(crate) fn time(at: Option<&WireTimestamp>) -> String {
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    at.map_or_else(|| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// The PCN and the month of `pcns/U09081/claims/2025-07`.
fn parts(name: &str) -> (&str, &str) {
    name.trim_start_matches("pcns/").split_once("/claims/").unwrap_or((name, ""))
}

/// A line of a head, unless there is nothing to say.
fn row(label: &str, value: &str, text: &mut String) {
    if value.is_empty() {
        return;
    }
    let indent = " ".repeat(VALUES);
    let mut told = String::new();
    wrapped(&format!("{indent}{}", plain(value)), &indent, &mut told);
    text.push_str(&format!("{:VALUES$}{}", format!("  {label}"), told.trim_start()));
}

fn counted(claim: &Claim) -> String {
    match claim.unpriced_count {
        0 => claim.line_count.to_string(),
        unpriced => format!("{}, {unpriced} of them without a price", claim.line_count),
    }
}

fn word(state: ClaimState) -> &'static str {
    state.as_str_name().trim_start_matches("CLAIM_STATE_")
}

fn state(state: ClaimState) -> String {
    let means = match state {
        ClaimState::Unspecified => "this version does not know the state",
        ClaimState::Prepared => "not asked for yet, nothing is reserved",
        ClaimState::Submitted => "reserved, waits for the first approval",
        ClaimState::Queried => "reserved, waits for the PCN to reply",
        ClaimState::Checked => "reserved, waits for the second approval by somebody else",
        ClaimState::Approved => "has both approvals, waits to be paid",
        ClaimState::Paid => "done",
        ClaimState::Rejected => "refused by the ICB, nothing is reserved",
        ClaimState::Withdrawn => "taken back by the PCN, nothing is reserved",
    };
    format!("{} ({means})", word(state))
}

/// What the same result needs.
fn rests_on(basis: &ClaimBasis) -> String {
    let date = |it: &Option<_>| it.as_ref().map_or_else(|| "-".to_owned(), day);
    format!(
        "records as known at {} (digest {}), figures known on {} (digest {}), cost paid by {}, \
         mechanism {}; result {}",
        time(basis.known_at_time.as_ref()),
        short(&basis.records_digest),
        date(&basis.rules_known_on_date),
        short(&basis.rule_digest),
        date(&basis.claim_date),
        basis.mechanism,
        short(&basis.result_digest),
    )
}

/// The beginning of a digest, enough to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_far_a_claim_has_come_and_what_it_comes_to() {
        let claim = Claim {
            name: "pcns/U09081/claims/2025-07".to_owned(),
            state: ClaimState::Submitted.into(),
            line_count: 15,
            unpriced_count: 1,
            own_cost_pence: 6_083_481,
            payable_pence: 5_667_371,
            pots: vec![ClaimPot { pot: "main".to_owned(), payable_pence: 5_667_371 }],
            note: "word ".repeat(40),
            evidence: vec!["payroll run 4711".to_owned(), "folder\u{1b}[2J 3".to_owned()],
            ..Default::default()
        };

        let text = head(&claim);

        for line in [
            "Claim of U09081 for July 2025: SUBMITTED (reserved, waits for the first approval)",
            "  lines          15, 1 of them without a price",
            "  payable        £56,673.71",
            "  taken from     main £56,673.71",
            "                 word word word",
            "  evidence       payroll run 4711",
            "                 folder\u{fffd}[2J 3",
        ] {
            assert!(text.lines().any(|it| it.starts_with(line)), "{line:?} is not in\n{text}");
        }
        // Nothing is said of what there is not.
        assert!(!text.contains("paid") && !text.contains("etag"), "{text}");
    }

    #[test]
    fn a_history_names_the_line_that_somebody_spoke_about() {
        let event = ClaimEvent {
            action: "QUERY".to_owned(),
            state: ClaimState::Queried.into(),
            principal: "local icb-checker".to_owned(),
            line: 2,
            text: "Is the band right?".to_owned(),
            payable_pence: 5_667_371,
            ..Default::default()
        };

        let text = history(&[event]);

        assert_eq!(
            text,
            "-  QUERY     QUERIED        £56,673.71  local icb-checker\n    \
             line 2: Is the band right?\n"
        );
    }
}
