//! Tables that are added to only, by the word of the database itself.
//!
//! On PostgreSQL the role that serves has no right to change or remove their rows; a process that
//! may refuses to start. The embedded engine knows no roles, so triggers refuse it there.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

/// The migration after which rows of `tables` are neither changed nor removed on the embedded
/// engine. On PostgreSQL the same tables stand in `postgres::APPEND_ONLY`.
pub fn append_only(name: &'static str, tables: &'static [&'static str]) -> Box<dyn MigrationTrait> {
    Box::new(AppendOnly { name, tables })
}

struct AppendOnly {
    name: &'static str,
    tables: &'static [&'static str],
}

impl MigrationName for AppendOnly {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AppendOnly {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        for table in self.tables {
            for change in ["update", "delete"] {
                let trigger = format!(
                    "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is added to only'); END"
                );
                manager.get_connection().execute_unprepared(&trigger).await?;
            }
        }
        Ok(())
    }
}
