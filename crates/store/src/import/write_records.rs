//! Writes names and records of the original's database, a batch in two statements.
//!
//! The zone has these records already, so their names are not unpublished. Existing rows do not
//! change.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, Set};
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::user::UserId;

use crate::entity::class::Class;
use crate::entity::{dns_record, name};
use crate::error::busy_if_duplicate;
use crate::tx::Tx;
use crate::{Error, sql};

/// A record of the original's database.
#[derive(Debug, Clone)]
pub(super) struct ImportedRecord {
    /// The id in both databases.
    pub(super) id: i64,
    pub(super) rtype: RecordType,
    pub(super) input: String,
    pub(super) presentation: String,
    /// The hash of `presentation`.
    pub(super) hash: [u8; 32],
    pub(super) ports: Option<String>,
    pub(super) course: Option<String>,
    pub(super) description: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// When the original sent the expiry notice.
    pub(super) notified_at: Option<Timestamp>,
    /// Why no zone accepts the value.
    pub(super) refusal: Option<String>,
}

/// A new name with all its records and their owners.
pub(super) struct ImportedName<'a> {
    pub(super) fqdn: &'a str,
    pub(super) owner: UserId,
    /// The type that no zone accepts (none: several types), and why.
    pub(super) refused: Option<(Option<RecordType>, String)>,
    pub(super) records: Vec<(UserId, &'a ImportedRecord)>,
}

/// When publishing retries a refused name for the first time, in milliseconds.
const FIRST_RETRY_MS: i64 = 2 * 60 * 60 * 1_000;

/// Inserts names and records. `notices` has the expiry notice of each user and day.
pub(super) async fn insert_names(
    tx: &Tx,
    names: &[ImportedName<'_>],
    notices: &BTreeMap<(UserId, String), i64>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut name_rows = Vec::with_capacity(names.len());
    let mut record_rows = Vec::new();
    for imported in names {
        // The plan leaves no name with records of both classes.
        let is_cname = imported
            .records
            .iter()
            .any(|(_, record)| record.rtype.class() == NameClass::Cname);
        let class = if is_cname { Class::Cname } else { Class::Other };
        name_rows.push(name_row(imported, class, now));
        for (owner, record) in &imported.records {
            let notice = record
                .notified_at
                .and_then(|at| notices.get(&(*owner, at.date())));
            record_rows.push(dns_record::ActiveModel {
                id: Set(record.id),
                fqdn: Set(imported.fqdn.to_owned()),
                class: Set(class),
                user_id: Set(owner.0),
                rtype: Set(record.rtype.as_str().to_owned()),
                input: Set(record.input.clone()),
                presentation: Set(record.presentation.clone()),
                value_hash: Set(record.hash.to_vec()),
                ttl: Set(i64::from(Ttl::DEFAULT.as_seconds())),
                ports: Set(record.ports.as_deref().map(|text| sql::cut(text, 191))),
                course: Set(record.course.as_deref().map(|text| sql::cut(text, 191))),
                description: Set(record.description.clone()),
                created_at: Set(record.created_at.as_millis()),
                updated_at: Set(record.updated_at.as_millis()),
                expires_at: Set(record.expires_at.as_millis()),
                notified_at: Set(notice.and(record.notified_at).map(Timestamp::as_millis)),
                notice_id: Set(notice.copied()),
            });
        }
    }
    name::Entity::insert_many(name_rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    dns_record::Entity::insert_many(record_rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

fn name_row(imported: &ImportedName<'_>, class: Class, now: Timestamp) -> name::ActiveModel {
    let since = imported
        .records
        .iter()
        .map(|(_, record)| record.updated_at.as_millis())
        .max()
        .unwrap_or(now.as_millis());
    let (refused_type, refusal) = imported.refused.clone().unzip();
    let is_refused = refusal.is_some();
    name::ActiveModel {
        fqdn: Set(imported.fqdn.to_owned()),
        user_id: Set(imported.owner.0),
        class: Set(class),
        generation: Set(1),
        applied_generation: Set(if is_refused { 0 } else { 1 }),
        unpublished_since: Set(is_refused.then_some(now.as_millis())),
        refused_generation: Set(is_refused.then_some(1)),
        refusal: Set(refusal.map(|why| sql::cut(&why, 2_000))),
        refusal_type: Set(refused_type
            .flatten()
            .map(|rtype| rtype.as_str().to_owned())),
        attempts: Set(i32::from(is_refused)),
        next_attempt_at: Set(is_refused.then_some(now.plus(FIRST_RETRY_MS).as_millis())),
        change_id: Set(None),
        // The original sent it long ago, so that it is in sync.
        sent_at: Set(Some(since)),
        in_sync_at: Set(Some(since)),
        answered_by: Set(None),
        answered_of: Set(None),
        answers_checked_at: Set(None),
        created_at: Set(now.as_millis()),
        updated_at: Set(now.as_millis()),
    }
}
