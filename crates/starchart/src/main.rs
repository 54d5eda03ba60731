//! Starchart: DNS names for everyone at a school, without asking anyone.
//!
//! This crate wires the other crates together; each command has its file in `cmd`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program prints its results"
)]

mod boot;
mod build;
mod cmd;
mod database;
mod http;
mod metrics;
mod role;
mod stop;
mod telemetry;
mod wipe;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use starchart_domain::error::error_chain;

/// DNS names for everyone at a school, without asking anyone.
#[derive(Parser)]
#[command(name = "starchart", version = build::VERSION, propagate_version = true)]
struct Cli {
    /// Read settings from a file of NAME=value lines; environment variables take precedence.
    #[arg(long, global = true, value_name = "PATH")]
    env_file: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the web pages and the background jobs in one process.
    Run,
    /// Run the web pages only.
    Serve,
    /// Run the background jobs only.
    Work,
    /// Try Starchart on this machine, without servers, accounts or settings.
    #[cfg(feature = "demo")]
    Demo(cmd::demo::Options),
    /// Apply pending migrations of the database schema and exit.
    Migrate,
    /// Read all settings and print where each was found. Exit code 0: valid, 2: invalid.
    CheckConfig(cmd::check_config::Options),
    /// Check a server that runs on this machine. Exit code 0: it answers, 1: it does not.
    Health(cmd::health::Options),
    /// Print version, commit and build date.
    Version,
    /// Generate the secrets that certificates need, or re-encrypt private keys under a new one.
    #[command(subcommand)]
    Keys(cmd::keys::Verb),
    /// Compare the whole zone with the database, and repair or approve the differences.
    Reconcile(cmd::reconcile::Options),
    /// For development: create a few users with records of every type, unless they exist.
    Seed,
    /// Drop and recreate all of Starchart's tables; the zone is not changed.
    Wipe(wipe::Options),
    /// Print a user's records as a zone file, for a request for data or a backup.
    Export(cmd::export::Options),
    /// Import users, records and certificates from the original's database.
    Import(cmd::import::Options),
    /// Send one mail and print the mail server's answer. Exit code 0: accepted, 1: not.
    SendTestMail(cmd::send_test_mail::Options),
}

impl Verb {
    /// Returns whether the command runs until it is stopped. Such commands log their errors; the
    /// others print them on stderr.
    fn serves(&self) -> bool {
        match self {
            Self::Run | Self::Serve | Self::Work => true,
            #[cfg(feature = "demo")]
            Self::Demo(_) => true,
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("starchart: cannot start threads: {error}");
            return ExitCode::from(1);
        }
    };
    // One TLS provider for every client in the process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let serves = cli.verb.serves();
    let result = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result.unwrap_or_else(|error| {
        let is_settings = error.is::<starchart_settings::Problems>();
        if is_settings {
            eprintln!("{error}");
        } else if serves && tracing::dispatcher::has_been_set() {
            tracing::error!(error = error_chain(error.as_ref()), "stopped");
        } else {
            eprintln!("starchart: {}", error_chain(error.as_ref()));
        }
        ExitCode::from(if is_settings { 2 } else { 1 })
    })
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let env_file = cli.env_file;
    match cli.verb {
        Verb::Run => cmd::run::run(env_file, role::Role::All).await,
        Verb::Serve => cmd::run::run(env_file, role::Role::Web).await,
        Verb::Work => cmd::run::run(env_file, role::Role::Worker).await,
        #[cfg(feature = "demo")]
        Verb::Demo(_) if env_file.is_some() => {
            anyhow::bail!("--env-file: the demo needs no settings and takes none; leave it out")
        }
        #[cfg(feature = "demo")]
        Verb::Demo(options) => cmd::demo::run(options).await,
        Verb::Migrate => cmd::migrate::run(env_file).await,
        Verb::CheckConfig(options) => cmd::check_config::run(env_file, options).await,
        Verb::Health(options) => cmd::health::run(env_file, options).await,
        Verb::Version => {
            println!("{}", build::line());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Keys(verb) => cmd::keys::run(env_file, verb).await,
        Verb::Reconcile(options) => cmd::reconcile::run(env_file, options).await,
        Verb::Seed => cmd::seed::run(env_file).await,
        Verb::Wipe(options) => cmd::wipe::run(env_file, options).await,
        Verb::Export(options) => cmd::export::run(env_file, options).await,
        Verb::Import(options) => cmd::import::run(env_file, options).await,
        Verb::SendTestMail(options) => cmd::send_test_mail::run(env_file, options).await,
    }
}
