//! Creating several records at once: all of them, or none.

use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{NewRecord, RecordForm};
use starchart_domain::words::WordFilter;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{self, RecordChange};

use super::records::{action_error, saved_beside};
use super::{ActionError, Caller, RecordRules, SavedRecord};

/// Why none of several records was saved.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The caller has to correct records, each given with its index and its faults.
    Invalid(Vec<(usize, Vec<(Field, Fault)>)>),
    /// The whole was refused, or failed.
    Refused(ActionError),
}

impl From<ActionError> for BatchError {
    fn from(error: ActionError) -> Self {
        Self::Refused(error)
    }
}

/// Creates all records, or none.
pub(crate) async fn create_records(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    forms: &[RecordForm],
    rules: RecordRules<'_>,
) -> Result<Vec<SavedRecord>, BatchError> {
    let owner = caller.actor;
    let news = check(forms, caller, rules.words)?;
    rules
        .caa
        .check(store, owner, &[], &news.iter().collect::<Vec<_>>())
        .await?;
    let changes: Vec<RecordChange<'_>> = news.iter().map(RecordChange::Create).collect();
    let audit = caller.audit_context();
    let applied = records::apply(store, owner.id, &changes, rules.limit, &audit).await;
    let created = applied.map_err(|refused| {
        let Some(new) = news.get(refused.index) else {
            return BatchError::Refused(ActionError::NotFound);
        };
        match action_error(refused.error, Some(new)) {
            ActionError::Invalid(faults) => BatchError::Invalid(vec![(refused.index, faults)]),
            other => BatchError::Refused(other),
        }
    })?;
    queue.wake(WakeUp::Publish);
    // The records are saved: without the others only warnings are missing.
    let all = records::list(store, owner.id).await.unwrap_or_default();
    let saved = created.into_iter().zip(&news);
    Ok(saved
        .map(|(record, new)| saved_beside(&all, owner, record, new))
        .collect())
}

fn check(
    forms: &[RecordForm],
    caller: Caller<'_>,
    words: &WordFilter,
) -> Result<Vec<NewRecord>, BatchError> {
    let mut news = Vec::with_capacity(forms.len());
    let mut faulty = Vec::new();
    for (at, form) in forms.iter().enumerate() {
        match form.check(&caller.actor.base, words) {
            Ok(new) => news.push(new),
            Err(faults) => faulty.push((at, faults)),
        }
    }
    match faulty.is_empty() {
        true => Ok(news),
        false => Err(BatchError::Invalid(faulty)),
    }
}
