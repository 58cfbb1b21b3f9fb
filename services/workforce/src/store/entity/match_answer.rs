//! What owners were answered of hours elsewhere, each for a registration. Never overwritten
//! while it is in force, so that asking again tells nothing new.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "match_answer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_code: String,
    /// Personal, as in `person_particulars`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_key: String,
    pub exceed: bool,
    pub answered_at: i64,
}

// Never printed: it names a registration.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("match_answer::Model")
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
