//! All rows: users, sessions, names, records, certificates, the registry, mails, and the leases
//! between processes.
//!
//! The database is the truth (I4). MySQL or MariaDB in production, SQLite (feature
//! `sqlite`) embedded; the same entities and statements on both. No type of sea-orm leaves this
//! crate, and every function on a user's rows takes the owner (I2, I8).
//!
//! A writing transaction locks its anchor rows first and in this order: lease, user, names
//! (sorted). It reads the database's clock ([`Store::now`]), never the process's.

pub mod admin;

pub mod certificates;
pub mod client_challenges;
mod connect;
mod entity;
mod error;
pub mod expiry;
pub mod housekeeping;
pub mod import;
pub mod lease;
pub mod login;
pub mod lookups;
pub mod machines;
pub mod metrics;
mod migrate;
pub mod outbox;
mod progress;
mod reader;
pub mod records;
mod rights;
mod schema;
pub mod sessions;
mod sql;
mod store;
pub mod ticks;
pub mod token_usage;
pub mod tokens;
pub mod trail;
mod tx;
pub mod users;
mod vault;
mod wipe;
pub mod words;
pub mod zone;

pub use connect::ConnectOptions;
pub use error::{ConnectError, Error, Source};
pub use migrate::Migrated;
pub use rights::RightsError;
pub use schema::{SchemaState, schema_version};
pub use store::{Pool, Store};
pub use vault::VaultError;
pub use wipe::{WipeMark, WipeOutcome};
