//! Why a line has no price, in a sentence.

use super::Explained;
use super::words::{part, place};
use crate::domain::line::{Outcome, UnpricedReason};

impl Explained<'_> {
    /// Why there is no price.
    pub(super) fn unpriced(&self) -> String {
        let reason = match self.line.outcome {
            Outcome::Unpriced(reason) => self.reason(reason),
            Outcome::Payable(_) => "a figure is not known".to_owned(),
        };
        format!("The line has no price: {reason}.")
    }

    fn reason(&self, reason: UnpricedReason) -> String {
        let name = self.role_name();
        match reason {
            UnpricedReason::AreaUnknown => {
                "the maximum depends on the London area of the PCN, which is not known".to_owned()
            }
            UnpricedReason::RoleUnknown => {
                format!("the rule book has no role {}", self.line.role)
            }
            UnpricedReason::RoleNotInForce { day, joined, left } => {
                let left = left.map(|left| format!(" to {left}")).unwrap_or_default();
                format!("{name} could not be claimed on {day}, only from {joined}{left}")
            }
            UnpricedReason::BandMissing => {
                format!("the band selects the maximum of {name}, and none is recorded")
            }
            UnpricedReason::BandOutsideRole { band } => {
                format!("{name} is not a role of band {band}")
            }
            UnpricedReason::FullTimeHours { stated, required: Some(required) } => {
                format!("full time is {required} hours a week for {name}, not {stated} as recorded")
            }
            UnpricedReason::FullTimeHours { stated, required: None } => {
                format!("full time cannot be {stated} hours a week")
            }
            UnpricedReason::FigureMissing { day, band, area, share, edition } => {
                let band = band.map(|band| format!(" at band {band}")).unwrap_or_default();
                let part = part(share);
                let of = format!("{part}{name}{band} {} on {day}", place(area));
                match edition {
                    None => format!("no maximum is known for {of}"),
                    Some(edition) => format!(
                        "the newest table of maxima, known since {} for work from {}, has none for \
                         {of}, and an older table does not stand in",
                        edition.known_from, edition.applies_from
                    ),
                }
            }
            UnpricedReason::FeeFigureMissing => {
                "how much of a supplier's fee may be claimed is not known".to_owned()
            }
        }
    }
}
