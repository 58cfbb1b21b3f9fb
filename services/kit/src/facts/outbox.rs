//! The outbox: facts, numbered without gaps in the order of commit, kept for ever.

use arrs_proto::event::v1::Fact;
use prost::{Message, Name};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::{Instant, OdsCode};
use uuid::Uuid;

use crate::db;
use crate::error::Error;
use crate::wire;

/// What is wrong where the row that counts positions is missing.
const HEADLESS: &str = "the outbox has no head";

/// A fact on its way to the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFact {
    kind: String,
    subject: String,
    tenant: Option<OdsCode>,
    body: Vec<u8>,
}

impl NewFact {
    /// A fact about `subject`, for callers whose scope holds `tenant`; without one, for all.
    pub fn new<M: Message + Name>(fact: &M, subject: String, tenant: Option<OdsCode>) -> NewFact {
        NewFact { kind: M::full_name(), subject, tenant, body: fact.encode_to_vec() }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub id: Uuid,
        pub kind: String,
        pub subject: String,
        pub tenant_code: Option<String>,
        pub time: i64,
        pub traceparent: Option<String>,
        pub body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The position of the newest fact.
pub async fn position(db: &impl ConnectionTrait) -> Result<i64, Error> {
    let head = head::Entity::find_by_id(1).one(db).await.map_err(db::sort)?;
    head.map(|head| head.position).ok_or_else(|| Error::internal(HEADLESS))
}

/// The position of the newest fact told up to an instant; 0 if none was.
///
/// Facts that come later leave it as it is.
pub async fn position_at(db: &impl ConnectionTrait, at: Instant) -> Result<i64, Error> {
    if at == crate::cut::NOW {
        return position(db).await;
    }
    let newest = row::Entity::find()
        .select_only()
        .column(row::Column::Position)
        .filter(row::Column::Time.lte(at.0))
        .order_by_desc(row::Column::Position)
        .limit(1)
        .into_tuple();
    // A position tells nothing of whose facts there are.
    let newest: Option<i64> =
        db::across_tenants(db, async { newest.one(db).await.map_err(db::sort) }).await?;
    Ok(newest.unwrap_or(0))
}

/// Numbers the facts and writes them; the last thing a transaction does before it commits.
pub(crate) async fn append(
    txn: &impl ConnectionTrait,
    facts: Vec<NewFact>,
    now: Instant,
) -> Result<i64, Error> {
    let count = i64::try_from(facts.len()).expect("facts fit memory");
    let newest = take(txn, count).await?;
    let traceparent = crate::telemetry::traceparent();
    let mut next = newest - count;
    let mut rows = Vec::with_capacity(facts.len());
    for fact in facts {
        next += 1;
        rows.push(row::ActiveModel {
            position: Set(next),
            id: Set(Uuid::now_v7()),
            kind: Set(fact.kind),
            subject: Set(fact.subject),
            tenant_code: Set(fact.tenant.map(|code| code.to_string())),
            time: Set(now.0),
            traceparent: Set(traceparent.clone()),
            body: Set(fact.body),
        });
    }
    for chunk in rows.chunks(1_000) {
        row::Entity::insert_many(chunk.iter().cloned())
            .exec_without_returning(txn)
            .await
            .map_err(db::sort)?;
    }
    Ok(newest)
}

/// Takes so many positions; answers the last of them.
///
/// The one row of the head makes writers take turns until they commit.
async fn take(txn: &impl ConnectionTrait, count: i64) -> Result<i64, Error> {
    let mut take = Query::update();
    take.table(head::Entity)
        .value(head::Column::Position, Expr::col(head::Column::Position).add(count))
        .and_where(head::Column::Id.eq(1))
        .returning_col(head::Column::Position);
    let head = txn.query_one(&take).await.map_err(db::sort)?;
    head.ok_or_else(|| Error::internal(HEADLESS))?.try_get_by_index(0).map_err(db::sort)
}

/// A fact with who may see it: callers whose scope holds the tenant; without one, all.
pub(super) struct Told {
    pub(super) tenant: Option<String>,
    pub(super) fact: Fact,
}

/// The facts after a position, in order, at most `limit`.
pub(super) async fn after(
    db: &impl ConnectionTrait,
    position: i64,
    limit: u64,
) -> Result<Vec<Told>, Error> {
    let rows = row::Entity::find()
        .filter(row::Column::Position.gt(position))
        .order_by_asc(row::Column::Position)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(rows.into_iter().map(Told::from).collect())
}

impl From<row::Model> for Told {
    fn from(row: row::Model) -> Told {
        let fact = Fact {
            position: row.position,
            id: row.id.to_string(),
            r#type: row.kind,
            subject: row.subject,
            time: Some(wire::timestamp(Instant(row.time))),
            traceparent: row.traceparent.unwrap_or_default(),
            body: row.body,
        };
        Told { tenant: row.tenant_code, fact }
    }
}
