//! The strict Route53 as a process of its own, for scripts. Prints one JSON line when it is ready,
//! and ends on SIGTERM or Ctrl-C.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use starchart_testkit::route53::{Set, StrictRoute53};
use tokio::signal::unix::{SignalKind, signal};

/// A strict Route53 for tests: the API on HTTP, the zone on DNS, the controls under /_knobs/.
#[derive(Debug, Parser)]
struct Options {
    /// The name of the only hosted zone.
    #[arg(long, default_value = "starchart.test")]
    zone: String,
    /// The address on which the API listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    http: SocketAddr,
    /// The address on which the zone is served, on UDP and TCP.
    #[arg(long, default_value = "127.0.0.1:0")]
    dns: SocketAddr,
    /// A file with the RRsets of the zone: a JSON array, as `original-database --zone-out` writes
    /// it.
    #[arg(long, value_name = "FILE")]
    load: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let route53 = StrictRoute53::bind(&options.zone, options.http, options.dns).await?;
    if let Some(path) = &options.load {
        let sets: Vec<Set> = serde_json::from_slice(&std::fs::read(path)?)?;
        route53.load(sets).map_err(std::io::Error::other)?;
    }
    let ready = serde_json::json!({
        "endpoint": route53.endpoint(),
        "dns": route53.dns_addr().to_string(),
        "zone_id": route53.zone_id(),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
