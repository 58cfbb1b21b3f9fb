//! What the service does: one transaction a command, loaded, decided, stored and told.

pub mod requirements;
pub mod session_changes;
pub mod sessions;
pub mod summaries;

use std::sync::Arc;

use kit::db::Database;

use crate::store::requirements::RequirementBook;

/// What the service works with.
#[derive(Clone, Debug)]
pub struct App {
    database: Database,
    book: Arc<RequirementBook>,
}

impl App {
    /// The application over a database and a requirement table.
    pub fn new(database: Database, book: Arc<RequirementBook>) -> App {
        App { database, book }
    }

    /// The database, for what the shell does by itself.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The digest that names the requirement table.
    pub fn rule_digest(&self) -> &str {
        &self.book.digest
    }
}
