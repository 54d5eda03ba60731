//! Waiting until the zone shows a change.

use std::time::Duration;

use starchart_store::Store;
use starchart_store::records::{self, NameProgress};
use tokio::time::Instant;

use super::super::ActionError;
use crate::actor::User;

/// For how long a caller waits at most.
const LIMIT: Duration = Duration::from_secs(20);
/// The wait between two looks at the rows.
const INTERVAL: Duration = Duration::from_millis(200);

/// Waits until all servers of the zone have these names as they are in the database, for at most
/// 20 seconds. Returns whether they have; false at once when the zone refuses a name.
pub(crate) async fn wait_until_in_sync(
    store: &Store,
    owner: &User,
    fqdns: &[String],
) -> Result<bool, ActionError> {
    let until = Instant::now() + LIMIT;
    loop {
        match records::progress_of_names(store, owner.id, fqdns).await? {
            NameProgress::InSync => return Ok(true),
            NameProgress::Refused => return Ok(false),
            NameProgress::Pending if Instant::now() >= until => return Ok(false),
            NameProgress::Pending => tokio::time::sleep(INTERVAL).await,
        }
    }
}
