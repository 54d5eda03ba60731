//! The `users` table.

use crate::table::Table;

/// A deleted user stays as a tombstone that keeps subject and label. Every writing transaction on a
/// user's rows increments `lock_version` first, which locks the row.
pub(crate) const STEP: Table = Table {
    step: "m0001_create_users",
    table: "users",
    columns: "
        id {id},
        subject VARCHAR(191) NOT NULL,
        username VARCHAR(191) NOT NULL,
        display_name VARCHAR(255) NOT NULL,
        email VARCHAR(320) NOT NULL,
        is_student BOOLEAN NOT NULL DEFAULT 0,
        is_faculty BOOLEAN NOT NULL DEFAULT 0,
        is_admin BOOLEAN NOT NULL DEFAULT 0,
        groups_not_sent BOOLEAN NOT NULL DEFAULT 0,
        label VARCHAR(63) NULL,
        lock_version BIGINT NOT NULL DEFAULT 0,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        suspended_at BIGINT NULL,
        deleted_at BIGINT NULL,
        CONSTRAINT users_subject_uq UNIQUE (subject),
        CONSTRAINT users_label_uq UNIQUE (label)
    ",
    indexes: &[],
};
