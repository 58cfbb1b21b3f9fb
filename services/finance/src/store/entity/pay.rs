//! What engagements cost in a month, as the payroll ran. The share of a PCN is never stored: it is
//! worked out when it is asked for.

kit::statement! {
    "pay",
    key {
        engagement_id: Uuid,
        // The first day of the month.
        month: chrono::NaiveDate,
        // `2025-07-28`, or empty where it has not been paid: a key that may be null never matches.
        paid_on: String,
    }
    value {
        salary_pence: i64,
        employer_ni_pence: i64,
        employer_pension_pence: i64,
        fees_pence: i64,
        reference: String,
        owner_code: String,
    }
}
