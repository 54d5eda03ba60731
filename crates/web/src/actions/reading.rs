//! What a user can read; a token reads only what its rights cover.

use starchart_domain::record::RecordId;
use starchart_domain::token::TokenRights;
use starchart_store::{Store, certificates, records, users};

use super::scope::retain_readable;
use super::{ActionError, records as record_actions};
use crate::actor::User;

/// Rows that channels render.
pub(crate) use starchart_store::certificates::{Certificate, OrderView, Overview};
pub(crate) use starchart_store::records::{
    HistoryAction, HistoryEntry, HistoryFilter, HistoryId, Record, RecordVersion,
};

/// What is known about a user.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: users::User,
    /// The records that count against the limit; for a token those that it may read.
    pub(crate) records: u32,
}

/// Lists the user's records by name, type and id.
pub(crate) async fn list_records(store: &Store, owner: &User) -> Result<Vec<Record>, ActionError> {
    let mut all = records::list(store, owner.id).await?;
    retain_readable(owner, &mut all);
    Ok(all)
}

/// Finds a record of the user.
pub(crate) async fn read_record(
    store: &Store,
    owner: &User,
    id: RecordId,
) -> Result<Record, ActionError> {
    record_actions::find_record(store, owner, id).await
}

/// Lists changes of the user's records, the newest first: those of the next `limit` ones that may
/// be read, and where to go on.
pub(crate) async fn list_changes(
    store: &Store,
    owner: &User,
    filter: HistoryFilter,
    limit: u32,
) -> Result<(Vec<HistoryEntry>, Option<HistoryId>), ActionError> {
    let more = u64::from(limit) + 1;
    let mut entries = records::list_history(store, owner.id, filter, more).await?;
    let next = entries.get(limit as usize).map(|entry| entry.id);
    entries.truncate(limit as usize);
    entries.retain(|entry| owner.may_read_change(entry));
    Ok((entries, next))
}

/// Loads the user's active certificate and order, to show their state.
pub(crate) async fn load_certificate(store: &Store, owner: &User) -> Result<Overview, ActionError> {
    owner.check_certificate(TokenRights::may_read_certificate_state)?;
    Ok(certificates::load_overview(store, owner.id).await?)
}

/// Loads what is known about the user.
pub(crate) async fn load_account(store: &Store, owner: &User) -> Result<Account, ActionError> {
    let user = users::get(store, owner.id).await?;
    let records = match &owner.token {
        None => records::count(store, owner.id).await?,
        Some(_) => {
            let readable = list_records(store, owner).await?;
            u32::try_from(readable.len()).unwrap_or(u32::MAX)
        }
    };
    Ok(Account {
        user: user.ok_or(ActionError::NotFound)?,
        records,
    })
}
