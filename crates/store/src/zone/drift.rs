//! Drift: what the audit found of ours to be otherwise than we left it becomes publish's work.

use std::collections::BTreeSet;

use starchart_domain::plan::{OwnedRrset, PublishedName};
use starchart_domain::time::Timestamp;

use super::Snapshot;
use super::registry::{self, Entry, LATE, LINGER_MS, MANY, Send};
use super::snapshot::names_of;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Makes names dirty whose sets do not stand as rows want. Each brings what the zone holds at its
/// sets of ours (`None`: nothing) by a listing after `view`; that becomes what the registry says,
/// so that publish changes exactly it. A name that is not as it was in `view`, or somebody's work
/// by now, is left alone. Gives the names that were marked.
///
/// Not fenced: at a clean name with nothing pending nobody's send is under way, and nobody begins
/// one but by making it dirty, under the lock of its row.
pub async fn mark_drift(
    store: &Store,
    view: &Snapshot,
    found: &[PublishedName],
) -> Result<BTreeSet<String>, Error> {
    let mut sorted: Vec<&PublishedName> = found.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut marked = BTreeSet::new();
    for chunk in sorted.chunks(MANY) {
        marked.extend(store.write(|tx| mark_within(tx, view, chunk)).await?);
    }
    Ok(marked)
}

async fn mark_within(
    tx: Tx,
    view: &Snapshot,
    found: &[&PublishedName],
) -> Result<Vec<String>, Error> {
    let now = tx.now().await?;
    let fqdns: Vec<String> = found.iter().map(|name| name.name.clone()).collect();
    let (places, texts) = (
        sql::places(fqdns.len()),
        sql::texts(fqdns.iter().map(String::as_str)),
    );
    let lock = format!("UPDATE names SET updated_at = updated_at WHERE fqdn IN ({places})");
    sql::touch(tx.db(), &lock, texts).await?;
    let names = names_of(tx.db(), Some(&fqdns)).await?;
    let mut registry = registry::by_name(tx.db(), &fqdns).await?;
    let (mut marked, mut with_row, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for name in found {
        let key = name.name.as_str();
        let has_row = names.get(key);
        let here = registry.remove(key).unwrap_or_default();
        let sets: Vec<OwnedRrset> = here.iter().cloned().map(Entry::into_set).collect();
        let as_seen = has_row == view.names.get(key)
            && sets == view.owned.get(key).map_or(&[][..], Vec::as_slice);
        let at_rest = match has_row {
            Some((_, dirty)) => !dirty && !sets.iter().any(OwnedRrset::needs_read),
            None => !here
                .iter()
                .flat_map(|entry| &entry.pending)
                .any(|send| send.until.is_some_and(|until| until > now)),
        };
        if !as_seen || !at_rest {
            continue;
        }
        entries.extend(
            here.into_iter()
                .map(|entry| as_found(entry, name, has_row.is_some(), now)),
        );
        marked.push(name.name.clone());
        with_row.extend(has_row.is_some().then_some(key));
    }
    make_dirty(&tx, with_row.into_iter(), now).await?;
    if !marked.is_empty() {
        registry::put_all(&tx, &marked, entries, now).await?;
    }
    Ok(marked)
}

/// Makes names that have a row publish's work.
pub(super) async fn make_dirty(
    tx: &Tx,
    fqdns: impl ExactSizeIterator<Item = &str>,
    now: Timestamp,
) -> Result<(), Error> {
    if fqdns.len() == 0 {
        return Ok(());
    }
    let bump = format!(
        "UPDATE names SET unpublished_since = COALESCE(unpublished_since, ?), generation = generation + 1, updated_at = ? WHERE fqdn IN ({})",
        sql::places(fqdns.len())
    );
    let mut values = vec![now.as_millis().into(), now.as_millis().into()];
    values.extend(sql::texts(fqdns));
    sql::touch(tx.db(), &bump, values).await.map(drop)
}

/// Without a row no name can be dirty; a send to look for brings it to publish all the same.
pub(super) fn bring_nameless(entry: &mut Entry, now: Timestamp) {
    let until = Some(now.plus(LINGER_MS));
    entry.pending = entry
        .confirmed
        .iter()
        .map(|body| Send {
            fence: LATE,
            body: Some(body.clone()),
            until,
        })
        .collect();
}

fn as_found(mut entry: Entry, name: &PublishedName, has_row: bool, now: Timestamp) -> Entry {
    let Some((_, stands)) = name.sets.iter().find(|(rtype, _)| *rtype == entry.rtype) else {
        return entry;
    };
    entry.confirmed.clone_from(stands);
    if !has_row {
        bring_nameless(&mut entry, now);
    }
    entry
}

/// Names that publish had to bring into the zone at that moment and that are not there yet, without
/// those that the zone refused.
pub async fn count_unpublished_at(store: &Store, at: Timestamp) -> Result<u64, Error> {
    let named = "SELECT COUNT(*) AS n FROM names WHERE is_unpublished = 1 AND unpublished_since <= ? \
         AND (refused_generation IS NULL OR refused_generation <> generation)";
    let named = sql::number(store.reader(), named, vec![at.as_millis().into()]).await?;
    let nameless = "SELECT COUNT(DISTINCT r.fqdn) AS n FROM zone_rrset r LEFT JOIN names n ON n.fqdn = r.fqdn \
         WHERE r.look_at IS NOT NULL AND n.fqdn IS NULL";
    let nameless = sql::number(store.reader(), nameless, vec![]).await?;
    Ok(u64::try_from(named.unwrap_or(0) + nameless.unwrap_or(0)).unwrap_or_default())
}
