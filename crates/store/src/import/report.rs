//! The report of an import, for the operator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// The topic of a line, in the report's order. The notes in `import_rows` store these names.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray,
)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Users who have to choose a name.
    NoName,
    /// Accounts that are one user's.
    #[serde(rename = "one_person")]
    SharedSubject,
    /// Accounts that are not imported: their user cannot sign in, or was deleted here.
    #[serde(rename = "person_left_out")]
    AccountLeftOut,
    /// Challenge records that a user made by hand, or that the original left behind.
    Challenge,
    /// Records that are left out.
    RecordLeftOut,
    /// Records under a domain that is not their user's here.
    ElsewhereRecord,
    /// Records that had ended.
    Ended,
    /// Records that a rule would refuse today.
    Rule,
    /// Records that no zone can hold.
    NotInZone,
    /// Certificates that are left out.
    CertificateLeftOut,
    /// Certificates that need KEY_ENCRYPTION_KEYS.
    NoKeys,
    /// Requests for a certificate that were in progress.
    AskAgain,
}

impl Topic {
    /// Every topic, in the report's order.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The heading of its lines.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NoName => "Users who choose another name at their next sign-in",
            Self::SharedSubject => {
                "Accounts that are one user here, because user names differ in case only"
            }
            Self::AccountLeftOut => "Accounts that are left out",
            Self::Challenge => {
                "Certificate challenges that are left out; their sets stay in the zone as orphans"
            }
            Self::RecordLeftOut => "Records that are left out",
            Self::ElsewhereRecord => "Records kept under a domain that is not their user's here",
            Self::Ended => "Records that had ended: 30 days more and one mail",
            Self::Rule => "Records kept as they are although the form would refuse them today",
            Self::NotInZone => "Records kept that no zone takes; their page says so",
            Self::CertificateLeftOut => "Certificates that are left out",
            Self::NoKeys => {
                "Certificates that wait for KEY_ENCRYPTION_KEYS: set it and import again"
            }
            Self::AskAgain => {
                "Requests for a certificate that were under way: the page says to ask again"
            }
        }
    }
}

/// A line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is about.
    pub topic: Topic,
    /// The row of the original, and what happens to it.
    pub text: String,
}

/// Numbers of rows, by what happens to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users in the original.
    pub users: usize,
    /// Users that the import creates.
    pub new_users: usize,
    /// Records in the original.
    pub records: usize,
    /// Records that the import creates.
    pub new_records: usize,
    /// Certificates and requests in the original.
    pub certificates: usize,
    /// Certificates that the import creates.
    pub new_certificates: usize,
    /// Certificates that have expired; they are not imported.
    pub ended_certificates: usize,
    /// Requests that had failed; they are not imported.
    pub failed_requests: usize,
    /// Rows of the original that an earlier import is done with.
    pub done: usize,
    /// Rows of the original that this import is to do.
    pub to_do: usize,
}

/// The outcome of an import, or of its preview.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Numbers of rows by their outcome.
    pub counts: Counts,
    /// All lines, also those of rows that an earlier import is done with.
    pub lines: Vec<Line>,
}

impl Report {
    /// Returns the lines by topic, each in the order of the rows.
    pub fn by_topic(&self) -> BTreeMap<Topic, Vec<&str>> {
        let mut topics: BTreeMap<Topic, Vec<&str>> = BTreeMap::new();
        for line in &self.lines {
            topics.entry(line.topic).or_default().push(&line.text);
        }
        topics
    }
}
