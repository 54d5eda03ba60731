//! The plan: the result of an audit, which an operator can read, identify by its hash, and approve.
//!
//! | line | finding                                       | action                            |
//! |------|-----------------------------------------------|-----------------------------------|
//! | `+`  | a desired RRset is not in the zone            | publish creates it                |
//! | `-`  | an owned RRset is not desired                 | publish deletes its exact content |
//! | `~`  | an owned RRset differs from the desired one   | publish replaces its content      |
//! | `=`  | a desired RRset is in the zone, but not owned | none; adoption makes it owned     |

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use starchart_domain::plan::{PublishedName, RrsetChange};
use starchart_domain::plural::pluralize;
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};

/// The number of differences that are always repaired without an operator's approval.
const AUTOMATIC_CHANGES: usize = 10;
/// The share of owned RRsets, in percent, up to which differences are repaired automatically.
const AUTOMATIC_PERCENT: usize = 30;
/// The minimum of hash digits that identify a plan.
pub const HASH_MIN_LEN: usize = 8;
/// The number of hash digits that are printed.
const SHORT_HASH_LEN: usize = 12;

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The domain of the zone.
    pub zone: String,
    /// The changes that make the zone match the database, by name.
    pub changes: Vec<(String, Vec<RrsetChange>)>,
    /// Desired RRsets that are in the zone but not in the ownership registry.
    pub unclaimed: Vec<Rrset>,
    /// Changes of unpublished names and of names that changed during the listing. Like `blocked`
    /// and `refused`, they need no approval.
    pub unpublished: Vec<(String, Vec<RrsetChange>)>,
    /// Unpublished changes that the provider would refuse because of a foreign RRset.
    pub blocked: Vec<BlockedRrset>,
    /// Unpublished changes that the provider has refused.
    pub refused: Vec<RefusedChanges>,
    /// Owned RRsets that are neither desired nor in the zone.
    pub missing: Vec<(String, RecordType)>,
    /// Name and type of all other RRsets that are not ours. Never changed.
    pub foreign: Vec<(String, String)>,
    /// Simple RRsets under users' labels that are neither desired nor ours. Only reported.
    pub orphans: Vec<Orphan>,
    /// The number of RRsets in the zone.
    pub listed: usize,
    /// The number of RRsets in the ownership registry.
    pub owned: usize,
    /// The number of RRsets that the database wants.
    pub desired: usize,
}

/// A simple RRset under a user's label that is neither desired nor in the ownership registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// The FQDN in lower case.
    pub name: String,
    /// The record type of the RRset.
    pub rtype: RecordType,
    /// TTL and values in the zone.
    pub body: RrsetData,
}

impl Orphan {
    /// Returns the values, separated by commas.
    pub fn joined_values(&self) -> String {
        joined(&self.body)
    }
}

/// A desired RRset that cannot be created because of a foreign RRset at its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedRrset {
    /// The RRset to create.
    pub desired: Rrset,
    /// Type and values of the foreign RRset.
    pub blocked_by: String,
    /// Whether adoption would add the foreign RRset to the ownership registry.
    pub is_adoptable: bool,
}

impl BlockedRrset {
    /// Formats the RRset and what blocks it as one line.
    pub fn line(&self) -> String {
        let Rrset { name, rtype, body } = &self.desired;
        format!(
            "+ {name} {rtype} {}, blocked by {}",
            joined(body),
            self.blocked_by
        )
    }
}

/// The changes of a name that the provider refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChanges {
    /// The FQDN in lower case.
    pub name: String,
    /// The reason, as shown to the owner.
    pub reason: String,
    /// The changes that publish would make.
    pub changes: Vec<RrsetChange>,
}

impl RefusedChanges {
    /// Formats one line for each change.
    pub fn lines(&self) -> Vec<String> {
        self.changes
            .iter()
            .map(|change| format!("{}: {}", line(&self.name, change), self.reason))
            .collect()
    }
}

/// The number of differences by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Differences {
    /// The number of RRsets to create.
    pub creates: usize,
    /// The number of RRsets to delete.
    pub deletes: usize,
    /// The number of RRsets to replace.
    pub replaces: usize,
    /// The number of desired RRsets in the zone that are not in the ownership registry.
    pub unclaimed: usize,
}

impl Differences {
    /// Counts the differences that change the zone.
    pub fn changes(self) -> usize {
        self.creates + self.deletes + self.replaces
    }

    /// Counts all differences, including unclaimed RRsets.
    pub fn total(self) -> usize {
        self.changes() + self.unclaimed
    }
}

/// Whether a plan needs an operator's approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The plan changes nothing in the zone.
    NotNeeded,
    /// The plan is small enough to be carried out without an operator.
    Automatic,
    /// An operator has to approve the plan, for this reason.
    Required(String),
}

impl Plan {
    /// Counts the differences by kind.
    pub fn differences(&self) -> Differences {
        let mut found = Differences {
            unclaimed: self.unclaimed.len(),
            ..Differences::default()
        };
        for change in self.changes.iter().flat_map(|(_, changes)| changes) {
            match change {
                RrsetChange::Create(_) => found.creates += 1,
                RrsetChange::Delete(_) => found.deletes += 1,
                RrsetChange::Replace { .. } => found.replaces += 1,
            }
        }
        found
    }

    /// Returns the maximum of changes that are made without an operator's approval.
    pub fn automatic_limit(&self) -> usize {
        AUTOMATIC_CHANGES.max(self.owned * AUTOMATIC_PERCENT / 100)
    }

    /// Decides whether an operator has to approve the plan. Unclaimed RRsets do not count, because
    /// they are only reported.
    pub fn approval(&self) -> Approval {
        let found = self.differences();
        match found.changes() {
            0 => Approval::NotNeeded,
            _ if found.deletes > 0 && self.desired == 0 => Approval::Required(format!(
                "the database has no records, but the zone holds {} of ours",
                pluralize(found.deletes, "RRset", "RRsets")
            )),
            changes if changes > self.automatic_limit() => Approval::Required(format!(
                "{changes} differences in a zone with {} of ours; at most {} are repaired \
                 without approval",
                pluralize(self.owned, "RRset", "RRsets"),
                self.automatic_limit()
            )),
            _ => Approval::Automatic,
        }
    }

    /// Formats one line for each difference, in the order of the names.
    pub fn lines(&self) -> Vec<String> {
        let changes = self
            .changes
            .iter()
            .flat_map(|(name, changes)| changes.iter().map(|change| line(name, change)));
        let unclaimed = self.unclaimed.iter();
        changes
            .chain(
                unclaimed.map(|set| format!("= {} {} {}", set.name, set.rtype, joined(&set.body))),
            )
            .collect()
    }

    /// Formats one line for each unpublished change.
    pub fn unpublished_lines(&self) -> Vec<String> {
        self.unpublished
            .iter()
            .flat_map(|(name, changes)| changes.iter().map(|change| line(name, change)))
            .collect()
    }

    /// Returns the SHA-256 of the zone's name and all differences in hex. Equal differences have
    /// the same hash in any order.
    pub fn hash(&self) -> String {
        let set =
            |sign: char, set: &Rrset| format!("{sign} {} {} {:?}", set.name, set.rtype, set.body);
        let change = |change: &RrsetChange| match change {
            RrsetChange::Create(new) => set('+', new),
            RrsetChange::Delete(old) => set('-', old),
            RrsetChange::Replace { old, new } => format!("{}\n{}", set('~', old), set('~', new)),
        };
        let mut lines: Vec<String> = self
            .changes
            .iter()
            .flat_map(|(_, changes)| changes.iter().map(change))
            .collect();
        lines.extend(self.unclaimed.iter().map(|unclaimed| set('=', unclaimed)));
        lines.sort();
        let mut digest = Sha256::new();
        digest.update(self.zone.as_bytes());
        for line in lines {
            digest.update([b'\n']);
            digest.update(line.as_bytes());
        }
        hex::encode(digest.finalize())
    }

    /// Returns the beginning of the hash, as commands print it.
    pub fn short_hash(&self) -> String {
        self.hash().chars().take(SHORT_HASH_LEN).collect()
    }

    /// Returns whether `input` is the plan's hash, or its first [`HASH_MIN_LEN`] digits or more.
    pub fn matches_hash(&self, input: &str) -> bool {
        input.len() >= HASH_MIN_LEN && self.hash().starts_with(&input.to_ascii_lowercase())
    }

    /// Returns the zone's current content at all RRsets that differ, by name; `None` for an RRset
    /// that does not exist.
    pub fn zone_state(&self) -> Vec<PublishedName> {
        let mut found: BTreeMap<&str, Vec<(RecordType, Option<RrsetData>)>> = BTreeMap::new();
        for (name, changes) in &self.changes {
            found.entry(name).or_default().extend(
                changes
                    .iter()
                    .map(|change| (change.rtype(), current_body(change))),
            );
        }
        for (name, rtype) in &self.missing {
            found.entry(name).or_default().push((*rtype, None));
        }
        found
            .into_iter()
            .map(|(name, sets)| PublishedName {
                name: name.to_owned(),
                generation: 0,
                sets,
            })
            .collect()
    }
}

fn current_body(change: &RrsetChange) -> Option<RrsetData> {
    match change {
        RrsetChange::Create(_) => None,
        RrsetChange::Delete(old) | RrsetChange::Replace { old, .. } => Some(old.body.clone()),
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            creates,
            deletes,
            replaces,
            unclaimed,
        } = self;
        write!(
            f,
            "{creates} to create, {deletes} to delete, {replaces} to replace"
        )?;
        if *unclaimed > 0 {
            write!(f, ", {unclaimed} to adopt")
        } else {
            Ok(())
        }
    }
}

fn line(name: &str, change: &RrsetChange) -> String {
    let rtype = change.rtype();
    match change {
        RrsetChange::Create(set) => format!("+ {name} {rtype} {}", joined(&set.body)),
        RrsetChange::Delete(set) => format!("- {name} {rtype} {}", joined(&set.body)),
        RrsetChange::Replace { old, new } if old.body.ttl == new.body.ttl => {
            format!(
                "~ {name} {rtype} {} -> {}",
                joined(&old.body),
                joined(&new.body)
            )
        }
        RrsetChange::Replace { old, new } => {
            format!(
                "~ {name} {rtype} {} (TTL {}) -> {} (TTL {})",
                joined(&old.body),
                old.body.ttl,
                joined(&new.body),
                new.body.ttl
            )
        }
    }
}

fn joined(body: &RrsetData) -> String {
    body.values.iter().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
