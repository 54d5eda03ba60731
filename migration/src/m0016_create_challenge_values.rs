//! The `challenge_values` table: TXT values of pending authorizations at `_acme-challenge` names.

use crate::table::Table;

/// The values are published beside records and do not count against the record limit. `class` keeps
/// a CNAME away from the name, as in `dns_records`.
pub(crate) const STEP: Table = Table {
    step: "m0016_create_challenge_values",
    table: "challenge_values",
    columns: "
        id {id},
        fqdn VARCHAR(253) NOT NULL,
        class VARCHAR(5) NOT NULL DEFAULT 'other',
        order_id BIGINT NOT NULL,
        value VARCHAR(255) NOT NULL,
        created_at BIGINT NOT NULL,
        CONSTRAINT challenge_values_uq UNIQUE (fqdn, value),
        CONSTRAINT challenge_values_name_fk FOREIGN KEY (fqdn, class)
            REFERENCES names (fqdn, class),
        CONSTRAINT challenge_values_order_fk FOREIGN KEY (order_id)
            REFERENCES certificate_orders (id),
        CONSTRAINT challenge_values_class_ck CHECK (class = 'other')
    ",
    indexes: &[
        ("challenge_values_name_ix", "fqdn, class"),
        ("challenge_values_order_ix", "order_id"),
    ],
};
