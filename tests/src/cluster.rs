//! A suite of real processes on free ports, with a folder of its own.
//!
//! The executable of the profile under test is what runs; nothing is linked in.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
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
use tonic_health::pb::health_client::HealthClient;
use uuid::Uuid;

/// How long a process may take to serve, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a state is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// The four services, in the order in which they are started.
pub const SERVICES: [&str; 4] = ["workforce", "finance", "supervision", "gateway"];

/// A running suite.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    processes: Vec<Process>,
    ports: [u16; 4],
    settings: Vec<(String, String)>,
}

#[derive(Debug)]
struct Process {
    role: &'static str,
    child: Child,
}

impl Cluster {
    /// Everything in one process.
    pub async fn one() -> Cluster {
        Cluster::with(&[]).await
    }

    /// Everything in one process, with settings such as `("ARRS__KIT__LOG__FORMAT", "json")`.
    pub async fn with(settings: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster::idle(settings);
        cluster.start("all").await;
        cluster
    }

    /// One process for each service.
    pub async fn separate() -> Cluster {
        let mut cluster = Cluster::idle(&[]);
        for role in SERVICES {
            cluster.start(role).await;
        }
        cluster
    }

    /// A folder and free ports, with nothing running.
    pub fn idle(settings: &[(&str, &str)]) -> Cluster {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Cluster {
            folder: TempDir::new().expect("a temporary folder"),
            processes: Vec::new(),
            ports: free_ports(),
            settings: settings.iter().map(owned).collect(),
        }
    }

    /// Starts `all` or one service, and waits until it serves.
    pub async fn start(&mut self, role: &'static str) {
        let log = self.folder.path().join(format!("{role}.log"));
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let child = self
            .command(&["serve", role])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the executable was built beside the tests");
        self.processes.push(Process { role, child });
        let port = self.port(role);
        let started = Instant::now();
        while !serves(port).await {
            let ended = self.processes.last_mut().and_then(|last| last.child.try_wait().ok());
            if let Some(Some(status)) = ended {
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
        let mut process = self.processes.remove(index);
        process.child.kill().expect("it was running");
        process.child.wait().expect("it was killed");
    }

    /// Sends a process SIGTERM and answers how it ended.
    pub async fn terminate(&mut self, role: &str) -> std::process::ExitStatus {
        let index = self.index(role);
        let mut process = self.processes.remove(index);
        let id = process.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(sent.success(), "{role} was running");
        let started = Instant::now();
        loop {
            if let Some(status) = process.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{role} does not end");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What a process wrote to its log.
    pub fn log(&self, role: &str) -> String {
        let path = self.folder.path().join(format!("{role}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The process id of a role.
    pub fn process_id(&self, role: &str) -> u32 {
        self.processes[self.index(role)].child.id()
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
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn port(&self, role: &str) -> u16 {
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
        for process in &mut self.processes {
            // One that ended by itself cannot be killed, and need not be.
            process.child.kill().ok();
            process.child.wait().ok();
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
    let Ok(channel) = Channel::lazy(&format!("http://127.0.0.1:{port}"), Token::Passed) else {
        return false;
    };
    let ask = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel).check(ask).await.is_ok()
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
