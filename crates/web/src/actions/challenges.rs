//! Answering DNS challenges for a user's own ACME client.

use starchart_domain::certificate::{CLIENT_VALUES_MAX, ChallengeName, ChallengeValue};
use starchart_domain::fault::{ChallengeFault, Fault, Field};
use starchart_domain::names::idn::to_unicode;
use starchart_domain::token::NamePattern;
use starchart_domain::words::WordFilter;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::client_challenges::{self, ChallengeChange, ChallengeError, ClientChallenge};

use super::{ActionError, Caller, Limit};
use crate::actor::User;

/// For how long an answer stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKept {
    /// Until the client removes it.
    UntilRemoved,
    /// Until newer ones follow: the client's protocol removes none.
    UntilFollowed,
}

/// Answers a challenge at a name, given in full. Returns whether the value is new.
pub(crate) async fn answer_challenge(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    (fqdn, value): (&str, &str),
    kept: AnswerKept,
    words: &WordFilter,
) -> Result<bool, ActionError> {
    let name = permitted_name(caller.actor, fqdn)?;
    check_words(&name, words).map_err(invalid_name)?;
    let value = ChallengeValue::parse(value).map_err(invalid_value)?;
    let wanted = match kept {
        AnswerKept::UntilRemoved => ChallengeChange::Add(&value),
        AnswerKept::UntilFollowed => ChallengeChange::Roll(&value),
    };
    change(store, queue, caller, &name, wanted).await
}

/// Removes an answer, given in full. Returns whether there was one.
pub(crate) async fn remove_answer(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    (fqdn, value): (&str, &str),
) -> Result<bool, ActionError> {
    let name = permitted_name(caller.actor, fqdn)?;
    let value = ChallengeValue::parse(value).map_err(invalid_value)?;
    change(store, queue, caller, &name, ChallengeChange::Remove(&value)).await
}

/// Makes these the answers at a name; none removes all. The caller has checked the words of the
/// name. Returns whether anything changed.
pub(super) async fn replace_answers(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    name: &ChallengeName,
    values: &[ChallengeValue],
) -> Result<bool, ActionError> {
    caller.actor.check_challenge(name.host_fqdn())?;
    change(store, queue, caller, name, ChallengeChange::Replace(values)).await
}

/// Lists the answers that the caller may change, by name and age.
pub(super) async fn list_answers(
    store: &Store,
    owner: &User,
) -> Result<Vec<ClientChallenge>, ActionError> {
    let mut answers = client_challenges::list(store, owner.id).await?;
    answers.retain(|answer| permitted_name(owner, &answer.fqdn).is_ok());
    Ok(answers)
}

/// Parses the name of a challenge that the caller may answer.
pub(super) fn permitted_name(owner: &User, fqdn: &str) -> Result<ChallengeName, ActionError> {
    let name = ChallengeName::parse(fqdn, &owner.base).map_err(invalid_name)?;
    owner.check_challenge(name.host_fqdn())?;
    Ok(name)
}

/// Returns the only challenge that the token of the caller may answer; `None` for a session, and
/// for a token that may answer none or several.
pub(crate) fn only_challenge(owner: &User) -> Option<ChallengeName> {
    let token = owner.token.as_ref()?;
    let host = match &token.rights.challenges[..] {
        [NamePattern::Name(host)] if host.is_empty() || host == "@" => owner.base.to_string(),
        [NamePattern::Name(host)] => format!("{host}.{}", owner.base),
        _ => return None,
    };
    ChallengeName::of_host(&host, &owner.base).ok()
}

/// Fails if the name has a word that is refused.
pub(super) fn check_words(name: &ChallengeName, words: &WordFilter) -> Result<(), ChallengeFault> {
    let shown = to_unicode(name.host()).unwrap_or_else(|| name.host().to_owned());
    words.check(&shown).map_err(ChallengeFault::Name)
}

async fn change(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    name: &ChallengeName,
    change: ChallengeChange<'_>,
) -> Result<bool, ActionError> {
    let audit = caller.audit_context();
    let changed = client_challenges::change(store, caller.actor.id, name, change, &audit).await;
    let is_changed = changed.map_err(|error| match error {
        ChallengeError::LimitReached => ActionError::Limit(Limit::Challenges {
            limit: CLIENT_VALUES_MAX,
        }),
        ChallengeError::Cname => invalid_name(ChallengeFault::Cname {
            fqdn: name.fqdn().to_owned(),
        }),
        ChallengeError::NameTaken => ActionError::Invalid(vec![(Field::Name, Fault::NameTaken)]),
        ChallengeError::NoUser => ActionError::NotFound,
        ChallengeError::Db(error) => ActionError::Store(error),
    })?;
    if is_changed {
        queue.wake(WakeUp::Publish);
    }
    Ok(is_changed)
}

fn invalid_name(fault: ChallengeFault) -> ActionError {
    ActionError::Invalid(vec![(Field::Name, Fault::Challenge(fault))])
}

fn invalid_value(fault: ChallengeFault) -> ActionError {
    ActionError::Invalid(vec![(Field::Value, Fault::Challenge(fault))])
}
