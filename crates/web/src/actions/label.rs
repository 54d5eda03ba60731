//! Claiming a label: that of the user name, or one that the user chooses.

use starchart_domain::input::clean_line;
use starchart_domain::names::{Label, ReservedLabels, label_candidates};
use starchart_domain::user::UserId;
use starchart_store::Store;
use starchart_store::trail::{Action, TrailEntry};
use starchart_store::users::{self, ClaimError, User};

use super::{ActionError, Caller, Conflict, append_to_trail};
use crate::actor::UserWithoutLabel;

/// Lists the labels that the user may choose, free or not: the label of the user name, in case it
/// has become free, and labels similar to it.
pub(crate) fn candidate_labels(user: &UserWithoutLabel, reserved: &ReservedLabels) -> Vec<Label> {
    let own = Label::from_username(&user.username, reserved);
    let mut labels: Vec<Label> = own.into_iter().collect();
    for label in label_candidates(&user.username, reserved) {
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
    reserved: &ReservedLabels,
) -> Result<(), ActionError> {
    let user = caller.actor;
    let chosen = clean_line(chosen);
    let label = candidate_labels(user, reserved)
        .into_iter()
        .find(|label| label.as_str() == chosen)
        .ok_or(ActionError::Conflict(Conflict::LabelNotOffered))?;
    match users::claim_label(store, user.id, &label).await {
        Ok(()) => {}
        Err(ClaimError::AlreadyHas) => return Ok(()),
        Err(ClaimError::Taken) => return Err(ActionError::Conflict(Conflict::LabelTaken)),
        Err(ClaimError::Db(error)) => return Err(ActionError::Store(error)),
    }
    append_claim(store, user.id, &label, "chosen", caller.request_id).await;
    Ok(())
}

/// Claims the label of the user name at the first sign-in, when it is free, and returns the user
/// with the label. Otherwise the user has none yet and has to choose one.
pub(crate) async fn claim_default_label(
    store: &Store,
    user: User,
    reserved: &ReservedLabels,
    request_id: &str,
) -> Result<User, ActionError> {
    if user.label.is_some() {
        return Ok(user);
    }
    let Ok(label) = Label::from_username(&user.username, reserved) else {
        return Ok(user);
    };
    match users::claim_label(store, user.id, &label).await {
        Ok(()) => {
            append_claim(store, user.id, &label, "", request_id).await;
            Ok(User {
                label: Some(label),
                ..user
            })
        }
        Err(ClaimError::Taken) => Ok(user),
        // Another request of the user claimed one a moment ago.
        Err(ClaimError::AlreadyHas) => users::get(store, user.id)
            .await?
            .ok_or(ActionError::NotFound),
        Err(ClaimError::Db(error)) => Err(ActionError::Store(error)),
    }
}

async fn append_claim(store: &Store, user: UserId, label: &Label, detail: &str, request_id: &str) {
    let entry = TrailEntry {
        actor: Some(user),
        object: label.as_str(),
        detail,
        request_id,
        ..TrailEntry::new(Action::LabelClaim)
    };
    append_to_trail(store, &entry).await;
}
