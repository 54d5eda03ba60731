//! What holds for names: the operator's lists with the entries that admins added.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use starchart_domain::words::{NameLists, NameRules};
use starchart_store::{Error, Store, words};

/// For how long rules are used before the entries are read again: a change by another process
/// holds here within this time.
const FRESH_FOR: Duration = Duration::from_millis(500);

/// The rules for names, with entries that were read a moment ago.
pub(crate) struct NameRulesCache {
    pub(crate) lists: NameLists,
    contact: Option<String>,
    /// The rules, and when their entries were read.
    latest: Mutex<Option<(Instant, Arc<NameRules>)>>,
}

impl NameRulesCache {
    /// Makes the cache; `contact` is whom to ask about a refused word.
    pub(crate) fn new(lists: NameLists, contact: Option<String>) -> Self {
        Self {
            lists,
            contact,
            latest: Mutex::new(None),
        }
    }

    /// Returns the rules that hold now.
    pub(crate) async fn get(&self, store: &Store) -> Result<Arc<NameRules>, Error> {
        if let Some((read_at, rules)) = &*self.latest.lock().unwrap_or_else(PoisonError::into_inner)
            && read_at.elapsed() < FRESH_FOR
        {
            return Ok(Arc::clone(rules));
        }
        let read_at = Instant::now();
        let added = words::list_entries(store).await?;
        let entries = added.iter().map(|(kind, entry)| (*kind, entry.as_str()));
        let rules = Arc::new(NameRules::new(&self.lists, entries, self.contact.clone()));
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((read_at, Arc::clone(&rules)));
        Ok(rules)
    }

    /// Forgets what was read, because an entry was added or removed.
    pub(crate) fn forget(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
