//! Choosing a label when the label of the user name is not available.

use starchart_domain::error::error_chain;
use starchart_domain::names::{Label, label_candidates};
use starchart_store::Store;
use starchart_store::trail::{self, Action, Entry};
use starchart_store::users::{self, ClaimError};

use super::{ActionError, Caller, Conflict};
use crate::actor::UserWithoutLabel;

/// Lists the labels that the user may choose, free or not: the label of the user name, in case it
/// has become free, and labels similar to it.
pub(crate) fn candidate_labels(user: &UserWithoutLabel) -> Vec<Label> {
    let mut labels: Vec<Label> = Label::from_username(&user.username).into_iter().collect();
    for label in label_candidates(&user.username) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// Claims one of [`candidate_labels`] for the user. Succeeds without a change when the user has a
/// label already.
pub(crate) async fn claim_label(
    store: &Store,
    caller: Caller<'_, UserWithoutLabel>,
    chosen: &str,
) -> Result<(), ActionError> {
    let user = caller.actor;
    let label = candidate_labels(user)
        .into_iter()
        .find(|label| label.as_str() == chosen)
        .ok_or(ActionError::Conflict(Conflict::LabelNotOffered))?;
    match users::claim_label(store, user.id, &label).await {
        Ok(()) => {}
        Err(ClaimError::AlreadyHas) => return Ok(()),
        Err(ClaimError::Taken) => return Err(ActionError::Conflict(Conflict::LabelTaken)),
        Err(ClaimError::Db(error)) => return Err(ActionError::Store(error)),
    }
    let entry = Entry {
        actor: Some(user.id),
        object: label.as_str(),
        detail: "chosen",
        request_id: caller.request_id,
        ..Entry::new(Action::LabelClaim)
    };
    if let Err(error) = trail::append(store, &entry).await {
        tracing::error!(
            error = error_chain(&error),
            action = entry.action.as_str(),
            "audit trail entry not written"
        );
    }
    Ok(())
}
