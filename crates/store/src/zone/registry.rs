//! The ownership registry in memory, and its reads and writes by whole batches.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use serde::{Deserialize, Serialize};
use starchart_domain::plan::{OwnedRrset, PublishedName};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::RrsetData;
use starchart_domain::time::Timestamp;

use crate::Error;
use crate::entity::name;
use crate::entity::zone_rrset::{ActiveModel, Column, Entity as Rrsets, Model};
use crate::records::read_type;
use crate::tx::Tx;

/// The fence of a send that was recorded without a lease.
pub(super) const UNFENCED: i64 = 0;

/// Names in one statement: few enough for every database's limit of parameters.
pub(super) const ROWS_PER_STATEMENT: usize = 500;

/// A send whose outcome is not recorded. The registry's row holds a JSON array of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Send {
    /// The fence of the lease under which it was sent.
    pub(super) fence: i64,
    /// The body it created; `None`: it deleted the RRset.
    pub(super) body: Option<RrsetData>,
    /// Set once the zone was read and did not show the send: until then it may still arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
}

/// How long a send that the zone does not show may still arrive, in milliseconds: a request can be
/// delayed for longer than its sender waits.
pub(super) const LATE_ARRIVAL_MS: i64 = 120_000;
/// The least time between two reads of the zone for such a send; later a quarter of its age, so
/// that there are few.
const LOOK_MS: i64 = 2_000;

impl Send {
    /// Whether the send may still arrive, now that the zone was read and holds `read`.
    fn may_arrive(&mut self, read: Option<&RrsetData>, now: Timestamp) -> bool {
        if self.body.as_ref() == read {
            return false;
        }
        *self.until.get_or_insert(now.plus(LATE_ARRIVAL_MS)) > now
    }

    /// When to read the zone for the send; none while its sender still waits for the answer.
    fn look_at(&self, now: Timestamp) -> Option<i64> {
        let until = self.until?.as_millis();
        let age = (LATE_ARRIVAL_MS - (until - now.as_millis())).max(0);
        Some((now.as_millis() + LOOK_MS.max(age / 4)).min(until))
    }
}

/// One RRset of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegistryEntry {
    pub(super) fqdn: String,
    pub(super) rtype: RecordType,
    pub(super) confirmed: Option<RrsetData>,
    pub(super) pending: Vec<Send>,
}

impl RegistryEntry {
    pub(super) fn new(fqdn: &str, rtype: RecordType) -> Self {
        Self {
            fqdn: fqdn.to_owned(),
            rtype,
            confirmed: None,
            pending: Vec::new(),
        }
    }

    pub(super) fn into_set(self) -> OwnedRrset {
        let pending = self.pending.into_iter().map(|send| send.body).collect();
        OwnedRrset {
            rtype: self.rtype,
            confirmed: self.confirmed,
            pending,
        }
    }

    /// Adds a pending send. A send that is repeated is one send.
    pub(super) fn intend(&mut self, fence: i64, body: Option<&RrsetData>) {
        let send = Send {
            fence,
            body: body.cloned(),
            until: None,
        };
        if !self.pending.contains(&send) {
            self.pending.push(send);
        }
    }

    /// Removes what this fence sent, except what an earlier reading found missing.
    pub(super) fn withdraw(&mut self, fence: i64) {
        self.pending
            .retain(|send| send.fence != fence || send.until.is_some());
    }

    /// Confirms that the zone holds `body` (`None`: no RRset). Every send of this run has its
    /// answer now. Others stay pending: one of an earlier run that may still arrive, and an
    /// unfenced send that this run could not know of: that one bumped the generation, so the name
    /// is unpublished and will be read.
    pub(super) fn confirm(&mut self, body: Option<&RrsetData>, now: Timestamp) {
        self.confirmed = body.cloned();
        self.pending.retain(|send| match send.until {
            Some(until) => until > now,
            None => send.fence == UNFENCED,
        });
    }

    /// Records that the zone was read and holds `body`. A send that was not seen stays pending
    /// while it may still arrive.
    pub(super) fn record_read(&mut self, body: Option<&RrsetData>, now: Timestamp) {
        self.confirmed = body.cloned();
        self.pending.retain_mut(|send| send.may_arrive(body, now));
    }

    fn is_empty(&self) -> bool {
        self.confirmed.is_none() && self.pending.is_empty()
    }

    fn into_row(self, now: Timestamp) -> Result<ActiveModel, Error> {
        let json = |fault: serde_json::Error| Error::Fault(Box::new(fault));
        let look_at = self.pending.iter().filter_map(|send| send.look_at(now));
        let look_at = look_at.min();
        let ttl = self.confirmed.as_ref().map(|body| body.ttl);
        let values = self
            .confirmed
            .map(|body| serde_json::to_string(&body.values));
        Ok(ActiveModel {
            fqdn: Set(self.fqdn),
            rtype: Set(self.rtype.as_str().to_owned()),
            ttl: Set(ttl.map(|ttl| i32::try_from(ttl).unwrap_or(i32::MAX))),
            values: Set(values.transpose().map_err(json)?),
            pending: Set(serde_json::to_string(&self.pending).map_err(json)?),
            look_at: Set(look_at),
            updated_at: Set(now.as_millis()),
        })
    }
}

impl TryFrom<Model> for RegistryEntry {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt(format!("registry of {} {}", row.fqdn, row.rtype));
        let confirmed = match (row.ttl, &row.values) {
            (Some(ttl), Some(values)) => Some(RrsetData {
                ttl: u32::try_from(ttl).map_err(|_| corrupt())?,
                values: serde_json::from_str(values).map_err(|_| corrupt())?,
            }),
            _ => None,
        };
        Ok(Self {
            rtype: read_type(&row.rtype)?,
            confirmed,
            pending: serde_json::from_str(&row.pending).map_err(|_| corrupt())?,
            fqdn: row.fqdn,
        })
    }
}

/// Lists the entries of these names, or of all, by name and type.
pub(super) async fn list(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<Vec<RegistryEntry>, Error> {
    let mut rows = Rrsets::find();
    if let Some(fqdns) = fqdns {
        rows = rows.filter(Column::Fqdn.is_in(fqdns));
    }
    let rows = rows
        .order_by_asc(Column::Fqdn)
        .order_by_asc(Column::Rtype)
        .all(on)
        .await?;
    rows.into_iter().map(RegistryEntry::try_from).collect()
}

/// Lists the entries of these names, grouped by name.
pub(super) async fn list_by_name(
    on: &impl ConnectionTrait,
    fqdns: &[String],
) -> Result<BTreeMap<String, Vec<RegistryEntry>>, Error> {
    let mut names: BTreeMap<String, Vec<RegistryEntry>> = BTreeMap::new();
    for entry in list(on, Some(fqdns)).await? {
        names.entry(entry.fqdn.clone()).or_default().push(entry);
    }
    Ok(names)
}

/// Locks the rows of these names, at most [`ROWS_PER_STATEMENT`], in their order. Every change of
/// the registry begins with this, because not every one holds the lease.
pub(super) async fn lock_names(tx: &Tx, fqdns: &[String]) -> Result<(), Error> {
    // SQLite has no row locks and needs none: its writing transactions run one at a time.
    name::Entity::update_many()
        .col_expr(name::Column::UpdatedAt, Expr::col(name::Column::UpdatedAt))
        .filter(name::Column::Fqdn.is_in(fqdns))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Applies `change` to the entry of every RRset of these names, with the RRset's body. Locks the
/// names' rows first. Returns the names for which the confirmed body was another one before.
pub(super) async fn update(
    tx: &Tx,
    names: &[PublishedName],
    now: Timestamp,
    change: impl Fn(&mut RegistryEntry, Option<&RrsetData>),
) -> Result<Vec<String>, Error> {
    let mut changed = Vec::new();
    for names in in_order(names).chunks(ROWS_PER_STATEMENT) {
        let fqdns = fqdns_of(names.iter().copied());
        lock_names(tx, &fqdns).await?;
        let mut known: BTreeMap<(String, RecordType), RegistryEntry> = list(tx.db(), Some(&fqdns))
            .await?
            .into_iter()
            .map(|entry| ((entry.fqdn.clone(), entry.rtype), entry))
            .collect();
        let mut entries = Vec::new();
        for name in names {
            for (rtype, body) in &name.sets {
                let mut entry = known
                    .remove(&(name.name.clone(), *rtype))
                    .unwrap_or_else(|| RegistryEntry::new(&name.name, *rtype));
                if entry.confirmed != *body {
                    changed.push(name.name.clone());
                }
                change(&mut entry, body.as_ref());
                entries.push(entry);
            }
        }
        put_all(tx, entries, now).await?;
    }
    changed.dedup();
    Ok(changed)
}

/// Writes the rows of these entries and deletes those of empty ones: one statement for all rows
/// that stay, and one for each type of those that go.
pub(super) async fn put_all(
    tx: &Tx,
    entries: Vec<RegistryEntry>,
    now: Timestamp,
) -> Result<(), Error> {
    let (empty, kept): (Vec<RegistryEntry>, Vec<RegistryEntry>) =
        entries.into_iter().partition(RegistryEntry::is_empty);
    let mut gone: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in empty {
        gone.entry(entry.rtype.as_str())
            .or_default()
            .push(entry.fqdn);
    }
    for (rtype, fqdns) in gone {
        Rrsets::delete_many()
            .filter(Column::Rtype.eq(rtype))
            .filter(Column::Fqdn.is_in(fqdns))
            .exec(tx.db())
            .await?;
    }
    if kept.is_empty() {
        return Ok(());
    }
    let rows = kept.into_iter().map(|entry| entry.into_row(now));
    let replace = OnConflict::columns([Column::Fqdn, Column::Rtype])
        .update_columns([
            Column::Ttl,
            Column::Values,
            Column::Pending,
            Column::LookAt,
            Column::UpdatedAt,
        ])
        .to_owned();
    Rrsets::insert_many(rows.collect::<Result<Vec<_>, _>>()?)
        .on_conflict(replace)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Returns the names in the order in which every transaction locks them.
pub(super) fn in_order(names: &[PublishedName]) -> Vec<&PublishedName> {
    let mut sorted: Vec<&PublishedName> = names.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    sorted
}

/// Returns the fqdns of these names.
pub(super) fn fqdns_of<'a>(names: impl IntoIterator<Item = &'a PublishedName>) -> Vec<String> {
    names.into_iter().map(|name| name.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    /// The spelling of a row, which a later release reads as well.
    #[test]
    fn an_entry_is_stored_and_read_as_json() {
        let row = |values: Option<&str>, pending: &str| Model {
            fqdn: "www.user1.starchart.com".to_owned(),
            rtype: "A".to_owned(),
            ttl: values.map(|_| 300),
            values: values.map(str::to_owned),
            pending: pending.to_owned(),
            look_at: None,
            updated_at: 0,
        };
        let values = r#"["192.0.2.1","192.0.2.2"]"#;
        let creation = format!(r#"{{"fence":7,"body":{{"ttl":300,"values":{values}}}}}"#);
        for (values, pending) in [
            (None, "[]".to_owned()),
            (Some(values), format!("[{creation}]")),
            (Some("[]"), r#"[{"fence":8,"body":null}]"#.to_owned()),
            (
                None,
                format!(r#"[{creation},{{"fence":0,"body":null,"until":60000}}]"#),
            ),
        ] {
            let row = row(values, &pending);
            let entry = RegistryEntry::try_from(row.clone()).unwrap();
            let stored = entry.into_row(Timestamp::from_millis(0)).unwrap();
            assert_eq!(stored.values, Set(row.values));
            assert_eq!(stored.pending, Set(row.pending));
        }
        let unsorted = r#"["192.0.2.2","192.0.2.1","192.0.2.2"]"#;
        let entry = RegistryEntry::try_from(row(Some(unsorted), "[]")).unwrap();
        let sorted = ["192.0.2.1".to_owned(), "192.0.2.2".to_owned()];
        assert_eq!(entry.confirmed.unwrap().values, sorted.into());
        for (values, pending) in [(Some("{}"), "[]"), (None, "{}"), (None, "[{}]")] {
            let corrupt = RegistryEntry::try_from(row(values, pending));
            assert!(matches!(corrupt, Err(Error::Corrupt(_))), "{corrupt:?}");
        }
    }
}
