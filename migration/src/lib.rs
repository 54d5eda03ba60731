//! The schema for MySQL, MariaDB and SQLite: one step a table, one DDL statement a step.
//!
//! MySQL commits after every DDL statement, so a step is one statement that can be repeated after a
//! crash. A released step never changes: a later change is a new step, and it only adds tables or
//! columns, because the previous version still runs while the step is applied.

use sea_orm_migration::MigrationTrait;
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod table;

mod m0001_create_users;
mod m0002_create_sessions;
mod m0003_create_login_requests;
mod m0004_create_login_results;
mod m0005_create_used_assertions;
mod m0006_create_names;
mod m0007_create_dns_records;
mod m0008_create_record_history;
mod m0009_create_zone_rrset;
mod m0010_create_zone_changes;
mod m0011_create_zone_control;
mod m0012_create_zone_audits;
mod m0013_create_zone_orphans;
mod m0014_create_certificates;
mod m0015_create_certificate_orders;
mod m0016_create_challenge_values;
mod m0017_create_outbox;
mod m0018_create_leases;
mod m0019_create_ticks;
mod m0020_create_audit_trail;
mod m0021_create_imports;
mod m0022_create_import_rows;
mod m0023_create_lookups;
mod m0024_create_listed_words;
mod m0025_create_tokens;
mod m0026_create_client_challenges;
mod m0027_create_token_usage;
mod m0028_create_issuance_buckets;
mod m0029_create_machines;

use table::Table;

/// Every table in the order of creation: a table follows the tables that it references.
const TABLES: [Table; 29] = [
    m0001_create_users::STEP,
    m0002_create_sessions::STEP,
    m0003_create_login_requests::STEP,
    m0004_create_login_results::STEP,
    m0005_create_used_assertions::STEP,
    m0006_create_names::STEP,
    m0007_create_dns_records::STEP,
    m0008_create_record_history::STEP,
    m0009_create_zone_rrset::STEP,
    m0010_create_zone_changes::STEP,
    m0011_create_zone_control::STEP,
    m0012_create_zone_audits::STEP,
    m0013_create_zone_orphans::STEP,
    m0014_create_certificates::STEP,
    m0015_create_certificate_orders::STEP,
    m0016_create_challenge_values::STEP,
    m0017_create_outbox::STEP,
    m0018_create_leases::STEP,
    m0019_create_ticks::STEP,
    m0020_create_audit_trail::STEP,
    m0021_create_imports::STEP,
    m0022_create_import_rows::STEP,
    m0023_create_lookups::STEP,
    m0024_create_listed_words::STEP,
    m0025_create_tokens::STEP,
    m0026_create_client_challenges::STEP,
    m0027_create_token_usage::STEP,
    m0028_create_issuance_buckets::STEP,
    m0029_create_machines::STEP,
];

/// Applies the steps in order and records them in `seaql_migrations`.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        TABLES
            .into_iter()
            .map(|table| Box::new(table) as Box<dyn MigrationTrait>)
            .collect()
    }
}

/// Returns the names of all tables in the order of creation.
pub fn tables() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.table).collect()
}

/// Traces of the builds before the first release, whose tables cannot be upgraded.
pub mod pre_release {
    /// The first step of every such build: a schema with this step was made by one of them.
    pub const FIRST_STEP: &str = "m0001_users";

    /// Tables of such builds that the current schema lacks. A wipe drops them as well.
    pub const DROPPED_TABLES: [&str; 1] = ["acme_accounts"];
}
