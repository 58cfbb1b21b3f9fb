//! What is kept of an import.

use std::collections::{BTreeMap, BTreeSet};

use arrs_proto::admin::v1 as pb;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    UpdateResult,
};
use terms::Instant;
use uuid::Uuid;

use super::{Applied, Header};
use crate::db;
use crate::error::Error;
use crate::roster::{from_column, to_column};
use crate::table::Problems;
use crate::wire;

const RUNNING: &str = "running";
const DONE: &str = "done";
const REFUSED: &str = "refused";

mod import {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub principal: String,
        pub request_id: Uuid,
        pub kind: String,
        pub owner_code: Option<String>,
        pub file_name: String,
        pub size_bytes: i64,
        pub sha256: String,
        pub recorded_on: Option<Date>,
        pub validate_only: bool,
        pub state: String,
        pub created_at: i64,
        pub row_count: i32,
        pub added_count: i32,
        pub corrected_count: i32,
        pub unchanged_count: i32,
        pub error_count: i32,
        pub notes: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod import_error {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_error")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub line: i32,
        pub column_name: String,
        pub value: String,
        pub reason: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An import as stored.
pub(super) struct Row(import::Model);

impl Row {
    pub(super) fn id(&self) -> Uuid {
        self.0.id
    }

    pub(super) fn principal(&self) -> &str {
        &self.0.principal
    }

    /// When it began.
    pub(super) fn began(&self) -> i64 {
        self.0.created_at
    }

    pub(super) fn is_running(&self) -> bool {
        self.0.state == RUNNING
    }

    /// Whether the first call asked the same.
    pub(super) fn asked(&self, header: &Header) -> bool {
        let row = &self.0;
        row.kind == header.kind
            && row.owner_code == header.owner.as_ref().map(ToString::to_string)
            && row.file_name == header.file_name
            && row.size_bytes == header.size
            && row.sha256 == header.sha256
            && row.recorded_on == header.recorded_on.map(to_column)
            && row.validate_only == header.validate_only
    }

    pub(super) fn into_wire(self) -> Result<pb::Import, Error> {
        let row = self.0;
        let state = match row.state.as_str() {
            RUNNING => pb::ImportState::Running,
            DONE => pb::ImportState::Done,
            REFUSED => pb::ImportState::Refused,
            other => return Err(Error::internal(format!("a stored import is {other:?}"))),
        };
        Ok(pb::Import {
            name: terms::ImportId(row.id).to_string(),
            kind: row.kind,
            file_name: row.file_name,
            sha256: row.sha256,
            state: state.into(),
            row_count: row.row_count,
            added_count: row.added_count,
            corrected_count: row.corrected_count,
            unchanged_count: row.unchanged_count,
            error_count: row.error_count,
            notes: serde_json::from_str(&row.notes).map_err(Error::internal)?,
            create_time: Some(wire::timestamp(Instant(row.created_at))),
            recorded_on_date: row.recorded_on.map(|day| wire::date(from_column(day))),
            validate_only: row.validate_only,
        })
    }
}

pub(super) async fn begin(
    db: &impl ConnectionTrait,
    id: Uuid,
    principal: &str,
    header: &Header,
    now: Instant,
) -> Result<(), Error> {
    let row = import::ActiveModel {
        id: Set(id),
        principal: Set(principal.to_owned()),
        request_id: Set(header.request),
        kind: Set(header.kind.clone()),
        owner_code: Set(header.owner.as_ref().map(ToString::to_string)),
        file_name: Set(header.file_name.clone()),
        size_bytes: Set(header.size),
        sha256: Set(header.sha256.clone()),
        recorded_on: Set(header.recorded_on.map(to_column)),
        validate_only: Set(header.validate_only),
        state: Set(RUNNING.to_owned()),
        created_at: Set(now.0),
        row_count: Set(0),
        added_count: Set(0),
        corrected_count: Set(0),
        unchanged_count: Set(0),
        error_count: Set(0),
        notes: Set("[]".to_owned()),
    };
    import::Entity::insert(row).exec_without_returning(db).await.map_err(db::sort)?;
    Ok(())
}

pub(super) async fn get(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Row>, Error> {
    let row = import::Entity::find_by_id(id).one(db).await.map_err(db::sort)?;
    Ok(row.map(Row))
}

/// The names of the files of imports, as given.
pub(super) async fn file_names(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, String>, Error> {
    let names: Vec<(Uuid, String)> = import::Entity::find()
        .select_only()
        .columns([import::Column::Id, import::Column::FileName])
        .filter(import::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(names.into_iter().collect())
}

pub(super) async fn of_request(
    db: &impl ConnectionTrait,
    principal: &str,
    request: Uuid,
) -> Result<Option<Row>, Error> {
    let row = import::Entity::find()
        .filter(import::Column::Principal.eq(principal))
        .filter(import::Column::RequestId.eq(request))
        .one(db)
        .await
        .map_err(db::sort)?;
    Ok(row.map(Row))
}

/// Lets the identifier of a request be used again: the import stays under its own.
pub(super) async fn release(db: &impl ConnectionTrait, row: &Row) -> Result<(), Error> {
    import::Entity::update_many()
        .col_expr(import::Column::RequestId, Expr::value(row.0.id))
        .filter(import::Column::Id.eq(row.0.id))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Forgets an import that did not end. One that did is what its repeats are told.
pub(super) async fn forget(db: &impl ConnectionTrait, id: Uuid) -> Result<(), Error> {
    import::Entity::delete_by_id(id)
        .filter(import::Column::State.eq(RUNNING))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Imports that did not end yet: identifier, principal and request.
pub(super) async fn running(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, String, Uuid)>, Error> {
    import::Entity::find()
        .select_only()
        .columns([import::Column::Id, import::Column::Principal, import::Column::RequestId])
        .filter(import::Column::State.eq(RUNNING))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) async fn finish(
    db: &impl ConnectionTrait,
    id: Uuid,
    applied: &Applied,
) -> Result<(), Error> {
    let notes = serde_json::to_string(&applied.notes).map_err(Error::internal)?;
    let updated = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(DONE))
        .col_expr(import::Column::RowCount, Expr::value(number(applied.rows)))
        .col_expr(import::Column::AddedCount, Expr::value(number(applied.added)))
        .col_expr(import::Column::CorrectedCount, Expr::value(number(applied.corrected)))
        .col_expr(import::Column::UnchangedCount, Expr::value(number(applied.unchanged)))
        .col_expr(import::Column::Notes, Expr::value(notes))
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(RUNNING))
        .exec(db)
        .await
        .map_err(db::sort)?;
    still_ours(&updated)
}

/// Refuses to end an import that somebody took over, who writes it under an identifier of its own.
fn still_ours(updated: &UpdateResult) -> Result<(), Error> {
    match updated.rows_affected {
        1 => Ok(()),
        _ => Err(Error::internal("an import was forgotten while it ran")),
    }
}

pub(super) async fn refuse(
    db: &impl ConnectionTrait,
    id: Uuid,
    problems: Problems,
) -> Result<(), Error> {
    let total = number(u32::try_from(problems.total()).unwrap_or(u32::MAX));
    let updated = import::Entity::update_many()
        .col_expr(import::Column::State, Expr::value(REFUSED))
        .col_expr(import::Column::ErrorCount, Expr::value(total))
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::State.eq(RUNNING))
        .exec(db)
        .await
        .map_err(db::sort)?;
    still_ours(&updated)?;
    let rows = (1..).zip(problems.into_vec()).map(|(count, problem)| import_error::ActiveModel {
        import_id: Set(id),
        number: Set(count),
        line: Set(number(problem.line)),
        column_name: Set(problem.column),
        value: Set(problem.value),
        reason: Set(problem.reason),
    });
    import_error::Entity::insert_many(rows).exec_without_returning(db).await.map_err(db::sort)?;
    Ok(())
}

/// Errors of an import from just past number `after`, each with its number.
pub(super) async fn errors(
    db: &impl ConnectionTrait,
    id: Uuid,
    after: Option<i32>,
    limit: u64,
) -> Result<Vec<(i32, pb::ImportError)>, Error> {
    let rows = import_error::Entity::find()
        .filter(import_error::Column::ImportId.eq(id))
        .filter(import_error::Column::Number.gt(after.unwrap_or(0)))
        .order_by_asc(import_error::Column::Number)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    let to_wire = |row: import_error::Model| {
        let error = pb::ImportError {
            line: row.line,
            column: row.column_name,
            value: row.value,
            reason: row.reason,
        };
        (row.number, error)
    };
    Ok(rows.into_iter().map(to_wire).collect())
}
