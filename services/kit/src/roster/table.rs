//! The tables of the roster. Every row is a statement: see [`crate::statement`].

/// What an organisation is called and is.
pub mod organisation {
    crate::statement! {
        "organisation",
        key { code: String, }
        value {
            display_name: String,
            kind: String,
            valid_from: Option<chrono::NaiveDate>,
            valid_until: Option<chrono::NaiveDate>,
        }
    }
}

/// How organisations belong together.
pub mod organisation_relation {
    crate::statement! {
        "organisation_relation",
        key {
            code: String,
            relation: String,
            related_code: String,
            valid_from: chrono::NaiveDate,
        }
        value {
            valid_until: Option<chrono::NaiveDate>,
            seen: bool,
        }
    }
}

/// Where PCNs lie for the London weighting.
pub mod london_area {
    crate::statement! {
        "london_area",
        key { code: String, valid_from: chrono::NaiveDate, }
        value { area: String, valid_until: Option<chrono::NaiveDate>, }
    }
}

/// How many patients an organisation had.
pub mod list_size {
    crate::statement! {
        "list_size",
        key { code: String, date: chrono::NaiveDate, }
        value {
            registered_count: i64,
            weighted_ten_thousandths: Option<i64>,
            adjusted_ten_thousandths: Option<i64>,
        }
    }
}

/// Employments and contracted services.
pub mod engagement {
    crate::statement! {
        "engagement",
        key { engagement_id: Uuid, }
        value {
            owner_code: String,
            reference: String,
            person_id: Option<Uuid>,
            person_reference: Option<String>,
            role: String,
            employer_code: String,
            model: String,
            full_time_minutes: i32,
            leaving_reason: Option<String>,
        }
    }
}

/// Hours of engagements in PCNs.
pub mod assignment {
    crate::statement! {
        "assignment",
        key { engagement_id: Uuid, pcn_code: String, valid_from: chrono::NaiveDate, }
        value {
            valid_until: Option<chrono::NaiveDate>,
            weekly_minutes: i32,
            contract_minutes: Option<i32>,
            stage: String,
            band: Option<String>,
        }
    }
}

/// Whom an engagement concerns: its owner, and every PCN that it has or ever had hours in.
///
/// A row never goes: who could see an engagement once keeps its history.
pub mod engagement_tenant {
    use sea_orm::entity::prelude::*;

    #[allow(missing_docs, reason = "columns are documented with their facts")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "engagement_tenant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_code: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub engagement_id: Uuid,
    }

    #[allow(missing_docs, reason = "there are no relations")]
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
