//! The same work in pandas, done by Python processes that wait for a word.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A script of `pandas/` that has read its tables.
pub(super) struct Script {
    process: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it with these arguments; installs what it needs where that is missing.
    pub(super) fn start(name: &str, arguments: &[&str]) -> Script {
        let mut process = Command::new(python())
            .arg(scripts().join(name))
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python was found to run");
        let words = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it was piped"));
        Script { process, words, answers }
    }

    /// Does once what the word says; answers how long the work took by the script's own clock.
    pub(super) fn time(&mut self, word: &str) -> Duration {
        let words = self.words.as_mut().expect("open until it is dropped");
        writeln!(words, "{word}").expect("it listens for as long as we do");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("what it says is text");
        let nanoseconds = answer.trim_end().parse();
        Duration::from_nanos(nanoseconds.expect("a number, or the script said what is wrong"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        self.words = None;
        self.process.wait().ok();
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/pandas")
}

/// A Python with the packages of `requirements.txt`, beside the other tools.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/pandas");
    let python = folder.join("bin/python");
    let (wanted, installed) = (scripts().join("requirements.txt"), folder.join("requirements.txt"));
    let read = |path: &Path| fs::read_to_string(path).ok();
    if read(&wanted) == read(&installed) && python.exists() {
        return python;
    }
    println!("installing pandas");
    let run = |program: &Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status().expect("Python 3 is there");
        assert!(status.success(), "{} {} failed", program.display(), arguments.join(" "));
    };
    let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
    run(Path::new("python3"), &["-m", "venv", "--clear", &text(&folder)]);
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    let wanted_text = text(&wanted);
    let packages = ["--only-binary", ":all:", "--requirement", &wanted_text];
    run(&python, &[&install[..], &packages[..]].concat());
    fs::copy(wanted, installed).expect("it was just made");
    python
}
