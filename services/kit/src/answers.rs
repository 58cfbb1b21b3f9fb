//! The first answers of mutations: a repeat gets the same again, and no second effect.
//!
//! An answer is written in the transaction of its effect, so both are there or neither, and
//! nothing is kept of a call that was refused. Who repeats a call must still be allowed to make
//! it: the application asks that before it looks here. No answer holds anything personal (a test
//! of the contracts sees to it), so none has to be forgotten with a person.

mod migration;

use std::time::Duration;

use aws_lc_rs::digest;
use prost::Message;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use terms::{Instant, OdsCode};
use uuid::Uuid;

pub use migration::migration;

use crate::db::{self, Database, Write};
use crate::error::{Error, ErrorReason};
use crate::identity::{Caller, Scope};

/// How long an answer is kept, as every `request_id` of the contracts promises.
pub const KEPT: Duration = Duration::from_hours(7 * 24);
/// How often expired answers are deleted; they are never given, deleted or not.
const PURGE: Duration = Duration::from_hours(1);

mod stored_answer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stored_answer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_code: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub principal: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub method: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub request_id: Uuid,
        pub digest: Vec<u8>,
        pub body: Vec<u8>,
        pub position: Option<i64>,
        pub stored_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tenant of what concerns everybody: no code, so that none but who sees all of England finds it.
const EVERYBODY: &str = "";

/// What was asked of a mutation that may be repeated, and how its answer is written down.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    request: Option<Uuid>,
    digest: Vec<u8>,
    effect: Effect,
    encode: fn(T) -> Vec<u8>,
}

/// Whether a mutation is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is.
    Wanted,
    /// Everything is checked, nothing is written or kept.
    CheckedOnly,
}

impl Effect {
    /// What `validate_only` says.
    pub fn of(validate_only: bool) -> Effect {
        if validate_only { Effect::CheckedOnly } else { Effect::Wanted }
    }
}

/// The answer of a mutation: the first one, whenever it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The encoded message.
    pub body: Vec<u8>,
    /// The outbox position of the last fact of the effect, if it told any.
    pub position: Option<i64>,
}

impl Answer {
    /// The message as it was.
    pub fn message<M: Message + Default>(&self) -> Result<M, Error> {
        M::decode(&self.body[..]).map_err(Error::internal)
    }
}

/// An answer on its way to its table, with the transaction of its effect.
#[derive(Debug)]
pub(crate) struct NewAnswer {
    tenant: String,
    principal: String,
    method: String,
    request: Uuid,
    digest: Vec<u8>,
    body: Vec<u8>,
}

impl<T> Asked<T> {
    /// A call with `request_id`, if it has one; `message` is everything else that it says.
    pub fn new(
        request_id: Option<Uuid>,
        message: &impl Message,
        effect: Effect,
        encode: fn(T) -> Vec<u8>,
    ) -> Asked<T> {
        let digest = digest::digest(&digest::SHA256, &message.encode_to_vec());
        Asked { request: request_id, digest: digest.as_ref().to_vec(), effect, encode }
    }

    /// A call that cannot be checked only, answered with a message as it is.
    pub(crate) fn message(request_id: Option<Uuid>, message: &impl Message) -> Asked<T>
    where
        T: Message,
    {
        Asked::new(request_id, message, Effect::Wanted, |answer| answer.encode_to_vec())
    }

    /// Whether it is to happen.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The answer that the same call got before, if it is kept.
    ///
    /// Asked in the transaction of the effect, after the caller was found to be allowed. Writers
    /// take turns, so a twin that was first has ended by then. The same identifier with other
    /// words is refused with `REQUEST_ID_REUSED`. No `tenant` is whose scope is all of England.
    pub async fn before<'a>(
        &self,
        write: &Write,
        caller: &Caller,
        tenant: impl Into<Option<&'a OdsCode>>,
    ) -> Result<Option<Answer>, Error> {
        let (Some(request), Effect::Wanted) = (self.request, self.effect) else {
            return Ok(None);
        };
        let key = (
            code(tenant.into()),
            caller.principal().to_owned(),
            caller.method().to_owned(),
            request,
        );
        let found = stored_answer::Entity::find_by_id(key.clone());
        let Some(found) = found.one(&**write).await.map_err(db::sort)? else {
            return Ok(None);
        };
        if found.stored_at <= expired(write.clock().now()) {
            // Its place may be taken again.
            let gone = stored_answer::Entity::delete_by_id(key);
            gone.exec(&**write).await.map_err(db::sort)?;
            return Ok(None);
        }
        if found.digest != self.digest {
            return Err(Error::refused(
                ErrorReason::RequestIdReused,
                "request_id was used before with another request",
                [],
            ));
        }
        Ok(Some(Answer { body: found.body, position: found.position }))
    }

    /// Commits the effect with its answer; leaves everything as it was if it is only checked.
    pub async fn finish<'a>(
        self,
        mut write: Write,
        caller: &Caller,
        tenant: impl Into<Option<&'a OdsCode>>,
        value: T,
    ) -> Result<Answer, Error> {
        let body = (self.encode)(value);
        if self.effect == Effect::CheckedOnly {
            write.roll_back().await?;
            return Ok(Answer { body, position: None });
        }
        if let Some(request) = self.request {
            write.answer(NewAnswer {
                tenant: code(tenant.into()),
                principal: caller.principal().to_owned(),
                method: caller.method().to_owned(),
                request,
                digest: self.digest,
                body: body.clone(),
            });
        }
        let position = write.commit().await?;
        Ok(Answer { body, position })
    }
}

fn code(tenant: Option<&OdsCode>) -> String {
    tenant.map_or(EVERYBODY, OdsCode::as_str).to_owned()
}

/// Writes an answer with the position that its facts were given.
pub(crate) async fn keep(
    txn: &impl ConnectionTrait,
    answer: NewAnswer,
    position: Option<i64>,
    now: Instant,
) -> Result<(), Error> {
    let NewAnswer { tenant, principal, method, request, digest, body } = answer;
    let row = stored_answer::ActiveModel {
        tenant_code: Set(tenant),
        principal: Set(principal),
        method: Set(method),
        request_id: Set(request),
        digest: Set(digest),
        body: Set(body),
        position: Set(position),
        stored_at: Set(now.0),
    };
    let kept = stored_answer::Entity::insert(row).exec_without_returning(txn).await;
    kept.map_err(db::sort)?;
    Ok(())
}

/// The instant up to which answers are too old.
pub(crate) fn expired(now: Instant) -> i64 {
    now.0 - i64::try_from(KEPT.as_micros()).expect("a week is short")
}

/// Deletes the answers that are too old; says how many there were.
pub async fn purge(database: &Database) -> Result<u64, Error> {
    let write = database.write().await?;
    Scope::england().enter(&*write).await?;
    let old =
        Condition::all().add(stored_answer::Column::StoredAt.lte(expired(database.clock().now())));
    let gone = stored_answer::Entity::delete_many().filter(old).exec(&*write).await;
    let count = gone.map_err(db::sort)?.rows_affected;
    write.commit().await?;
    Ok(count)
}

/// Deletes answers that are too old, again and again, for as long as the service runs.
pub async fn purge_by_the_hour(database: Database) {
    loop {
        tokio::time::sleep(PURGE).await;
        match purge(&database).await {
            Ok(count) => tracing::debug!(count, "forgot {count} answers older than 7 days"),
            Err(error) => {
                let why = crate::error::chain(&error);
                tracing::warn!("answers older than 7 days could not be forgotten: {why}");
            }
        }
    }
}
