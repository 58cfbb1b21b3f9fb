//! Records with two times: what was said, and since when it was known.
//!
//! A statement has a key and a value. The rows of one key make a line of knowledge: at any
//! instant at most one of them is in force. Nothing is overwritten; a correction closes the row
//! before it. Because the owner of a fact sets `known_from` once and projections copy it, the
//! same statements give the same rows wherever and whenever they are recorded.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::sea_query::{Condition, Expr, SelectStatement};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait,
    IntoActiveModel, Iterable, ModelTrait, QueryFilter, QuerySelect, QueryTrait, Value,
};
use terms::Instant;
use uuid::Uuid;

use crate::db;
use crate::error::Error;
use crate::revision::Revision;

/// Values bound in one statement stay below SQLite's limit of 32,766.
const BOUND: usize = 30_000;
/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// Who recorded a statement, when, from which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Since when it counts as known.
    pub known_from: Instant,
    /// What the clock said.
    pub recorded_at: Instant,
    /// The principal, or the producer whose fact it was.
    pub recorded_by: String,
    /// The import that brought it.
    pub import: Option<Uuid>,
}

/// A row with two times. Made by the macro [`statement!`](crate::statement!).
pub trait Statement:
    ModelTrait + IntoActiveModel<<Self::Entity as EntityTrait>::ActiveModel> + Clone + Send + Sync
{
    /// What it is about.
    type Key: Clone + Eq + Hash + Send + Sync;

    /// The key of the row.
    fn key(&self) -> Self::Key;
    /// Whether both rows say the same, whoever said it.
    fn says(&self, other: &Self) -> bool;
    /// The identifier of the row.
    fn id(&self) -> Uuid;
    /// Since when it is known.
    fn known_from(&self) -> i64;
    /// Until when it was believed; none while it is.
    fn known_until(&self) -> Option<i64>;
    /// Closes the row.
    fn close(&mut self, at: Option<i64>);
    /// The first column of the key, by which rows are looked up.
    fn lookup() -> <Self::Entity as EntityTrait>::Column;
    /// The value of that column.
    fn lookup_value(&self) -> Value;
    /// The columns of identifier, `known_from` and `known_until`.
    fn times() -> [<Self::Entity as EntityTrait>::Column; 3];
}

/// What recording a statement changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<S> {
    /// Nothing was in force for the key.
    Added(Beside),
    /// Another value was in force, which is closed now.
    Corrected(Box<S>),
    /// The same was known already.
    Unchanged,
}

/// What is known of a key beside a statement that took no other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Another became known later, and stays in force today.
    Later,
    /// What was so before was withdrawn.
    Withdrawn,
}

/// What is said of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<S> {
    /// It is so, from when the row is known on.
    So(S),
    /// It was never so: from when this row is known on, nothing is known under its key. The
    /// values of the row say nothing, and it is not written.
    Withdrawn(S),
}

/// The rows in force at an instant: those known by then and not closed by then.
pub fn known_at<S: Statement>(at: Instant) -> Condition {
    let [_, known_from, known_until] = S::times();
    if at == crate::cut::NOW {
        return Condition::all().add(known_until.is_null());
    }
    Condition::all()
        .add(known_from.lte(at.0))
        .add(Condition::any().add(known_until.is_null()).add(known_until.gt(at.0)))
}

struct Version<S> {
    row: S,
    fresh: bool,
    changed: bool,
}

/// A value, its rows, those that are closed, and when the newest of both became so.
type Counted = (Uuid, i64, i64, Option<i64>, Option<i64>);

/// How often the rows with each of `values` in a column have changed, of those that `within`
/// selects.
pub async fn revisions<S>(
    db: &impl ConnectionTrait,
    column: <S::Entity as EntityTrait>::Column,
    values: &[Uuid],
    within: &Condition,
) -> Result<HashMap<Uuid, Revision>, Error>
where
    S: Statement + sea_orm::FromQueryResult,
    S::Entity: EntityTrait<Model = S>,
{
    let mut found = HashMap::new();
    for chunk in values.chunks(KEYS) {
        let counted = counted::<S>(column, chunk).cond_where(within.clone()).take();
        found.extend(revisions_of(db, &counted).await?);
    }
    Ok(found)
}

/// Counts the rows with each of `values` in a column; what `revisions_of` reads, alone or with
/// others by a union.
pub fn counted<S>(column: <S::Entity as EntityTrait>::Column, values: &[Uuid]) -> SelectStatement
where
    S: Statement + sea_orm::FromQueryResult,
    S::Entity: EntityTrait<Model = S>,
{
    let [id, known_from, known_until] = S::times();
    S::Entity::find()
        .select_only()
        .column(column)
        .column_as(id.count(), "rows")
        .column_as(known_until.count(), "closed")
        .column_as(known_from.max(), "newest_from")
        .column_as(known_until.max(), "newest_until")
        .filter(column.is_in(values.iter().copied()))
        .group_by(column)
        .into_query()
}

/// Reads what was counted; rows of several tables are those of one resource together.
pub async fn revisions_of(
    db: &impl ConnectionTrait,
    counted: &SelectStatement,
) -> Result<HashMap<Uuid, Revision>, Error> {
    let mut found: HashMap<Uuid, Revision> = HashMap::new();
    for row in db.query_all(counted).await.map_err(db::sort)? {
        let row: Counted = row.try_get_many_by_index().map_err(db::sort)?;
        let (value, rows, closed, from, until) = row;
        let revision = found.entry(value).or_default();
        *revision = revision.and(Revision::new(rows, closed, from.max(until).map(Instant)));
    }
    Ok(found)
}

/// Records statements in their order; answers for each what it changed.
pub async fn record<S>(txn: &impl ConnectionTrait, rows: Vec<S>) -> Result<Vec<Outcome<S>>, Error>
where
    S: Statement + sea_orm::FromQueryResult,
    S::Entity: EntityTrait<Model = S>,
    <S::Entity as EntityTrait>::ActiveModel:
        ActiveModelTrait<Entity = S::Entity> + ActiveModelBehavior + Send,
{
    record_said(txn, rows.into_iter().map(Said::So).collect()).await
}

/// Records what is said in its order; answers for each what it changed. A withdrawal corrects the
/// statement that was in force, or changes nothing.
pub async fn record_said<S>(
    txn: &impl ConnectionTrait,
    said: Vec<Said<S>>,
) -> Result<Vec<Outcome<S>>, Error>
where
    S: Statement + sea_orm::FromQueryResult,
    S::Entity: EntityTrait<Model = S>,
    <S::Entity as EntityTrait>::ActiveModel:
        ActiveModelTrait<Entity = S::Entity> + ActiveModelBehavior + Send,
{
    let mut lines: HashMap<S::Key, Vec<Version<S>>> = load(txn, &said).await?;
    let mut outcomes = Vec::with_capacity(said.len());
    for said in said {
        outcomes.push(match said {
            Said::So(row) => place(lines.entry(row.key()).or_default(), row),
            Said::Withdrawn(row) => withdraw(lines.entry(row.key()).or_default(), &row),
        });
    }
    let mut fresh = Vec::new();
    let [id, _, known_until] = S::times();
    for version in lines.into_values().flatten() {
        if version.fresh {
            fresh.push(version.row.into_active_model());
        } else if version.changed {
            S::Entity::update_many()
                .col_expr(known_until, Expr::value(version.row.known_until()))
                .filter(id.eq(version.row.id()))
                .exec(txn)
                .await
                .map_err(db::sort)?;
        }
    }
    let columns = <S::Entity as EntityTrait>::Column::iter().count();
    let size = BOUND / columns;
    let mut fresh = fresh.into_iter().peekable();
    while fresh.peek().is_some() {
        let chunk: Vec<_> = fresh.by_ref().take(size).collect();
        S::Entity::insert_many(chunk).exec_without_returning(txn).await.map_err(db::sort)?;
    }
    Ok(outcomes)
}

async fn load<S>(
    txn: &impl ConnectionTrait,
    said: &[Said<S>],
) -> Result<HashMap<S::Key, Vec<Version<S>>>, Error>
where
    S: Statement + sea_orm::FromQueryResult,
    S::Entity: EntityTrait<Model = S>,
{
    fn row<S>(said: &Said<S>) -> &S {
        match said {
            Said::So(row) | Said::Withdrawn(row) => row,
        }
    }
    let mut wanted: Vec<Value> = said.iter().map(|said| row(said).lookup_value()).collect();
    wanted.sort_by_cached_key(|value| format!("{value:?}"));
    wanted.dedup();
    let mut lines: HashMap<S::Key, Vec<Version<S>>> = HashMap::new();
    for chunk in wanted.chunks(KEYS) {
        let found = S::Entity::find()
            .filter(S::lookup().is_in(chunk.iter().cloned()))
            .all(txn)
            .await
            .map_err(db::sort)?;
        for row in found {
            let version = Version { row, fresh: false, changed: false };
            lines.entry(version.row.key()).or_default().push(version);
        }
    }
    Ok(lines)
}

/// Puts a row where it belongs on the line of its key.
fn place<S: Statement>(line: &mut Vec<Version<S>>, mut row: S) -> Outcome<S> {
    let at = row.known_from();
    match in_force(line, at) {
        Some(version) if version.row.says(&row) => Outcome::Unchanged,
        Some(version) => {
            let before = version.row.clone();
            row.close(version.row.known_until());
            version.row.close(Some(at));
            version.changed = true;
            line.push(Version { row, fresh: true, changed: false });
            Outcome::Corrected(Box::new(before))
        }
        None => {
            // Known later already: this statement was in force until then.
            let next = line
                .iter()
                .filter(|version| version.row.known_until() != Some(version.row.known_from()))
                .map(|version| version.row.known_from())
                .filter(|known_from| *known_from > at)
                .min();
            let beside = match next {
                Some(_) => Beside::Later,
                None if line.is_empty() => Beside::Nothing,
                None => Beside::Withdrawn,
            };
            row.close(next);
            line.push(Version { row, fresh: true, changed: false });
            Outcome::Added(beside)
        }
    }
}

/// Closes what was in force when it became known that it was never so.
fn withdraw<S: Statement>(line: &mut [Version<S>], row: &S) -> Outcome<S> {
    let at = row.known_from();
    let Some(version) = in_force(line, at) else { return Outcome::Unchanged };
    let before = version.row.clone();
    version.row.close(Some(at));
    version.changed = true;
    Outcome::Corrected(Box::new(before))
}

fn in_force<S: Statement>(line: &mut [Version<S>], at: i64) -> Option<&mut Version<S>> {
    line.iter_mut().find(|version| {
        version.row.known_from() <= at && version.row.known_until().is_none_or(|end| at < end)
    })
}

/// Makes the entity of a table of statements in a module of its own.
///
/// The key's first column is the one by which rows are looked up. Columns of every statement
/// (`id`, `known_from`, `known_until`, `recorded_at`, `recorded_by`, `import_id`, `import_line`)
/// are added.
#[macro_export]
macro_rules! statement {
    (
        $table:literal,
        key { $first:ident: $first_type:ty, $($key:ident: $key_type:ty,)* }
        value { $($value:ident: $value_type:ty,)* }
    ) => {
        use sea_orm::entity::prelude::*;

        #[allow(missing_docs, reason = "columns are documented with their facts")]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = $table)]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
            pub $first: $first_type,
            $(pub $key: $key_type,)*
            $(pub $value: $value_type,)*
            pub known_from: i64,
            pub known_until: Option<i64>,
            pub recorded_at: i64,
            pub recorded_by: String,
            pub import_id: Option<Uuid>,
            pub import_line: Option<i32>,
        }

        #[allow(missing_docs, reason = "there are no relations")]
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}

        impl Model {
            /// A row that says this from `provenance.known_from` on.
            #[allow(clippy::too_many_arguments, reason = "one for each column")]
            pub fn new(
                provenance: &$crate::statement::Provenance,
                line: Option<u32>,
                $first: $first_type,
                $($key: $key_type,)*
                $($value: $value_type,)*
            ) -> Model {
                Model {
                    id: Uuid::now_v7(),
                    $first,
                    $($key,)*
                    $($value,)*
                    known_from: provenance.known_from.0,
                    known_until: None,
                    recorded_at: provenance.recorded_at.0,
                    recorded_by: provenance.recorded_by.clone(),
                    import_id: provenance.import,
                    import_line: line.map(|line| i32::try_from(line).unwrap_or(i32::MAX)),
                }
            }
        }

        impl Model {
            /// A row that withdraws what is known under this key, from `provenance.known_from` on.
            #[allow(dead_code, reason = "not every kind of statement is ever withdrawn")]
            pub fn never(
                provenance: &$crate::statement::Provenance,
                $first: $first_type,
                $($key: $key_type,)*
            ) -> Model {
                Model::new(provenance, None, $first, $($key,)* $(<$value_type>::default(),)*)
            }
        }

        impl $crate::statement::Statement for Model {
            type Key = ($first_type, $($key_type,)*);
            fn key(&self) -> Self::Key {
                (self.$first.clone(), $(self.$key.clone(),)*)
            }
            fn says(&self, other: &Self) -> bool {
                true $(&& self.$value == other.$value)*
            }
            fn id(&self) -> Uuid {
                self.id
            }
            fn known_from(&self) -> i64 {
                self.known_from
            }
            fn known_until(&self) -> Option<i64> {
                self.known_until
            }
            fn close(&mut self, at: Option<i64>) {
                self.known_until = at;
            }
            fn lookup() -> Column {
                use sea_orm::Iterable;
                Column::iter().nth(1).expect("the key follows the identifier")
            }
            fn lookup_value(&self) -> sea_orm::Value {
                self.$first.clone().into()
            }
            fn times() -> [Column; 3] {
                [Column::Id, Column::KnownFrom, Column::KnownUntil]
            }
        }
    };
}

/// The columns of every statement, for a migration.
pub fn columns(
    table: &mut sea_orm::sea_query::TableCreateStatement,
) -> &mut sea_orm::sea_query::TableCreateStatement {
    use sea_orm_migration::schema::{
        big_integer, big_integer_null, integer_null, text, uuid, uuid_null,
    };

    table
        .col(uuid("id").primary_key())
        .col(big_integer("known_from"))
        .col(big_integer_null("known_until"))
        .col(big_integer("recorded_at"))
        .col(text("recorded_by"))
        .col(uuid_null("import_id"))
        .col(integer_null("import_line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    mod note {
        crate::statement! {
            "note",
            key { code: String, }
            value { text: String, }
        }
    }

    fn known(from: i64) -> Provenance {
        Provenance {
            known_from: Instant(from),
            recorded_at: Instant(0),
            recorded_by: String::new(),
            import: None,
        }
    }

    fn row(text: &str, known_from: i64) -> note::Model {
        note::Model::new(&known(known_from), None, "a".into(), text.into())
    }

    fn never(known_from: i64) -> note::Model {
        note::Model::never(&known(known_from), "a".into())
    }

    /// The line after these statements; an empty text withdraws.
    fn line(rows: &[(&str, i64)]) -> Vec<(String, i64, Option<i64>)> {
        let mut line = Vec::new();
        for (text, known_from) in rows {
            match text.is_empty() {
                true => withdraw(&mut line, &never(*known_from)),
                false => place(&mut line, row(text, *known_from)),
            };
        }
        let mut said: Vec<_> = line
            .iter()
            .map(|version| {
                let row = &version.row;
                (row.text.clone(), row.known_from, row.known_until)
            })
            .collect();
        said.sort_by_key(|(_, known_from, known_until)| {
            (*known_from, known_until.unwrap_or(i64::MAX))
        });
        said
    }

    #[test]
    fn a_correction_closes_what_was_known_and_overwrites_nothing() {
        let said = line(&[("x", 10), ("x", 20), ("y", 30)]);
        assert_eq!(said, [("x".into(), 10, Some(30)), ("y".into(), 30, None)]);
    }

    #[test]
    fn a_statement_from_before_ends_where_the_later_one_begins() {
        let said = line(&[("y", 30), ("x", 10)]);
        assert_eq!(said, [("x".into(), 10, Some(30)), ("y".into(), 30, None)]);
    }

    #[test]
    fn a_statement_in_between_splits_what_was_known() {
        let said = line(&[("x", 10), ("z", 40), ("y", 20)]);
        assert_eq!(
            said,
            [("x".into(), 10, Some(20)), ("y".into(), 20, Some(40)), ("z".into(), 40, None)]
        );
    }

    #[test]
    fn a_withdrawal_closes_what_was_known_and_it_may_be_said_again() {
        let said = line(&[("x", 10), ("", 20), ("", 25), ("x", 30)]);
        assert_eq!(said, [("x".into(), 10, Some(20)), ("x".into(), 30, None)]);
        // What became known later stays.
        let said = line(&[("x", 10), ("y", 30), ("", 20)]);
        assert_eq!(said, [("x".into(), 10, Some(20)), ("y".into(), 30, None)]);
    }
}
