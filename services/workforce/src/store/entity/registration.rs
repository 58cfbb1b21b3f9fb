//! Registrations with regulators. The number is with the particulars.

kit::statement! {
    "registration",
    key { person_id: Uuid, body: String, }
    value { expiry: Option<chrono::NaiveDate>, }
}
