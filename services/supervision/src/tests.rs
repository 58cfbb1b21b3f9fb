//! The service through its own door, with a workforce beside it that tells the demonstration set.

mod imports;
mod replay;
mod summaries;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrs_proto::admin::v1 as admin;
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::summary::v1::GetPcnSummaryRequest;
use arrs_proto::supervision::v1 as pb;
use arrs_proto::supervision::v1::import_service_client::ImportServiceClient;
use arrs_proto::supervision::v1::session_service_client::SessionServiceClient;
use arrs_proto::supervision::v1::supervision_summary_service_client as summary_client;
use arrs_proto::workforce::v1::fact_service_server::{FactService, FactServiceServer};
use kit::audit::Writer;
use kit::client::{Channel, Token};
use kit::db::Database;
use kit::facts::Progress;
use kit::identity::{LocalIssuer, Verifier};
use kit::roster::{self, Line, table, to_column};
use kit::server::{Door, Listener, Trail};
use kit::shutdown::Shutdown;
use kit::statement::Provenance;
use kit::{Clock, Scope, Service, wire};
use terms::{Date, Instant, Minutes};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::config::Config;

const OPERATOR: &str = "operator@england";
const ORGANISATIONS: &str = include_str!("../../arrs/demo/organisations.csv");
const STAFF: &str = include_str!("../../arrs/demo/staff.csv");
const SESSIONS: &str = include_str!("../../arrs/demo/sessions.csv");
const HEADER: &str = "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n";

fn day(text: &str) -> Date {
    terms::parse_date(text).unwrap()
}

/// Noon in the middle of August: the month of the demonstration is over.
fn clock() -> Clock {
    let noon = Clock::system().start_of(day("2025-08-15")).0 + 12 * 3_600_000_000;
    Clock::fixed(Instant(noon))
}

struct Workforce(Database);

#[tonic::async_trait]
impl FactService for Workforce {
    type StreamFactsStream = ReceiverStream<Result<StreamFactsResponse, Status>>;

    async fn stream_facts(
        &self,
        request: Request<StreamFactsRequest>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        let caller = kit::server::caller(&request)?;
        let (database, request) = (self.0.clone(), request.into_inner());
        let stream = kit::facts::stream(database, "workforce", caller, request).await?;
        Ok(Response::new(stream))
    }

    async fn republish_facts(
        &self,
        _: Request<arrs_proto::admin::v1::RepublishFactsRequest>,
    ) -> Result<Response<arrs_proto::admin::v1::RepublishFactsResponse>, Status> {
        Err(Status::unimplemented("nothing is published here"))
    }
}

/// A supervision service that runs, its producer, and everybody's tokens.
struct Suite {
    kit: kit::config::Kit,
    config: Config,
    issuer: Arc<LocalIssuer>,
    workforce: Channel,
    records: Database,
    told: i64,
    channel: Channel,
    running: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
    shutdown: Shutdown,
    _directory: tempfile::TempDir,
}

impl Suite {
    async fn start() -> Suite {
        let directory = tempfile::tempdir().unwrap();
        let (kit, mut config) = crate::config::tests::defaults(directory.path());
        config.database = kit::testing::settings(crate::NAME).await;
        let issuer = LocalIssuer::open(directory.path(), "arrs", Clock::system()).unwrap();
        let issuer = Arc::new(issuer);
        let (stop, shutdown) = Shutdown::new();
        let settings = kit::testing::settings("workforce").await;
        let database = Database::open(&settings, "workforce", directory.path(), clock());
        let database = database.await.unwrap();
        database.migrate::<kit::testing::Shell>().await.unwrap();
        let told = tell(&database, |by| {
            let mut lines = organisations(by);
            lines.extend(staff(by, STAFF));
            lines
        })
        .await;
        let routes = Routes::new(FactServiceServer::new(Workforce(database.clone())));
        let progress = vec![Progress::own("workforce", &database)];
        let workforce = serve(routes, progress, &database, &kit, &issuer, shutdown.clone()).1;
        let workforce = workforce.with_token(Token::Local(Arc::clone(&issuer), crate::NAME));
        let channel = workforce.clone();
        let mut suite = Suite {
            kit,
            config,
            issuer,
            workforce,
            records: database,
            told,
            channel,
            running: Vec::new(),
            _stop: stop,
            shutdown,
            _directory: directory,
        };
        suite.run().await;
        suite
    }

    /// Starts the service over the database that is there.
    async fn run(&mut self) {
        let workforce = self.workforce.clone();
        let service = crate::start(&self.config, &self.kit, clock(), workforce).await.unwrap();
        let Service { routes, progress, tasks, database, .. } = service;
        let database = database.unwrap();
        let shutdown = self.shutdown.clone();
        let (served, channel) =
            serve(routes, progress, &database, &self.kit, &self.issuer, shutdown);
        self.channel = channel;
        self.running.push(served);
        self.running.extend(tasks.into_iter().map(tokio::spawn));
    }

    /// Lets the workforce record and tell more.
    async fn tell(&mut self, lines: impl Fn(&Provenance) -> Vec<Line>) {
        self.told = tell(&self.records, lines).await;
    }

    /// Ends the service and leaves its database.
    async fn end(&mut self) {
        for task in self.running.drain(..) {
            task.abort();
            task.await.ok();
        }
    }

    fn channel(&self, grant: &str) -> Channel {
        let token = self.issuer.token("somebody", &[grant.parse().unwrap()], 5);
        self.channel.with_token(Token::Fixed(token.into()))
    }

    /// A request that waits for everything the workforce told.
    fn after<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let position = format!("workforce={}", self.told);
        request.metadata_mut().insert("arrs-after", position.parse().unwrap());
        request
    }

    async fn import(
        &self,
        grant: &str,
        file: impl AsRef<str>,
        recorded_on: Option<&str>,
    ) -> Import {
        self.import_for(grant, "", file, recorded_on).await
    }

    async fn import_for(
        &self,
        grant: &str,
        owner: &str,
        file: impl AsRef<str>,
        recorded_on: Option<&str>,
    ) -> Import {
        use admin::create_import_request::Part;
        use aws_lc_rs::digest;

        let file = file.as_ref();
        let sha256 = digest::digest(&digest::SHA256, file.as_bytes());
        let header = admin::ImportHeader {
            kind: "sessions".to_owned(),
            owner: owner.to_owned(),
            file_name: "sessions.csv".to_owned(),
            size_bytes: i64::try_from(file.len()).unwrap(),
            sha256: sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            recorded_on_date: recorded_on.map(|recorded| wire::date(day(recorded))),
            validate_only: false,
            request_id: Uuid::new_v4().to_string(),
        };
        let parts = [Part::Header(header), Part::Chunk(file.as_bytes().to_vec())];
        let parts = parts.map(|part| admin::CreateImportRequest { part: Some(part) });
        let mut client = ImportServiceClient::new(self.channel(grant));
        let answer = client.create_import(self.after(tokio_stream::iter(parts))).await.unwrap();
        let position = kit::server::position_of(answer.metadata()).map(str::to_owned);
        let import = answer.into_inner();
        let request = admin::ListImportErrorsRequest {
            parent: import.name.clone(),
            page_size: 1_000,
            page_token: String::new(),
        };
        let errors = client.list_import_errors(request).await.unwrap().into_inner().errors;
        let errors = errors
            .into_iter()
            .map(|one| format!("{} {}<{}> {}", one.line, one.column, one.value, one.reason));
        Import { errors: errors.collect(), position, import }
    }

    async fn sessions(
        &self,
        grant: &str,
        pcn: &str,
        known_at: Option<&str>,
    ) -> Result<Vec<pb::Session>, Status> {
        let mut client = SessionServiceClient::new(self.channel(grant));
        let request = pb::ListSessionsRequest {
            parent: format!("pcns/{pcn}"),
            page_size: 1_000,
            page_token: String::new(),
            known_at_date: known_at.map(|known| wire::date(day(known))),
        };
        let answer = client.list_sessions(self.after(request)).await?;
        Ok(answer.into_inner().sessions)
    }

    async fn summary(
        &self,
        grant: &str,
        pcn: &str,
        month: &str,
        known_at: Option<&str>,
    ) -> Result<pb::PcnSupervision, Status> {
        let channel = self.channel(grant);
        let mut client = summary_client::SupervisionSummaryServiceClient::new(channel);
        let request = GetPcnSummaryRequest {
            name: format!("pcns/{pcn}"),
            month: month.to_owned(),
            rules_known_on_date: None,
            known_at_date: known_at.map(|known| wire::date(day(known))),
        };
        Ok(client.get_pcn_summary(self.after(request)).await?.into_inner())
    }
}

/// What came of a file.
struct Import {
    import: admin::Import,
    errors: Vec<String>,
    position: Option<String>,
}

impl Import {
    /// Added, corrected, unchanged and wrong.
    fn counts(&self) -> [i32; 4] {
        let import = &self.import;
        [import.added_count, import.corrected_count, import.unchanged_count, import.error_count]
    }
}

fn serve(
    routes: Routes,
    progress: Vec<Progress>,
    database: &Database,
    kit: &kit::config::Kit,
    issuer: &LocalIssuer,
    shutdown: Shutdown,
) -> (JoinHandle<()>, Channel) {
    let verifier = Verifier::local(issuer, &kit.identity);
    let (writer, writing) = Writer::new(database.clone());
    tokio::spawn(writing);
    let (trail, limits) = (Trail::Kept(writer), kit.server.clone());
    let door = Door::new(routes, trail, verifier, progress, limits, shutdown.clone()).unwrap();
    let (channel, incoming) = Channel::memory();
    let served = kit::server::serve(door, Listener::Memory(incoming), shutdown);
    (tokio::spawn(served), channel)
}

/// Records lines as known at the end of July and tells them; answers the position of the last.
async fn tell(database: &Database, lines: impl Fn(&Provenance) -> Vec<Line>) -> i64 {
    let provenance = Provenance {
        known_from: clock().start_of(day("2025-07-31")),
        recorded_at: clock().now(),
        recorded_by: "test".to_owned(),
        import: None,
    };
    let mut write = database.write().await.unwrap();
    Scope::england().enter(&*write).await.unwrap();
    let told = roster::record(&*write, lines(&provenance)).await.unwrap();
    for line in &told.changed {
        write.tell(roster::tell(line));
    }
    write.commit().await.unwrap().unwrap()
}

fn organisations(by: &Provenance) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut named = BTreeSet::new();
    let mut reader = csv::Reader::from_reader(ORGANISATIONS.as_bytes());
    for row in reader.records().map(Result::unwrap) {
        let [code, name, kind, relation, related, from] =
            [0, 1, 2, 3, 4, 5].map(|index| row[index].to_owned());
        let from = to_column(day(&from));
        if named.insert(code.clone()) {
            let code = code.clone();
            let line =
                table::organisation::Model::new(by, None, code, name, kind, Some(from), None);
            lines.push(Line::Organisation(line));
        }
        if !relation.is_empty() {
            let line = table::organisation_relation::Model::new(
                by, None, code, relation, related, from, None, false,
            );
            lines.push(Line::Relation(line));
        }
    }
    lines
}

/// An identifier from the digits of a demonstration reference.
fn id_of(kind: u128, reference: &str) -> Uuid {
    let digits: String = reference.chars().filter(char::is_ascii_digit).collect();
    Uuid::from_u128(kind << 64 | digits.parse::<u128>().unwrap())
}

/// The person of an engagement; that of a namesake is another.
fn person_of(engagement: &str, reference: &str) -> Uuid {
    let kind = if engagement.starts_with("demo-e-9") { 3 } else { 2 };
    id_of(kind, reference)
}

fn staff(by: &Provenance, file: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let names = reader.headers().unwrap().clone();
    let mut seen = BTreeSet::new();
    for row in reader.records().map(Result::unwrap) {
        let cell = |column: &str| {
            let index = names.iter().position(|name| name == column).unwrap();
            row[index].to_owned()
        };
        let given = |column: &str| Some(cell(column)).filter(|text| !text.is_empty());
        let minutes = |column: &str| {
            given(column)
                .map(|hours| i32::try_from(Minutes::from_hours(&hours).unwrap().0.get()).unwrap())
        };
        let engagement = id_of(1, &cell("engagement_id"));
        if seen.insert(engagement) {
            let owner = match cell("employer_code").as_str() {
                "DEMOFED01" => "DEMOFED01".to_owned(),
                _ => cell("pcn_code"),
            };
            lines.push(Line::Engagement(table::engagement::Model::new(
                by,
                None,
                engagement,
                owner,
                cell("engagement_id"),
                given("person_id").map(|person| person_of(&cell("engagement_id"), &person)),
                given("person_id"),
                cell("role"),
                cell("employer_code"),
                cell("model"),
                minutes("full_time_hours").unwrap_or(2250),
                given("leaving_reason"),
            )));
        }
        let until = given("end").map(|end| to_column(day(&end).tomorrow().unwrap()));
        lines.push(Line::Assignment(table::assignment::Model::new(
            by,
            None,
            engagement,
            cell("pcn_code"),
            to_column(day(&cell("start"))),
            until,
            minutes("weekly_hours").unwrap(),
            minutes("contract_hours"),
            given("stage").unwrap_or_else(|| "standard".to_owned()),
            given("band"),
        )));
    }
    lines
}
