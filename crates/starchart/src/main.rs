//! Starchart: DNS names for everyone at a school, without asking anyone.
//!
//! This crate only wires the rooms together; each command has its file in `cmd`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program speaks through them"
)]

mod boot;
mod build;
mod cmd;
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
    /// A file of NAME=value lines, weaker than the environment.
    #[arg(long, global = true, value_name = "PATH")]
    env_file: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve the pages and do the background work, in one process.
    Run,
    /// Serve the pages only.
    Serve,
    /// Do the background work only.
    Work,
    /// Try everything out on this machine: no server, no account, no settings needed.
    #[cfg(feature = "demo")]
    Demo(cmd::demo::Options),
    /// Bring the database's schema up to date, then end.
    Migrate,
    /// Read all settings, say where each was found, and end: 0 when they hold, 2 when not.
    CheckConfig,
    /// Ask a running server on this machine whether it came up and answers: 0 yes, 1 no.
    Health(cmd::health::Options),
    /// Say version, commit and build date.
    Version,
    /// Make the secrets that certificates need.
    #[command(subcommand)]
    Keys(cmd::keys::Verb),
    /// Compare the whole zone with the database.
    Reconcile(cmd::reconcile::Options),
    /// For development: make a few people with records of every type, where they are not there yet.
    Seed,
    /// Drop every table of ours and make them anew; the zone is not touched.
    Wipe(wipe::Options),
    /// Take over the database of the application before this one.
    Import(cmd::import::Options),
    /// Send one mail now and print what the mail server says: 0 it took it, 1 not.
    SendTestMail(cmd::send_test_mail::Options),
}

impl Verb {
    /// Whether it goes on until it is stopped, so that its log is where people look. The others
    /// speak to whoever typed them.
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
            eprintln!("starchart: no threads to run on: {error}");
            return ExitCode::from(1);
        }
    };
    // One provider of TLS for every client in the process.
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
        Verb::CheckConfig => cmd::check_config::run(env_file),
        Verb::Health(options) => cmd::health::run(env_file, options).await,
        Verb::Version => {
            println!("{}", build::line());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Keys(verb) => cmd::keys::run(verb),
        Verb::Reconcile(options) => cmd::reconcile::run(env_file, options).await,
        Verb::Seed => cmd::seed::run(env_file).await,
        Verb::Wipe(options) => cmd::wipe::run(env_file, options).await,
        Verb::Import(options) => cmd::import::run(env_file, options).await,
        Verb::SendTestMail(options) => cmd::send_test_mail::run(env_file, options).await,
    }
}
