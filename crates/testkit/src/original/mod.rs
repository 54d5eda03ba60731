//! A school's database in the schema of the application that came before this one, and the zone
//! that belongs to it: everything made up, and the same for the same seed, but for the keys of
//! certificates.
//!
//! What is odd in real databases is here on purpose: user names that differ in dots only, records
//! that a newer rule refuses, values that mean the same, a CNAME beside others, challenges made by
//! hand, rows that have ended, sets that no row explains, and sets of the operators under people's
//! labels.

mod certificates;
mod dice;
mod people;
mod records;
mod schema;

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions as _, MySqlConnection};

use crate::route53::Set;
use dice::Dice;

/// Rows of one INSERT.
const BATCH: usize = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How large the school is.
#[derive(Debug, Clone)]
pub struct School {
    /// The root domain.
    pub root: String,
    /// People.
    pub users: usize,
    /// Records; some more are made for what is odd.
    pub records: usize,
    /// The same seed makes the same school.
    pub seed: u64,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The zone without the sets of its apex.
    pub zone: Vec<Set>,
    /// People.
    pub users: usize,
    /// Records.
    pub records: usize,
    /// Rows of certificates and of requests for them.
    pub certificates: usize,
    /// Sets of the zone that no record explains.
    pub orphans: usize,
    /// Sets that operators made under people's labels.
    pub operators: usize,
}

impl School {
    /// Nobody and nothing: only the tables.
    pub fn empty() -> Self {
        Self {
            root: "starchart.test".to_owned(),
            users: 0,
            records: 0,
            seed: 0,
        }
    }

    /// Makes tables and rows in the empty database of `url`.
    ///
    /// # Errors
    /// The database refuses, or has such tables already.
    pub async fn build(&self, url: &str) -> Result<Built, sqlx::Error> {
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
        let mut dice = Dice::new(self.seed);
        let people = people::make(self.users, now, &mut dice);
        people::insert(&mut db, &people).await?;
        let certificates = certificates::make(&people, &self.root, now, &mut dice);
        certificates::insert(&mut db, &certificates).await?;
        let (records, zone) = records::make(&people, &self.root, self.records, now, &mut dice);
        records::insert(&mut db, &records).await?;
        sqlx::Connection::close(db).await?;
        Ok(Built {
            users: people.len(),
            records: records.len(),
            certificates: certificates.len(),
            orphans: zone.orphans,
            operators: zone.operators,
            zone: zone.sets,
        })
    }
}

/// Milliseconds as MySQL reads a DATETIME(3) in UTC.
fn datetime(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Runs statements that hold no values from outside.
async fn execute(db: &mut MySqlConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(db).await.map(drop)
}
