//! The plan of an import: what it will write, and what it leaves out.

use std::collections::HashMap;

use starchart_domain::import::LabelAssignment;
use starchart_domain::names::{Label, RootDomain};
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Subject};

use crate::import::ledger::{Kind, Ledger, LedgerEntry};
use crate::import::read::OldUser;
use crate::import::report::{Line, Report};
use crate::import::write_records::ImportedRecord;

/// Everything that the import will write.
pub(in crate::import) struct Plan {
    /// When the import began, or now if it has not: expiry is determined at this time.
    pub(in crate::import) started: Timestamp,
    /// All users of the original's database that are not deleted.
    pub(in crate::import) users: Vec<PlannedUser>,
    /// The names to import, sorted.
    pub(in crate::import) names: Vec<PlannedName>,
    pub(in crate::import) certificates: Vec<PlannedCertificate>,
    /// The rows that are not imported, with the reasons.
    pub(in crate::import) left_out: Vec<LedgerEntry>,
    pub(in crate::import) report: Report,
}

/// The index of each user name in [`Plan::users`].
pub(super) type Owners = HashMap<String, usize>;

impl Plan {
    /// Whether an earlier import is done with a row; then its lines join the report.
    pub(super) fn is_done(&mut self, ledger: &Ledger, kind: Kind, source: &str) -> bool {
        let Some(entry) = ledger.get(kind, source) else {
            return false;
        };
        self.report.counts.done += 1;
        self.report.lines.extend(entry.lines.iter().cloned());
        true
    }

    /// Leaves a row out, for good.
    pub(super) fn leave_out(&mut self, kind: Kind, source: String, lines: Vec<Line>) {
        self.report.lines.extend(lines.iter().cloned());
        self.left_out.push(LedgerEntry {
            kind,
            source,
            target: None,
            lines,
        });
    }

    /// Whether the name is in the base domain that the user has or will get here.
    pub(super) fn is_in_domain_of(&self, user: usize, fqdn: &str, root: &RootDomain) -> bool {
        self.users[user]
            .label()
            .is_some_and(|label| root.base(label).relative(fqdn).is_some())
    }
}

/// A user of the original's database.
pub(in crate::import) struct PlannedUser {
    pub(in crate::import) subject: Subject,
    /// The account in the original's database; of several accounts the oldest.
    pub(in crate::import) account: OldUser,
    pub(in crate::import) groups: Groups,
    pub(in crate::import) assignment: LabelAssignment,
    /// The id of the existing user; none if the import creates one.
    pub(in crate::import) id: Option<i64>,
    /// The results to record, one per account; empty if all are done.
    pub(in crate::import) entries: Vec<LedgerEntry>,
}

impl PlannedUser {
    /// Returns the label that the user has or will get.
    pub(super) fn label(&self) -> Option<&Label> {
        match &self.assignment {
            LabelAssignment::FromUsername(label) | LabelAssignment::AlreadyAssigned(label) => {
                Some(label)
            }
            _ => None,
        }
    }
}

/// A name with its records.
pub(in crate::import) struct PlannedName {
    pub(in crate::import) fqdn: String,
    /// The user who will own the name: the one whose domain contains it, or else the owner of the
    /// oldest record.
    pub(in crate::import) owner: usize,
    pub(in crate::import) records: Vec<PlannedRecord>,
}

impl PlannedName {
    /// Returns why a younger record is not possible beside those that are planned.
    pub(super) fn excludes(&self, rtype: RecordType, hash: [u8; 32]) -> Option<String> {
        self.records
            .iter()
            .map(|planned| &planned.record)
            .find_map(|older| {
                if (older.rtype, older.hash) == (rtype, hash) {
                    return Some(format!("the older record #{} says the same", older.id));
                }
                let is_exclusive = [older.rtype, rtype]
                    .iter()
                    .any(|rtype| rtype.class() == NameClass::Cname);
                is_exclusive.then(|| {
                    format!(
                        "a CNAME stands alone, and #{} {} is older",
                        older.id, older.rtype
                    )
                })
            })
    }
}

pub(in crate::import) struct PlannedRecord {
    /// The index of the owner in [`Plan::users`].
    pub(in crate::import) user: usize,
    pub(in crate::import) record: ImportedRecord,
    pub(in crate::import) lines: Vec<Line>,
}

/// A certificate of the original's database, or a request for one.
pub(in crate::import) struct PlannedCertificate {
    /// The id in the original's table.
    pub(in crate::import) source: i64,
    /// The index of the owner in [`Plan::users`].
    pub(in crate::import) user: usize,
    /// The base domain that it is for.
    pub(in crate::import) domain: String,
    pub(in crate::import) request: PlannedRequest,
    pub(in crate::import) lines: Vec<Line>,
}

/// What became of a request for a certificate.
pub(in crate::import) enum PlannedRequest {
    /// The certificate was issued and has not expired.
    Issued {
        not_after: Timestamp,
        /// When the original sent the expiry notice.
        notified_at: Option<Timestamp>,
        /// Whether it is the user's newest; the others are out of use.
        in_use: bool,
    },
    /// The request was in progress; the user has to ask again.
    InProgress,
}
