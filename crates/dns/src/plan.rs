//! The plan: what an audit found, as a value that a person can read, name by its hash, and approve.
//!
//! | line | what it says                                              | what is done                            |
//! |------|-----------------------------------------------------------|-----------------------------------------|
//! | `+`  | rows want a set that does not stand                       | publish creates it                      |
//! | `-`  | a set of ours stands that no row wants                    | publish deletes it, exactly as it stands |
//! | `~`  | a set of ours stands otherwise than rows want             | publish replaces it, exactly            |
//! | `=`  | a set stands as rows want, and is not known as ours       | nothing; adoption makes it ours         |

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};
use starchart_domain::plan::{NameOutcome, SetChange};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, SetBody};
use starchart_domain::words::counted;

/// So many differences are mended without an operator, however few sets are ours.
const FEW: usize = 10;
/// And so many of each hundred sets of ours.
const PERCENT: usize = 30;
/// Digits of a hash that are enough to name a plan.
pub const HASH_MIN: usize = 8;
/// Digits of a hash that are shown.
const HASH_SHOWN: usize = 12;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The domain of the zone.
    pub zone: String,
    /// What would bring the zone to what the rows want, name by name.
    pub changes: Vec<(String, Vec<SetChange>)>,
    /// Sets that stand exactly as rows want and that are not known as ours.
    pub unclaimed: Vec<Rrset>,
    /// What publish has still to do at names that are dirty or were changed meanwhile; no part of
    /// what is approved, as are the next two.
    pub waiting: Vec<(String, Vec<SetChange>)>,
    /// Of that, what would be refused, because something that is not ours stands there.
    pub in_the_way: Vec<InTheWay>,
    /// Of that, what the zone has refused already.
    pub refused: Vec<Refused>,
    /// Sets that the registry calls ours, that nobody wants and that do not stand.
    pub vanished: Vec<(String, RecordType)>,
    /// Other sets that are none of ours: name and type. Never touched.
    pub foreign: Vec<(String, String)>,
    /// Plain sets under people's labels that no row explains and that are not ours. Only told.
    pub orphans: Vec<Orphan>,
    /// Sets in the zone.
    pub listed: usize,
    /// Sets that the registry calls ours.
    pub owned: usize,
    /// Sets that rows want.
    pub wanted: usize,
}

/// A plain set under a person's label that no row explains and that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// The full name.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// As it stands.
    pub body: SetBody,
}

impl Orphan {
    /// What it holds, for people to read.
    pub fn target(&self) -> String {
        joined(&self.body)
    }
}

/// A set that a row wants, at a name where something stands that is not known as ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// What the row wants.
    pub wanted: Rrset,
    /// What stands: type and values.
    pub stands: String,
    /// Whether adoption would make it ours.
    pub adoptable: bool,
}

impl InTheWay {
    /// One line for people.
    pub fn line(&self) -> String {
        let Rrset { name, rtype, body } = &self.wanted;
        format!(
            "+ {name} {rtype} {}, where {} stands",
            joined(body),
            self.stands
        )
    }
}

/// What publish has to do at a name that the zone refused as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The full name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// What was wanted.
    pub changes: Vec<SetChange>,
}

impl Refused {
    /// One line a change.
    pub fn lines(&self) -> Vec<String> {
        self.changes
            .iter()
            .map(|change| format!("{}: {}", line(&self.name, change), self.reason))
            .collect()
    }
}

/// How many differences there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Differences {
    /// Sets to create.
    pub creates: usize,
    /// Sets to delete.
    pub deletes: usize,
    /// Sets to replace.
    pub replaces: usize,
    /// Sets that stand as rows want and are not known as ours.
    pub unclaimed: usize,
}

impl Differences {
    /// Those that change the zone.
    pub fn changes(self) -> usize {
        self.creates + self.deletes + self.replaces
    }

    /// All of them.
    pub fn all(self) -> usize {
        self.changes() + self.unclaimed
    }
}

/// What may be done about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to change in the zone.
    Nothing,
    /// It is small enough to be mended without anybody.
    ByItself,
    /// Only when an operator has approved it; why.
    NeedsApproval(String),
}

impl Plan {
    /// How many differences there are.
    pub fn differences(&self) -> Differences {
        let mut found = Differences {
            unclaimed: self.unclaimed.len(),
            ..Differences::default()
        };
        for change in self.changes.iter().flat_map(|(_, changes)| changes) {
            match change {
                SetChange::Create(_) => found.creates += 1,
                SetChange::Delete(_) => found.deletes += 1,
                SetChange::Replace { .. } => found.replaces += 1,
            }
        }
        found
    }

    /// How many differences at most are mended without an operator.
    pub fn tolerated(&self) -> usize {
        FEW.max(self.owned * PERCENT / 100)
    }

    /// What may be done about it. Sets that stand as wanted and are not known as ours are only
    /// told: nothing is done about them, however many there are.
    pub fn verdict(&self) -> Verdict {
        let found = self.differences();
        match found.changes() {
            0 => Verdict::Nothing,
            _ if found.deletes > 0 && self.wanted == 0 => Verdict::NeedsApproval(format!(
                "the database wants no set at all, while the zone holds {} of ours",
                found.deletes
            )),
            many if many > self.tolerated() => Verdict::NeedsApproval(format!(
                "{many} differences in a zone with {} of ours; {} are mended without an operator",
                counted(self.owned, "set", "sets"),
                self.tolerated()
            )),
            _ => Verdict::ByItself,
        }
    }

    /// One line a difference, in the order of the names.
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

    /// One line for each change that waits for publish, without the approval of anybody.
    pub fn waiting_lines(&self) -> Vec<String> {
        self.waiting
            .iter()
            .flat_map(|(name, changes)| changes.iter().map(|change| line(name, change)))
            .collect()
    }

    /// SHA-256 of everything that would be done, in hex: the same differences have the same hash,
    /// in whatever order they came.
    pub fn hash(&self) -> String {
        let set =
            |sign: char, set: &Rrset| format!("{sign} {} {} {:?}", set.name, set.rtype, set.body);
        let change = |change: &SetChange| match change {
            SetChange::Create(new) => set('+', new),
            SetChange::Delete(old) => set('-', old),
            SetChange::Replace { old, new } => format!("{}\n{}", set('~', old), set('~', new)),
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
        digest
            .finalize()
            .iter()
            .fold(String::new(), |mut hex, octet| {
                let _ = write!(hex, "{octet:02x}");
                hex
            })
    }

    /// As much of the hash as a person has to type.
    pub fn short_hash(&self) -> String {
        self.hash().chars().take(HASH_SHOWN).collect()
    }

    /// Whether `typed` names this plan: its hash, or at least [`HASH_MIN`] digits of its beginning.
    pub fn is_named(&self, typed: &str) -> bool {
        typed.len() >= HASH_MIN && self.hash().starts_with(&typed.to_ascii_lowercase())
    }

    /// What the zone holds at the sets that differ, name by name; `None`: nothing.
    pub fn found(&self) -> Vec<NameOutcome> {
        let mut found: BTreeMap<&str, Vec<(RecordType, Option<SetBody>)>> = BTreeMap::new();
        for (name, changes) in &self.changes {
            found.entry(name).or_default().extend(
                changes
                    .iter()
                    .map(|change| (change.rtype(), stands(change))),
            );
        }
        for (name, rtype) in &self.vanished {
            found.entry(name).or_default().push((*rtype, None));
        }
        found
            .into_iter()
            .map(|(name, sets)| NameOutcome {
                name: name.to_owned(),
                generation: 0,
                sets,
            })
            .collect()
    }
}

fn stands(change: &SetChange) -> Option<SetBody> {
    match change {
        SetChange::Create(_) => None,
        SetChange::Delete(old) | SetChange::Replace { old, .. } => Some(old.body.clone()),
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

fn line(name: &str, change: &SetChange) -> String {
    let rtype = change.rtype();
    match change {
        SetChange::Create(set) => format!("+ {name} {rtype} {}", joined(&set.body)),
        SetChange::Delete(set) => format!("- {name} {rtype} {}", joined(&set.body)),
        SetChange::Replace { old, new } if old.body.ttl == new.body.ttl => {
            format!(
                "~ {name} {rtype} {} -> {}",
                joined(&old.body),
                joined(&new.body)
            )
        }
        SetChange::Replace { old, new } => {
            let (was, is) = (old.body.ttl, new.body.ttl);
            format!(
                "~ {name} {rtype} {} (TTL {was}) -> {} (TTL {is})",
                joined(&old.body),
                joined(&new.body)
            )
        }
    }
}

fn joined(body: &SetBody) -> String {
    body.values.iter().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(name: &str, value: &str) -> Rrset {
        Rrset::new(name, RecordType::A, [value.to_owned()])
    }

    fn creates(count: usize, owned: usize) -> Plan {
        let change = |n: usize| {
            (
                format!("n{n}.u.root"),
                vec![SetChange::Create(a(&format!("n{n}.u.root"), "192.0.2.1"))],
            )
        };
        Plan {
            zone: "root".to_owned(),
            changes: (0..count).map(change).collect(),
            owned,
            wanted: 100,
            ..Plan::default()
        }
    }

    #[test]
    fn ten_or_three_tenths_are_mended_without_an_operator() {
        for (count, owned, by_itself) in [
            (1, 0, true),
            (10, 0, true),
            (11, 0, false),
            (10, 30, true),
            (11, 30, false),
            (30, 100, true),
            (31, 100, false),
        ] {
            let verdict = creates(count, owned).verdict();
            assert_eq!(
                verdict == Verdict::ByItself,
                by_itself,
                "{count} of {owned}: {verdict:?}"
            );
        }
        assert_eq!(creates(0, 100).verdict(), Verdict::Nothing);
        let adopt = Plan {
            unclaimed: (0..11)
                .map(|n| a(&format!("n{n}.u.root"), "192.0.2.1"))
                .collect(),
            ..Plan::default()
        };
        assert_eq!(
            adopt.verdict(),
            Verdict::Nothing,
            "nothing is done about them"
        );
        assert_eq!(
            Plan {
                unclaimed: adopt.unclaimed.clone(),
                ..creates(10, 0)
            }
            .verdict(),
            Verdict::ByItself
        );
        assert!(matches!(
            Plan {
                unclaimed: adopt.unclaimed,
                ..creates(11, 0)
            }
            .verdict(),
            Verdict::NeedsApproval(_)
        ));
    }

    #[test]
    fn rows_that_want_nothing_delete_nothing_by_themselves() {
        let changes = vec![(
            "www.u.root".to_owned(),
            vec![SetChange::Delete(a("www.u.root", "192.0.2.1"))],
        )];
        let plan = Plan {
            changes,
            owned: 1_000,
            wanted: 0,
            ..Plan::default()
        };
        assert!(
            matches!(plan.verdict(), Verdict::NeedsApproval(why) if why.contains("wants no set at all"))
        );
        assert_eq!(Plan { wanted: 1, ..plan }.verdict(), Verdict::ByItself);
    }

    #[test]
    fn a_hash_names_what_would_be_done_and_nothing_else() {
        let plan = creates(3, 3);
        let mut reversed = plan.clone();
        reversed.changes.reverse();
        reversed
            .foreign
            .push(("x.root".to_owned(), "CAA".to_owned()));
        assert_eq!(plan.hash(), reversed.hash());
        assert_eq!(plan.hash().len(), 64);
        assert_ne!(plan.hash(), creates(2, 3).hash());
        assert_ne!(
            plan.hash(),
            Plan {
                zone: "other".to_owned(),
                ..plan.clone()
            }
            .hash()
        );
        let mut slower = plan.clone();
        slower.changes[0].1 = vec![SetChange::Create(Rrset {
            body: SetBody {
                ttl: 60,
                ..a("n0.u.root", "192.0.2.1").body
            },
            ..a("n0.u.root", "")
        })];
        assert_ne!(plan.hash(), slower.hash(), "the time to live counts");
        let typed = plan.short_hash();
        assert!(
            plan.is_named(&typed)
                && plan.is_named(&typed.to_uppercase())
                && plan.is_named(&plan.hash())
        );
        assert!(
            plan.is_named(&typed[..8]) && !plan.is_named(&typed[..7]) && !plan.is_named("00000000")
        );
    }

    #[test]
    fn lines_are_for_people() {
        let (old, new) = (a("www.u.root", "192.0.2.1"), a("www.u.root", "192.0.2.2"));
        let slow = Rrset {
            body: SetBody {
                ttl: 60,
                ..old.body.clone()
            },
            ..old.clone()
        };
        for (change, words) in [
            (SetChange::Create(new.clone()), "+ www.u.root A 192.0.2.2"),
            (SetChange::Delete(old.clone()), "- www.u.root A 192.0.2.1"),
            (
                SetChange::Replace {
                    old: old.clone(),
                    new: new.clone(),
                },
                "~ www.u.root A 192.0.2.1 -> 192.0.2.2",
            ),
            (
                SetChange::Replace {
                    old: slow,
                    new: old,
                },
                "~ www.u.root A 192.0.2.1 (TTL 60) -> 192.0.2.1 (TTL 300)",
            ),
        ] {
            assert_eq!(line("www.u.root", &change), words);
        }
    }
}
