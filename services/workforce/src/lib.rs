//! The workforce service: organisations, people, who works where, and how many there are.

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod store;

use std::sync::Arc;

use kit::db::Database;
use kit::facts::{Progress, Relay};
use kit::{Clock, Error, Service};

pub use crate::config::{Config, DEFAULTS};

use crate::api::Api;
use crate::app::App;
use crate::store::roles;

/// The name of the service.
pub const NAME: &str = "workforce";

/// Opens the database, brings it up to date and puts the service together.
pub async fn start(
    config: &Config,
    kit: &kit::config::Kit,
    clock: Clock,
) -> Result<Service, Error> {
    let roles_known = roles::roles().map_err(Error::internal)?;
    let mappings = roles::leaf_mappings(&roles_known).map_err(Error::internal)?;
    let database = open(config, kit, clock).await?;
    kit::imports::recover(&database).await?;
    let progress = vec![Progress::own(NAME, &database)];
    let app = App::new(database.clone(), Arc::new(roles_known), Arc::new(mappings.held_back()));
    let relay = Relay::new(NAME, &database, &kit.nats);
    let api = Api::new(app, kit.data_directory.join("spool"), relay.clone()).await?;
    let routes = api.routes();
    let mut tasks = vec![Box::pin(kit::answers::purge_by_the_hour(database.clone())) as _];
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

#[cfg(test)]
mod tests;
