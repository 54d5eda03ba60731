//! What an operator reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a line is about. The order is the report's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// People who have to choose a name.
    NoName,
    /// Accounts that are one person's.
    OnePerson,
    /// Accounts that nobody can sign in to.
    PersonLeftOut,
    /// Challenge records that somebody made by hand, or that the original left behind.
    Challenge,
    /// Records that are left out.
    RecordLeftOut,
    /// Records under a domain that is not their person's here.
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
    /// Certificates that were being asked for.
    AskAgain,
}

impl Topic {
    /// Every topic, in the report's order.
    pub const ALL: [Self; 12] = [
        Self::NoName,
        Self::OnePerson,
        Self::PersonLeftOut,
        Self::Challenge,
        Self::RecordLeftOut,
        Self::ElsewhereRecord,
        Self::Ended,
        Self::Rule,
        Self::NotInZone,
        Self::CertificateLeftOut,
        Self::NoKeys,
        Self::AskAgain,
    ];

    /// What stands above its lines.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NoName => "People who choose another name at their next sign-in",
            Self::OnePerson => {
                "Accounts that are one person here, because user names differ in case only"
            }
            Self::PersonLeftOut => "Accounts that are left out",
            Self::Challenge => {
                "Certificate challenges that are left out; their sets stay in the zone as orphans"
            }
            Self::RecordLeftOut => "Records that are left out",
            Self::ElsewhereRecord => "Records kept under a domain that is not their person's here",
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

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is about.
    pub topic: Topic,
    /// Which row, and why.
    pub text: String,
}

/// How many rows there are and what becomes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// People in the original.
    pub people: usize,
    /// Of them new here.
    pub new_people: usize,
    /// Records in the original.
    pub records: usize,
    /// Of them to be made here.
    pub new_records: usize,
    /// Certificates and requests in the original.
    pub certificates: usize,
    /// Certificates to be kept here.
    pub new_certificates: usize,
    /// Certificates that have ended, which nobody needs.
    pub ended_certificates: usize,
    /// Requests that had failed, of which nothing is kept.
    pub failed_requests: usize,
    /// Rows of the original that an import has dealt with before.
    pub done: usize,
    /// Rows of the original that are dealt with now.
    pub to_do: usize,
}

/// What an import does, or did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The numbers.
    pub counts: Counts,
    /// All lines, also those of rows that were dealt with before.
    pub lines: Vec<Line>,
}

impl Report {
    /// The lines by topic, each in the order of the rows.
    pub fn by_topic(&self) -> BTreeMap<Topic, Vec<&str>> {
        let mut topics: BTreeMap<Topic, Vec<&str>> = BTreeMap::new();
        for line in &self.lines {
            topics.entry(line.topic).or_default().push(&line.text);
        }
        topics
    }
}
