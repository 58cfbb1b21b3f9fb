//! One line of a claim, explained from cost to payable.

use arrs_proto::finance::v1::{ClaimLine, ClaimStep, ExplainClaimLineResponse};
use terms::Pence;

use super::table::{number, said, time};
use crate::report::{amount, day, decided, fte, wrapped};

/// Where the sentences of a step begin.
const INDENT: &str = "      ";

/// A line with every step in the order of evaluation, and what was said about it.
pub(super) fn render(explained: &ExplainClaimLineResponse) -> String {
    let ExplainClaimLineResponse { line, basis: _, remarks } = explained;
    let mut text = String::new();
    if let Some(line) = line {
        result(line, &mut text);
        for (index, taken) in line.steps.iter().enumerate() {
            step(index + 1, taken, &mut text);
        }
    }
    if !remarks.is_empty() {
        text.push_str("\nWhat was said about it\n");
    }
    for remark in remarks {
        let (at, who) = (time(remark.time.as_ref()), remark.principal.escape_debug());
        text.push_str(&format!("  {at}  {}  {who}\n", remark.action));
        wrapped(&format!("{INDENT}{}", said(remark).unwrap_or_default()), INDENT, &mut text);
    }
    text
}

/// What the line is, and what it comes to.
fn result(line: &ClaimLine, text: &mut String) {
    let band = match line.band.as_str() {
        "" => String::new(),
        band => format!(" band {band}"),
    };
    let (number, wte) = (number(line), fte(line.wte_micro));
    let ClaimLine { reference, role, model, .. } = line;
    text.push_str(&format!("Line {number}: {reference}, {role}{band}, {model}, {wte} WTE\n"));
    let (payable, cut) = decided(line);
    text.push_str(&format!(
        "  own cost {}, maximum {}, payable {payable}, cut {cut}\n",
        Pence(line.actual_cost_pence),
        amount(line.maximum_pence),
    ));
    if !line.pay_source.is_empty() {
        wrapped(&format!("  pay from {}", line.pay_source), "    ", text);
    }
}

/// The amounts of a step side by side, then what it says and what decided it.
fn step(index: usize, step: &ClaimStep, text: &mut String) {
    let (before, after) = (Pence(step.before_pence), Pence(step.after_pence));
    let change = match after - before {
        Pence::ZERO => String::new(),
        change => format!("  ({change})"),
    };
    text.push_str(&format!(
        "\n{index:>3}. {:26} {:>13} -> {:>13}{change}\n",
        step.code,
        before.to_string(),
        after.to_string(),
    ));
    let mut tell = |line: String| wrapped(&format!("{INDENT}{line}"), "        ", text);
    tell(step.text.clone());
    if !step.figure.is_empty() {
        let known = match &step.known_from_date {
            Some(date) => format!(", known from {}", day(date)),
            None => String::new(),
        };
        tell(format!("figure: {} ({}{known})", step.figure, step.confidence));
    }
    if !step.source.is_empty() {
        tell(format!("source: {}", step.source));
    }
    if !step.policies.is_empty() {
        tell(format!("policy: {}", step.policies.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use arrs_proto::finance::v1::{ClaimEvent, ClaimLineState};
    use arrs_proto::google::r#type::Date as WireDate;

    use super::*;

    #[test]
    fn a_step_shows_its_amounts_its_sentence_and_what_decided_it() {
        let line = ClaimLine {
            name: "pcns/U09081/claims/2025-07/lines/2".to_owned(),
            reference: "demo-e-002".to_owned(),
            role: "CP".to_owned(),
            band: "8a".to_owned(),
            model: "PCN_DIRECT".to_owned(),
            wte_micro: 1_000_000,
            state: ClaimLineState::Prepared.into(),
            actual_cost_pence: 646_084,
            maximum_pence: Some(578_417),
            payable_pence: Some(578_417),
            steps: vec![ClaimStep {
                code: "LOWER_OF_COST_AND_MAXIMUM".to_owned(),
                before_pence: 646_084,
                after_pence: 578_417,
                text: "The maximum is payable.".to_owned(),
                figure: "maximum/CP".to_owned(),
                figure_value: Some(6_941_000),
                confidence: "DERIVED".to_owned(),
                source: "a letter".to_owned(),
                known_from_date: Some(WireDate { year: 2025, month: 8, day: 1 }),
                policies: vec!["maximum_test = monthly".to_owned()],
            }],
            ..Default::default()
        };
        let remark = ClaimEvent {
            action: "REMARK".to_owned(),
            principal: "local demo-manager".to_owned(),
            line: 2,
            text: "The band changed in June.".to_owned(),
            ..Default::default()
        };

        let text = render(&ExplainClaimLineResponse {
            line: Some(line),
            basis: None,
            remarks: vec![remark],
        });

        assert_eq!(
            text,
            "\
Line 2: demo-e-002, CP band 8a, PCN_DIRECT, 1.00 WTE
  own cost £6,460.84, maximum £5,784.17, payable £5,784.17, cut £676.67

  1. LOWER_OF_COST_AND_MAXIMUM      £6,460.84 ->     £5,784.17  (-£676.67)
      The maximum is payable.
      figure: maximum/CP (DERIVED, known from 2025-08-01)
      source: a letter
      policy: maximum_test = monthly

What was said about it
  -  REMARK  local demo-manager
      line 2: The band changed in June.
"
        );
    }
}
