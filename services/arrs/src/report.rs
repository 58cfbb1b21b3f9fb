//! `arrs report`: asks the gateway and prints the answer.

mod flat;
mod money;
mod table;

pub(crate) use table::{amount, day, decided, fte, month, new_table, wrapped};

use arrs_proto::report::v1::{GetPcnReportRequest, PcnReport};
use kit::client::Channel;
use prost::Message;
use prost_reflect::DynamicMessage;
use terms::{Date, Month, OdsCode};
use tonic::{Code, Request, Status};

use crate::cli::{Format, ReportArguments, ReportOf};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{print, progress, remote};

/// Prints the report of a command line.
pub(crate) async fn run(settings: &Settings, arguments: ReportArguments) -> Result<(), Failure> {
    let arguments = match arguments.of {
        ReportOf::Pcn(arguments) => arguments,
        ReportOf::Money(arguments) => return money::run(settings, &arguments).await,
    };
    let channel = remote::connect(settings, &arguments.server)?;
    let spinner = progress::spinner("asking");
    let report = fetch(
        &channel,
        &arguments.code,
        arguments.month,
        arguments.rules_known_on,
        arguments.known_at,
    );
    let report = report.await;
    spinner.finish_and_clear();
    let told = |status| refused(status, arguments.known_at).at(&arguments.server.server);
    let report = report.map_err(told)?;
    print(&render(&report, arguments.format)?)
}

/// A refusal, which may be for want of records that old.
pub(crate) fn refused(status: Status, known_at: Option<Date>) -> Failure {
    match known_at {
        Some(day) if status.code() == Code::PermissionDenied => {
            let message = format!("{}, as known on {day}", status.message());
            let details = status.details().to_vec();
            Status::with_details(status.code(), message, details.into()).into()
        }
        Some(_) | None => status.into(),
    }
}

/// The report of a PCN and month.
///
/// `known_at` sets both dates, unless `rules_known_on` is given as well.
pub(crate) async fn fetch(
    channel: &Channel,
    code: &OdsCode,
    month: Month,
    rules_known_on: Option<Date>,
    known_at: Option<Date>,
) -> Result<PcnReport, Status> {
    let request = GetPcnReportRequest {
        name: kit::names::pcn(code),
        month: month.to_string(),
        rules_known_on_date: rules_known_on.or(known_at).map(kit::wire::date),
        known_at_date: known_at.map(kit::wire::date),
        require_complete: false,
    };
    let path = "/arrs.report.v1.ReportService/GetPcnReport";
    Ok(channel.unary(path, Request::new(request)).await?.into_inner())
}

/// The report as text.
pub(crate) fn render(report: &PcnReport, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => Ok(table::render(report)),
        Format::Csv => flat::render(report),
        Format::Json => json(report),
    }
}

/// The whole answer, named as the contracts name it.
fn json(report: &PcnReport) -> Result<String, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::refused(format!("the report cannot be written as JSON: {error}"))
    };
    let descriptor = kit::rules::descriptors()
        .get_message_by_name("arrs.report.v1.PcnReport")
        .ok_or_else(|| Failure::refused("the contracts lack PcnReport"))?;
    let message = DynamicMessage::decode(descriptor, &report.encode_to_vec()[..])
        .map_err(|error| failed(&error))?;
    let mut text = serde_json::to_string_pretty(&message).map_err(|error| failed(&error))?;
    text.push('\n');
    Ok(text)
}
