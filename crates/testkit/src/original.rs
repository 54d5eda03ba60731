//! Generates a database in the original's schema, and the zone that belongs to it. The same seed
//! gives the same rows and RRsets; only the keys of certificates differ.
//!
//! The edge cases of real databases are included: user names that differ only in dots, records that
//! today's rules refuse, values that are equal but written differently, a CNAME beside other
//! records, challenge values entered by hand, expired rows, RRsets without a record, and RRsets
//! that operators created under users' labels.

mod certificates;
mod random;
mod records;
mod schema;
mod users;

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions as _, MySqlConnection};

use crate::route53::Set;
use random::SeededRandom;

/// How many rows one INSERT has.
const BATCH: usize = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What to generate: the size of a database of the original, and the seed of its values.
#[derive(Debug, Clone)]
pub struct OriginalDatabase {
    /// The root domain of every user's domain.
    pub root: String,
    /// How many users are generated.
    pub users: usize,
    /// How many records are generated, besides those for edge cases.
    pub records: usize,
    /// The seed of the generator: the same seed gives the same rows.
    pub seed: u64,
}

/// What was generated: the zone, and how many rows of each kind.
#[derive(Debug, Clone)]
pub struct GeneratedDatabase {
    /// The RRsets of the zone, without those of its apex.
    pub zone: Vec<Set>,
    /// Rows of the table `User`.
    pub users: usize,
    /// Rows of the table `DnsRecord`, with those for edge cases.
    pub records: usize,
    /// Rows of the table `Certificate`: certificates and requests for them.
    pub certificates: usize,
    /// RRsets under users' domains without a record.
    pub orphans: usize,
    /// RRsets that operators created under users' labels.
    pub operators: usize,
}

impl OriginalDatabase {
    /// Describes a database with tables and no rows.
    pub fn empty() -> Self {
        Self {
            root: "starchart.test".to_owned(),
            users: 0,
            records: 0,
            seed: 0,
        }
    }

    /// Creates tables and rows in the empty database at `url`.
    ///
    /// # Errors
    /// The database refuses, or has these tables already.
    pub async fn build(&self, url: &str) -> Result<GeneratedDatabase, sqlx::Error> {
        let options: MySqlConnectOptions = url.parse()?;
        let options = options
            .ssl_mode(MySqlSslMode::Preferred)
            .timezone(Some("+00:00".to_owned()));
        let mut db = options.connect().await?;
        schema::create(&mut db).await?;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let now = i64::try_from(since).unwrap_or_default();
        let mut random = SeededRandom::new(self.seed);
        let users = users::generate(self.users, now, &mut random);
        users::insert(&mut db, &users).await?;
        let certificates = certificates::generate(&users, &self.root, now, &mut random);
        certificates::insert(&mut db, &certificates).await?;
        let (records, zone) = records::generate(&users, &self.root, self.records, now, &mut random);
        records::insert(&mut db, &records).await?;
        sqlx::Connection::close(db).await?;
        Ok(GeneratedDatabase {
            users: users.len(),
            records: records.len(),
            certificates: certificates.len(),
            orphans: zone.orphans,
            operators: zone.operators,
            zone: zone.sets,
        })
    }
}

/// Formats a time in milliseconds since 1970 as MySQL reads a DATETIME(3) in UTC.
fn datetime(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Runs SQL statements that are constants.
async fn execute(db: &mut MySqlConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(db).await.map(drop)
}
