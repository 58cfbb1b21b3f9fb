//! What practices of a PCN pay for themselves in a role from a day on.

kit::statement! {
    "practice_funded",
    key {
        pcn_code: String,
        role: String,
        valid_from: chrono::NaiveDate,
    }
    value {
        wte_micro: i64,
    }
}
