//! The rows of the kind `staff`.

use std::io::Read;

use kit::table::{Column, Problem, Problems, Row as Cells};
use terms::{DeploymentModel, FULL_TIME, RoleCode, Stage};

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::staff::Row;
use crate::app::people::Particulars;
use crate::domain::role::Roles;

const COLUMNS: &[Column] = &[
    Column::required("engagement_id"),
    Column::required("person_id"),
    Column::required("family_name").personal(),
    Column::required("given_name").personal(),
    Column::required("role"),
    Column::required("stage"),
    Column::required("band"),
    Column::required("employer_code"),
    Column::required("model"),
    Column::required("pcn_code"),
    Column::required("weekly_hours"),
    Column::required("full_time_hours"),
    Column::required("start"),
    Column::required("end"),
    Column::required("registration_body"),
    Column::required("registration_number").personal(),
    Column::required("registration_expiry"),
    Column::required("leaving_reason"),
    Column::optional("contract_hours"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read, roles: &Roles) -> Sheet<Row> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let engagement = row.parse("engagement_id", problems, cells::reference);
        let person = row.parse_optional("person_id", problems, cells::reference);
        let particulars = particulars(row, problems);
        let expiry = row.parse_optional("registration_expiry", problems, cells::date);
        let role = row.parse("role", problems, |text| role(text, roles));
        let stage = row.parse_optional("stage", problems, str::parse);
        let band = row.parse_optional("band", problems, str::parse);
        let employer = row.parse("employer_code", problems, cells::code);
        let model = row.parse("model", problems, model);
        let pcn = row.parse("pcn_code", problems, cells::code);
        let weekly = row.parse("weekly_hours", problems, cells::hours);
        let full_time = row.parse_optional("full_time_hours", problems, cells::some_hours);
        let contract = row.parse_optional("contract_hours", problems, cells::some_hours);
        let start = row.parse("start", problems, cells::date);
        let end = row.parse_optional("end", problems, cells::date);
        let leaving_reason = row.parse_optional("leaving_reason", problems, cells::text);
        let ((weekly, a), full_time, contract) = (weekly?, full_time?, contract?);
        let rounded = [a, full_time.is_some_and(|(_, b)| b), contract.is_some_and(|(_, c)| c)];
        Some(Row {
            line: row.line(),
            engagement: engagement?,
            person: person?,
            particulars: particulars?,
            expiry: expiry?,
            role: role?,
            stage: stage?.unwrap_or(Stage::Standard),
            band: band?,
            employer: employer?,
            model: model?,
            pcn: pcn?,
            weekly,
            full_time: full_time.map_or(FULL_TIME, |(minutes, _)| minutes),
            contract: contract.map(|(minutes, _)| minutes),
            start: start?,
            end: end?,
            leaving_reason: leaving_reason?,
            rounded: rounded.into_iter().map(u32::from).sum(),
        })
    })
}

fn role(text: &str, roles: &Roles) -> Result<RoleCode, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = roles.iter().map(|role| role.code.as_str()).collect();
        format!("must be a role of the scheme: {}", known.join(", "))
    })
}

fn model(text: &str) -> Result<DeploymentModel, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = DeploymentModel::ALL.iter().map(|model| model.as_str()).collect();
        format!("must be a deployment model: {}", known.join(", "))
    })
}

fn particulars(row: &Cells<'_>, problems: &mut Problems) -> Option<Particulars> {
    let family_name = row.parse_optional("family_name", problems, cells::text);
    let given_name = row.parse_optional("given_name", problems, cells::text);
    let body = row.parse_optional("registration_body", problems, cells::reference);
    let number = row.parse_optional("registration_number", problems, cells::reference);
    let mut good = true;
    if row.text("person_id").is_empty() {
        for column in ["family_name", "given_name", "registration_number", "registration_expiry"] {
            if !row.text(column).is_empty() {
                let reason = "must be empty without a person_id: a contracted service is nobody";
                problems.push(Problem::new(row.line(), column, "", reason));
                good = false;
            }
        }
    }
    let registered =
        !row.text("registration_number").is_empty() || !row.text("registration_expiry").is_empty();
    if registered && row.text("registration_body").is_empty() {
        let reason = "must be given with a registration number or expiry, such as GPhC";
        problems.push(Problem::new(row.line(), "registration_body", "", reason));
        good = false;
    }
    let particulars = Particulars {
        family_name: family_name?,
        given_name: given_name?,
        registration_body: body?,
        registration_number: number?,
    };
    good.then_some(particulars)
}
