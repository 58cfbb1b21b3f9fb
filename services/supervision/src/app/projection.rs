//! Rebuilding what other services told.

use kit::{Caller, Error};

use crate::app::App;
use crate::store::roster;

impl App {
    /// Forgets the roster, so that it is told again from the first fact when the service starts.
    ///
    /// For a service that is stopped: one that runs remembers how far it had followed.
    pub async fn forget_roster(&self, caller: &Caller) -> Result<(), Error> {
        let write = self.database.write().await?;
        let scope = caller.scope(&*write, self.database.clock()).await?;
        if !scope.is_england() {
            return Err(caller.denied("the roster"));
        }
        roster::forget(&write, &scope, crate::WORKFORCE).await?;
        write.commit().await?;
        Ok(())
    }
}
