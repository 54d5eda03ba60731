//! Asking what the world answers for a record.

use starchart_domain::record::RecordId;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::{Store, lookups};

use super::records::find_record;
use super::{ActionError, Caller};

/// Has name servers and resolvers asked for one of the caller's records, unless they were asked a
/// moment ago.
pub(crate) async fn request_lookup(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    id: RecordId,
) -> Result<(), ActionError> {
    let record = find_record(store, caller.actor, id).await?;
    if lookups::request(store, &record.name, record.rtype).await? {
        queue.wake(WakeUp::Lookup);
    }
    Ok(())
}
