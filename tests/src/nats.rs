//! A NATS server of a test's own, with or without JetStream.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a state is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// A server on a port of its own, stopped and removed with this value.
#[derive(Debug)]
pub struct Nats {
    folder: TempDir,
    port: u16,
    jetstream: bool,
    process: Option<Child>,
}

impl Nats {
    /// A server with JetStream and a store on disk.
    pub fn start() -> Nats {
        Nats::new(true)
    }

    /// A server that can pass messages on, and keep none.
    pub fn without_jetstream() -> Nats {
        Nats::new(false)
    }

    fn new(jetstream: bool) -> Nats {
        let folder = TempDir::new().expect("a temporary folder");
        let mut nats = Nats { folder, port: free_port(), jetstream, process: None };
        nats.restart();
        nats
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port it listens on, such as for a proxy in front of it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it runs");
        process.wait().expect("it was killed");
    }

    /// Stops it where it stands: its connections stay open, and nobody answers them.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.process_id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("kill is there").success(), "it runs");
    }

    /// Starts it again on the same port and the same store, once nobody else has the port.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        let started = Instant::now();
        loop {
            let mut process = self.launch();
            while process.try_wait().expect("it is our child").is_none() {
                if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                    self.process = Some(process);
                    return;
                }
                assert!(started.elapsed() < PATIENCE, "it does not listen:\n{}", self.log());
                std::thread::sleep(LOOK);
            }
            assert!(started.elapsed() < PATIENCE, "nats-server ended:\n{}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    fn launch(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.log_path());
        let mut command = Command::new(program());
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        if self.jetstream {
            command.arg("--jetstream").arg("--store_dir").arg(self.store());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log file"));
        command.spawn().expect("`tests/run tools` installs nats-server")
    }

    /// Removes everything it kept. It must not run meanwhile.
    pub fn wipe(&self) {
        assert!(self.process.is_none(), "it still runs");
        if let Err(error) = std::fs::remove_dir_all(self.store()) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // One that ended by itself cannot be killed, and need not be.
            process.kill().ok();
            process.wait().ok();
        }
        if std::thread::panicking() {
            eprintln!("nats-server said:\n{}", self.log());
        }
    }
}

/// The server asked for, or the one that is there.
fn program() -> PathBuf {
    if let Some(asked) = std::env::var_os("ARRS_TEST_NATS_SERVER") {
        return PathBuf::from(asked);
    }
    // Debian keeps servers where only root looks.
    let debian = Path::new("/usr/sbin/nats-server");
    if debian.exists() { debian.to_owned() } else { PathBuf::from("nats-server") }
}

/// A port that nobody listens on. Between those of the services and those that the system hands
/// out, and by the number of the process, so that tests that run at once do not meet.
fn free_port() -> u16 {
    const FIRST: u32 = 32_000;
    const COUNT: u32 = 700;
    let start = std::process::id();
    (start..start + COUNT)
        .map(|number| u16::try_from(FIRST + number % COUNT).expect("below 32,700"))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};

    use super::*;

    /// What the server says of itself to whoever connects.
    fn greeting(nats: &Nats) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", nats.port())).unwrap();
        stream.write_all(b"CONNECT {}\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn it_is_killed_wiped_and_started_again_where_it_was() {
        let mut nats = Nats::start();
        let url = nats.url();

        nats.kill();
        assert!(TcpStream::connect(("127.0.0.1", nats.port())).is_err());
        nats.wipe();
        nats.restart();

        assert_eq!(nats.url(), url);
        assert!(greeting(&nats).contains("\"jetstream\":true"));
    }

    #[test]
    fn one_without_jetstream_says_so() {
        let nats = Nats::without_jetstream();

        assert!(!greeting(&nats).contains("\"jetstream\":true"));
    }
}
