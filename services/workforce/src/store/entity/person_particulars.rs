//! Who people are: one current row each, without a history, so that it can be purged.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_particulars")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    pub owner_code: String,
    pub family_name: Option<String>,
    pub given_name: Option<String>,
    pub registration_body: Option<String>,
    pub registration_number: Option<String>,
    /// What is compared of body and number; none while either is missing.
    pub registration_key: Option<String>,
}

// Never printed: everything in it is personal.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("person_particulars::Model")
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
