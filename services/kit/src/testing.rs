//! A database with the tables of the shell, for tests.

use std::path::Path;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::Clock;
use crate::config;
use crate::db::Database;

struct Shell;

#[async_trait::async_trait]
impl MigratorTrait for Shell {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            crate::migration::migration(),
            crate::roster::migration(),
            crate::audit::migration(),
            crate::migration::relay_and_parked(),
        ]
    }
}

/// A database embedded in a folder.
pub(crate) async fn database(folder: &Path) -> Database {
    let url = "".parse().expect("empty is embedded");
    let settings = config::Database { url, readers: 2 };
    let database = Database::open(&settings, "kit", folder, Clock::system()).await.unwrap();
    database.migrate::<Shell>().await.unwrap();
    database
}
