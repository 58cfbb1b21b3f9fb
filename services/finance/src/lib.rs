//! The money of the scheme: its rules as data, pay, allocations and prepared claim lines.

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod store;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use kit::client::Channel;
use kit::config::{ConfigError, Kit};
use kit::db::Database;
use kit::facts::{Follower, Progress, Relay};
use kit::pages::Key;
use kit::{Clock, Error, Service, imports, roster};

pub use config::{Config, DEFAULTS};

use app::App;
use domain::rulebook::RuleBook;
use store::migration::Migrator;

/// The name of the service.
pub const NAME: &str = "finance";
/// The service whose facts are followed for the roster.
const WORKFORCE: &str = "workforce";

/// Puts the service together: database, rules, and the projection of the roster that follows
/// `workforce`.
pub async fn start(
    config: &Config,
    kit: &Kit,
    clock: Clock,
    workforce: Channel,
) -> Result<Service, Error> {
    let rules = Arc::new(rules(config)?);
    let database = open(config, kit, clock).await?;
    imports::recover(&database).await?;
    let pages = Arc::new(Key::load(&*database.read().await?).await?);
    let spool = kit.data_directory.join("spool");
    let roster = Arc::new(roster::Followed);
    let follower = Follower::new(WORKFORCE, database.clone(), roster).await?;
    let app = App::new(database.clone(), rules);
    let relay = Relay::new(NAME, &database, &kit.nats);
    let routes = api::routes(app, pages, spool, follower.clone(), relay.clone());
    let progress = vec![Progress::own(NAME, &database), follower.progress()];
    let purge = kit::answers::purge_by_the_hour(database.clone());
    let mut tasks = vec![Box::pin(follower.follow(workforce)) as _, Box::pin(purge) as _];
    tasks.extend(relay.task());
    let database = Some(database);
    Ok(Service { name: NAME, routes, progress, tasks, database, refusals: None })
}

/// Opens the database and brings its tables up to what this version needs.
pub async fn open(config: &Config, kit: &Kit, clock: Clock) -> Result<Database, Error> {
    let database = Database::open(&config.database, NAME, &kit.data_directory, clock).await?;
    database.migrate::<Migrator>().await?;
    Ok(database)
}

/// The rules compiled in and those of the directory, if there is one.
fn rules(config: &Config) -> Result<RuleBook, Error> {
    let directory = match config.rulebook_directory.as_str() {
        "" => None,
        path => Some(Path::new(path)),
    };
    store::rulebook::load(directory).map_err(|error| {
        let reason = kit::error::chain(&error);
        Error::internal(ConfigError::at("finance.rulebook_directory", reason))
    })
}
