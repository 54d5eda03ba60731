//! Ownership rebuilt from the zone.

use sea_orm::Value;
use starchart_domain::plan::PublishedName;

use super::control::pause_once_within;
use super::drift::{bring_nameless, make_dirty};
use super::registry::{self, Entry, MANY};
use super::snapshot::names_of;
use super::track::ASK_FOR_MS;
use crate::lease::{Lease, assert_lease};
use crate::progress::ProgressLog;
use crate::tx::Tx;
use crate::{Error, Store, sql, trail};

/// What an operator adopts for; it is told in the transaction that begins it.
#[derive(Debug, Clone, Copy)]
pub struct AdoptionReason<'a> {
    /// The domain of the zone.
    pub zone: &'a str,
    /// What the line of the trail says.
    pub detail: &'a str,
    /// Why.
    pub goal: AdoptionGoal<'a>,
}

/// What becomes of sets that are adopted.
#[derive(Debug, Clone, Copy)]
pub enum AdoptionGoal<'a> {
    /// They stay; publishing is paused for this reason, unless it is paused already.
    Keep(&'a str),
    /// No row wants them: they are marked for publish, which deletes them.
    Delete,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Sets that were not ours before.
    pub sets: u64,
    /// Names that were reached, in their order.
    pub names: Vec<String>,
    /// False: the lease was lost before the other names were reached.
    pub complete: bool,
}

/// Makes sets ours that stand in the zone, with what stands there as confirmed; `None` bodies say
/// nothing. The caller holds the lease of publish since before the zone was listed. Each name is
/// adopted, and marked where it is to be deleted, in one transaction.
pub async fn adopt(
    store: &Store,
    lease: &Lease,
    stand: &[PublishedName],
    deed: AdoptionReason<'_>,
) -> Result<Adopted, Error> {
    let mut sorted: Vec<&PublishedName> = stand.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut adopted = Adopted::default();
    if !store.write(|tx| begin_within(tx, lease, deed)).await? {
        return Ok(adopted);
    }
    let mut pace = ProgressLog::new("taking names of the zone over", sorted.len());
    for chunk in sorted.chunks(MANY) {
        let Some(new) = store
            .write(|tx| adopt_within(tx, lease, chunk, deed.goal))
            .await?
        else {
            return Ok(adopted);
        };
        adopted.sets += new;
        adopted
            .names
            .extend(chunk.iter().map(|name| name.name.clone()));
        pace.step(chunk.len());
    }
    adopted.complete = true;
    Ok(adopted)
}

/// Before the first set is ours nothing may be sent for it.
async fn begin_within(tx: Tx, lease: &Lease, deed: AdoptionReason<'_>) -> Result<bool, Error> {
    if assert_lease(&tx, lease, 0).await?.is_none() {
        return Ok(false);
    }
    let action = match deed.goal {
        AdoptionGoal::Keep(reason) => {
            pause_once_within(tx.clone(), reason).await?;
            "zone.adopt"
        }
        AdoptionGoal::Delete => "zone.delete-orphans",
    };
    let line = trail::Entry {
        action,
        object: deed.zone,
        detail: deed.detail,
        ..trail::Entry::default()
    };
    trail::write_entry(&tx, &line).await?;
    Ok(true)
}

async fn adopt_within(
    tx: Tx,
    lease: &Lease,
    stand: &[&PublishedName],
    goal: AdoptionGoal<'_>,
) -> Result<Option<u64>, Error> {
    let Some(now) = assert_lease(&tx, lease, 0).await? else {
        return Ok(None);
    };
    let fqdns: Vec<String> = stand.iter().map(|name| name.name.clone()).collect();
    // What the zone refused because a set was not ours is due again. What was never sent from here
    // stands there all the same, for so long that no name server has to be asked.
    let settle = format!(
        "UPDATE names SET next_attempt_at = CASE WHEN is_unpublished = 1 AND next_attempt_at IS NOT NULL THEN ? ELSE next_attempt_at END, \
         in_sync_at = CASE WHEN is_unpublished = 0 AND sent_at IS NULL THEN ? ELSE in_sync_at END, \
         sent_at = CASE WHEN is_unpublished = 0 AND sent_at IS NULL THEN ? ELSE sent_at END WHERE fqdn IN ({})",
        sql::places(fqdns.len())
    );
    let long_ago = Value::from(now.plus(-ASK_FOR_MS).as_millis());
    let mut values = vec![now.as_millis().into(), long_ago.clone(), long_ago];
    values.extend(sql::texts(fqdns.iter().map(String::as_str)));
    sql::touch(tx.db(), &settle, values).await?;
    let mut registry = registry::by_name(tx.db(), &fqdns).await?;
    let (mut adopted, mut changed, mut entries) = (0, Vec::new(), Vec::new());
    for name in stand {
        let before = registry.remove(&name.name).unwrap_or_default();
        let mut after = before.clone();
        for (rtype, body) in name
            .sets
            .iter()
            .filter_map(|(rtype, body)| Some((*rtype, body.as_ref()?)))
        {
            let at = after
                .iter()
                .position(|entry| entry.rtype == rtype)
                .unwrap_or_else(|| {
                    after.push(Entry {
                        fqdn: name.name.clone(),
                        rtype,
                        confirmed: None,
                        pending: Vec::new(),
                    });
                    after.len() - 1
                });
            let entry = &mut after[at];
            adopted += u64::from(entry.confirmed.is_none());
            entry.confirmed = Some(body.clone());
            entry
                .pending
                .retain_mut(|send| send.may_come(Some(body), now));
        }
        if after != before {
            changed.push(name.name.clone());
            entries.extend(after);
        }
    }
    if matches!(goal, AdoptionGoal::Delete) {
        let with_row = names_of(tx.db(), Some(&fqdns)).await?;
        let bring = entries
            .iter_mut()
            .filter(|entry| !with_row.contains_key(&entry.fqdn));
        bring.for_each(|entry| bring_nameless(entry, now));
        make_dirty(&tx, with_row.keys().map(String::as_str), now).await?;
    }
    if !changed.is_empty() {
        registry::put_all(&tx, &changed, entries, now).await?;
    }
    Ok(Some(adopted))
}
