//! How fast, how large: each figure beside a baseline of the same run that does the same work.
//!
//! `just bench` runs all, `just bench pricing` one. Ratios are the bar; times are of this machine.

mod claims;
mod echo;
mod grounds;
mod memory;
mod pandas;
mod pricing;
mod reads;
mod recording;
mod reference;
mod report;
mod served;
mod walls;
mod writes;

use std::time::{Duration, Instant};

use arrs_tests::england::Size;

/// How often a ratio is measured, each side after the other; the first time is to warm up.
const ROUNDS: usize = 9;

/// The same as that of what is measured: a ratio is not one of allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// All there is, in the order in which it is measured.
const ALL: [&str; 8] =
    ["pricing", "claims", "reference", "report", "writes", "reads", "walls", "memory"];
/// One month of England: 45,000 claim lines.
const MONTH_OF_ENGLAND: Size = Size { pcns: 1_270, engagements: 43_950, months: 1 };
/// Which processors a PostgreSQL of ours may use; `tests/postgres` obeys.
const CPUS: &str = "ARRS_TEST_POSTGRES_CPUS";

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let unknown: Vec<_> = asked.iter().filter(|asked| !ALL.contains(&asked.as_str())).collect();
    assert!(unknown.is_empty(), "there is no {unknown:?}, but {}", ALL.join(", "));
    for name in ALL {
        let wanted = asked.is_empty() || asked.iter().any(|asked| asked == name);
        if wanted && !measured_apart(name) {
            let runtime = tokio::runtime::Runtime::new().expect("threads");
            runtime.block_on(measure(name));
        }
    }
}

async fn measure(name: &str) {
    match name {
        "pricing" => pricing::run(),
        "claims" => claims::run().await,
        "reference" => reference::run().await,
        "report" => report::run().await,
        "writes" => writes::run().await,
        "reads" => reads::run().await,
        "walls" => walls::run().await,
        "memory" => memory::run().await,
        _ => unreachable!("it is one of them"),
    }
}

/// Measures what asks PostgreSQL in a process that leaves it half of the processors, as if it had a
/// machine of its own. Otherwise chance decides, run by run, whether both ends of a connection
/// share a processor, and a round trip takes three times as long where they do not.
fn measured_apart(name: &str) -> bool {
    #[allow(clippy::disallowed_methods, reason = "it is the measurement's, and no setting")]
    let is_apart = std::env::var_os(CPUS).is_some();
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    if is_apart || count < 2 || !["writes", "reads", "walls"].contains(&name) {
        return false;
    }
    let half = count / 2;
    let program = std::env::current_exe().expect("it runs");
    let mut apart = std::process::Command::new("taskset");
    apart.args(["--cpu-list", &format!("0-{}", half - 1)]).arg(program).arg(name);
    let status = apart.env(CPUS, format!("{half}-{}", count - 1)).status();
    assert!(status.expect("taskset is part of util-linux").success(), "{name} failed");
    true
}

/// The times of several runs.
struct Times(Vec<Duration>);

impl Times {
    fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    fn least(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }

    fn most(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    fn told(&self) -> String {
        format!(
            "median {} (of {} runs, {} to {})",
            short(self.median()),
            self.0.len(),
            short(self.least()),
            short(self.most())
        )
    }
}

fn short(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{} us", time.as_micros())
    } else if time < Duration::from_secs(10) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", time.as_secs())
    }
}

/// Times a function over several runs, after one that warms up.
fn time<T>(runs: usize, mut work: impl FnMut() -> T) -> Times {
    std::hint::black_box(work());
    Times(
        (0..runs)
            .map(|_| {
                let started = Instant::now();
                std::hint::black_box(work());
                started.elapsed()
            })
            .collect(),
    )
}

/// Times a call over several runs, after some that warm up.
async fn time_calls<F: Future>(runs: usize, mut call: impl FnMut() -> F) -> Times {
    for _ in 0..runs.div_ceil(10) {
        call().await;
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let started = Instant::now();
        std::hint::black_box(call().await);
        times.push(started.elapsed());
    }
    Times(times)
}

/// Deals things out to so many, one after the other.
fn dealt<T: Clone>(all: &[T], count: usize) -> Vec<Vec<T>> {
    (0..count).map(|first| all.iter().skip(first).step_by(count).cloned().collect()).collect()
}

/// Two sides of a ratio, measured one after the other in several rounds.
#[derive(Default)]
struct Sides {
    ours: Vec<Duration>,
    bare: Vec<Duration>,
}

impl Sides {
    /// Keeps a round, unless it was the first, which is to warm up.
    fn keep(&mut self, round: usize, ours: Duration, bare: Duration) {
        if round > 0 {
            self.ours.push(ours);
            self.bare.push(bare);
        }
    }

    fn ours(&self) -> Duration {
        Times(self.ours.clone()).median()
    }

    fn bare(&self) -> Duration {
        Times(self.bare.clone()).median()
    }

    /// What ours reaches of the bare speed, of the medians and of each round.
    fn reached(&self) -> String {
        let rounds = self.ours.iter().zip(&self.bare);
        let rounds: Vec<String> = rounds.map(|(ours, bare)| ratio(*bare, *ours)).collect();
        format!("{} (rounds {})", ratio(self.bare(), self.ours()), rounds.join(", "))
    }
}

/// How many of what takes so long there are in a second.
fn per_second(each: Duration) -> u128 {
    Duration::from_secs(1).as_nanos() / each.as_nanos().max(1)
}

/// `a` as a multiple of `b`, in hundredths printed as a decimal number.
fn ratio(a: Duration, b: Duration) -> String {
    let hundredths = a.as_nanos() * 100 / b.as_nanos().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
