//! Records. Exclusivity of CNAME and duplicates are constraints.

use crate::table::Table;

/// `content` is the value as Route53 gets it, `value_hash` its SHA-256, `typed` what the person
/// wrote.
///
/// A CNAME beside anything is impossible: the class is part of the key to `names`, the type belongs
/// to the class, and `cname_slot` lets one CNAME stand at a name. No cascades: nothing changes rows
/// that the program did not name.
pub(crate) const STEP: Table = Table {
    step: "m0007_dns_records",
    table: "dns_records",
    columns: "
        id {id},
        fqdn VARCHAR(253) NOT NULL,
        class VARCHAR(5) NOT NULL,
        user_id BIGINT NOT NULL,
        type VARCHAR(10) NOT NULL,
        typed TEXT NOT NULL,
        content TEXT NOT NULL,
        value_hash {hash} NOT NULL,
        priority INT NULL,
        ttl INT NOT NULL,
        ports VARCHAR(191) NULL,
        course VARCHAR(191) NULL,
        description TEXT NULL,
        cname_slot VARCHAR(253) GENERATED ALWAYS AS (CASE WHEN class = 'cname' THEN fqdn ELSE NULL END) STORED,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        notified_at BIGINT NULL,
        CONSTRAINT dns_records_value_uq UNIQUE (fqdn, type, value_hash),
        CONSTRAINT dns_records_cname_uq UNIQUE (cname_slot),
        CONSTRAINT dns_records_name_fk FOREIGN KEY (fqdn, class) REFERENCES names (fqdn, class),
        CONSTRAINT dns_records_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT dns_records_class_ck CHECK ((class = 'cname') = (type = 'CNAME'))
    ",
    indexes: &[
        ("dns_records_name_ix", "fqdn, class"),
        ("dns_records_user_ix", "user_id"),
        ("dns_records_expires_ix", "expires_at"),
    ],
};
