//! Makes a school's database in the original's schema, and its zone in a file that the strict
//! Route53 loads.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use starchart_testkit::original::School;

/// A made-up school in the original's schema, to try `starchart import` on.
#[derive(Debug, Parser)]
struct Options {
    /// An empty database: mysql://user:password@host:3306/database.
    #[arg(long)]
    url: String,
    /// The root domain.
    #[arg(long, default_value = "starchart.test")]
    root: String,
    /// People.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// Records.
    #[arg(long, default_value_t = 50_000)]
    records: usize,
    /// The same seed makes the same school.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the zone's sets go, as JSON for `strict-route53 --load`.
    #[arg(long, value_name = "FILE")]
    zone_out: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let Options {
        url,
        root,
        users,
        records,
        seed,
        zone_out,
    } = options;
    let built = School {
        root,
        users,
        records,
        seed,
    }
    .build(&url)
    .await
    .map_err(std::io::Error::other)?;
    if let Some(path) = zone_out {
        std::fs::write(path, serde_json::to_vec(&built.zone)?)?;
    }
    let made = serde_json::json!({
        "users": built.users,
        "records": built.records,
        "certificates": built.certificates,
        "sets": built.zone.len(),
        "orphans": built.orphans,
        "operators": built.operators,
    });
    writeln!(std::io::stdout(), "{made}")
}
