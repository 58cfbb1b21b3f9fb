//! Processes that a test starts by itself, where a cluster would do too much.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kit::client::{Channel, Token};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// How long a process may take to serve, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a state is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// A process that is ended with the test.
#[derive(Debug)]
pub struct Spawned(Child);

impl Spawned {
    /// Starts a server and waits until `url` answers.
    pub async fn serving(mut command: Command, url: &str) -> Spawned {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut spawned = Spawned(command.spawn().unwrap());
        let started = Instant::now();
        while !serves(url).await {
            if let Some(status) = spawned.0.try_wait().unwrap() {
                panic!("{command:?} ended with {status}");
            }
            assert!(started.elapsed() < PATIENCE, "{command:?} does not serve");
            tokio::time::sleep(LOOK).await;
        }
        spawned
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed, and need not be.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Whether a server answers that it serves.
pub async fn serves(url: &str) -> bool {
    let channel = Channel::lazy(url, Token::Passed).unwrap();
    let ask = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel).check(ask).await.is_ok()
}

/// Runs a command that must end by itself.
pub async fn ended(command: Command) -> Output {
    fed(command, &[]).await
}

/// Runs a command that reads `input` and must end by itself.
pub async fn fed(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let id = child.id().to_string();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // One that ends without reading closes its end.
        stdin.write_all(&input).ok();
    });
    let reader = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let Ok(output) = tokio::time::timeout(PATIENCE, reader).await else {
        Command::new("kill").args(["-KILL", &id]).status().unwrap();
        panic!("{command:?} does not end");
    };
    writer.join().unwrap();
    output.unwrap()
}
