//! Names and records that come from another application's database, many at once.
//!
//! The zone shows them already, so their names come in clean: what they want is what stands.
//! Nothing that is here is changed.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{EntityTrait, Set};
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::rrset::TTL;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::{dns_record, name};
use crate::error::busy_if_taken;
use crate::tx::Tx;
use crate::{Error, sql};

/// A record as it was.
#[derive(Debug, Clone)]
pub(crate) struct MovedRecord {
    /// Its number there and here.
    pub(crate) id: i64,
    pub(crate) rtype: RecordType,
    pub(crate) input: String,
    pub(crate) presentation: String,
    /// The hash of `presentation`.
    pub(crate) hash: [u8; 32],
    pub(crate) preference: Option<u16>,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// When its person was told of that end.
    pub(crate) told: Option<Timestamp>,
    /// Why no zone takes it.
    pub(crate) refusal: Option<String>,
}

/// A name that is new here, with all its records and whose they are.
pub(crate) struct MovedName<'a> {
    pub(crate) fqdn: &'a str,
    pub(crate) owner: UserId,
    /// The type that no zone takes (none: several), and why.
    pub(crate) refused: Option<(Option<RecordType>, String)>,
    pub(crate) records: Vec<(UserId, &'a MovedRecord)>,
}

/// A refused name is looked at again after this, in milliseconds, and then as any.
const PATIENCE_MS: i64 = 2 * 60 * 60 * 1_000;

/// Writes names and records. `notices`: the mail in which a person was told on a day.
pub(crate) async fn put_names(
    tx: &Tx,
    names: &[MovedName<'_>],
    notices: &BTreeMap<(UserId, String), i64>,
    now: Timestamp,
) -> Result<(), Error> {
    let (mut name_rows, mut record_rows) = (Vec::with_capacity(names.len()), Vec::new());
    for moved in names {
        let classes: BTreeSet<&str> = moved
            .records
            .iter()
            .map(|(_, record)| record.rtype.class().as_str())
            .collect();
        let class = classes
            .first()
            .copied()
            .unwrap_or(NameClass::Other.as_str());
        name_rows.push(name_row(moved, class, now));
        for (owner, record) in &moved.records {
            let notice = record.told.and_then(|at| notices.get(&(*owner, at.date())));
            record_rows.push(dns_record::ActiveModel {
                id: Set(record.id),
                fqdn: Set(moved.fqdn.to_owned()),
                class: Set(class.to_owned()),
                user_id: Set(owner.0),
                rtype: Set(record.rtype.as_str().to_owned()),
                input: Set(record.input.clone()),
                presentation: Set(record.presentation.clone()),
                value_hash: Set(record.hash.to_vec()),
                preference: Set(record.preference.map(i32::from)),
                ttl: Set(i64::from(TTL)),
                ports: Set(record.ports.as_deref().map(|text| sql::cut(text, 191))),
                course: Set(record.course.as_deref().map(|text| sql::cut(text, 191))),
                description: Set(record.description.clone()),
                created_at: Set(record.created_at.as_millis()),
                updated_at: Set(record.updated_at.as_millis()),
                expires_at: Set(record.expires_at.as_millis()),
                notified_at: Set(notice.and(record.told).map(Timestamp::as_millis)),
                notice_id: Set(notice.copied()),
            });
        }
    }
    name::Entity::insert_many(name_rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_taken)?;
    dns_record::Entity::insert_many(record_rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_taken)?;
    Ok(())
}

fn name_row(moved: &MovedName<'_>, class: &str, now: Timestamp) -> name::ActiveModel {
    let since = moved
        .records
        .iter()
        .map(|(_, record)| record.updated_at.as_millis())
        .max()
        .unwrap_or(now.as_millis());
    let (refused_type, refusal) = moved.refused.clone().unzip();
    let is_refused = refusal.is_some();
    name::ActiveModel {
        fqdn: Set(moved.fqdn.to_owned()),
        user_id: Set(moved.owner.0),
        class: Set(class.to_owned()),
        generation: Set(1),
        applied_generation: Set(if is_refused { 0 } else { 1 }),
        unpublished_since: Set(is_refused.then_some(now.as_millis())),
        refused_generation: Set(is_refused.then_some(1)),
        refusal: Set(refusal.map(|why| sql::cut(&why, 2_000))),
        refusal_type: Set(refused_type
            .flatten()
            .map(|rtype| rtype.as_str().to_owned())),
        attempts: Set(i32::from(is_refused)),
        next_attempt_at: Set(is_refused.then_some(now.plus(PATIENCE_MS).as_millis())),
        change_id: Set(None),
        // Sent by another; what was sent long ago is in sync.
        sent_at: Set(Some(since)),
        in_sync_at: Set(Some(since)),
        answered_by: Set(None),
        answered_of: Set(None),
        answers_checked_at: Set(None),
        created_at: Set(now.as_millis()),
        updated_at: Set(now.as_millis()),
    }
}
