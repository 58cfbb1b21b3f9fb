//! Between the summaries of the services, the assembly and the report.

use arrs_proto::finance::v1::PcnMoney;
use arrs_proto::report::v1 as pb;
use arrs_proto::summary::v1::Cut;
use arrs_proto::supervision::v1::PcnSupervision;
use arrs_proto::workforce::v1::PcnWorkforce;
use terms::Pence;

use crate::domain::report::{
    Arrived, Assembled, Lacking, MoneyFacts, SectionName, SectionState, Totals, WorkforceFacts,
    assemble,
};

/// A summary that arrived, or why it did not, for people.
pub(super) type Summary<T> = Result<T, String>;

/// One report from three summaries.
pub(super) fn report(
    name: String,
    month: String,
    workforce: Summary<PcnWorkforce>,
    money: Summary<PcnMoney>,
    supervision: Summary<PcnSupervision>,
) -> pb::PcnReport {
    let Assembled { sections, totals } = assemble(
        &workforce.as_ref().map(workforce_facts).map_err(Clone::clone),
        &money.as_ref().map(money_facts).map_err(Clone::clone),
        &supervision.as_ref().map(supervision_facts).map_err(Clone::clone),
    );
    pb::PcnReport {
        name,
        month,
        display_name: workforce
            .as_ref()
            .map_or_else(|_| String::new(), |workforce| workforce.display_name.clone()),
        sections: sections.into_iter().map(|(name, state)| section(name, state)).collect(),
        workforce: workforce.ok(),
        money: money.ok(),
        supervision: supervision.ok(),
        totals: totals.map(|Totals { payable_per_fte, patients_per_fte }| pb::Totals {
            payable_per_fte_pence: payable_per_fte.map(|Pence(pence)| pence),
            patients_per_fte_count: patients_per_fte,
        }),
    }
}

fn workforce_facts(summary: &PcnWorkforce) -> Arrived<WorkforceFacts> {
    let total = summary.total.as_ref();
    let fte_average_micro =
        total.map_or(0, |total| total.staff_fte_average_micro + total.contracted_fte_average_micro);
    let registered = summary.list_size.as_ref().map(|list| list.registered_count);
    arrived(summary.cut.as_ref(), WorkforceFacts { fte_average_micro, registered })
}

fn money_facts(summary: &PcnMoney) -> Arrived<MoneyFacts> {
    let facts =
        MoneyFacts { payable: Pence(summary.payable_pence), complete: summary.unpriced_count == 0 };
    arrived(summary.cut.as_ref(), facts)
}

fn supervision_facts(summary: &PcnSupervision) -> Arrived<()> {
    arrived(summary.cut.as_ref(), ())
}

/// What a section says, at the position of workforce in its cut.
fn arrived<T>(cut: Option<&Cut>, facts: T) -> Arrived<T> {
    let positions = cut.map_or(&[][..], |cut| &cut.positions);
    let workforce = positions.iter().find(|position| position.producer == "workforce");
    Arrived {
        position: workforce.map_or(0, |workforce| workforce.position),
        parked: workforce.map(|workforce| workforce.parked_positions.clone()).unwrap_or_default(),
        facts,
    }
}

/// Why a section lacks facts that it was told, for people.
fn why(parked: &[i64]) -> String {
    let positions: Vec<String> = parked.iter().map(i64::to_string).collect();
    match positions.as_slice() {
        [] => String::new(),
        [one] => format!("fact {one} of workforce could not be recorded yet"),
        many => format!("facts {} of workforce could not be recorded yet", many.join(", ")),
    }
}

/// A section as a report has it.
pub(super) fn section(name: SectionName, state: SectionState) -> pb::Section {
    let name = name.as_str().to_owned();
    match state {
        SectionState::Fresh => {
            pb::Section { name, state: pb::SectionState::Fresh.into(), ..pb::Section::default() }
        }
        SectionState::Behind(Lacking { ahead, parked }) => pb::Section {
            name,
            state: pb::SectionState::Behind.into(),
            behind_fact_count: ahead,
            reason: why(&parked),
            parked_positions: parked,
        },
        SectionState::Unavailable(reason) => pb::Section {
            name,
            state: pb::SectionState::Unavailable.into(),
            reason,
            ..pb::Section::default()
        },
    }
}
