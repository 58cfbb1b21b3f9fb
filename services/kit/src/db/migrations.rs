//! Bringing tables up to date: each step whole or not at all, on every engine.

use std::marker::PhantomData;

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use super::sort;
use crate::config::ConfigError;
use crate::error::Error;

/// Applies what is missing. Refuses tables of a newer version, which this one may not understand.
pub(super) async fn up<M: MigratorTrait>(
    place: &str,
    connection: &DatabaseConnection,
) -> Result<(), Error> {
    Whole::<M>::install(connection).await.map_err(sort)?;
    let applied = Whole::<M>::get_migration_models(connection).await.map_err(sort)?;
    let applied: Vec<String> = applied.into_iter().map(|row| row.version).collect();
    let unknown = unknown::<M>(&applied);
    if !unknown.is_empty() {
        return Err(Error::internal(ConfigError::at(place, newer(&unknown))));
    }
    Whole::<M>::up(connection, None).await.map_err(sort)
}

/// Those of the applied steps that this version does not have.
pub(super) fn unknown<M: MigratorTrait>(applied: &[String]) -> Vec<String> {
    let known: Vec<String> =
        M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    applied.iter().filter(|name| !known.contains(name)).cloned().collect()
}

/// What is wrong with tables that have steps which this version does not have.
pub(super) fn newer(unknown: &[String]) -> String {
    format!(
        "the tables were brought up to date by a newer version of arrs ({}): run that version, or \
         restore a copy from before",
        unknown.join(", ")
    )
}

/// The migrations of a service, each in a transaction on SQLite too: a process that is killed or
/// finds the disk full between two statements must not leave half of one behind.
struct Whole<M>(PhantomData<M>);

#[async_trait::async_trait]
impl<M: MigratorTrait> MigratorTrait for Whole<M> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        M::migrations().into_iter().map(|migration| Box::new(Step(migration)) as _).collect()
    }
}

struct Step(Box<dyn MigrationTrait>);

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{Shell, database};

    struct Older;

    #[async_trait::async_trait]
    impl MigratorTrait for Older {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            let mut migrations = Shell::migrations();
            migrations.pop();
            migrations
        }
    }

    /// Makes a table, then fails, as a process does that is killed between two statements.
    struct Torn;

    impl MigrationName for Torn {
        fn name(&self) -> &str {
            "m9999_torn"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Torn {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            let table = sea_orm_migration::prelude::Table::create()
                .table("half")
                .col(sea_orm_migration::schema::integer("id"))
                .to_owned();
            manager.create_table(table).await?;
            Err(DbErr::Custom("killed".to_owned()))
        }
    }

    struct Tearing;

    #[async_trait::async_trait]
    impl MigratorTrait for Tearing {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            let mut migrations = Shell::migrations();
            migrations.push(Box::new(Torn));
            migrations
        }
    }

    #[tokio::test]
    async fn tables_of_a_newer_version_are_refused_by_name() {
        let folder = TempDir::new().unwrap();
        let database = database(folder.path()).await;

        let refused = database.migrate::<Older>().await.unwrap_err();

        let newest = Shell::migrations().pop().unwrap().name().to_owned();
        let told = crate::error::chain(&refused);
        assert!(told.contains(&newest) && told.contains("newer version"), "{told}");
    }

    #[tokio::test]
    async fn a_migration_that_fails_in_the_middle_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let database = database(folder.path()).await;

        // The second attempt fails as the first did, not since half of it is there.
        for _ in 0..2 {
            let failed = database.migrate::<Tearing>().await.unwrap_err();
            assert!(crate::error::chain(&failed).contains("killed"), "{failed:?}");
        }
    }
}
