//! The tables as sea-orm entities, one per file. Generated columns are left out, so that nothing
//! writes them.

use sea_orm::{EntityTrait, IdenStatic, Iterable};

pub(crate) mod audit_entry;
pub(crate) mod certificate;
pub(crate) mod certificate_order;
pub(crate) mod challenge_value;
pub(crate) mod class;
pub(crate) mod client_challenge;
pub(crate) mod dns_record;
pub(crate) mod import;
pub(crate) mod import_row;
pub(crate) mod issuance_bucket;
pub(crate) mod lease;
pub(crate) mod listed_word;
pub(crate) mod login_request;
pub(crate) mod login_result;
pub(crate) mod lookup;
pub(crate) mod machine;
pub(crate) mod name;
pub(crate) mod outbox;
pub(crate) mod record_history;
pub(crate) mod session;
pub(crate) mod tick;
pub(crate) mod token;
pub(crate) mod token_usage;
pub(crate) mod used_assertion;
pub(crate) mod user;
pub(crate) mod wipe_mark;
pub(crate) mod zone_audit;
pub(crate) mod zone_change;
pub(crate) mod zone_control;
pub(crate) mod zone_orphan;
pub(crate) mod zone_rrset;

/// Lists the columns that this program uses of the tables that its migrations create, as
/// `table.column`.
pub(crate) fn list_columns() -> Vec<String> {
    fn of<E: EntityTrait>(entity: E) -> Vec<String> {
        let table = entity.table_name();
        E::Column::iter()
            .map(|column| format!("{table}.{}", column.as_str()))
            .collect()
    }
    [
        of(audit_entry::Entity),
        of(certificate::Entity),
        of(certificate_order::Entity),
        of(challenge_value::Entity),
        of(client_challenge::Entity),
        of(dns_record::Entity),
        of(import::Entity),
        of(import_row::Entity),
        of(issuance_bucket::Entity),
        of(lease::Entity),
        of(listed_word::Entity),
        of(login_request::Entity),
        of(login_result::Entity),
        of(lookup::Entity),
        of(machine::Entity),
        of(name::Entity),
        of(outbox::Entity),
        of(record_history::Entity),
        of(session::Entity),
        of(tick::Entity),
        of(token::Entity),
        of(token_usage::Entity),
        of(used_assertion::Entity),
        of(user::Entity),
        of(zone_audit::Entity),
        of(zone_change::Entity),
        of(zone_control::Entity),
        of(zone_orphan::Entity),
        of(zone_rrset::Entity),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_table_of_the_migrations_has_its_columns_listed() {
        let listed: BTreeSet<String> = super::list_columns()
            .iter()
            .filter_map(|place| Some(place.split_once('.')?.0.to_owned()))
            .collect();
        let tables: BTreeSet<String> = migration::tables()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(listed, tables);
    }
}
