//! Published rows, as printed. A row that a later file of the same month leaves out is withdrawn.

kit::statement! {
    "national_return_row",
    key { census: String, pcn_code: String, digest: String, repetition: i32, }
    value {
        withdrawn: bool,
        data_source: String,
        pcn_name: String,
        sub_icb_code: String,
        sub_icb_name: String,
        icb_code: String,
        icb_name: String,
        region_code: String,
        region_name: String,
        staff_group: String,
        staff_role: String,
        detailed_staff_role: String,
        fte_billionths: i64,
        unique_identifier: Option<String>,
    }
}
