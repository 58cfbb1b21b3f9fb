//! How fast, how large: each figure beside a baseline of the same run that does the same work.
//!
//! `just bench` runs all, `just bench pricing` one. Ratios are the bar; times are of this machine.

mod memory;
mod pricing;
mod reference;
mod report;

use std::time::{Duration, Instant};

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

/// `a` as a multiple of `b`, in hundredths printed as a decimal number.
fn ratio(a: Duration, b: Duration) -> String {
    let hundredths = a.as_nanos() * 100 / b.as_nanos().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
