//! A suite of real processes on free ports, with a folder of its own.
//!
//! The executable of the profile under test is what runs; nothing is linked in. Every process
//! trusts the local issuer of the folder, and writes its log there.

mod process;
mod records;

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arrs_proto::admin::v1::create_import_request::Part;
use arrs_proto::admin::v1::{CreateImportRequest, Import, ImportHeader};
use kit::Clock;
use kit::client::{Channel, Token};
use kit::identity::{Grant, LocalIssuer};
use tempfile::TempDir;
use terms::Date;
use tonic::{Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use uuid::Uuid;

use crate::postgres::{Database, Postgres};
use process::Process;

/// How long a process may take to serve, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a state is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// The four services, in the order in which they are started.
pub const SERVICES: [&str; 4] = ["workforce", "finance", "supervision", "gateway"];

/// What the services keep their records in.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Embedded files in the folder.
    Sqlite,
    /// A database on this server, with a schema and two roles for each service.
    Postgres(Postgres),
}

impl Engine {
    /// The engine of this run: SQLite, or PostgreSQL where `ARRS_TEST_ENGINE` is `postgres`.
    pub fn of_run() -> Engine {
        #[allow(
            clippy::disallowed_methods,
            reason = "it is the run's, and no setting of a service"
        )]
        let engine = std::env::var("ARRS_TEST_ENGINE");
        match engine.as_deref() {
            Ok("postgres") => Engine::Postgres(Postgres::shared()),
            Ok("sqlite") | Err(_) => Engine::Sqlite,
            Ok(other) => panic!("ARRS_TEST_ENGINE is {other:?}, neither sqlite nor postgres"),
        }
    }
}

/// A running suite, on the engine of the run unless a test is about one engine.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    processes: Vec<Process>,
    ports: [u16; 4],
    settings: Vec<Setting>,
    /// Removed with the cluster.
    database: Option<Database>,
}

/// A variable of the environment, of every process or of one role.
#[derive(Debug)]
struct Setting {
    role: Option<&'static str>,
    name: String,
    value: String,
}

impl Cluster {
    /// Everything in one process.
    pub async fn one() -> Cluster {
        Cluster::with(&[]).await
    }

    /// Everything in one process, with settings such as `("ARRS__KIT__LOG__FORMAT", "json")`.
    pub async fn with(settings: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster::idle(settings).await;
        cluster.start("all").await;
        cluster
    }

    /// Everything in one process, on this engine.
    pub async fn one_on(engine: &Engine) -> Cluster {
        let mut cluster = Cluster::idle_on(engine, &[]).await;
        cluster.start("all").await;
        cluster
    }

    /// One process for each service.
    pub async fn separate() -> Cluster {
        let mut cluster = Cluster::idle(&[]).await;
        cluster.start_separate().await;
        cluster
    }

    /// A folder, free ports and an empty database, with nothing running.
    pub async fn idle(settings: &[(&str, &str)]) -> Cluster {
        Cluster::idle_on(&Engine::of_run(), settings).await
    }

    /// The same, on this engine.
    pub async fn idle_on(engine: &Engine, settings: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster {
            folder: TempDir::new().expect("a temporary folder"),
            processes: Vec::new(),
            ports: free_ports(),
            settings: Vec::new(),
            database: None,
        };
        for (name, value) in settings {
            cluster.set(name, value);
        }
        if let Engine::Postgres(postgres) = engine {
            let database = postgres.database().await;
            // Without it the local issuer is refused beside a server's database.
            cluster.set("ARRS__KIT__IDENTITY__LOCAL", "true");
            for service in &SERVICES[..3] {
                let urls = database.service(service).await;
                let name = format!("ARRS__{}__DATABASE", service.to_uppercase());
                cluster.set(&format!("{name}__URL"), &urls.url);
                cluster.set(&format!("{name}__MIGRATE_URL"), &urls.migrate_url);
            }
            cluster.database = Some(database);
        }
        cluster
    }

    /// A setting of every process that is started from now on; the last one wins.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push(Setting { role: None, name: name.to_owned(), value: value.to_owned() });
    }

    /// A setting of one role alone.
    pub fn set_for(&mut self, role: &'static str, name: &str, value: &str) {
        let role = Some(role);
        self.settings.push(Setting { role, name: name.to_owned(), value: value.to_owned() });
    }

    /// A setting that every process has.
    pub fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().rev().find(|setting| setting.name == name);
        &found.expect("it was set").value
    }

    /// The database of a cluster on a server.
    pub fn database(&self) -> &Database {
        self.database.as_ref().expect("the cluster is on a server")
    }

    /// Starts `all` or one service, and waits until it serves.
    pub async fn start(&mut self, role: &'static str) {
        self.spawn(role);
        self.started(role).await;
    }

    /// Starts a process for each service.
    pub async fn start_separate(&mut self) {
        // The first one makes the issuer's key; the others start side by side.
        self.start(SERVICES[0]).await;
        for role in &SERVICES[1..] {
            self.spawn(role);
        }
        for role in &SERVICES[1..] {
            self.started(role).await;
        }
    }

    fn spawn(&mut self, role: &'static str) {
        let mut command = self.command(&["serve", role]);
        let own = self.settings.iter().filter(|setting| setting.role == Some(role));
        command.envs(own.map(|setting| (&setting.name, &setting.value)));
        self.processes.push(Process::spawn(role, command, &self.log_path(role)));
    }

    async fn started(&mut self, role: &str) {
        let (index, port) = (self.index(role), self.port(role));
        let started = Instant::now();
        while !serves(port).await {
            if let Some(status) = self.processes[index].ended() {
                panic!("{role} ended with {status}:\n{}", self.log(role));
            }
            let log = || self.log(role);
            assert!(started.elapsed() < PATIENCE, "{role} does not serve:\n{}", log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills a process as a power cut would.
    pub fn kill(&mut self, role: &str) {
        let index = self.index(role);
        self.processes.remove(index).kill();
    }

    /// Stops a process where it stands: its connections stay open, and nobody answers them.
    pub fn pause(&self, role: &str) {
        self.processes[self.index(role)].signal("STOP");
    }

    /// Lets a paused process go on.
    pub fn resume(&self, role: &str) {
        self.processes[self.index(role)].signal("CONT");
    }

    /// Sends a process SIGTERM and answers how it ended.
    pub async fn terminate(&mut self, role: &str) -> ExitStatus {
        let index = self.index(role);
        self.processes.remove(index).terminate().await
    }

    /// Whether a role says that it is ready, within a second.
    pub async fn is_ready(&self, role: &str) -> bool {
        let answer = tokio::time::timeout(Duration::from_secs(1), health(self.port(role))).await;
        matches!(answer, Ok(Some(status)) if status == ServingStatus::Serving)
    }

    /// What a process wrote to its log.
    pub fn log(&self, role: &str) -> String {
        std::fs::read_to_string(self.log_path(role)).unwrap_or_default()
    }

    /// The process id of a role.
    pub fn process_id(&self, role: &str) -> u32 {
        self.processes[self.index(role)].id()
    }

    /// The folder with the databases and the issuer's key.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of a service of its own, or of the gateway.
    pub fn url(&self, role: &str) -> String {
        format!("http://127.0.0.1:{}", self.port(role))
    }

    /// A channel to the gateway with a token of these grants.
    pub fn channel(&self, grants: &[&str]) -> Channel {
        self.channel_to("gateway", &self.token(grants))
    }

    /// A channel to a service with a token as it stands.
    pub fn channel_to(&self, role: &str, token: &str) -> Channel {
        Channel::lazy(&self.url(role), Token::Fixed(Arc::from(token))).expect("an address")
    }

    /// A channel to the gateway without a token.
    pub fn stranger(&self) -> Channel {
        Channel::lazy(&self.url("gateway"), Token::Passed).expect("an address")
    }

    /// A token of these grants.
    pub fn token(&self, grants: &[&str]) -> String {
        let grants: Vec<Grant> =
            grants.iter().map(|grant| grant.parse().expect("the test wrote a grant")).collect();
        self.issuer(Clock::system()).token("test", &grants, 60)
    }

    /// The local issuer, with a clock of the test's.
    pub fn issuer(&self, clock: Clock) -> LocalIssuer {
        LocalIssuer::read(self.folder(), "arrs", clock).expect("a process made the key")
    }

    /// Runs the executable as a person would, on the cluster's folder and gateway.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .env("ARRS_SERVER", self.url("gateway"))
            .stdin(Stdio::null())
            .output()
            .expect("the executable was built beside the tests")
    }

    /// Brings in a file through the gateway, as known since `recorded_on`.
    pub async fn import(
        &self,
        kind: &str,
        text: &str,
        recorded_on: Option<Date>,
    ) -> Result<Response<Import>, Status> {
        let channel = self.channel(&["operator@england"]);
        import(&channel, kind, text.as_bytes(), recorded_on).await
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut file = File::create(&path).expect("the folder is ours");
        file.write_all(text).expect("there is room");
        path
    }

    /// The executable with the cluster's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command.args(arguments).env("ARRS__KIT__DATA_DIRECTORY", self.folder.path());
        for (role, port) in SERVICES.iter().zip(self.ports) {
            let role = role.to_uppercase();
            command.env(format!("ARRS__{role}__LISTEN"), format!("127.0.0.1:{port}"));
            if role != "GATEWAY" {
                let url = format!("http://127.0.0.1:{port}");
                command.env(format!("ARRS__GATEWAY__{role}"), url);
            }
        }
        let common = self.settings.iter().filter(|setting| setting.role.is_none());
        command.envs(common.map(|setting| (&setting.name, &setting.value)));
        command
    }

    fn log_path(&self, role: &str) -> PathBuf {
        self.folder.path().join(format!("{role}.log"))
    }

    /// The port of a role, such as for a proxy in front of it.
    pub fn port(&self, role: &str) -> u16 {
        let role = if role == "all" { "gateway" } else { role };
        let index = SERVICES.iter().position(|service| *service == role);
        self.ports[index.expect("one of the services")]
    }

    fn index(&self, role: &str) -> usize {
        let found = self.processes.iter().position(|process| process.role == role);
        found.unwrap_or_else(|| panic!("{role} is not running"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Before the folder and the database that they use.
        self.processes.clear();
        if std::thread::panicking() {
            for role in ["all"].iter().chain(&SERVICES) {
                process::show_end(role, &self.log(role));
            }
        }
    }
}

/// Brings in a file.
pub async fn import(
    channel: &Channel,
    kind: &str,
    bytes: &[u8],
    recorded_on: Option<Date>,
) -> Result<Response<Import>, Status> {
    let header = header(kind, bytes, recorded_on);
    upload(channel, header, bytes).await
}

/// What the header of an upload says of a file.
pub fn header(kind: &str, bytes: &[u8], recorded_on: Option<Date>) -> ImportHeader {
    let mut digest = kit::imports::Digest::new();
    digest.update(bytes);
    ImportHeader {
        kind: kind.to_owned(),
        owner: String::new(),
        file_name: format!("{kind}.csv"),
        size_bytes: i64::try_from(bytes.len()).expect("a file of a test is small"),
        sha256: digest.finish(),
        recorded_on_date: recorded_on.map(kit::wire::date),
        validate_only: false,
        request_id: Uuid::new_v4().to_string(),
    }
}

/// Uploads a file under a header of the test's making.
pub async fn upload(
    channel: &Channel,
    header: ImportHeader,
    bytes: &[u8],
) -> Result<Response<Import>, Status> {
    let service = service_of(&header.kind);
    let part = |part| CreateImportRequest { part: Some(part) };
    let mut messages = vec![part(Part::Header(header))];
    messages.extend(bytes.chunks(64 * 1024).map(|chunk| part(Part::Chunk(chunk.to_vec()))));
    let path = format!("/arrs.{service}.v1.ImportService/CreateImport");
    channel.client_streaming(&path, futures::stream::iter(messages)).await
}

/// The service that owns a kind of file.
pub fn service_of(kind: &str) -> &'static str {
    match kind {
        "pay" => "finance",
        "sessions" => "supervision",
        _ => "workforce",
    }
}

/// A request that waits until the services have followed `position`.
pub fn after<T>(message: T, position: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(60));
    if let Some(position) = position {
        let value = position.parse().expect("a position is plain");
        request.metadata_mut().insert(kit::server::AFTER, value);
    }
    request
}

/// The executable of the profile under test, beside the test's own.
pub fn executable() -> PathBuf {
    let mut folder = std::env::current_exe().expect("a test is a file");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join("arrs");
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}

async fn serves(port: u16) -> bool {
    health(port).await.is_some()
}

/// What a process says of its health, if it says anything.
async fn health(port: u16) -> Option<ServingStatus> {
    let channel = Channel::lazy(&format!("http://127.0.0.1:{port}"), Token::Passed).ok()?;
    let ask = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(ask).await.ok()?.into_inner();
    Some(answer.status())
}

/// Four ports that nobody else takes meanwhile.
///
/// They lie below those that the system hands out for outgoing calls, and each test process has
/// blocks of its own by its number, so that tests that run at once do not meet.
fn free_ports() -> [u16; 4] {
    const FIRST: u32 = 10_000;
    const BLOCKS: u32 = 5_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);

    for _ in 0..BLOCKS {
        let mine = std::process::id() * 8 + NEXT.fetch_add(1, Ordering::Relaxed);
        let first = FIRST + mine % BLOCKS * 4;
        let ports: [u16; 4] = std::array::from_fn(|index| {
            let index = u32::try_from(index).expect("four");
            u16::try_from(first + index).expect("below 30,000")
        });
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        if ports.iter().all(free) {
            return ports;
        }
    }
    panic!("no free ports");
}
