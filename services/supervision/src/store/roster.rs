//! The roster as workforce told it, which can be dropped and told again.

use kit::db::{self, Write};
use kit::roster::table::{
    assignment, engagement, list_size, london_area, organisation, organisation_relation,
};
use kit::{Error, Scope, facts};
use sea_orm::EntityTrait;

/// Forgets everything told by `producer`, so that it is followed from its first fact again.
///
/// Only for who may touch all of England: the roster has the rows of everybody.
pub async fn forget(write: &Write, scope: &Scope, producer: &str) -> Result<(), Error> {
    if !scope.is_england() {
        return Err(Error::internal("the roster is forgotten as a whole or not at all"));
    }
    let txn = &**write;
    organisation::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    organisation_relation::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    london_area::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    list_size::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    engagement::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    assignment::Entity::delete_many().exec(txn).await.map_err(db::sort)?;
    facts::forget_cursor(txn, producer).await
}
