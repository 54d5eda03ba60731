//! What holds for names: the operator's lists with the entries that admins added.

use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Counts the changes by this process.
    changes: AtomicU64,
}

impl NameRulesCache {
    /// Makes the cache; `contact` is whom to ask about a refused word.
    pub(crate) fn new(lists: NameLists, contact: Option<String>) -> Self {
        Self {
            lists,
            contact,
            latest: Mutex::new(None),
            changes: AtomicU64::new(0),
        }
    }

    /// Returns the rules that hold now.
    pub(crate) async fn get(&self, store: &Store) -> Result<Arc<NameRules>, Error> {
        if let Some((read_at, rules)) = &*self.latest.lock().unwrap_or_else(PoisonError::into_inner)
            && read_at.elapsed() < FRESH_FOR
        {
            return Ok(Arc::clone(rules));
        }
        let (read_at, changes) = (Instant::now(), self.changes.load(Ordering::SeqCst));
        let added = words::list_entries(store).await?;
        let entries = added.iter().map(|(kind, entry)| (*kind, entry.as_str()));
        let rules = Arc::new(NameRules::new(&self.lists, entries, self.contact.clone()));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // What was read during a change may be outdated.
        if self.changes.load(Ordering::SeqCst) == changes {
            *latest = Some((read_at, Arc::clone(&rules)));
        }
        Ok(rules)
    }

    /// Forgets what was read, because an entry was added or removed.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
