//! The roster: organisations, how they belong together, and who works where, as known.
//!
//! Workforce records it; finance and supervision follow it by facts. All three keep the same
//! tables, each in its own database, and read them through the functions here, so that they can
//! never disagree about who was where.

mod apply;
mod migration;
mod people;
mod places;
pub mod table;

pub use apply::{Followed, Line, Told, record, tell};
pub use migration::{migration, tenants};
pub use people::{
    Engaged, engaged_in_month, engagement_by_id, engagements_by_reference, engagements_of_pcn,
    engagements_of_people, people_by_reference, revision, revisions,
};
pub use places::{
    ListSize, Organisation, Related, children, is_open, kinds, list_size, list_sizes, london_area,
    london_areas, members, organisation, organisations, organisations_by_code, parents, parts_of,
    region_of, relations, served_by,
};

use chrono::NaiveDate;
use terms::Date;

use crate::db::{Tenancy, Tenant};

/// How the rows of the roster belong to tenants. Of an engagement that concerns a tenant all hours
/// may be read, wherever they are: shares of its cost are shares of all its hours. What is shown
/// of those elsewhere is decided by the scope.
pub const TENANTS: [Tenancy; 3] = [
    ("engagement_tenant", &[Tenant::Column("tenant_code")]),
    ("engagement", &[Tenant::Column("owner_code"), OF_ENGAGEMENT]),
    ("assignment", &[Tenant::Column("pcn_code"), OF_ENGAGEMENT]),
];

/// A row about an engagement belongs to whom that concerns.
pub const OF_ENGAGEMENT: Tenant = Tenant::Listed {
    column: "engagement_id",
    table: "engagement_tenant",
    other: "engagement_id",
    tenant: "tenant_code",
};

/// A civil day as the database has it.
pub fn to_column(day: Date) -> NaiveDate {
    let month = u32::from(day.month().unsigned_abs());
    NaiveDate::from_ymd_opt(day.year().into(), month, u32::from(day.day().unsigned_abs()))
        .expect("both calendars are the Gregorian one")
}

/// A civil day from the database.
pub fn from_column(day: NaiveDate) -> Date {
    use chrono::Datelike;

    let year = i16::try_from(day.year()).expect("years were checked when they were written");
    let month = i8::try_from(day.month()).expect("a month is at most 12");
    let number = i8::try_from(day.day()).expect("a day is at most 31");
    Date::new(year, month, number).expect("both calendars are the Gregorian one")
}
