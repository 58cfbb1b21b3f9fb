//! Claims for the wire, and what is done with them from it.

use arrs_proto::finance::v1 as pb;
use arrs_proto::google::r#type::Date as WireDate;
use kit::answers::{Asked, Effect};
use kit::names::Fields;
use kit::wire;
use prost::Message;
use terms::{Confidence, Pence};
use uuid::Uuid;

use crate::api::allocations;
use crate::api::pcn_money::wire as lines;
use crate::app::arrears::ChangedLine;
use crate::app::claim_moves::{Doing, Words};
use crate::app::claims::{Basis, ClaimLine, Moved, Seen, Verified};
use crate::domain::adjustment::Arrears;
use crate::domain::claim::{ClaimName, ClaimState};
use crate::domain::rulebook::RuleBook;

/// The longest text that somebody says about a claim.
const TEXT: usize = 2_000;
/// The most references to evidence, and the longest.
const EVIDENCE: (usize, usize) = (20, 200);
/// The longest name of a payment.
const REFERENCE: usize = 64;
/// The most differences that are told.
const DIFFERENCES: usize = 40;

/// `pcns/{ods}/claims/{month}/lines/{number}`.
pub(super) fn line_name(text: &str, fields: &mut Fields) -> Option<(ClaimName, i32)> {
    let parsed = text.split_once("/lines/").and_then(|(claim, number)| {
        let number: i32 = number.parse().ok().filter(|number| *number > 0)?;
        Some((claim.parse().ok()?, number))
    });
    if parsed.is_none() {
        fields.violation("name", "must be a line such as pcns/U00070/claims/2025-07/lines/3");
    }
    parsed
}

/// A move as it was asked for; `words` are all its fields but the identifier.
pub(super) fn asked(
    request: Option<Uuid>,
    words: &impl Message,
    validate_only: bool,
) -> Asked<Seen> {
    Asked::new(request, words, Effect::of(validate_only), |seen| claim(seen).encode_to_vec())
}

pub(super) fn amend(note: String, evidence: Vec<String>, fields: &mut Fields) -> Option<Doing> {
    if note.chars().count() > TEXT {
        fields.violation("note", format!("must have at most {TEXT} characters"));
    }
    let (most, longest) = EVIDENCE;
    if evidence.len() > most {
        fields.violation("evidence", format!("must be at most {most} references"));
    }
    for (index, reference) in evidence.iter().enumerate().take(most) {
        if !(1..=longest).contains(&reference.chars().count()) {
            let reason = format!("must have 1 to {longest} characters");
            fields.violation(format!("evidence[{index}]"), reason);
        }
    }
    Some(Doing::Amend { note, evidence })
}

pub(super) fn words(text: String, line: i32, fields: &mut Fields) -> Option<Words> {
    if text.trim().is_empty() || text.chars().count() > TEXT {
        fields.violation("text", format!("must have 1 to {TEXT} characters"));
    }
    if line < 0 {
        fields.violation("line", "must be the number of a line, or 0 for the whole claim");
    }
    Some(Words { text, line })
}

pub(super) fn payment(
    date: Option<WireDate>,
    reference: String,
    fields: &mut Fields,
) -> Option<Doing> {
    let date = fields.date("payment_date", date);
    if reference.trim().is_empty() || reference.chars().count() > REFERENCE {
        let reason = format!("must have 1 to {REFERENCE} characters");
        fields.violation("payment_reference", reason);
    }
    Some(Doing::Pay { date: date?, reference })
}

/// A state that is asked for.
pub(super) fn state(state: i32, fields: &mut Fields) -> Option<ClaimState> {
    let known = pb::ClaimState::try_from(state).unwrap_or_default();
    let found = ClaimState::ALL.iter().copied().find(|one| wire_state(*one) == known);
    if found.is_none() {
        fields.violation("states", "must be states of a claim, such as CLAIM_STATE_SUBMITTED");
    }
    found
}

pub(in crate::api) const fn wire_state(state: ClaimState) -> pb::ClaimState {
    match state {
        ClaimState::Prepared => pb::ClaimState::Prepared,
        ClaimState::Submitted => pb::ClaimState::Submitted,
        ClaimState::Queried => pb::ClaimState::Queried,
        ClaimState::Checked => pb::ClaimState::Checked,
        ClaimState::Approved => pb::ClaimState::Approved,
        ClaimState::Paid => pb::ClaimState::Paid,
        ClaimState::Rejected => pb::ClaimState::Rejected,
        ClaimState::Withdrawn => pb::ClaimState::Withdrawn,
    }
}

pub(super) fn claim(seen: Seen) -> pb::Claim {
    let Seen { claim, basis: built_from, revision } = seen;
    let pot = |(pot, amount): (_, &Pence)| pb::ClaimPot {
        pot: allocations::word(pot).to_owned(),
        payable_pence: amount.0,
    };
    pb::Claim {
        name: claim.name.to_string(),
        state: wire_state(claim.state).into(),
        basis: Some(basis(built_from)),
        line_count: claim.line_count,
        unpriced_count: claim.unpriced_count,
        own_cost_pence: claim.own_cost.0,
        payable_pence: claim.payable().0,
        pots: claim.pots.iter().map(|(name, amount)| pot((*name, amount))).collect(),
        weakest_confidence: claim.weakest.map(Confidence::as_str).unwrap_or_default().to_owned(),
        note: claim.note,
        evidence: claim.evidence,
        payment_date: claim.payment_date.map(wire::date),
        payment_reference: claim.payment_reference,
        submit_time: claim.submitted_at.map(wire::timestamp),
        etag: revision.map(|revision| revision.to_string()).unwrap_or_default(),
    }
}

pub(super) fn basis(basis: Basis) -> pb::ClaimBasis {
    pb::ClaimBasis {
        known_at_time: Some(wire::timestamp(basis.known_at)),
        rules_known_on_date: Some(wire::date(basis.rules_known_on)),
        claim_date: Some(wire::date(basis.claim_date)),
        rule_digest: basis.rule_digest,
        mechanism: i32::try_from(basis.mechanism).unwrap_or(i32::MAX),
        records_digest: basis.ground_digest,
        result_digest: basis.result_digest,
    }
}

pub(super) fn event(moved: &Moved) -> pb::ClaimEvent {
    let Moved { claim, at, by } = moved;
    pb::ClaimEvent {
        time: Some(wire::timestamp(*at)),
        action: claim.action.as_str().to_uppercase(),
        state: wire_state(claim.state).into(),
        principal: by.clone(),
        line: claim.line,
        text: claim.said.clone(),
        payable_pence: claim.payable().0,
    }
}

/// A line with its name and steps.
pub(super) fn line(rules: &RuleBook, name: &ClaimName, line: &ClaimLine) -> pb::ClaimLine {
    let ClaimLine { number, line, record } = line;
    pb::ClaimLine {
        name: format!("{name}/lines/{number}"),
        ..lines::line(rules, &name.pcn, line, record)
    }
}

/// A line that is another one by what is known now.
pub(super) fn arrears(changed: &ChangedLine) -> pb::Arrears {
    let ChangedLine { arrears: Arrears { line, settled, change }, reference } = changed;
    let paid_since = line.own_cost - settled.own_cost;
    pb::Arrears {
        month: line.month.to_string(),
        engagement: line.engagement.to_string(),
        reference: reference.clone(),
        role: line.role.to_string(),
        approved_pence: settled.approved.0,
        payable_pence: line.payable().map(|Pence(pence)| pence),
        old_maximum_pence: settled.maximum.map(|Pence(pence)| pence),
        new_maximum_pence: line.maximum.map(|Pence(pence)| pence),
        paid_since_pence: paid_since.0,
        change_pence: change.0,
        text: arrears_text(&changed.arrears, paid_since),
    }
}

fn arrears_text(arrears: &Arrears, paid_since: Pence) -> String {
    let Arrears { line, settled, change } = arrears;
    let Some(payable) = line.payable() else {
        return "A figure is not known, so nothing can be said of the change.".to_owned();
    };
    let maximum = match (settled.maximum, line.maximum) {
        (Some(old), Some(new)) if old != new => format!("The maximum was {old} and is {new}. "),
        (None, Some(new)) => format!("The maximum was not known and is {new}. "),
        (_, _) => String::new(),
    };
    let paid = match paid_since.cmp(&Pence::ZERO) {
        std::cmp::Ordering::Greater => format!("{paid_since} more was paid to staff since. "),
        std::cmp::Ordering::Less => format!("The cost fell by {} since. ", -paid_since),
        std::cmp::Ordering::Equal => String::new(),
    };
    let approved = settled.approved;
    let end = if *change > Pence::ZERO {
        format!("{change} may be claimed beside the {approved} approved.")
    } else if *change < Pence::ZERO {
        format!("{} of the {approved} approved is to be paid back.", -*change)
    } else if payable > approved {
        format!(
            "{payable} would be payable instead of the {approved} approved, but nothing more was \
             paid to the person: nothing can be claimed."
        )
    } else {
        "Nothing changes about what is payable.".to_owned()
    };
    format!("{maximum}{paid}{end}")
}

pub(super) fn verified(verified: Verified) -> pb::VerifyClaimResponse {
    let Verified { basis: built_from, result_digest, differing } = verified;
    let reproduced = built_from.result_digest == result_digest;
    let amount =
        |amount: Option<Pence>| amount.map_or("no price".to_owned(), |amount| amount.to_string());
    let mut differences: Vec<String> = differing
        .iter()
        .take(DIFFERENCES)
        .map(|(number, then, now)| {
            let then = amount(then.and_then(|line| line.payable));
            let now = amount(now.as_ref().and_then(|line| line.payable()));
            format!("Line {number} came to {then}, and comes to {now}.")
        })
        .collect();
    if !reproduced && differences.is_empty() {
        differences.push("The amounts are the same; the steps that lead to them are not.".into());
    }
    pb::VerifyClaimResponse {
        reproduced,
        basis: Some(basis(built_from)),
        result_digest,
        differences,
    }
}
