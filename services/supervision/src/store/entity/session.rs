//! Sessions that were held. Every row is a statement: see [`kit::statement`].

// The reference comes first: rows are looked up by it, and owners have many.
kit::statement! {
    "session",
    key { reference: String, owner_code: String, }
    value {
        session_id: Uuid,
        person_id: Uuid,
        person_reference: String,
        supervisor_reference: String,
        kind: String,
        date: chrono::NaiveDate,
        minutes: i32,
        pcn_code: String,
    }
}

/// The sessions in the PCNs of a scope.
pub(in crate::store) fn within(scope: &kit::Scope) -> sea_orm::Select<Entity> {
    use sea_orm::{EntityTrait, QueryFilter};

    Entity::find().filter(scope.pcn_within(Column::PcnCode))
}
