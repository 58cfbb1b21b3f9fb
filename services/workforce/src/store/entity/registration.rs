//! Registrations with regulators. The number is with the particulars.

kit::statement! {
    "registration",
    key { person_id: Uuid, body: String, }
    value { owner_code: String, expiry: Option<chrono::NaiveDate>, }
}
