//! Writes of the lease's holder: before a call, after a call, and what came of it.

use sea_orm::{FromQueryResult, Value};
use starchart_domain::plan::PublishedName;
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;

use super::control::pause_on;
use super::registry::{self, LATE, Send};
use crate::lease::{Lease, assert_lease};
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Commits what is about to be sent. False: less than `margin_ms` milliseconds of the lease are
/// left, or publishing is paused by now; nothing may be sent.
pub async fn intend(
    store: &Store,
    lease: &Lease,
    margin_ms: i64,
    batch: &[PublishedName],
) -> Result<bool, Error> {
    store
        .write(|tx| intend_within(tx, lease, margin_ms, batch))
        .await
}

async fn intend_within(
    tx: Tx,
    lease: &Lease,
    margin_ms: i64,
    batch: &[PublishedName],
) -> Result<bool, Error> {
    let Some(now) = assert_lease(&tx, lease, margin_ms).await? else {
        return Ok(false);
    };
    if pause_on(tx.db()).await?.is_some() {
        return Ok(false);
    }
    for name in in_order(batch) {
        note_sends(&tx, name, lease.fence, now).await?;
    }
    Ok(true)
}

/// Adds the name's bodies to what is pending. A send that is repeated is one send.
async fn note_sends(
    tx: &Tx,
    name: &PublishedName,
    fence: i64,
    now: Timestamp,
) -> Result<(), Error> {
    for (rtype, body) in &name.sets {
        let mut entry = registry::get(tx.db(), &name.name, *rtype).await?;
        let send = Send {
            fence,
            body: body.clone(),
            until: None,
        };
        if !entry.pending.contains(&send) {
            entry.pending.push(send);
            registry::put(tx, entry, now).await?;
        }
    }
    Ok(())
}

/// Takes back what this lease noted and what was certainly not done. False: the lease was lost.
pub async fn withdraw(
    store: &Store,
    lease: &Lease,
    batch: &[PublishedName],
) -> Result<bool, Error> {
    store.write(|tx| withdraw_within(tx, lease, batch)).await
}

async fn withdraw_within(tx: Tx, lease: &Lease, batch: &[PublishedName]) -> Result<bool, Error> {
    let Some(now) = assert_lease(&tx, lease, 0).await? else {
        return Ok(false);
    };
    for name in in_order(batch) {
        for (rtype, _) in &name.sets {
            let mut entry = registry::get(tx.db(), &name.name, *rtype).await?;
            entry
                .pending
                .retain(|send| send.fence != lease.fence || send.until.is_some());
            registry::put(&tx, entry, now).await?;
        }
    }
    Ok(true)
}

/// Records what the zone holds now: bodies confirmed, generations applied, refusals cleared. With a
/// `change_id`: the zone took a call, which is to be followed until it is in sync; without one
/// nothing had to be sent. False: the lease was lost and what was noted before the call stays
/// pending, which is as true; a send is then told to [`record_unfenced_changes`].
pub async fn confirm(
    store: &Store,
    lease: &Lease,
    change_id: Option<&str>,
    names: &[PublishedName],
) -> Result<bool, Error> {
    store
        .write(|tx| confirm_within(tx, lease, change_id, names))
        .await
}

async fn confirm_within(
    tx: Tx,
    lease: &Lease,
    change_id: Option<&str>,
    names: &[PublishedName],
) -> Result<bool, Error> {
    let Some(now) = assert_lease(&tx, lease, 0).await? else {
        return Ok(false);
    };
    for name in in_order(names) {
        apply(&tx, name, change_id, now).await?;
        set_confirmed(&tx, name, now).await?;
    }
    if let Some(id) = change_id {
        let known = "SELECT COUNT(*) AS n FROM zone_changes WHERE id = ?";
        if sql::number(tx.db(), known, vec![id.into()]).await? == Some(0) {
            let follow = "INSERT INTO zone_changes (id, sent_at) VALUES (?, ?)";
            sql::touch(tx.db(), follow, vec![id.into(), now.as_millis().into()]).await?;
        }
    }
    Ok(true)
}

/// What an applied generation means for its name. Never backwards, and never past what the name
/// has. MySQL assigns from left to right, so a column comes after those that are computed from it.
/// The count of refusals of this generation stays: one of the name's sets may be refused again in a
/// moment.
const APPLY: &str = "unpublished_since = CASE WHEN generation > ? THEN unpublished_since ELSE NULL END, \
     applied_generation = CASE WHEN applied_generation > ? THEN applied_generation \
         WHEN generation < ? THEN generation ELSE ? END, \
     attempts = CASE WHEN refused_generation = ? THEN attempts ELSE 0 END, \
     refused_generation = NULL, refusal = NULL, refusal_type = NULL, next_attempt_at = NULL";
/// After a call that Route53 took.
const SENT: &str = "change_id = ?, sent_at = ?, in_sync_at = NULL, answered_by = NULL, answered_of = NULL, \
     answers_checked_at = NULL";
/// After none was needed: what the zone held already counts as sent and in sync; what is on its way
/// stays so.
const HELD: &str = "in_sync_at = CASE WHEN sent_at IS NULL THEN ? ELSE in_sync_at END, sent_at = COALESCE(sent_at, ?)";

async fn apply(
    tx: &Tx,
    name: &PublishedName,
    change_id: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let now = Value::from(now.as_millis());
    let (set, first) = match change_id {
        Some(id) => (SENT, id.into()),
        None => (HELD, now.clone()),
    };
    let mut values = vec![Value::from(name.generation); 5];
    values.extend([first, now, name.name.as_str().into()]);
    sql::touch(
        tx.db(),
        &format!("UPDATE names SET {APPLY}, {set} WHERE fqdn = ?"),
        values,
    )
    .await
    .map(drop)
}

/// Writes what a call left in the zone. Every send of this run has its answer now; what stays
/// pending is what an earlier one may still bring, and a late send that the caller could not know
/// of: that one bumped the generation, so the name is dirty and will be read.
async fn set_confirmed(tx: &Tx, name: &PublishedName, now: Timestamp) -> Result<(), Error> {
    for (rtype, body) in &name.sets {
        let mut entry = registry::get(tx.db(), &name.name, *rtype).await?;
        entry.confirmed.clone_from(body);
        entry
            .pending
            .retain(|send| send.until.map_or(send.fence == LATE, |until| until > now));
        registry::put(tx, entry, now).await?;
    }
    Ok(())
}

/// Writes what was read in the zone. A send that was not seen there may still come, for a while.
async fn set_read(tx: &Tx, name: &PublishedName, now: Timestamp) -> Result<(), Error> {
    for (rtype, body) in &name.sets {
        let mut entry = registry::get(tx.db(), &name.name, *rtype).await?;
        entry.confirmed.clone_from(body);
        entry
            .pending
            .retain_mut(|send| send.may_come(body.as_ref(), now));
        registry::put(tx, entry, now).await?;
    }
    Ok(())
}

/// Notes sends that the zone took after the lease was lost. Not fenced: it claims nothing about
/// what the zone holds now, only that this too may stand there and is ours. The names become dirty,
/// so the next run reads the zone first.
pub async fn record_unfenced_changes(store: &Store, names: &[PublishedName]) -> Result<(), Error> {
    store.write(|tx| late_within(tx, names)).await
}

async fn late_within(tx: Tx, names: &[PublishedName]) -> Result<(), Error> {
    let now = tx.now().await?;
    for name in in_order(names) {
        let bump = "UPDATE names SET unpublished_since = COALESCE(unpublished_since, ?), generation = generation + 1 WHERE fqdn = ?";
        sql::touch(
            tx.db(),
            bump,
            vec![now.as_millis().into(), name.name.as_str().into()],
        )
        .await?;
        note_sends(&tx, name, LATE, now).await?;
    }
    Ok(())
}

/// Records what was read in the zone as confirmed; a `None` body: nothing is there. Only for sets
/// that are ours. A send that was not seen stays pending for two minutes and [`super::list_unpublished`]
/// brings its name back now and then: it may have waited on its way longer than its sender. False:
/// the lease was lost.
pub async fn record_read(
    store: &Store,
    lease: &Lease,
    name: &PublishedName,
) -> Result<bool, Error> {
    store.write(|tx| adopt_within(tx, lease, name)).await
}

async fn adopt_within(tx: Tx, lease: &Lease, name: &PublishedName) -> Result<bool, Error> {
    let Some(now) = assert_lease(&tx, lease, 0).await? else {
        return Ok(false);
    };
    let mut differs = false;
    for (rtype, body) in &name.sets {
        differs |= registry::get(tx.db(), &name.name, *rtype).await?.confirmed != *body;
    }
    if differs {
        // A send of which nobody knows the change id: GetChange cannot be asked, so the name
        // servers must tell.
        let sql = "UPDATE names SET change_id = NULL, sent_at = ?, in_sync_at = ?, answered_by = NULL, answered_of = NULL, \
             answers_checked_at = NULL WHERE fqdn = ?";
        let values = vec![
            now.as_millis().into(),
            now.as_millis().into(),
            name.name.as_str().into(),
        ];
        sql::touch(tx.db(), sql, values).await?;
    }
    set_read(&tx, name, now).await?;
    Ok(true)
}

const MINUTE_MS: i64 = 60 * 1_000;
/// Waits before a refused name is tried again, by how often it was refused.
const BACK_OFF_MS: [i64; 4] = [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS];

/// Notes a refusal for the owner to see and sets the name aside, for 1 minute, then 5, 30, and 2
/// hours, or until its next change. `rtype`: the set it is about, while the others of the name are
/// published; `None`: the whole name. What this lease had noted as pending is taken back: nothing
/// of it is in the zone. False: the lease was lost.
pub async fn quarantine(
    store: &Store,
    lease: &Lease,
    fqdn: &str,
    generation: i64,
    rtype: Option<RecordType>,
    reason: &str,
) -> Result<bool, Error> {
    store
        .write(|tx| quarantine_within(tx, lease, fqdn, generation, rtype, reason))
        .await
}

async fn quarantine_within(
    tx: Tx,
    lease: &Lease,
    fqdn: &str,
    generation: i64,
    rtype: Option<RecordType>,
    reason: &str,
) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Before {
        attempts: i32,
        refused_generation: Option<i64>,
        applied_generation: i64,
    }
    let Some(now) = assert_lease(&tx, lease, 0).await? else {
        return Ok(false);
    };
    let look = "SELECT attempts, refused_generation, applied_generation FROM names WHERE fqdn = ?";
    let before: Option<Before> = sql::one(tx.db(), look, vec![fqdn.into()]).await?;
    // A changed name begins its waits anew; its other sets may have been confirmed a moment ago.
    let same =
        |name: &Before| name.refused_generation.unwrap_or(name.applied_generation) == generation;
    let attempts = before.filter(same).map_or(0, |name| name.attempts);
    let wait = usize::try_from(attempts)
        .ok()
        .and_then(|n| BACK_OFF_MS.get(n))
        .unwrap_or(&BACK_OFF_MS[3]);
    // Something of the name is owed, also where its other sets were just confirmed.
    let set = "UPDATE names SET applied_generation = CASE WHEN applied_generation < ? THEN applied_generation ELSE ? END, \
         unpublished_since = COALESCE(unpublished_since, ?), refused_generation = ?, refusal = ?, refusal_type = ?, attempts = ?, \
         next_attempt_at = ? WHERE fqdn = ?";
    let values = vec![
        (generation - 1).into(),
        (generation - 1).into(),
        now.as_millis().into(),
        generation.into(),
        sql::cut(reason, 2_000).into(),
        rtype.map(RecordType::as_str).into(),
        attempts.saturating_add(1).into(),
        now.plus(*wait).as_millis().into(),
        fqdn.into(),
    ];
    sql::touch(tx.db(), set, values).await?;
    for mut entry in registry::list(tx.db(), Some(&[fqdn.to_owned()])).await? {
        entry
            .pending
            .retain(|send| send.fence != lease.fence || send.until.is_some());
        registry::put(&tx, entry, now).await?;
    }
    Ok(true)
}

/// Names in the order in which everybody locks them.
fn in_order(names: &[PublishedName]) -> Vec<&PublishedName> {
    let mut sorted: Vec<&PublishedName> = names.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    sorted
}
