//! What the service does: one transaction a command, loaded, decided, stored and told.

pub mod assignments;
pub mod engagements;
pub mod imports;
pub mod organisations;
pub mod people;
pub mod summaries;

use std::sync::Arc;

use kit::db::Database;

use crate::domain::role::{LeafMappings, Roles};

/// What the service works with.
#[derive(Clone, Debug)]
pub struct App {
    database: Database,
    roles: Arc<Roles>,
    mappings: Arc<LeafMappings>,
}

impl App {
    /// The application over a database, the table of roles and the mapping of published leaves.
    pub fn new(database: Database, roles: Arc<Roles>, mappings: Arc<LeafMappings>) -> App {
        App { database, roles, mappings }
    }

    /// The database, for what the shell does by itself.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The roles of the scheme.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }
}
