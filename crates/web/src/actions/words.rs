//! Adding to the lists of words and labels, and removing from them.

use std::collections::BTreeSet;
use std::fmt;

use starchart_domain::names::{Label, RootDomain};
use starchart_domain::plural::pluralize;
use starchart_domain::words::{EntryFault, ListKind, NameRules, Source};
use starchart_store::admin::{self, ADDED_WORDS_MAX, Addition, Admin};
use starchart_store::{Error, Store};

use super::Caller;

/// Why an entry was not added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WordError {
    /// The admin has to enter something else, or to confirm.
    #[error("{0}")]
    Refused(WordRefusal),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why an entry is not added to a list. Displays as a sentence for the admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WordRefusal {
    /// It is no entry of such a list.
    Entry(EntryFault),
    /// An admin has added it to this list, or to another one.
    Listed { entry: String, kind: ListKind },
    /// The word or phrase is allowed already.
    Allowed { entry: String },
    /// The word is refused, or the label reserved, already.
    Held { entry: String, source: Source },
    /// No name is refused for what would be allowed.
    NothingToAllow { entry: String },
    /// Records have the word in their names; the caller may repeat the action with the entry as
    /// confirmation.
    InUse {
        entry: String,
        records: u64,
        users: u64,
    },
    /// There are as many entries as allowed.
    Full,
}

impl From<WordRefusal> for WordError {
    fn from(refusal: WordRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Adds an entry to a list and returns it as it is stored. `names` holds the rules of this moment,
/// `confirmed` the entry that the admin adds although records have it in their names.
pub(crate) async fn add_word(
    store: &Store,
    caller: Caller<'_, Admin>,
    (names, root): (&NameRules, &RootDomain),
    (kind, text): (ListKind, &str),
    confirmed: Option<&str>,
) -> Result<String, WordError> {
    let entry = kind.parse_entry(text).map_err(WordRefusal::Entry)?;
    if let Some(refusal) = find_refusal(names, kind, &entry) {
        return Err(refusal.into());
    }
    let admin = caller.actor;
    if kind == ListKind::Refused && confirmed != Some(&entry) {
        let words = names.words.clone().refusing(&entry);
        let mut in_use = admin::list_names_in_use(store, admin, root, &words).await?;
        in_use.retain(|name| name.word == entry);
        if !in_use.is_empty() {
            let users: BTreeSet<&str> = in_use.iter().map(|name| name.username.as_str()).collect();
            let refusal = WordRefusal::InUse {
                records: in_use.iter().map(|name| name.records).sum(),
                users: users.len() as u64,
                entry,
            };
            return Err(refusal.into());
        }
    }
    match admin::add_word(store, admin, kind, &entry, caller.request_id).await? {
        Addition::Added => Ok(entry),
        Addition::Listed(kind) => Err(WordRefusal::Listed { entry, kind }.into()),
        Addition::Full => Err(WordRefusal::Full.into()),
    }
}

/// Returns why an entry would change nothing.
fn find_refusal(names: &NameRules, kind: ListKind, entry: &str) -> Option<WordRefusal> {
    let entry = entry.to_owned();
    let held = |source| match source {
        Source::Admin => WordRefusal::Listed {
            entry: entry.clone(),
            kind,
        },
        source => WordRefusal::Held {
            entry: entry.clone(),
            source,
        },
    };
    match kind {
        ListKind::Refused => {
            let found = names.words.find_word(&entry)?;
            Some(held(found.source))
        }
        ListKind::Reserved => {
            let label = Label::parse(&entry).ok()?;
            names.reserved.find(&label).map(held)
        }
        ListKind::Allowed if names.words.allows(&entry) => Some(WordRefusal::Allowed { entry }),
        ListKind::Allowed => {
            let mut words = entry.split('-');
            let is_refused = words.any(|word| names.words.find_word(word).is_some());
            (!is_refused).then_some(WordRefusal::NothingToAllow { entry })
        }
    }
}

/// Removes an entry; `None` when another admin has removed it.
pub(crate) async fn remove_word(
    store: &Store,
    caller: Caller<'_, Admin>,
    id: i64,
) -> Result<Option<(ListKind, String)>, Error> {
    admin::remove_word(store, caller.actor, id, caller.request_id).await
}

/// Returns which list that is, as the end of a sentence.
pub(crate) fn describe_source(source: Source) -> &'static str {
    match source {
        Source::BuiltIn => "on the list that comes with the program",
        Source::File => "on the operator's list",
        Source::Admin => "on the list that admins have made here",
    }
}

impl fmt::Display for WordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(fault) => {
                let text = fault.to_string();
                let mut letters = text.chars();
                let first = letters.next().map(|c| c.to_uppercase().to_string());
                write!(f, "{}{}.", first.unwrap_or_default(), letters.as_str())
            }
            Self::Listed { entry, kind } => {
                let list = match kind {
                    ListKind::Allowed => "allowed words",
                    ListKind::Refused => "refused words",
                    ListKind::Reserved => "reserved labels",
                };
                write!(f, "“{entry}” is already among the {list} below.")
            }
            Self::Allowed { entry } => write!(f, "“{entry}” is already allowed."),
            Self::Held { entry, source } => {
                write!(f, "“{entry}” is already {}.", describe_source(*source))
            }
            Self::NothingToAllow { entry } => {
                write!(
                    f,
                    "No word of “{entry}” is refused, so there is nothing to allow."
                )
            }
            Self::InUse {
                entry,
                records,
                users,
            } => write!(
                f,
                "{} of {} {} “{entry}” in the name. What is there stays: it can be renewed and \
                 deleted, and edited under their name, but not created again.",
                pluralize(*records, "record", "records"),
                pluralize(*users, "user", "users"),
                if *records == 1 { "has" } else { "have" },
            ),
            Self::Full => write!(
                f,
                "There are {ADDED_WORDS_MAX} entries already. Remove some, or let the operator \
                 move them into a file (WORD_LISTS_PATH)."
            ),
        }
    }
}
