//! `arrs demo`: everything in one process, with a demonstration set whose people are invented.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrs_proto::admin::v1::ImportState;
use arrs_proto::finance::v1::{CompareClaimLineRequest, CompareClaimLineResponse};
use kit::client::{Channel, Token};
use kit::identity::Grant;
use kit::shutdown::Shutdown;
use terms::{Date, Month, OdsCode, Pence};
use tonic::Request;

use crate::cli::{DemoArguments, Format, Kind, ServeRole};
use crate::exit::Failure;
use crate::import::{self, Upload};
use crate::report;
use crate::settings::Settings;
use crate::{print, process};

/// The PCN that the report is of.
const PCN: &str = "U09081";
/// The month that the set is about.
const MONTH: &str = "2025-07";
/// The day on which the set counts as recorded, and whose figures the comparison begins with.
const RECORDED_ON: Date = Date::constant(2025, 7, 31);
/// The line that is compared: a person over the maximum of the first edition of the year.
const COMPARED: &str = "demo-e-002";

/// The files of the set, in the order in which they are brought in.
const FILES: &[(Kind, &str, &str)] = &[
    (Kind::Organisations, "organisations.csv", include_str!("../demo/organisations.csv")),
    (Kind::Lists, "lists.csv", include_str!("../demo/lists.csv")),
    (Kind::Staff, "staff.csv", include_str!("../demo/staff.csv")),
    (Kind::PcnWorkforce, "pcn-workforce.csv", include_str!("../demo/pcn-workforce.csv")),
    (Kind::Pay, "pay.csv", include_str!("../demo/pay.csv")),
    (Kind::Sessions, "sessions.csv", include_str!("../demo/sessions.csv")),
];

/// Starts everything, brings in the set, prints the report, and serves.
pub(crate) async fn run(mut settings: Settings, arguments: &DemoArguments) -> Result<(), Failure> {
    settings.kit.data_directory = arguments.folder.clone();
    // It is for this machine only, and nobody else waits for it to end.
    settings.gateway.tls.certificate_file.clear();
    settings.gateway.tls.key_file.clear();
    settings.kit.server.notice_seconds = 0;
    // The report is what people came for; the story of the day is for servers.
    if settings.kit.log.filter.starts_with("info") {
        settings.kit.log.filter = "warn".to_owned();
    }
    if arguments.exit || std::net::TcpListener::bind(settings.gateway.listen).is_err() {
        settings.gateway.listen.set_port(0);
    }
    let telemetry = kit::telemetry::start("arrs", &settings.kit)?;
    let (stop, shutdown) = Shutdown::new();
    let running = process::start(&settings, ServeRole::All, shutdown).await?;
    let issuer = running.local.clone().ok_or_else(|| {
        Failure::configuration(
            "the demonstration needs the local issuer: leave out kit.identity.issuer",
        )
    })?;
    let grants = ["operator@england".parse::<Grant>().expect("a role and a scope")];
    let token = issuer.token("demo", &grants, 60);
    let server = format!("http://{}", running.address);
    let channel = Channel::lazy(&server, Token::Fixed(Arc::from(token)))
        .map_err(|error| Failure::refused(kit::error::chain(&error)))?;

    println!("The demonstration set: real NHS organisations, invented people, pay and sessions.");
    bring_in(&channel, &arguments.folder).await?;
    show(&channel).await?;
    if !arguments.exit {
        print(&how_to_call(&server, &arguments.folder))?;
        let mut signal = kit::shutdown::on_signal()
            .map_err(|error| Failure::refused(format!("signals cannot be heard: {error}")))?;
        signal.wait().await;
    }
    stop.send_replace(true);
    drop(channel);
    let ended = running.join().await;
    telemetry.shutdown();
    ended
}

async fn bring_in(channel: &Channel, folder: &Path) -> Result<(), Failure> {
    for (kind, name, text) in FILES {
        let upload = Upload {
            kind: *kind,
            name: (*name).to_owned(),
            owner: None,
            recorded_on: Some(RECORDED_ON),
            check: false,
        };
        let unwritten = |error: std::io::Error| Failure::refused(format!("{name}: {error}"));
        let mut file = tempfile::tempfile_in(folder).map_err(unwritten)?;
        file.write_all(text.as_bytes()).map_err(unwritten)?;
        let import = import::send(channel, &upload, file).await?;
        if import.state() != ImportState::Done {
            return Err(Failure::refused(format!("{name} of the demonstration was refused")));
        }
        let summary = import::told(&upload, &import);
        println!("  {}", summary.lines().next().unwrap_or_default());
    }
    Ok(())
}

async fn show(channel: &Channel) -> Result<(), Failure> {
    let code: OdsCode = PCN.parse().expect("the code of the set");
    let month: Month = MONTH.parse().expect("the month of the set");
    let report = report::fetch(channel, &code, month, None, None).await?;
    print(&report::render(&report, Format::Table)?)?;

    let request = CompareClaimLineRequest {
        parent: kit::names::pcn(&code),
        month: MONTH.to_owned(),
        reference: COMPARED.to_owned(),
        from_rules_known_on_date: Some(kit::wire::date(RECORDED_ON)),
        to_rules_known_on_date: None,
        known_at_date: None,
    };
    let path = "/arrs.finance.v1.ClaimService/CompareClaimLine";
    let compared = channel.unary(path, Request::new(request)).await?.into_inner();
    print(&comparison(&compared))
}

fn comparison(compared: &CompareClaimLineResponse) -> String {
    let payable = |line: Option<&arrs_proto::finance::v1::ClaimLine>| {
        let pence = line.and_then(|line| line.payable_pence);
        pence.map_or_else(|| "no price".to_owned(), |pence| Pence(pence).to_string())
    };
    let mut text = format!(
        "\nThe same line under two states of the scheme's figures: {COMPARED}, {MONTH}\n  \
         figures known on {RECORDED_ON}: payable {}\n  figures known today:         payable {}\n",
        payable(compared.from.as_ref()),
        payable(compared.to.as_ref()),
    );
    for difference in &compared.differences {
        report::wrapped(&format!("  why: {difference}"), "       ", &mut text);
    }
    text
}

fn how_to_call(server: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "\ngRPC is listening on {server}. From another terminal, here:\n\
         \x20 export ARRS__KIT__DATA_DIRECTORY={folder} ARRS_SERVER={server}\n\
         \x20 cargo run --release -- report pcn {PCN} --month {MONTH} --known-at 2025-07-31\n\
         \x20 TOKEN=$(cargo run --release -- token pcn-viewer@pcn:{PCN})\n\
         \x20 buf curl --protocol grpc --http2-prior-knowledge -H \"authorization: Bearer $TOKEN\" \\\n\
         \x20   -d '{{\"name\": \"pcns/{PCN}\", \"month\": \"{MONTH}\"}}' \\\n\
         \x20   {server}/arrs.report.v1.ReportService/GetPcnReport\n\
         Ctrl-C ends it.\n"
    )
}
