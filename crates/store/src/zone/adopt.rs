//! Ownership rebuilt from the zone.

use sea_orm::Value;
use starchart_domain::plan::NameOutcome;

use super::Lease;
use super::lease::hold;
use super::registry::{self, Entry, MANY};
use super::track::ASK_FOR_MS;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Makes sets ours that stand in the zone, with what stands there as confirmed; `None` bodies say nothing. The caller holds the
/// lease of publish since before the zone was listed. Gives how many were not ours before; `None`: the lease was lost.
pub async fn adopt(store: &Store, lease: &Lease, stand: &[NameOutcome]) -> Result<Option<u64>, Error> {
    let mut sorted: Vec<&NameOutcome> = stand.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut adopted = 0;
    for chunk in sorted.chunks(MANY) {
        match store.write(|tx| adopt_within(tx, lease, chunk)).await? {
            Some(new) => adopted += new,
            None => return Ok(None),
        }
    }
    Ok(Some(adopted))
}

async fn adopt_within(tx: Tx, lease: &Lease, stand: &[&NameOutcome]) -> Result<Option<u64>, Error> {
    let Some(now) = hold(&tx, lease, 0).await? else { return Ok(None) };
    let fqdns: Vec<String> = stand.iter().map(|name| name.name.clone()).collect();
    // What the zone refused because a set was not ours is due again. What was never sent from here stands there all the same, for
    // so long that no name server has to be asked.
    let settle = format!(
        "UPDATE names SET next_attempt_at = CASE WHEN is_dirty = 1 AND next_attempt_at IS NOT NULL THEN ? ELSE next_attempt_at END, \
         in_sync_at = CASE WHEN is_dirty = 0 AND sent_at IS NULL THEN ? ELSE in_sync_at END, \
         sent_at = CASE WHEN is_dirty = 0 AND sent_at IS NULL THEN ? ELSE sent_at END WHERE fqdn IN ({})",
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
        for (rtype, body) in name.sets.iter().filter_map(|(rtype, body)| Some((*rtype, body.as_ref()?))) {
            let at = after.iter().position(|entry| entry.rtype == rtype).unwrap_or_else(|| {
                after.push(Entry { fqdn: name.name.clone(), rtype, confirmed: None, pending: Vec::new() });
                after.len() - 1
            });
            let entry = &mut after[at];
            adopted += u64::from(entry.confirmed.is_none());
            entry.confirmed = Some(body.clone());
            entry.pending.retain_mut(|send| send.may_come(Some(body), now));
        }
        if after != before {
            changed.push(name.name.clone());
            entries.extend(after);
        }
    }
    if !changed.is_empty() {
        registry::put_all(&tx, &changed, entries, now).await?;
    }
    Ok(Some(adopted))
}
