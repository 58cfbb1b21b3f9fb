//! Owners on the rows of people, and what registrations are compared by.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null};
use uuid::Uuid;

use crate::domain::registration_match::registration_key;

pub(super) struct RegistrationMatch;

impl MigrationName for RegistrationMatch {
    fn name(&self) -> &str {
        "m0004_registration_match"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for RegistrationMatch {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in ["person_particulars", "registration"] {
            // SQLite adds no column that must be filled without a value for the rows there are.
            let mut add = Table::alter();
            add.table(table).add_column(text("owner_code").default(""));
            manager.alter_table(add).await?;
            let owner = Query::select()
                .column("owner_code")
                .from("person")
                .and_where(Expr::col(("person", "id")).equals((table, "person_id")))
                .to_owned();
            let known = Query::select().column("id").from("person").to_owned();
            let fill = Query::update()
                .table(table)
                .value("owner_code", Expr::SubQuery(None, Box::new(owner.into())))
                .and_where(Expr::col("person_id").in_subquery(known))
                .to_owned();
            db.execute(&fill).await?;
        }
        let mut add = Table::alter();
        add.table("person_particulars").add_column(text_null("registration_key"));
        manager.alter_table(add).await?;
        let registered = Query::select()
            .columns(["person_id", "registration_body", "registration_number"])
            .from("person_particulars")
            .and_where(Expr::col("registration_body").is_not_null())
            .and_where(Expr::col("registration_number").is_not_null())
            .to_owned();
        for row in db.query_all(&registered).await? {
            let person: Uuid = row.try_get("", "person_id")?;
            let body: String = row.try_get("", "registration_body")?;
            let number: String = row.try_get("", "registration_number")?;
            let Some(key) = registration_key(&body, &number) else { continue };
            let fill = Query::update()
                .table("person_particulars")
                .value("registration_key", key)
                .and_where(Expr::col("person_id").eq(person))
                .to_owned();
            db.execute(&fill).await?;
        }
        for (table, name, columns) in [
            (
                "person_particulars",
                "person_particulars_registration",
                ["registration_key", "owner_code"],
            ),
            ("engagement", "engagement_person_id", ["person_id", "known_from"]),
        ] {
            let mut create = Index::create();
            create.table(table).name(name);
            for column in columns {
                create.col(column);
            }
            manager.create_index(create).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, Database};

    use super::super::Migrator;
    use super::*;

    #[tokio::test]
    async fn rows_from_before_get_their_owner_and_what_they_are_compared_by() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let db = Database::connect(options).await.unwrap();
        Migrator::up(&db, Some(3)).await.unwrap();
        let people = [
            ("U09081", Some("GPhC"), Some("demo-001")),
            ("U31970", Some("GPhC"), None),
            ("U31970", Some("HCPC"), Some("n/a")),
        ];
        let mut ids = Vec::new();
        for (owner, body, number) in people {
            let id = Uuid::now_v7();
            ids.push(id);
            let reference = id.to_string();
            let person = Query::insert()
                .into_table("person")
                .columns(["id", "owner_code", "reference"])
                .values_panic([id.into(), owner.into(), reference.into()])
                .to_owned();
            let particulars = Query::insert()
                .into_table("person_particulars")
                .columns(["person_id", "registration_body", "registration_number"])
                .values_panic([id.into(), body.into(), number.into()])
                .to_owned();
            let registration = Query::insert()
                .into_table("registration")
                .columns(["id", "person_id", "body", "known_from", "recorded_at", "recorded_by"])
                .values_panic([
                    id.into(),
                    id.into(),
                    body.into(),
                    1_i64.into(),
                    1_i64.into(),
                    "test".into(),
                ])
                .to_owned();
            for insert in [person, particulars, registration] {
                db.execute(&insert).await.unwrap();
            }
        }

        Migrator::up(&db, None).await.unwrap();

        let keys = [Some("GPHC/DEMO001"), None, None];
        for ((id, (owner, ..)), key) in ids.into_iter().zip(people).zip(keys) {
            let query = |table: &'static str, column: &'static str| {
                Query::select()
                    .columns(["owner_code", column])
                    .from(table)
                    .and_where(Expr::col("person_id").eq(id))
                    .to_owned()
            };
            let row = db.query_one(&query("person_particulars", "registration_key")).await;
            let row = row.unwrap().unwrap();
            assert_eq!(row.try_get::<String>("", "owner_code").unwrap(), owner);
            let found: Option<String> = row.try_get("", "registration_key").unwrap();
            assert_eq!(found.as_deref(), key);
            let row = db.query_one(&query("registration", "body")).await.unwrap().unwrap();
            assert_eq!(row.try_get::<String>("", "owner_code").unwrap(), owner);
        }
    }
}
