//! One running executable.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use super::{LOOK, PATIENCE};

/// The last lines of a log that a test which failed shows.
const LINES: usize = 60;

/// A process, killed with this value.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) role: &'static str,
    child: Child,
}

impl Process {
    /// Starts a command that writes to the end of a log.
    pub(super) fn spawn(role: &'static str, mut command: Command, log: &Path) -> Process {
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the executable was built beside the tests");
        Process { role, child }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    pub(super) fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it was killed");
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("kill is there").success(), "{} was running", self.role);
    }

    pub(super) async fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{} does not end", self.role);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed, and need not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Shows how a log ends, to whoever looks why a test failed.
pub(super) fn show_end(role: &str, log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    if !lines.is_empty() {
        let end = &lines[lines.len().saturating_sub(LINES)..];
        eprintln!("the log of {role} ends:\n{}", end.join("\n"));
    }
}
