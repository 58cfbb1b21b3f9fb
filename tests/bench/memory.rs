//! What an idle suite needs.

use arrs_tests::cluster::Cluster;

/// Starts the suite on an empty folder and reads its resident memory.
pub(super) async fn run() {
    let cluster = Cluster::one().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.process_id("all")));
    let status = status.expect("the process runs");
    let resident = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    println!(
        "memory: arrs serve, idle: {} MiB resident (at most {} MiB so far); the bar is 100 MiB",
        resident("VmRSS:") / 1024,
        resident("VmHWM:") / 1024
    );
}
