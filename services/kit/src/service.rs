//! What a service hands to the process that runs it.

use futures::future::BoxFuture;
use tonic::service::Routes;

use crate::db::Database;
use crate::facts::Progress;

/// A service that is ready to be served.
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Its methods.
    pub routes: Routes,
    /// How far it has followed each producer, its own outbox included.
    pub progress: Vec<Progress>,
    /// What runs beside it for as long as it is served.
    pub tasks: Vec<BoxFuture<'static, ()>>,
    /// Where the trail is kept; closed when the last call has ended.
    pub database: Option<Database>,
    /// Without a database: where a call goes that no permission allows, to be refused and recorded.
    pub refusals: Option<Routes>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({})", self.name)
    }
}
