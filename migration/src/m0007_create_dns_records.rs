//! The `dns_records` table: users' records.

use crate::table::Table;

/// `input` is the value as typed, `presentation` its zone-file form and `value_hash` the SHA-256 of
/// that. `notice_id` is the row of `outbox` with the expiry notice; it is no foreign key, because a
/// record whose notice was deleted waits for another one.
///
/// Constraints exclude a CNAME beside any other record: the class is part of the key to `names`,
/// the type belongs to the class, and `cname_slot` admits one CNAME per name. Nothing cascades.
pub(crate) const STEP: Table = Table {
    step: "m0007_create_dns_records",
    table: "dns_records",
    columns: "
        id {id},
        fqdn VARCHAR(253) NOT NULL,
        class VARCHAR(5) NOT NULL,
        user_id BIGINT NOT NULL,
        type VARCHAR(10) NOT NULL,
        input TEXT NOT NULL,
        presentation TEXT NOT NULL,
        value_hash {hash} NOT NULL,
        ttl INT NOT NULL,
        ports VARCHAR(191) NULL,
        course VARCHAR(191) NULL,
        description TEXT NULL,
        cname_slot VARCHAR(253) GENERATED ALWAYS AS
            (CASE WHEN class = 'cname' THEN fqdn ELSE NULL END) STORED,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        notified_at BIGINT NULL,
        notice_id BIGINT NULL,
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
        ("dns_records_notice_ix", "notice_id"),
    ],
};
