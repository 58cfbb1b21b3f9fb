//! The words every service shares: amounts, time, people at work and the names of things.
//!
//! Values only. There is no input or output here, no clock, no serialization and no
//! floating point; a value that exists is valid, because only checked constructors make it.

mod amount;
mod calendar;
mod confidence;
mod fraction;
mod id;
mod organisation;
mod roster;
mod weighted;

pub use amount::{Minutes, Pence};
pub use calendar::{ContractYear, Date, Month, Period, parse_date};
pub use confidence::Confidence;
pub use fraction::Fraction;
pub use id::{EngagementId, ImportId, Instant, PersonId, Revision};
pub use organisation::{LondonArea, OdsCode, OrganisationKind, Relation};
pub use roster::{
    Assignment, Band, DeploymentModel, Engagement, FULL_TIME, RoleCode, Stage, minute_days,
};
pub use weighted::{Population, Rate};

/// Why a text is not one of the words of this crate.
///
/// The message says what would be right, so that it can stand in an answer as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct ParseError {
    /// What would have been right, as a clause: `must be a month such as 2025-07`.
    pub expected: &'static str,
}

impl ParseError {
    pub(crate) const fn new(expected: &'static str) -> ParseError {
        ParseError { expected }
    }
}
