//! What the rows of the application before this one become: who gets which label, which names and
//! values stand, who was told.
//!
//! That application gave everybody `{user name without dots}.{root}`, two people the same where
//! their user names differ in dots only, and took values that
//! [`RecordForm`](crate::record::RecordForm) refuses. Nothing that stands in the zone is to fall
//! out of it by moving here: so names and values stay, and a rule that would refuse them is only
//! noted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::expiry::NOTICE_MS;
use crate::fault::{NameFault, ValueFault};
use crate::names::{LABEL_MAX, Label, LabelFault, NAME_MAX, OwnedName, RootDomain};
use crate::record::{MX_PREFERENCE, RecordType, RecordValue};
use crate::time::Timestamp;
use crate::txt;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct ImportedAccount {
    /// The user name as it was written.
    pub username: String,
    /// When the account was made.
    pub created_at: Timestamp,
    /// The label that this person has here already.
    pub has: Option<Label>,
}

/// Which label somebody gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelAssignment {
    /// That of the user name: their domain stays what it was.
    FromUsername(Label),
    /// Another one, which they have here already.
    AlreadyAssigned(Label),
    /// None: an older account keeps it, or somebody who is here already has or had it.
    Taken {
        /// The label.
        label: Label,
        /// The user name of whoever keeps it, when it is one of the accounts.
        by: Option<String>,
    },
    /// None: it is kept for the school.
    Reserved(String),
    /// None: it is no label.
    Invalid(String),
}

impl LabelAssignment {
    /// The label, when it is that of the user name.
    pub fn kept(&self) -> Option<&Label> {
        match self {
            Self::FromUsername(label) => Some(label),
            _ => None,
        }
    }
}

/// Deals out the labels, in the order of the accounts. The older account keeps a contested one: by
/// creation, then by user name. `taken`: labels of people who are here and have none of these
/// accounts.
pub fn assign_labels(
    accounts: &[ImportedAccount],
    taken: &BTreeSet<Label>,
) -> Vec<LabelAssignment> {
    let mut keepers: BTreeMap<Label, usize> = BTreeMap::new();
    for (at, account) in accounts.iter().enumerate() {
        if let Some(label) = &account.has {
            keepers.insert(label.clone(), at);
        }
    }
    let mut by_age: Vec<usize> = (0..accounts.len()).collect();
    by_age.sort_by_key(|at| (accounts[*at].created_at, &accounts[*at].username));
    for at in by_age {
        if accounts[at].has.is_none()
            && let Ok(label) = Label::from_username(&accounts[at].username)
            && !taken.contains(&label)
        {
            keepers.entry(label).or_insert(at);
        }
    }
    let deal = |(at, account): (usize, &ImportedAccount)| {
        let own = Label::from_username(&account.username);
        match (&account.has, own) {
            (Some(has), _) if has.as_str() == base_label(&account.username) => {
                LabelAssignment::FromUsername(has.clone())
            }
            (Some(has), _) => LabelAssignment::AlreadyAssigned(has.clone()),
            (None, Err(LabelFault::Reserved)) => {
                LabelAssignment::Reserved(base_label(&account.username))
            }
            (None, Err(LabelFault::Invalid)) => {
                LabelAssignment::Invalid(base_label(&account.username))
            }
            (None, Ok(label)) => match keepers.get(&label) {
                Some(keeper) if *keeper == at => LabelAssignment::FromUsername(label),
                keeper => LabelAssignment::Taken {
                    by: keeper.map(|at| accounts[*at].username.clone()),
                    label,
                },
            },
        }
    };
    accounts.iter().enumerate().map(deal).collect()
}

/// What stood between a person's names and the root domain, be it a label or not.
pub fn base_label(username: &str) -> String {
    username.replace('.', "").to_lowercase()
}

/// What becomes of a record's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedName {
    /// It stays.
    Kept {
        /// The full name, lower case, no trailing dot.
        fqdn: String,
        /// The rule by which the form would refuse it today.
        rule: Option<NameFault>,
    },
    /// It is a certificate challenge's; those are the program's alone.
    Challenge {
        /// The full name.
        fqdn: String,
    },
    /// It is none that a zone can hold.
    Impossible {
        /// What it would have been.
        fqdn: String,
    },
}

/// Reads `subdomain` under the domain of this user name.
pub fn import_name(
    subdomain: &str,
    username: &str,
    root: &RootDomain,
    rtype: RecordType,
) -> ImportedName {
    let (relative, base) = (subdomain.to_lowercase(), base_label(username));
    let fqdn = match relative.as_str() {
        "" | "@" => format!("{base}.{root}"),
        _ => format!("{relative}.{base}.{root}"),
    };
    if fqdn.split('.').any(|part| part == "_acme-challenge") {
        return ImportedName::Challenge { fqdn };
    }
    if fqdn.len() > NAME_MAX || !fqdn.split('.').all(is_zone_label) {
        return ImportedName::Impossible { fqdn };
    }
    let typed = if relative.is_empty() {
        "@"
    } else {
        relative.as_str()
    };
    let rule = Label::assigned(&base)
        .ok()
        .and_then(|label| OwnedName::parse(typed, &root.base(&label), rtype).err());
    ImportedName::Kept { fqdn, rule }
}

fn is_zone_label(part: &str) -> bool {
    (1..=LABEL_MAX).contains(&part.len())
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What becomes of a record's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedValue {
    /// The value in Route53's presentation format.
    pub presentation: String,
    /// The preference of an MX record.
    pub preference: Option<u16>,
    /// The rule by which the form would refuse it today.
    pub rule: Option<ValueFault>,
    /// Whether a zone can hold it. One that cannot was in the zone never, and is not now.
    pub fits_zone: bool,
}

/// Reads a value of this type. Every MX record had the preference 10.
pub fn import_value(rtype: RecordType, value: &str) -> ImportedValue {
    let preference = (rtype == RecordType::Mx).then_some(MX_PREFERENCE);
    let rule = match RecordValue::parse(rtype, value, MX_PREFERENCE) {
        Ok(value) => {
            return ImportedValue {
                presentation: value.presentation(),
                preference,
                rule: None,
                fits_zone: true,
            };
        }
        Err(fault) => Some(fault),
    };
    let presentation = match rtype {
        RecordType::A => value
            .trim()
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| address.to_string()),
        RecordType::Aaaa => value
            .trim()
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| address.to_string()),
        RecordType::Cname => host(value),
        RecordType::Mx => host(value).map(|host| format!("{MX_PREFERENCE} {host}")),
        RecordType::Txt => {
            Some(txt::encode(value)).filter(|content| content.len() <= txt::VALUE_MAX)
        }
    };
    let fits_zone = presentation.is_some();
    ImportedValue {
        presentation: presentation.unwrap_or_else(|| value.trim().to_owned()),
        preference,
        rule,
        fits_zone,
    }
}

/// A target as a zone may hold it, also one that no server can be found by.
fn host(value: &str) -> Option<String> {
    let host = value.trim().trim_end_matches('.').to_ascii_lowercase();
    (host.len() <= NAME_MAX && host.split('.').all(is_zone_label)).then(|| format!("{host}."))
}

/// What has ended at the time of the move goes on for so long, in milliseconds, and its person is
/// told once.
pub const EXPIRED_AT_IMPORT_GRACE_MS: i64 = NOTICE_MS;

/// How long a record lives on, and what its person knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportedExpiry {
    /// To its end; nobody was told yet.
    NotNotified,
    /// To its end, of which its person was told at that moment.
    Notified(Timestamp),
    /// It has ended already.
    Expired,
}

/// Reads what is left of a life that ends at `expires_at`. Editing left `last_notified` as it was:
/// a mail of long before was of another end.
pub fn classify_expiry(
    expires_at: Timestamp,
    last_notified: Option<Timestamp>,
    now: Timestamp,
) -> ImportedExpiry {
    if expires_at <= now {
        return ImportedExpiry::Expired;
    }
    // A life is six months, a mail comes 30 days before its end: anywhere between tells the two
    // apart.
    match last_notified {
        Some(at) if at >= expires_at.plus(-2 * NOTICE_MS) => ImportedExpiry::Notified(at),
        _ => ImportedExpiry::NotNotified,
    }
}

impl fmt::Display for LabelAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelAssignment::FromUsername(label) => write!(f, "keeps the name {label}"),
            Self::AlreadyAssigned(label) => write!(f, "has the name {label} here already"),
            Self::Taken {
                label,
                by: Some(by),
            } => {
                write!(f, "the name {label} stays with the older account {by}")
            }
            Self::Taken { label, by: None } => {
                write!(
                    f,
                    "the name {label} belongs to somebody who is here already"
                )
            }
            Self::Reserved(text) => write!(f, "the name {text} is kept for the school"),
            Self::Invalid(text) => write!(f, "{text} can be no name here"),
        }
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
