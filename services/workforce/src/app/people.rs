//! The personal particulars of people; reading them is recorded.

use std::collections::BTreeSet;

use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::{Caller, Error, ErrorReason};
use terms::PersonId;

use crate::app::App;
use crate::store::people;
pub use crate::store::people::{Particulars, Person, Registration};

impl App {
    /// One person with name and registrations, if the owner or hours of theirs are in the scope.
    pub async fn person(
        &self,
        caller: &Caller,
        id: PersonId,
    ) -> Result<(Person, Particulars, Vec<Registration>), Error> {
        let clock = self.database.clock();
        let resource = id.to_string();
        let write = self.database.write().await?;
        let scope = caller.scope(&*write, clock).await?;
        let Some(person) = people::person(&*write, &scope, id).await? else {
            let entry = Entry::new(caller, Outcome::Denied, &resource);
            let entry = entry.because(ErrorReason::NotPermitted);
            audit::append(&*write, clock, [entry]).await?;
            write.commit().await?;
            return Err(caller.denied(&resource));
        };
        let one = BTreeSet::from([id]);
        let mut particulars = people::particulars(&*write, &scope, &one).await?;
        let registrations = people::registrations(&*write, &scope, &one, NOW).await?;
        let entry = Entry::new(caller, Outcome::Read, &resource).of_tenant(&person.owner);
        audit::append(&*write, clock, [entry]).await?;
        write.commit().await?;
        Ok((person, particulars.remove(&id).unwrap_or_default(), registrations))
    }
}
