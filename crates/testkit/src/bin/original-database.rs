//! Fills a database in the original's schema with generated rows, and writes the zone that belongs
//! to them into a file that the strict Route53 loads.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use starchart_testkit::original::OriginalDatabase;

/// Generates a database of the original, to try `starchart import` on.
#[derive(Debug, Parser)]
struct Options {
    /// An empty database: mysql://user:password@host:3306/database.
    #[arg(long)]
    url: String,
    /// The root domain of every user's domain and of the zone.
    #[arg(long, default_value = "starchart.test")]
    root: String,
    /// How many users are generated.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// How many records are generated, besides those for edge cases.
    #[arg(long, default_value_t = 50_000)]
    records: usize,
    /// The seed of the generator: the same seed gives the same rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The file for the RRsets of the zone, as JSON for `strict-route53 --load`.
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
    let built = OriginalDatabase {
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
