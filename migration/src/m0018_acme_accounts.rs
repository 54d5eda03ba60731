//! Accounts at certificate authorities, so that every replica finds the one that is registered.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0018_acme_accounts",
    table: "acme_accounts",
    columns: "
        id {id},
        directory_url VARCHAR(512) NOT NULL,
        key_thumbprint VARCHAR(64) NOT NULL,
        account_url VARCHAR(512) NOT NULL,
        created_at BIGINT NOT NULL,
        CONSTRAINT acme_accounts_key_uq UNIQUE (directory_url, key_thumbprint)
    ",
    indexes: &[],
};
