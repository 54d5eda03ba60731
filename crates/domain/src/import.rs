//! Conversion of the original application's rows: labels, names, values and notices.
//!
//! The original gave each user `{user name without dots}.{root}`, so that users whose names differ
//! in dots only shared a domain, and accepted values that
//! [`RecordForm`](crate::record::RecordForm) refuses. The import must not remove anything from the
//! zone: names and values are kept, and the rule that would refuse them is only reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::expiry::NOTICE_MS;
use crate::fault::{Fault, Field, NameFault, ValueFault};
use crate::names::{LABEL_MAX, Label, LabelFault, NAME_MAX, ReservedLabels, RootDomain};
use crate::record::{RecordType, RecordValue};
use crate::time::Timestamp;
use crate::txt;

/// A user's account in the original application.
#[derive(Debug, Clone)]
pub struct ImportedAccount {
    /// The user name as the original stores it.
    pub username: String,
    /// When the account was created.
    pub created_at: Timestamp,
    /// The label that this user already has in Starchart.
    pub existing_label: Option<Label>,
}

/// Which label an imported user gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelAssignment {
    /// The label of the user name, so that the domain stays the same.
    FromUsername(Label),
    /// Another label, which the user already has in Starchart.
    AlreadyAssigned(Label),
    /// None: an older account keeps the label, or another user of Starchart has or had it.
    Taken {
        /// The label of the user name.
        label: Label,
        /// The user name of the account that keeps it, if it is an imported one.
        by: Option<String>,
    },
    /// None: the label is reserved for the school.
    Reserved(String),
    /// None: the user name does not give a valid label.
    Invalid(String),
}

impl LabelAssignment {
    /// Returns the label if it is that of the user name.
    pub fn derived_label(&self) -> Option<&Label> {
        match self {
            Self::FromUsername(label) => Some(label),
            _ => None,
        }
    }
}

/// Assigns labels to accounts and returns them in the same order. Of several accounts with the same
/// label the oldest keeps it: by creation, then by user name. `taken` holds the labels of
/// Starchart's users that have none of these accounts.
pub fn assign_labels(
    accounts: &[ImportedAccount],
    taken: &BTreeSet<Label>,
    reserved: &ReservedLabels,
) -> Vec<LabelAssignment> {
    let mut owners: BTreeMap<Label, usize> = BTreeMap::new();
    for (at, account) in accounts.iter().enumerate() {
        if let Some(label) = &account.existing_label {
            owners.insert(label.clone(), at);
        }
    }
    let mut by_age: Vec<usize> = (0..accounts.len()).collect();
    by_age.sort_by_key(|at| (accounts[*at].created_at, &accounts[*at].username));
    for at in by_age {
        if accounts[at].existing_label.is_none()
            && let Ok(label) = Label::from_username(&accounts[at].username, reserved)
            && !taken.contains(&label)
        {
            owners.entry(label).or_insert(at);
        }
    }
    let assignment = |(at, account): (usize, &ImportedAccount)| {
        let own = Label::from_username(&account.username, reserved);
        match (&account.existing_label, own) {
            (Some(label), _) if label.as_str() == base_label(&account.username) => {
                LabelAssignment::FromUsername(label.clone())
            }
            (Some(label), _) => LabelAssignment::AlreadyAssigned(label.clone()),
            (None, Err(LabelFault::Reserved)) => {
                LabelAssignment::Reserved(base_label(&account.username))
            }
            (None, Err(LabelFault::Invalid)) => {
                LabelAssignment::Invalid(base_label(&account.username))
            }
            (None, Ok(label)) => match owners.get(&label) {
                Some(owner) if *owner == at => LabelAssignment::FromUsername(label),
                owner => LabelAssignment::Taken {
                    by: owner.map(|at| accounts[*at].username.clone()),
                    label,
                },
            },
        }
    };
    accounts.iter().enumerate().map(assignment).collect()
}

/// Returns the part of the original's names before the root domain, whether it is a valid label or
/// not.
pub fn base_label(username: &str) -> String {
    username.replace('.', "").to_lowercase()
}

/// How a record's name is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedName {
    /// The name is kept.
    Kept {
        /// The fqdn: lower case, no trailing dot.
        fqdn: String,
        /// The rule by which the form would refuse it now.
        rule: Option<NameFault>,
    },
    /// A certificate challenge's name; users may not have records there.
    Challenge {
        /// The fqdn that was skipped.
        fqdn: String,
    },
    /// A name that a zone cannot hold.
    Impossible {
        /// The fqdn that was skipped.
        fqdn: String,
    },
}

/// Converts the column `subdomain` of a user's record.
pub fn import_name(
    subdomain: &str,
    username: &str,
    root: &RootDomain,
    rtype: RecordType,
) -> ImportedName {
    let relative = subdomain.to_lowercase();
    let base = base_label(username);
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
    let input = if relative.is_empty() {
        "@"
    } else {
        relative.as_str()
    };
    let rule = Label::parse(&base)
        .ok()
        .and_then(|label| rtype.parse_name(input, &root.base(&label)).err());
    ImportedName::Kept { fqdn, rule }
}

fn is_zone_label(part: &str) -> bool {
    (1..=LABEL_MAX).contains(&part.len())
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// How a record's value is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedValue {
    /// The value in presentation format.
    pub presentation: String,
    /// The rule by which the form would refuse it now.
    pub rule: Option<ValueFault>,
    /// Whether a zone can hold the value. One that does not fit was never in the zone.
    pub fits_zone: bool,
}

/// Returns a value in canonical form that a zone can hold, if there is one.
type Convert = fn(&str) -> Option<String>;

/// The record types of the original, and how a value that the form would refuse is converted. The
/// original gave every MX record the preference 10.
const ORIGINAL_TYPES: [(RecordType, Convert); 5] = [
    (RecordType::A, |value| RecordType::A.canonicalize(value)),
    (RecordType::Aaaa, |value| {
        RecordType::Aaaa.canonicalize(value)
    }),
    (RecordType::Cname, host),
    (RecordType::Mx, |value| Some(format!("10 {}", host(value)?))),
    (RecordType::Txt, |value| {
        Some(txt::encode(value)).filter(|encoded| encoded.len() <= txt::VALUE_MAX)
    }),
];

/// Parses a type of the original's column `type`; `None` for any other.
pub fn parse_original_type(text: &str) -> Option<RecordType> {
    let mut types = ORIGINAL_TYPES.into_iter().map(|(rtype, _)| rtype);
    types.find(|rtype| rtype.as_str() == text)
}

/// Converts the value of a record.
pub fn import_value(rtype: RecordType, value: &str) -> ImportedValue {
    let rule = match RecordValue::parse(rtype, value, |_| "") {
        Ok(value) => {
            return ImportedValue {
                presentation: value.presentation().to_owned(),
                rule: None,
                fits_zone: true,
            };
        }
        Err(faults) => faults.into_iter().find_map(|fault| match fault {
            (Field::Value, Fault::Value(fault)) => Some(fault),
            _ => None,
        }),
    };
    let mut types = ORIGINAL_TYPES.iter();
    let convert = types.find(|(original, _)| *original == rtype);
    let presentation = convert.and_then(|(_, convert)| convert(value));
    let fits_zone = presentation.is_some();
    ImportedValue {
        presentation: presentation.unwrap_or_else(|| value.trim().to_owned()),
        rule,
        fits_zone,
    }
}

/// Formats a target that a zone can hold, even if no host has this name.
fn host(value: &str) -> Option<String> {
    let host = value.trim().trim_end_matches('.').to_ascii_lowercase();
    (host.len() <= NAME_MAX && host.split('.').all(is_zone_label)).then(|| format!("{host}."))
}

/// How long a record that has expired before the import is kept, in milliseconds. Its owner gets
/// one notice.
pub const EXPIRED_AT_IMPORT_GRACE_MS: i64 = NOTICE_MS;

/// The expiry of an imported record, and whether its owner was notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportedExpiry {
    /// Not expired; the owner was not notified.
    NotNotified,
    /// Not expired; the owner was notified at this time.
    Notified(Timestamp),
    /// Expired before the import.
    Expired,
}

/// Classifies the expiry of an imported record. The original did not clear `last_notified` when a
/// record was edited, so an old value is about an earlier expiry.
pub fn classify_expiry(
    expires_at: Timestamp,
    last_notified: Option<Timestamp>,
    now: Timestamp,
) -> ImportedExpiry {
    if expires_at <= now {
        return ImportedExpiry::Expired;
    }
    // Records live for six months and the mail is sent 30 days before the expiry: any time in
    // between separates the two cases.
    match last_notified {
        Some(at) if at >= expires_at.plus(-2 * NOTICE_MS) => ImportedExpiry::Notified(at),
        _ => ImportedExpiry::NotNotified,
    }
}

impl fmt::Display for LabelAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelAssignment::FromUsername(label) => write!(f, "keeps the name {label}"),
            Self::AlreadyAssigned(label) => write!(f, "already has the name {label}"),
            Self::Taken {
                label,
                by: Some(by),
            } => {
                write!(f, "the name {label} stays with the older account {by}")
            }
            Self::Taken { label, by: None } => {
                write!(f, "the name {label} belongs to another user")
            }
            Self::Reserved(text) => write!(f, "the name {text} is kept for the school"),
            Self::Invalid(text) => write!(f, "{text} is not a valid name"),
        }
    }
}

#[cfg(test)]
mod tests;
