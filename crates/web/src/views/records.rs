//! The list of DNS records and what belongs to one row of it.

use askama::Template;
use serde::Serialize;
use starchart_domain::publish::PublishState;

use super::Shell;

/// A short key of a state for the stylesheet and the script.
fn state_key(state: &PublishState) -> &'static str {
    match state {
        PublishState::Saved => "saved",
        PublishState::Paused => "paused",
        PublishState::Sent => "sent",
        PublishState::InSync => "insync",
        PublishState::Answered { by, of } if by < of => "answering",
        PublishState::Answered { .. } => "answered",
        PublishState::Refused { .. } => "refused",
    }
}

/// What a state means for the record's owner.
fn state_meaning(state: &PublishState) -> &'static str {
    match state {
        PublishState::Saved => "Your record is stored here and is about to be sent.",
        PublishState::Paused => {
            "Your record is stored here. Publishing is paused; it is sent when that ends."
        }
        PublishState::Sent => "Route53 has accepted the record and is telling its name servers.",
        PublishState::InSync => "Route53 says that all its name servers have the record.",
        PublishState::Answered { by, of } if by < of => {
            "Some of the name servers already answer with the record; the others follow."
        }
        PublishState::Answered { .. } => "Every name server answers with the record: it is live.",
        PublishState::Refused { .. } => "The record is stored here, but it is not in the DNS.",
    }
}

/// A record as the list shows it.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// In the paths `/dns-records/{id}`, `/dns-records/{id}/delete`, `/dns-records/{id}/lookup`.
    pub id: i64,
    /// The whole name, without a trailing dot.
    pub fqdn: String,
    /// `A`, `AAAA`, `CNAME`, `MX` or `TXT`.
    pub rtype: String,
    /// As typed.
    pub value: String,
    /// Of an MX record.
    pub priority: Option<u16>,
    /// The person's note.
    pub ports: Option<String>,
    /// The person's note.
    pub course: Option<String>,
    /// The person's note.
    pub description: Option<String>,
    /// `YYYY-MM-DD`.
    pub expires_on: String,
    /// How far it has come.
    pub state: PublishState,
}

impl RecordRow {
    fn state_key(&self) -> &'static str {
        state_key(&self.state)
    }

    fn state_meaning(&self) -> &'static str {
        state_meaning(&self.state)
    }

    fn has_notes(&self) -> bool {
        self.ports.is_some() || self.course.is_some() || self.description.is_some()
    }
}

/// One element of the JSON array at `GET /dns-records/states`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateItem {
    /// The record.
    pub id: i64,
    /// `saved`, `paused`, `sent`, `insync`, `answering`, `answered` or `refused`.
    pub key: &'static str,
    /// The state in words.
    pub words: String,
    /// What it means.
    pub meaning: &'static str,
    /// Whether it moves no further by itself soon.
    pub settled: bool,
}

impl StateItem {
    /// The item for a record in this state.
    pub fn new(id: i64, state: &PublishState) -> Self {
        Self {
            id,
            key: state_key(state),
            words: state.to_string(),
            meaning: state_meaning(state),
            settled: state.is_settled(),
        }
    }
}

/// `GET /dns-records`. Its rows post `intent` (`renew-dns-record`, `delete-dns-record`) and `id` to
/// `/dns-records`.
#[derive(Debug, Clone, Template)]
#[template(path = "records.html")]
pub struct RecordsPage {
    /// Around it.
    pub shell: Shell,
    /// In the order of the list.
    pub rows: Vec<RecordRow>,
    /// USER_DNS_RECORD_LIMIT.
    pub limit: Option<u32>,
    /// Seconds for which the page looks for news by itself; 0 when nothing changed lately, so that
    /// it does not for ever.
    pub follow_s: u32,
}

impl RecordsPage {
    fn unsettled(&self) -> bool {
        self.rows.iter().any(|row| !row.state.is_settled())
    }

    fn is_full(&self) -> bool {
        self.limit
            .is_some_and(|limit| self.rows.len() as u64 >= u64::from(limit))
    }
}

/// `GET /dns-records/{id}/delete`: asks before it posts `intent=delete-dns-record` and `id` to
/// `/dns-records`.
#[derive(Debug, Clone, Template)]
#[template(path = "delete.html")]
pub struct DeletePage {
    /// Around it.
    pub shell: Shell,
    /// What would go.
    pub row: RecordRow,
}

/// `GET /dns-records/{id}/lookup`: how to ask for the record, and what the name servers answered
/// us.
#[derive(Debug, Clone, Template)]
#[template(path = "lookup.html")]
pub struct LookupPage {
    /// Around it.
    pub shell: Shell,
    /// What is looked up.
    pub row: RecordRow,
    /// Where to ask when it is not the ordinary DNS: (`127.0.0.1`, 5353) of the demo's name server.
    pub server: Option<(String, u16)>,
    /// Seconds for which the page looks for news by itself; 0 when nothing changed lately, so that
    /// it does not for ever.
    pub follow_s: u32,
}

impl LookupPage {
    /// The line to type, whole. A name holds only letters, digits, `-`, `_` and dots, so that a
    /// shell takes it as it is.
    fn dig(&self) -> String {
        let Self { row, server, .. } = self;
        match server {
            Some((host, port)) => {
                format!("dig @{host} -p {port} +short {} {}", row.fqdn, row.rtype)
            }
            None => format!("dig +short {} {}", row.fqdn, row.rtype),
        }
    }
}
