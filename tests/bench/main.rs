//! How fast, how large: each figure beside a baseline of the same run that does the same work.
//!
//! `just bench` runs all, `just bench pricing` one. Ratios are the bar; times are of this machine.

mod echo;
mod memory;
mod pricing;
mod reads;
mod recording;
mod reference;
mod report;
mod served;
mod walls;
mod writes;

use std::time::{Duration, Instant};

/// How often a ratio is measured, each side after the other; the first time is to warm up.
const ROUNDS: usize = 4;

#[tokio::main]
async fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    if wanted("pricing") {
        pricing::run();
    }
    if wanted("reference") {
        reference::run().await;
    }
    if wanted("report") {
        report::run().await;
    }
    if wanted("writes") {
        writes::run().await;
    }
    if wanted("reads") {
        reads::run().await;
    }
    if wanted("walls") {
        walls::run().await;
    }
    if wanted("memory") {
        memory::run().await;
    }
}

/// The times of several runs.
struct Times(Vec<Duration>);

impl Times {
    fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    fn told(&self) -> String {
        let least = self.0.iter().min().copied().unwrap_or_default();
        let most = self.0.iter().max().copied().unwrap_or_default();
        format!(
            "median {} (of {} runs, {} to {})",
            short(self.median()),
            self.0.len(),
            short(least),
            short(most)
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
