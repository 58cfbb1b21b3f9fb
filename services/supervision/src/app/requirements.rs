//! The requirement table, as somebody may look at it.

use terms::RoleCode;

use crate::app::App;
use crate::domain::requirement::{Requirement, Subject};

impl App {
    /// The requirements known today, in the order of codes: those of a role and of every role, or
    /// all. They are published, so there is no scope to ask for.
    pub fn requirements(&self, role: Option<&RoleCode>) -> Vec<&Requirement> {
        let concerns = |requirement: &Requirement| match (&requirement.subject, role) {
            (Subject::EveryRole, _) | (_, None) => true,
            (Subject::Supervisors, Some(_)) => false,
            (Subject::Role(own), Some(role)) => own == role,
        };
        let mut known = self.book.requirements.known_on(self.database.clock().today());
        known.retain(|requirement| concerns(requirement));
        known
    }
}
