//! What was agreed as the baseline of a role of a PCN from a day on.

kit::statement! {
    "baseline",
    key {
        pcn_code: String,
        role: String,
        valid_from: chrono::NaiveDate,
    }
    value {
        wte_micro: i64,
        agreed_by: String,
        reference: String,
    }
}
