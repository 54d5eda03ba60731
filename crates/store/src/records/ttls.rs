//! The TTLs of RRsets: all records of one name and type have the same (RFC 2181 section 5.2).
//!
//! The column `ttl` of `dns_records` repeats it in each row of an RRset; only these functions write
//! it. So it needs no table of its own: it ends with the last record of its RRset, and the history
//! has the TTL that each version of a record had.

use std::collections::BTreeMap;

use starchart_domain::record::{NewRecord, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::{Ttl, TtlChoice};
use starchart_domain::user::UserId;

use super::history::{self, HistoryAction};
use super::names::{self, TouchedName};
use super::{read_ttl, read_type, rows};
use crate::Error;
use crate::entity::dns_record;
use crate::trail::AuditContext;
use crate::tx::Tx;

/// A record that a change writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrittenRecord<'a> {
    pub(super) new: &'a NewRecord,
    /// The row that it replaces, as it was.
    pub(super) old: Option<&'a dns_record::Model>,
}

/// The TTLs of the RRsets that changes write.
#[derive(Debug)]
pub(super) struct RrsetTtls {
    chosen: BTreeMap<(String, RecordType), Ttl>,
    /// The owner's records at the names of these RRsets, before the changes.
    present: Vec<dns_record::Model>,
}

impl RrsetTtls {
    /// Decides which TTL each RRset gets. One that is set counts before one that is kept; of
    /// several the lowest does. A record that moves to a new RRset brings its own.
    ///
    /// Imported users may share a name. Each then sees and sets the TTL of their own records, and
    /// publishing takes the lowest of an RRset.
    pub(super) async fn choose(
        tx: &Tx,
        owner: UserId,
        touched: &BTreeMap<String, TouchedName>,
        written: &[WrittenRecord<'_>],
    ) -> Result<Self, Error> {
        let has_rows = |fqdn: &&str| touched.get(*fqdn).is_some_and(|name| !name.is_new());
        let fqdns = written.iter().map(|record| record.new.name.fqdn());
        let fqdns: Vec<&str> = fqdns.filter(has_rows).collect();
        let present = rows::at(tx, owner, &fqdns).await?;
        let mut known: BTreeMap<(String, RecordType), Ttl> = BTreeMap::new();
        for row in &present {
            known.insert(rrset_of(row)?, read_ttl(row.ttl)?);
        }
        let mut chosen: BTreeMap<(String, RecordType), (bool, Ttl)> = BTreeMap::new();
        for WrittenRecord { new, old } in written {
            let rrset = (new.name.fqdn().to_owned(), new.value.rtype());
            let own = old.map(|row| read_ttl(row.ttl)).transpose()?;
            let is_kept = !matches!(new.ttl, TtlChoice::Set(_));
            let ttl = new.ttl.beside_or_own(known.get(&rrset).copied(), own);
            let best = chosen.entry(rrset).or_insert((is_kept, ttl));
            *best = (*best).min((is_kept, ttl));
        }
        let chosen = chosen.into_iter().map(|(rrset, (_, ttl))| (rrset, ttl));
        Ok(Self {
            chosen: chosen.collect(),
            present,
        })
    }

    /// Returns the TTL that the RRset of a written record gets.
    pub(super) fn of(&self, new: &NewRecord) -> Result<Ttl, Error> {
        let rrset = (new.name.fqdn().to_owned(), new.value.rtype());
        let ttl = self.chosen.get(&rrset).copied();
        ttl.ok_or_else(|| Error::Corrupt(format!("{} {} has no TTL", rrset.0, rrset.1)))
    }

    /// Gives the TTLs to the records of these RRsets that are not written themselves. That is a
    /// change of each of them, which the history has. `replaced` are the rows that are deleted.
    pub(super) async fn set_for_others(
        &self,
        tx: &Tx,
        owner: UserId,
        touched: &BTreeMap<String, TouchedName>,
        replaced: &[i64],
        now: Timestamp,
        act: &AuditContext<'_>,
    ) -> Result<(), Error> {
        let others = self
            .present
            .iter()
            .filter(|row| !replaced.contains(&row.id));
        for row in others {
            let Some(ttl) = self.chosen.get(&rrset_of(row)?) else {
                continue;
            };
            if i64::from(ttl.as_seconds()) == row.ttl {
                continue;
            }
            let name = names::find(touched, &row.fqdn)?;
            rows::set_ttl(tx, owner, row.id, name, *ttl, now).await?;
            history::append(tx, row.clone(), HistoryAction::Edit, now, act).await?;
        }
        Ok(())
    }
}

fn rrset_of(row: &dns_record::Model) -> Result<(String, RecordType), Error> {
    Ok((row.fqdn.clone(), read_type(&row.rtype)?))
}
