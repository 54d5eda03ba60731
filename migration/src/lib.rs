//! The schema, one step a file, for MySQL, MariaDB and SQLite.
//!
//! MySQL commits after every DDL statement, so a step is one statement, may be repeated, and is
//! never edited once it was released: a change is a new step, and it only adds, because the version
//! before still runs while it is applied.

use sea_orm_migration::MigrationTrait;
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod column;
mod table;

mod m0001_users;
mod m0002_sessions;
mod m0003_login_requests;
mod m0004_login_results;
mod m0005_used_assertions;
mod m0006_names;
mod m0007_dns_records;
mod m0008_record_history;
mod m0009_zone_rrset;
mod m0010_zone_changes;
mod m0011_zone_control;
mod m0012_leases;
mod m0013_ticks;
mod m0014_audit_trail;
mod m0015_certificates;
mod m0016_certificate_orders;
mod m0017_challenge_values;
mod m0018_acme_accounts;
mod m0019_outbox;
mod m0020_outbox_outcome;
mod m0021_record_notice;
mod m0022_order_counts;
mod m0023_refused_address;
mod m0024_order_patience;
mod m0025_revocation_tries;
mod m0030_pause_kind;
mod m0031_zone_audits;
mod m0032_zone_orphans;
mod m0035_lease_taken;
mod m0040_imports;
mod m0041_import_rows;

/// A step of ours: it can say which table it makes.
trait Step: MigrationTrait {
    /// The table that this step makes, if it makes one.
    fn creates(&self) -> Option<&'static str>;
}

/// All steps, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl Migrator {
    fn steps() -> Vec<Box<dyn Step>> {
        vec![
            Box::new(m0001_users::STEP),
            Box::new(m0002_sessions::STEP),
            Box::new(m0003_login_requests::STEP),
            Box::new(m0004_login_results::STEP),
            Box::new(m0005_used_assertions::STEP),
            Box::new(m0006_names::STEP),
            Box::new(m0007_dns_records::STEP),
            Box::new(m0008_record_history::STEP),
            Box::new(m0009_zone_rrset::STEP),
            Box::new(m0010_zone_changes::STEP),
            Box::new(m0011_zone_control::STEP),
            Box::new(m0012_leases::STEP),
            Box::new(m0013_ticks::STEP),
            Box::new(m0014_audit_trail::STEP),
            Box::new(m0015_certificates::STEP),
            Box::new(m0016_certificate_orders::STEP),
            Box::new(m0017_challenge_values::STEP),
            Box::new(m0018_acme_accounts::STEP),
            Box::new(m0019_outbox::STEP),
            Box::new(m0020_outbox_outcome::STEP),
            Box::new(m0021_record_notice::STEP),
            Box::new(m0022_order_counts::STEP),
            Box::new(m0023_refused_address::STEP),
            Box::new(m0024_order_patience::STEP),
            Box::new(m0025_revocation_tries::STEP),
            Box::new(m0030_pause_kind::STEP),
            Box::new(m0031_zone_audits::STEP),
            Box::new(m0032_zone_orphans::STEP),
            Box::new(m0035_lease_taken::STEP),
            Box::new(m0040_imports::STEP),
            Box::new(m0041_import_rows::STEP),
        ]
    }
}

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Self::steps()
            .into_iter()
            .map(|step| step as Box<dyn MigrationTrait>)
            .collect()
    }
}

/// Every table that the steps make, oldest first: what a wipe may drop.
pub fn tables() -> Vec<&'static str> {
    Migrator::steps()
        .iter()
        .filter_map(|step| step.creates())
        .collect()
}
