//! Claims: one row for each thing that was done with one, with everything that it said then. Nothing
//! is overwritten, so the rows are its history.

kit::statement! {
    "claim",
    key { claim_id: Uuid, }
    value {
        pcn_code: String,
        // The first day of the month.
        month: chrono::NaiveDate,
        // 0 for the claim of the month, else which adjustment.
        number: i32,
        // What was done, the first thing being 1.
        step: i32,
        action: String,
        state: String,
        // The line it is about; 0 is the whole claim.
        line: i32,
        said: String,
        build_id: Uuid,
        line_count: i32,
        unpriced_count: i32,
        own_cost_pence: i64,
        payable_pence: i64,
        // What it takes of each pot, as JSON.
        pots: String,
        weakest_confidence: Option<String>,
        note: String,
        // A list of texts, as JSON.
        evidence: String,
        payment_date: Option<chrono::NaiveDate>,
        payment_reference: String,
        submitted_at: Option<i64>,
    }
}
