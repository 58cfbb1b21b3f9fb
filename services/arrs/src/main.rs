//! `arrs`: the suite in one executable.
//!
//! `serve` and `demo` run services, `migrate` their databases, `rulebook` reads rule files; every
//! other command is a client of a running gateway.

mod audit;
mod claim;
mod cli;
mod demo;
mod exit;
mod facts;
mod import;
mod ledger;
mod process;
mod progress;
mod remote;
mod report;
mod rulebook;
mod settings;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::Failure;

/// A call allocates a few hundred times, on threads that pass what they made to each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::refused(format!("no runtime: {error}")).report(),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let settings = settings::load(cli.config.as_deref())?;
    match cli.command {
        Command::Serve(arguments) => process::serve(settings, arguments.role).await,
        Command::Demo(arguments) => demo::run(settings, &arguments).await,
        Command::Import(arguments) => import::run(&settings, arguments).await,
        Command::Report(arguments) => report::run(&settings, arguments).await,
        Command::Claim(arguments) => claim::run(&settings, arguments.what).await,
        Command::Ledger(arguments) => ledger::run(&settings, arguments.what).await,
        Command::Rulebook(arguments) => rulebook::run(&settings, arguments.what),
        Command::Audit(arguments) => audit::run(&settings, arguments.what).await,
        Command::Token(arguments) => {
            let token = remote::local_token(&settings, &arguments)?;
            print(&format!("{token}\n"))
        }
        Command::Migrate => process::migrate(&settings).await,
        Command::Facts(arguments) => facts::run(&settings, arguments.action).await,
        Command::Config => print(&settings::show(&settings)?),
        Command::Healthcheck(arguments) => remote::healthcheck(&settings, &arguments).await,
    }
}

/// Writes to standard output; a reader that went away is not our failure.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::refused(format!("cannot write: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
