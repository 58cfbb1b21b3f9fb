//! Files that are brought in: received, checked and written whole, or refused whole.
//!
//! Each service says how the rows of its kinds are read and written; everything else about a file
//! is here: who may send it, that it arrived undamaged, that a repeat gives the first answer, and
//! what is kept of it.

mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::future::Future;
use std::io::{Seek, Write as _};
use std::path::PathBuf;

use arrs_proto::admin::v1 as pb;
use arrs_proto::admin::v1::create_import_request::Part;
use aws_lc_rs::digest;
use sea_orm::ConnectionTrait;
use terms::{Date, Instant, OdsCode};
use tonic::Streaming;
use uuid::Uuid;

use crate::answers::Effect;
use crate::audit::{self, Entry, Outcome};
use crate::clock::Clock;
use crate::db::{Claim, Database, Write};
use crate::error::{Error, ErrorReason};
use crate::identity::{Caller, Scope};
use crate::names::{self, Fields};
use crate::pages;
use crate::revision::Revision;
use crate::statement::Provenance;
use crate::table::{Problem, Problems};
use crate::{answers, wire};

/// The largest file.
const FILE_BYTES: i64 = 256 * 1024 * 1024;
/// The most notes kept.
const NOTES: usize = 200;
/// The permission to say since when records were known.
const BACKDATE: &str = "records.backdate";

/// How a service reads and writes the kinds it owns.
pub trait Importing: Send + Sync + 'static {
    /// The rows of a file, read and checked each on its own.
    type Rows: Send + 'static;

    /// The name of the service.
    fn producer(&self) -> &'static str;

    /// The kinds it takes, each with the permission that must be held over all of England where
    /// the kind needs more than the method asks for.
    fn kinds(&self) -> &'static [(&'static str, Option<&'static str>)];

    /// Reads the rows; on a thread where it may take its time.
    fn read(&self, kind: &str, file: File) -> Result<Self::Rows, Problems>;

    /// Writes the rows, or refuses them with everything that is wrong.
    fn write(
        &self,
        write: &mut Write,
        rows: Self::Rows,
        context: &Context,
    ) -> impl Future<Output = Result<Result<Applied, Problems>, Error>> + Send;
}

/// What writing a file may rely on.
#[derive(Debug)]
pub struct Context {
    /// What the file holds.
    pub kind: String,
    /// Who keeps the records, if the caller named somebody.
    pub owner: Option<OdsCode>,
    /// What the caller may touch.
    pub scope: Scope,
    /// Since when, by whom and with which import the records are known.
    pub provenance: Provenance,
    /// The day as of which they are known.
    pub recorded_on: Date,
    /// Whether the file is only checked: what is written will be undone.
    pub validate_only: bool,
}

impl Context {
    /// The context of one change that is checked as a file of one row would be: by `caller`, of
    /// what `owner` keeps, which has changed as often as `before` says.
    pub fn of_change(
        caller: &Caller,
        scope: Scope,
        clock: &Clock,
        kind: &str,
        owner: &OdsCode,
        before: Revision,
        effect: Effect,
    ) -> Context {
        let now = clock.now();
        Context {
            kind: kind.to_owned(),
            owner: Some(owner.clone()),
            scope,
            provenance: Provenance {
                known_from: before.next(now),
                recorded_at: now,
                recorded_by: caller.principal().to_owned(),
                import: None,
            },
            recorded_on: clock.today(),
            validate_only: effect == Effect::CheckedOnly,
        }
    }
}

/// What a file changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Records in the file.
    pub rows: u32,
    /// New statements.
    pub added: u32,
    /// Statements that took the place of another.
    pub corrected: u32,
    /// Statements known already.
    pub unchanged: u32,
    /// What a careful reader should know.
    pub notes: Vec<String>,
    /// Resources whose change is recorded by itself, beside the import.
    pub touched: Vec<Touched>,
}

impl Applied {
    /// Notes that some rows say what was known once, and that more is known today.
    pub fn note_later(&mut self, rows: u32) {
        if rows > 0 {
            let (rows, are) =
                if rows == 1 { ("1 row", "is") } else { (&*format!("{rows} rows"), "are") };
            self.notes.push(format!(
                "{rows} {are} recorded as known on the day of the file; what became known later \
                 stays as it is"
            ));
        }
    }
}

/// A resource whose change is recorded by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its name, such as `people/0198c2a4-...`.
    pub resource: String,
    /// Whose record it is.
    pub owner: OdsCode,
    /// That something changed, never to what.
    pub what: &'static str,
}

/// Everything about an upload but its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    kind: String,
    owner: Option<OdsCode>,
    file_name: String,
    size: i64,
    sha256: String,
    recorded_on: Option<Date>,
    validate_only: bool,
    request: Uuid,
}

/// Receives a file and brings it in. Answers the import and the position of its last fact.
pub async fn create<I: Importing>(
    importing: &I,
    database: &Database,
    caller: &Caller,
    spool: PathBuf,
    mut stream: Streaming<pb::CreateImportRequest>,
) -> Result<(pb::Import, Option<i64>), Error> {
    let first = stream.message().await.map_err(interrupted)?;
    let Some(Part::Header(header)) = first.and_then(|first| first.part) else {
        return Err(Error::invalid("header", "must be the first message of the upload"));
    };
    let header = parse(header, importing.kinds(), database)?;
    allow(importing, caller, &header)?;
    let scope = {
        let read = database.read().await?;
        caller.scope(&*read, database.clock()).await?
    };
    reaches_owner(&scope, caller, &header)?;

    let claim = database.claim(work(caller.principal(), header.request)).await?;
    let ended = match begin(database, caller.principal(), &header, claim.as_ref()).await {
        Ok(Begun::Anew(id)) => {
            let brought =
                bring_in(importing, database, caller, scope, spool, stream, &header, id).await;
            match brought {
                Ok(brought) => Ok(brought),
                // Unless it was written and only the answer was lost, a repeat starts over.
                Err(error) => forget(database, id).await.and(Err(error)),
            }
        }
        Ok(Begun::Before(known)) => repeat(*known, &header),
        Err(error) => Err(error),
    };
    if let Some(claim) = claim {
        claim.release().await;
    }
    ended
}

/// Refuses an owner whose records the caller may not bring in.
fn reaches_owner(scope: &Scope, caller: &Caller, header: &Header) -> Result<(), Error> {
    match &header.owner {
        Some(owner) if !scope.owns(owner) => Err(caller.denied(&names::organisation(owner))),
        Some(_) | None => Ok(()),
    }
}

/// What a request is, among those that were made before.
enum Begun {
    /// The first, or one whose first call ended without a result.
    Anew(Uuid),
    /// A repeat.
    Before(Box<store::Row>),
}

/// What is claimed by the call that brings in a file.
fn work(principal: &str, request: Uuid) -> String {
    format!("import {request} of {principal}")
}

/// Begins an import, unless it was begun before: `claim` is none where somebody is at it.
async fn begin(
    database: &Database,
    principal: &str,
    header: &Header,
    claim: Option<&Claim>,
) -> Result<Begun, Error> {
    let write = database.write().await?;
    let started = database.clock().now();
    let known = store::of_request(&*write, principal, header.request).await?;
    match (known, claim) {
        // The call or the process that began it ended: nothing of it was written.
        (Some(known), Some(_)) if known.is_running() => {
            store::forget(&*write, known.id()).await?;
        }
        (Some(known), _) if known.began() > answers::expired(started) => {
            return Ok(Begun::Before(Box::new(known)));
        }
        (_, None) => return Err(in_progress()),
        (Some(expired), Some(_)) => store::release(&*write, &expired).await?,
        (None, Some(_)) => {}
    }
    let id = Uuid::now_v7();
    store::begin(&*write, id, principal, header, started).await?;
    write.commit().await?;
    Ok(Begun::Anew(id))
}

/// Forgets an import that did not end.
async fn forget(database: &Database, id: Uuid) -> Result<(), Error> {
    let write = database.write().await?;
    store::forget(&*write, id).await?;
    write.commit().await?;
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one call, split off so that its failure is undone")]
async fn bring_in<I: Importing>(
    importing: &I,
    database: &Database,
    caller: &Caller,
    scope: Scope,
    spool: PathBuf,
    stream: Streaming<pb::CreateImportRequest>,
    header: &Header,
    id: Uuid,
) -> Result<(pb::Import, Option<i64>), Error> {
    let file = receive(stream, header, spool).await?;
    let now = database.clock().now();
    let mut context = context(header, scope, caller, database, id, now);
    // The task keeps the runtime free while a large file is read.
    let kind = header.kind.clone();
    let rows = tokio::task::block_in_place(|| importing.read(&kind, file));
    let rows = match rows {
        Ok(rows) => rows,
        Err(problems) => return refuse(database, caller, id, header, &context, problems).await,
    };
    let mut write = database.write().await?;
    // An upload takes its time: what holds when the file is written decides.
    context.scope = caller.scope(&*write, database.clock()).await?;
    reaches_owner(&context.scope, caller, header)?;
    let applied = match importing.write(&mut write, rows, &context).await? {
        Ok(applied) => applied,
        Err(problems) => {
            write.roll_back().await?;
            return refuse(database, caller, id, header, &context, problems).await;
        }
    };
    if header.validate_only {
        write.roll_back().await?;
        write = database.write().await?;
    }
    let applied = Applied { notes: shorten(applied.notes), ..applied };
    store::finish(&*write, id, &applied).await?;
    let detail = format!(
        "{} {}: {} added, {} corrected, {} unchanged{}{}",
        header.kind,
        header.sha256,
        applied.added,
        applied.corrected,
        applied.unchanged,
        header.recorded_on.map(|day| format!(", recorded on {day}")).unwrap_or_default(),
        if header.validate_only { ", checked only" } else { "" },
    );
    let mut entries = vec![entry(caller, Outcome::Done, id, &context).saying(detail)];
    if !header.validate_only {
        let done = |resource: &str| Entry::new(caller, Outcome::Done, resource);
        entries.extend(
            applied.touched.iter().map(|touched| {
                done(&touched.resource).of_tenant(&touched.owner).saying(touched.what)
            }),
        );
    }
    audit::append(&*write, database.clock(), entries).await?;
    let position = write.commit().await?;
    let read = database.read().await?;
    let row = store::get(&*read, id).await?;
    let row = row.ok_or_else(|| Error::internal("an import that was written is gone"))?;
    Ok((row.into_wire()?, position))
}

async fn refuse(
    database: &Database,
    caller: &Caller,
    id: Uuid,
    header: &Header,
    context: &Context,
    problems: Problems,
) -> Result<(pb::Import, Option<i64>), Error> {
    let write = database.write().await?;
    let total = problems.total();
    store::refuse(&*write, id, problems).await?;
    let detail = format!("{} {}: {total} errors", header.kind, header.sha256);
    let entry = entry(caller, Outcome::Refused, id, context).saying(detail);
    audit::append(&*write, database.clock(), [entry]).await?;
    let row = store::get(&*write, id).await?;
    write.commit().await?;
    let row = row.ok_or_else(|| Error::internal("an import that was written is gone"))?;
    Ok((row.into_wire()?, None))
}

/// What is recorded of an import; it concerns who keeps its records, where that can be told.
fn entry(caller: &Caller, outcome: Outcome, id: Uuid, context: &Context) -> Entry {
    let entry = Entry::new(caller, outcome, &terms::ImportId(id).to_string());
    match owner_of(context) {
        Some(owner) => entry.of_tenant(&owner),
        None => entry,
    }
}

/// One import, if it is the caller's own or the caller may read all.
pub async fn get(database: &Database, caller: &Caller, name: &str) -> Result<pb::Import, Error> {
    let id = visible(database, caller, "name", name).await?;
    let read = database.read().await?;
    let row = store::get(&*read, id).await?;
    row.ok_or_else(|| caller.denied(name))?.into_wire()
}

/// One page of what is wrong with a file.
pub async fn list_errors(
    database: &Database,
    caller: &Caller,
    key: &pages::Key,
    request: pb::ListImportErrorsRequest,
) -> Result<pb::ListImportErrorsResponse, Error> {
    let mut fields = Fields::new();
    let arguments = format!("{} {}", caller.fingerprint(), request.parent);
    let page = key.open(request.page_size, &request.page_token, &arguments, &mut fields)?;
    fields.finish()?;
    let id = visible(database, caller, "parent", &request.parent).await?;
    let read = database.read().await?;
    let after = page.after.as_deref().and_then(|after| after.parse().ok());
    let mut rows = store::errors(&*read, id, after, page.size + 1).await?;
    let next_page_token = page.next(&mut rows, key, |(number, _)| number.to_string());
    let errors = rows.into_iter().map(|(_, error)| error).collect();
    Ok(pb::ListImportErrorsResponse { errors, next_page_token })
}

/// The names of the files that imports brought in, for rows that say where they are from.
pub async fn file_names(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, String>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    store::file_names(db, ids).await
}

/// Forgets imports whose process ended while they ran: nothing of them was written. Those that
/// another process is at go on.
pub async fn recover(database: &Database) -> Result<(), Error> {
    let read = database.read().await?;
    let running = store::running(&*read).await?;
    drop(read);
    for (id, principal, request) in running {
        if let Some(claim) = database.claim(work(&principal, request)).await? {
            let forgotten = forget(database, id).await;
            claim.release().await;
            forgotten?;
        }
    }
    Ok(())
}

async fn visible(
    database: &Database,
    caller: &Caller,
    field: &str,
    name: &str,
) -> Result<Uuid, Error> {
    let mut fields = Fields::new();
    let id = names::parse_import(name);
    if id.is_none() {
        fields.violation(field, "must be an import such as imports/0198c2a4-...");
    }
    fields.finish()?;
    let id = id.expect("finish refused without one");
    let read = database.read().await?;
    let row = store::get(&*read, id).await?;
    let own = |row: &store::Row| {
        row.principal() == caller.principal()
            || caller.grants().any(|grant| grant.scope == crate::identity::GrantScope::England)
    };
    match row {
        Some(row) if own(&row) => Ok(id),
        Some(_) | None => Err(caller.denied(name)),
    }
}

fn parse(
    header: pb::ImportHeader,
    kinds: &[(&str, Option<&str>)],
    database: &Database,
) -> Result<Header, Error> {
    let pb::ImportHeader {
        kind,
        owner,
        file_name,
        size_bytes,
        sha256,
        recorded_on_date,
        validate_only,
        request_id,
    } = header;
    let mut fields = Fields::new();
    if !kinds.iter().any(|(known, _)| *known == kind) {
        let known: Vec<&str> = kinds.iter().map(|(known, _)| *known).collect();
        fields.violation("header.kind", format!("must be one of {}", known.join(", ")));
    }
    let owner = match owner.as_str() {
        "" => None,
        name => fields.organisation("header.owner", name),
    };
    if file_name.chars().count() > 255 {
        fields.violation("header.file_name", "must have at most 255 characters");
    }
    if !(0..=FILE_BYTES).contains(&size_bytes) {
        fields.violation("header.size_bytes", format!("must be from 0 to {FILE_BYTES}"));
    }
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256.len() != 64 || !sha256.bytes().all(hexadecimal) {
        fields.violation("header.sha256", "must be 64 hexadecimal digits in lower case");
    }
    let recorded_on = wire::optional_date(recorded_on_date, "header.recorded_on_date", &mut fields);
    if recorded_on.is_some_and(|day| day > database.clock().today()) {
        fields.violation("header.recorded_on_date", "must not be in the future");
    }
    let request = fields.uuid("header.request_id", &request_id);
    fields.finish()?;
    let request = request.expect("finish refused without one");
    Ok(Header {
        kind,
        owner,
        file_name,
        size: size_bytes,
        sha256,
        recorded_on,
        validate_only,
        request,
    })
}

fn allow<I: Importing>(importing: &I, caller: &Caller, header: &Header) -> Result<(), Error> {
    if header.recorded_on.is_some() && !caller.holds(BACKDATE) {
        return Err(Error::Denied { permission: BACKDATE.to_owned(), name: "imports".to_owned() });
    }
    let needed = importing.kinds().iter().find(|(kind, _)| *kind == header.kind);
    match needed.and_then(|(_, permission)| *permission) {
        Some(permission) if !caller.holds_everywhere(permission) => {
            Err(Error::Denied { permission: permission.to_owned(), name: "imports".to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

fn repeat(known: store::Row, header: &Header) -> Result<(pb::Import, Option<i64>), Error> {
    if !known.asked(header) {
        return Err(Error::refused(
            ErrorReason::RequestIdReused,
            "request_id was used before with another file or header",
            [],
        ));
    }
    if known.is_running() {
        return Err(in_progress());
    }
    Ok((known.into_wire()?, None))
}

fn in_progress() -> Error {
    Error::refused(
        ErrorReason::RequestInProgress,
        "the first call with this request_id is still running",
        [],
    )
}

fn context(
    header: &Header,
    scope: Scope,
    caller: &Caller,
    database: &Database,
    id: Uuid,
    now: Instant,
) -> Context {
    let clock = database.clock();
    Context {
        kind: header.kind.clone(),
        owner: header.owner.clone(),
        scope,
        provenance: Provenance {
            known_from: header.recorded_on.map_or(now, |day| clock.start_of(day)),
            recorded_at: now,
            recorded_by: caller.principal().to_owned(),
            import: Some(id),
        },
        recorded_on: header.recorded_on.unwrap_or_else(|| clock.today()),
        validate_only: header.validate_only,
    }
}

fn interrupted(status: tonic::Status) -> Error {
    // What tonic calls OUT_OF_RANGE is a message over the limit.
    if status.code() == tonic::Code::OutOfRange {
        return crate::server::message_too_large(crate::server::MESSAGE_IN);
    }
    Error::refused(
        ErrorReason::UploadDamaged,
        format!("the upload broke off: {}", status.message()),
        [],
    )
}

/// Spools the pieces to a file of its own and checks that they are what the header says.
async fn receive(
    mut stream: Streaming<pb::CreateImportRequest>,
    header: &Header,
    spool: PathBuf,
) -> Result<File, Error> {
    crate::db::private_folder(&spool).map_err(Error::internal)?;
    let mut file = tempfile::tempfile_in(&spool).map_err(Error::internal)?;
    let mut digest = Digest::new();
    let mut size: i64 = 0;
    while let Some(message) = stream.message().await.map_err(interrupted)? {
        let Some(Part::Chunk(chunk)) = message.part else {
            return Err(Error::invalid("chunk", "must follow the header in every message"));
        };
        size += i64::try_from(chunk.len()).expect("a message has a limit");
        if size > header.size {
            break;
        }
        digest.update(&chunk);
        // A piece is at most a message; the page cache takes it without waiting for the disk.
        file.write_all(&chunk).map_err(Error::internal)?;
    }
    let actual = digest.finish();
    let damaged = |what: &str, expected: String, actual: String| {
        Error::refused(
            ErrorReason::UploadDamaged,
            format!("the {what} of the upload is {actual}, the header says {expected}"),
            [("expected", expected), ("actual", actual)],
        )
    };
    if size != header.size {
        return Err(damaged("size", header.size.to_string(), size.to_string()));
    }
    if actual != header.sha256 {
        return Err(damaged("digest", header.sha256.clone(), actual));
    }
    file.rewind().map_err(Error::internal)?;
    Ok(file)
}

/// The SHA-256 digest of a file, piece by piece.
#[derive(Clone)]
pub struct Digest(digest::Context);

impl Digest {
    /// Of nothing yet.
    #[allow(clippy::new_without_default, reason = "a digest of nothing is no default")]
    pub fn new() -> Digest {
        Digest(digest::Context::new(&digest::SHA256))
    }

    /// One more piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shorten(mut notes: Vec<String>) -> Vec<String> {
    if notes.len() > NOTES {
        let rest = notes.len() - (NOTES - 1);
        notes.truncate(NOTES - 1);
        notes.push(format!("and {rest} more notes"));
    }
    notes
}

/// Who keeps the records of a file, if it can be told from the caller alone: the one PCN or
/// federation of its grants.
pub fn owner_of(context: &Context) -> Option<OdsCode> {
    if context.owner.is_some() {
        return context.owner.clone();
    }
    let owners: BTreeSet<&OdsCode> = context.scope.owners().collect();
    match owners.len() {
        1 => owners.into_iter().next().cloned(),
        _ => None,
    }
}

/// One more thing that is wrong, for a service that finds it while it writes.
pub fn problem(line: u32, column: &str, value: &str, reason: impl Into<String>) -> Problem {
    Problem {
        line,
        column: column.to_owned(),
        value: value.chars().take(80).collect(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
