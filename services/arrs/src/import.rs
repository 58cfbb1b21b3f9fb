//! `arrs import`: sends files to the service that owns their kind, and says what came of them.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

use arrs_proto::admin::v1::create_import_request::Part;
use arrs_proto::admin::v1::{
    CreateImportRequest, Import, ImportError, ImportHeader, ImportState, ListImportErrorsRequest,
    ListImportErrorsResponse,
};
use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_proto::supervision::v1::{ListRequirementsRequest, ListRequirementsResponse};
use kit::ErrorReason;
use kit::client::Channel;
use kit::server::{AFTER, position_of};
use terms::{Date, OdsCode};
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::cli::{ImportArguments, Kind};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{progress, remote};

/// Bytes sent at a time.
const CHUNK: usize = 64 * 1024;
/// How often a call is tried that found nobody there. The request id makes a repeat safe.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// How long to wait until the other services have followed what was brought in.
const SETTLE: Duration = Duration::from_secs(60);

/// Everything about a file but the file.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) owner: Option<OdsCode>,
    pub(crate) recorded_on: Option<Date>,
    pub(crate) check: bool,
}

/// Brings in the files of a command line, one after the other, until one is refused. A check goes
/// on through all of them.
pub(crate) async fn run(settings: &Settings, arguments: ImportArguments) -> Result<(), Failure> {
    let ImportArguments { kind, files, owner, recorded_on, check, server } = arguments;
    let channel = remote::connect(settings, &server)?;
    // A file that is not there is found out before anything is sent.
    let mut opened = Vec::with_capacity(files.len());
    for path in &files {
        opened.push((name_of(path), open(path)?));
    }
    let mut refusals: Vec<String> = Vec::new();
    let mut opened = opened.into_iter();
    for (name, file) in opened.by_ref() {
        let upload = Upload { kind, name: name.clone(), owner: owner.clone(), recorded_on, check };
        let sent = send(&channel, &upload, file).await;
        let import = sent.map_err(|failure| failure.at(&server.server))?;
        if import.state() == ImportState::Done {
            println!("{}", told(&upload, &import));
            continue;
        }
        let errors = errors(&channel, kind, &import).await?;
        refusals.push(refusal(&upload, &import, &errors));
        if !check {
            break;
        }
    }
    match opened.len() {
        0 => {}
        1 => refusals.push("1 more file was not tried".to_owned()),
        rest => refusals.push(format!("{rest} more files were not tried")),
    }
    if refusals.is_empty() { Ok(()) } else { Err(Failure::refused(refusals.join("\n"))) }
}

fn name_of(path: &Path) -> String {
    match path.file_name() {
        Some(name) if path != Path::new("-") => name.to_string_lossy().into_owned(),
        Some(_) | None => "standard input".to_owned(),
    }
}

/// The file, or a copy of standard input that can be read twice.
fn open(path: &Path) -> Result<File, Failure> {
    let told = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    if path != Path::new("-") {
        let file = File::open(path).map_err(told)?;
        let regular = file.metadata().map_err(told)?.is_file();
        return if regular {
            Ok(file)
        } else {
            Err(Failure::usage(format!("{} is not a file", path.display())))
        };
    }
    let mut copy = tempfile::tempfile().map_err(told)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut copy).map_err(told)?;
    Ok(copy)
}

/// Sends one file and waits until every service has followed it.
pub(crate) async fn send(
    channel: &Channel,
    upload: &Upload,
    mut file: File,
) -> Result<Import, Failure> {
    let unread = |error: std::io::Error| Failure::usage(format!("{}: {error}", upload.name));
    let (size, sha256) = digest(&mut file).map_err(unread)?;
    let header = ImportHeader {
        kind: upload.kind.as_str().to_owned(),
        owner: upload.owner.as_ref().map(kit::names::organisation).unwrap_or_default(),
        file_name: upload.name.clone(),
        size_bytes: size,
        sha256,
        recorded_on_date: upload.recorded_on.map(kit::wire::date),
        validate_only: upload.check,
        request_id: Uuid::new_v4().to_string(),
    };
    let service = upload.kind.service();
    let path = format!("/arrs.{service}.v1.ImportService/CreateImport");
    let mut pause = PAUSE;
    let mut tries = 1;
    let answer: Response<Import> = loop {
        let copy = file.try_clone().map_err(unread)?;
        let sent = call(channel, &path, header.clone(), copy).await;
        match sent {
            Err(status) if again(&status) && tries < TRIES => {
                tokio::time::sleep(pause).await;
                tries += 1;
                pause *= 2;
            }
            other => break other?,
        }
    };
    if let Some(position) = position_of(answer.metadata()) {
        settle(channel, service, position).await;
    }
    Ok(answer.into_inner())
}

fn again(status: &Status) -> bool {
    status.code() == Code::Unavailable
        || kit::error::reason_of(status) == Some(ErrorReason::RequestInProgress)
}

async fn call(
    channel: &Channel,
    path: &str,
    header: ImportHeader,
    mut file: File,
) -> Result<Response<Import>, Status> {
    let total = u64::try_from(header.size_bytes).unwrap_or_default();
    let bar = progress::bytes(&header.file_name, total);
    let waiting = format!("{}: checking and writing", header.file_name);
    file.rewind().map_err(|error| Status::aborted(error.to_string()))?;
    let part = |part| CreateImportRequest { part: Some(part) };
    let sent = bar.clone();
    let mut left = total;
    let pieces = std::iter::from_fn(move || {
        let mut piece = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        let read = file.read(&mut piece).ok().filter(|read| *read > 0);
        let Some(read) = read else {
            sent.finish_and_clear();
            return None;
        };
        piece.truncate(read);
        let count = u64::try_from(read).unwrap_or_default();
        left -= count;
        sent.inc(count);
        Some(part(Part::Chunk(piece)))
    });
    let messages = std::iter::once(part(Part::Header(header))).chain(pieces);
    let spinner = progress::spinner(&waiting);
    let answer = channel.client_streaming(path, futures::stream::iter(messages)).await;
    spinner.finish_and_clear();
    bar.finish_and_clear();
    answer
}

/// Waits until finance and supervision have followed what workforce was told, so that the next
/// command finds it. Somebody who may not ask them, or a service that is down, is no failure.
async fn settle(channel: &Channel, service: &str, position: &str) {
    if service != workforce::NAME {
        return;
    }
    let Ok(after) = AsciiMetadataValue::try_from(position) else { return };
    let spinner = progress::spinner("waiting until finance and supervision have followed");
    let year = GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let finance = channel.unary::<_, RuleBook>(
        "/arrs.finance.v1.RuleBookService/GetRuleBook",
        following(year, &after),
    );
    let page = ListRequirementsRequest { page_size: 1, ..Default::default() };
    let supervision = channel.unary::<_, ListRequirementsResponse>(
        "/arrs.supervision.v1.RequirementService/ListRequirements",
        following(page, &after),
    );
    let (finance, supervision) = tokio::join!(finance, supervision);
    spinner.finish_and_clear();
    for (name, failed) in [("finance", finance.err()), ("supervision", supervision.err())] {
        let Some(status) = failed else { continue };
        if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) {
            eprintln!("arrs: {name} has not followed yet; it will");
        }
    }
}

fn following<T>(message: T, after: &AsciiMetadataValue) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(AFTER, after.clone());
    request.set_timeout(SETTLE);
    request
}

fn digest(file: &mut File) -> std::io::Result<(i64, String)> {
    file.rewind()?;
    let mut digest = kit::imports::Digest::new();
    let mut piece = vec![0; CHUNK];
    let mut size: i64 = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((size, digest.finish()));
        }
        digest.update(&piece[..read]);
        size += i64::try_from(read).unwrap_or_default();
    }
}

/// What came of a file that was brought in.
pub(crate) fn told(upload: &Upload, import: &Import) -> String {
    let Import { row_count, added_count, corrected_count, unchanged_count, .. } = import;
    let would = if upload.check { " (checked only, nothing written)" } else { "" };
    let rows = count(*row_count, "row");
    let mut text = if *added_count == 0 && *corrected_count == 0 {
        format!("{}: {rows}, nothing new{would}", upload.name)
    } else {
        format!(
            "{}: {rows}, {} added, {corrected_count} corrected, {unchanged_count} unchanged{would}",
            upload.name,
            count(*added_count, "statement"),
        )
    };
    for note in &import.notes {
        text.push_str(&format!("\n  note: {note}"));
    }
    text
}

/// `1 row`, `2 rows`.
fn count(number: i32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

async fn errors(
    channel: &Channel,
    kind: Kind,
    import: &Import,
) -> Result<Vec<ImportError>, Failure> {
    let path = format!("/arrs.{}.v1.ImportService/ListImportErrors", kind.service());
    let request = ListImportErrorsRequest {
        parent: import.name.clone(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let answer = channel.unary::<_, ListImportErrorsResponse>(&path, Request::new(request)).await?;
    Ok(answer.into_inner().errors)
}

/// Everything that is wrong with a refused file, by line.
fn refusal(upload: &Upload, import: &Import, errors: &[ImportError]) -> String {
    let (name, what) = (&upload.name, count(import.error_count, "error"));
    let mut text = format!("{name} was refused with {what}; nothing was written");
    for error in errors {
        let ImportError { line, column, value, reason } = error;
        let place = match (*line, column.as_str()) {
            (0, "") => "the file".to_owned(),
            (0, column) => format!("column {column}"),
            (line, "") => format!("line {line}"),
            (line, column) => format!("line {line}, column {column}"),
        };
        let value = if value.is_empty() { String::new() } else { format!(", value {value:?}") };
        text.push_str(&format!("\n  {place}{value}: {reason}"));
    }
    let rest = usize::try_from(import.error_count).unwrap_or(0).saturating_sub(errors.len());
    if rest > 0 {
        text.push_str(&format!("\n  and {rest} more"));
    }
    text
}
