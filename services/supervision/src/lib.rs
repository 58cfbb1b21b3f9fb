//! The supervision service: what is asked of whom, what was held, and what is overdue.

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kit::client::Channel;
use kit::config::ConfigError;
use kit::db::Database;
use kit::facts::{Follower, Progress, Relay};
use kit::{Clock, Error, Service, roster};

use crate::api::Api;
pub use crate::config::{Config, DEFAULTS};

use crate::app::App;
use crate::store::requirements::{self, RequirementBook};

/// The name of the service.
pub const NAME: &str = "supervision";
/// The service whose facts it follows.
pub const WORKFORCE: &str = "workforce";

/// Opens the database, brings it up to date and puts the service together.
///
/// `workforce` reaches the service whose roster it follows, with a token that may read its facts.
pub async fn start(
    config: &Config,
    kit: &kit::config::Kit,
    clock: Clock,
    workforce: Channel,
) -> Result<Service, Error> {
    let book = Arc::new(book(config)?);
    let database = open(config, kit, clock).await?;
    kit::imports::recover(&database).await?;
    let roster = Arc::new(roster::Followed);
    let follower = Follower::new(WORKFORCE, database.clone(), roster).await?;
    let progress = vec![Progress::own(NAME, &database), follower.progress()];
    let app = App::new(database.clone(), book);
    let relay = Relay::new(NAME, &database, &kit.nats);
    let spool = kit.data_directory.join("spool");
    let api = Api::new(app, spool, follower.clone(), relay.clone()).await?;
    let routes = api.routes();
    let purge = kit::answers::purge_by_the_hour(database.clone());
    let mut tasks = vec![Box::pin(follower.follow(workforce)) as _, Box::pin(purge) as _];
    tasks.extend(relay.task());
    let database = Some(database);
    Ok(Service { name: NAME, routes, progress, tasks, database, refusals: None })
}

/// Opens the database and brings its tables up to what this version needs.
pub async fn open(
    config: &Config,
    kit: &kit::config::Kit,
    clock: Clock,
) -> Result<Database, Error> {
    let database = Database::open(&config.database, NAME, &kit.data_directory, clock).await?;
    database.migrate::<store::migration::Migrator>().await?;
    Ok(database)
}

/// The requirement table, with what the directory of the settings adds.
fn book(config: &Config) -> Result<RequirementBook, Error> {
    let directory = &config.requirements_directory;
    let book = if directory.as_os_str().is_empty() {
        requirements::compiled_in()
    } else {
        requirements::with_directory(directory)
    };
    book.map_err(|error| {
        let reason = format!("cannot be used: {}", kit::error::chain(&error));
        Error::internal(ConfigError::at("supervision.requirements_directory", reason))
    })
}
