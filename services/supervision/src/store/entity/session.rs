//! Sessions that were held. Every row is a statement: see [`kit::statement`].

// The reference comes first: rows are looked up by it, and owners have many. The PCN is part of
// the key: PCNs that share the staff of an owner choose references without knowing of each other.
kit::statement! {
    "session",
    key { reference: String, owner_code: String, pcn_code: String, }
    value {
        session_id: Uuid,
        person_id: Uuid,
        person_reference: String,
        supervisor_reference: String,
        kind: String,
        date: chrono::NaiveDate,
        minutes: i32,
    }
}

/// The sessions on the days of PCNs that a scope reaches.
pub(in crate::store) fn within(scope: &kit::Scope) -> sea_orm::Select<Entity> {
    use sea_orm::{EntityTrait, QueryFilter};

    Entity::find().filter(scope.day_within(Column::PcnCode, Column::Date))
}
