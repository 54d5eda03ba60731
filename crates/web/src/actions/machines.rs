//! Machines that fetch the user's certificate.

use starchart_domain::machine::MachineName;
use starchart_store::Store;
use starchart_store::machines::{self, Fetch};

/// A machine of a user; a channel names it from here.
pub(crate) use starchart_store::machines::Machine;

use super::{ActionError, Caller, Certificate};
use crate::actor::User;

/// Stores that the machine that calls itself so has this certificate. Only a program is a machine:
/// without a token, nothing is stored.
pub(crate) async fn record_fetch(
    store: &Store,
    owner: &User,
    machine: &MachineName,
    certificate: &Certificate,
) {
    if let Some(token) = &owner.token {
        let fetch = Fetch {
            owner: owner.id,
            token: token.id,
            machine,
            certificate: certificate.id,
        };
        machines::record_fetch(store, fetch).await;
    }
}

/// Lists the machines that fetch the user's certificate, the one seen last first.
pub(crate) async fn list_machines(
    store: &Store,
    owner: &User,
) -> Result<Vec<Machine>, ActionError> {
    owner.check_session()?;
    Ok(machines::list(store, owner.id).await?)
}

/// Forgets a machine, until it fetches again. Returns its name.
pub(crate) async fn remove_machine(
    store: &Store,
    caller: Caller<'_>,
    id: i64,
) -> Result<String, ActionError> {
    caller.actor.check_session()?;
    let removed = machines::remove(store, caller.actor.id, id, &caller.audit_context()).await?;
    removed.ok_or(ActionError::NotFound)
}
