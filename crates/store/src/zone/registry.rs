//! Rows of `zone_rrset`.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use starchart_domain::plan::OwnedRrset;
use starchart_domain::record::RecordType;
use starchart_domain::rrset::RrsetData;
use starchart_domain::time::Timestamp;

use crate::records::read_type;
use crate::tx::Tx;
use crate::{Error, sql};

/// The fence of a send that was noted without a lease.
pub(super) const LATE: i64 = 0;

/// A send whose outcome is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Send {
    /// The fence it was noted under.
    pub(super) fence: i64,
    /// What it put; `None`: it removed the set.
    pub(super) body: Option<RrsetData>,
    /// Set once the zone was read and did not show it: until then it may still come.
    pub(super) until: Option<Timestamp>,
}

/// A send that was not seen in the zone may come late: a request can wait on its way longer than
/// its sender. It is looked for during this time, in milliseconds.
pub(super) const LINGER_MS: i64 = 120_000;
/// Between two looks at least; later a quarter of the time that has passed, so that there are few.
const LOOK_MS: i64 = 2_000;

impl Send {
    /// The zone was read and holds `read`: whether this may still come.
    pub(super) fn may_come(&mut self, read: Option<&RrsetData>, now: Timestamp) -> bool {
        if self.body.as_ref() == read {
            return false;
        }
        *self.until.get_or_insert(now.plus(LINGER_MS)) > now
    }

    /// When to look for it next; none when its outcome is not yet in question.
    fn look_at(&self, now: Timestamp) -> Option<i64> {
        let until = self.until?.as_millis();
        let age = (LINGER_MS - (until - now.as_millis())).max(0);
        Some((now.as_millis() + LOOK_MS.max(age / 4)).min(until))
    }
}

/// One set of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) fqdn: String,
    pub(super) rtype: RecordType,
    pub(super) confirmed: Option<RrsetData>,
    pub(super) pending: Vec<Send>,
}

impl Entry {
    pub(super) fn into_set(self) -> OwnedRrset {
        let pending = self.pending.into_iter().map(|send| send.body).collect();
        OwnedRrset {
            rtype: self.rtype,
            confirmed: self.confirmed,
            pending,
        }
    }

    fn is_empty(&self) -> bool {
        self.confirmed.is_none() && self.pending.is_empty()
    }
}

#[derive(FromQueryResult)]
struct Row {
    fqdn: String,
    rtype: String,
    ttl: Option<i32>,
    content: Option<String>,
    pending: String,
}

/// Every column, under names that are no reserved words.
const SELECT: &str =
    "SELECT fqdn, type AS rtype, ttl, `values` AS content, pending FROM zone_rrset";

#[derive(Serialize, Deserialize)]
struct StoredSend {
    fence: i64,
    body: Option<StoredBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredBody {
    ttl: u32,
    values: BTreeSet<String>,
}

impl TryFrom<Row> for Entry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt(format!("registry of {} {}", row.fqdn, row.rtype));
        let confirmed = match (row.ttl, &row.content) {
            (Some(ttl), Some(values)) => Some(RrsetData {
                ttl: u32::try_from(ttl).map_err(|_| corrupt())?,
                values: serde_json::from_str(values).map_err(|_| corrupt())?,
            }),
            _ => None,
        };
        let sends: Vec<StoredSend> = serde_json::from_str(&row.pending).map_err(|_| corrupt())?;
        let send = |send: StoredSend| Send {
            fence: send.fence,
            body: send.body.map(|body| RrsetData {
                ttl: body.ttl,
                values: body.values,
            }),
            until: send.until.map(Timestamp::from_millis),
        };
        let rtype = read_type(&row.rtype)?;
        Ok(Self {
            rtype,
            confirmed,
            pending: sends.into_iter().map(send).collect(),
            fqdn: row.fqdn,
        })
    }
}

/// The rows of these names, or all; by name and type.
pub(super) async fn list(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<Vec<Entry>, Error> {
    let (filter, values) = sql::at_names(fqdns);
    let rows: Vec<Row> =
        sql::all(on, &format!("{SELECT}{filter} ORDER BY fqdn, type"), values).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// The rows of these names, name by name.
pub(super) async fn by_name(
    on: &impl ConnectionTrait,
    fqdns: &[String],
) -> Result<BTreeMap<String, Vec<Entry>>, Error> {
    let mut names: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in list(on, Some(fqdns)).await? {
        names.entry(entry.fqdn.clone()).or_default().push(entry);
    }
    Ok(names)
}

/// One set's row; an empty entry when there is none.
pub(super) async fn get(
    on: &impl ConnectionTrait,
    fqdn: &str,
    rtype: RecordType,
) -> Result<Entry, Error> {
    let sql = format!("{SELECT} WHERE fqdn = ? AND type = ?");
    let row: Option<Row> = sql::one(on, &sql, vec![fqdn.into(), rtype.as_str().into()]).await?;
    match row {
        Some(row) => row.try_into(),
        None => Ok(Entry {
            fqdn: fqdn.to_owned(),
            rtype,
            confirmed: None,
            pending: Vec::new(),
        }),
    }
}

/// Writes the set's row; an empty entry has none.
pub(super) async fn put(tx: &Tx, entry: Entry, now: Timestamp) -> Result<(), Error> {
    if entry.is_empty() {
        let gone = "DELETE FROM zone_rrset WHERE fqdn = ? AND type = ?";
        let values = vec![entry.fqdn.into(), entry.rtype.as_str().into()];
        return sql::touch(tx.db(), gone, values).await.map(drop);
    }
    let columns = columns(entry, now)?;
    let update = "UPDATE zone_rrset SET ttl = ?, `values` = ?, pending = ?, look_at = ?, updated_at = ? WHERE fqdn = ? AND type = ?";
    if sql::touch(tx.db(), update, columns.clone()).await? == 0 {
        sql::touch(tx.db(), &format!("{INSERT} (?, ?, ?, ?, ?, ?, ?)"), columns).await?;
    }
    Ok(())
}

/// Makes `entries` all there is at these names, whatever was there: two statements. Names at most
/// [`MANY`].
pub(super) async fn put_all(
    tx: &Tx,
    fqdns: &[String],
    entries: Vec<Entry>,
    now: Timestamp,
) -> Result<(), Error> {
    let gone = format!(
        "DELETE FROM zone_rrset WHERE fqdn IN ({})",
        sql::places(fqdns.len())
    );
    sql::touch(tx.db(), &gone, sql::texts(fqdns.iter().map(String::as_str))).await?;
    let rows: Vec<Vec<Value>> = entries
        .into_iter()
        .filter(|entry| !entry.is_empty())
        .map(|entry| columns(entry, now))
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Ok(());
    }
    let places = vec!["(?, ?, ?, ?, ?, ?, ?)"; rows.len()].join(", ");
    sql::touch(
        tx.db(),
        &format!("{INSERT} {places}"),
        rows.into_iter().flatten().collect(),
    )
    .await
    .map(drop)
}

/// Names that one statement takes.
pub(super) const MANY: usize = 500;

const INSERT: &str =
    "INSERT INTO zone_rrset (ttl, `values`, pending, look_at, updated_at, fqdn, type) VALUES";

/// The values of a row, in the order of [`INSERT`].
fn columns(entry: Entry, now: Timestamp) -> Result<Vec<Value>, Error> {
    let json = |fault: serde_json::Error| Error::Fault(Box::new(fault));
    let ttl = entry.confirmed.as_ref().map(|body| i64::from(body.ttl));
    let values = entry
        .confirmed
        .map(|body| serde_json::to_string(&body.values))
        .transpose()
        .map_err(json)?;
    let send = |send: Send| StoredSend {
        fence: send.fence,
        body: send.body.map(|body| StoredBody {
            ttl: body.ttl,
            values: body.values,
        }),
        until: send.until.map(|until| until.as_millis()),
    };
    let look_at = entry
        .pending
        .iter()
        .filter_map(|send| send.look_at(now))
        .min();
    let pending: Vec<StoredSend> = entry.pending.into_iter().map(send).collect();
    Ok(vec![
        ttl.into(),
        values.into(),
        serde_json::to_string(&pending).map_err(json)?.into(),
        look_at.into(),
        now.as_millis().into(),
        entry.fqdn.into(),
        entry.rtype.as_str().into(),
    ])
}
