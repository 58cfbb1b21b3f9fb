//! What was held: one meeting of one person with one who supervises.

use terms::{Date, Minutes, OdsCode, PersonId};

use crate::domain::requirement::Kind;

/// One supervision session of one person.
///
/// The supervisor is taken as given: whether they may supervise is not examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the owner's files call it.
    pub reference: String,
    /// Who was supervised.
    pub person: PersonId,
    /// Who supervised, as the file names them.
    pub supervisor: String,
    /// What it was, in the kinds of the requirement table.
    pub kind: Kind,
    /// The day it was held.
    pub date: Date,
    /// How long it took.
    pub minutes: Minutes,
    /// The one PCN it counts for.
    pub pcn: OdsCode,
}
