//! The `client_challenges` table: TXT values at `_acme-challenge` names that users' own ACME
//! clients write.

use crate::table::Table;

/// The values are published beside records and those of our own orders, and count against a limit
/// of their own. `class` keeps a CNAME away from the name, as in `dns_records`. A value with
/// `is_rolling` comes from a protocol that removes none: it goes when newer ones follow.
pub(crate) const STEP: Table = Table {
    step: "m0026_create_client_challenges",
    table: "client_challenges",
    columns: "
        id {id},
        user_id BIGINT NOT NULL,
        fqdn VARCHAR(253) NOT NULL,
        class VARCHAR(5) NOT NULL DEFAULT 'other',
        value VARCHAR(255) NOT NULL,
        is_rolling BOOLEAN NOT NULL DEFAULT 0,
        created_at BIGINT NOT NULL,
        CONSTRAINT client_challenges_uq UNIQUE (fqdn, value, user_id),
        CONSTRAINT client_challenges_name_fk FOREIGN KEY (fqdn, class)
            REFERENCES names (fqdn, class),
        CONSTRAINT client_challenges_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT client_challenges_class_ck CHECK (class = 'other')
    ",
    indexes: &[
        ("client_challenges_name_ix", "fqdn, class"),
        ("client_challenges_user_ix", "user_id"),
        ("client_challenges_created_ix", "created_at"),
    ],
};
