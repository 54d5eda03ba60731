//! Pages about DNS records: list, deletion and lookup.

use askama::Template;
use serde::Serialize;
use starchart_domain::publish::PublishState;

use crate::views::layout::Layout;

/// Returns the key of a state for the stylesheet and the script.
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

/// Explains a state to the owner of the record. `provider` is the name of the DNS provider.
fn state_meaning(state: &PublishState, provider: &str) -> String {
    match state {
        PublishState::Saved => {
            format!("Your record is saved and is about to be sent to {provider}.")
        }
        PublishState::Paused => {
            format!("Your record is saved. It is sent to {provider} when publishing resumes.")
        }
        PublishState::Sent => {
            format!("{provider} has accepted the record and is updating its name servers.")
        }
        PublishState::InSync => {
            format!("{provider} reports that all its name servers have the record.")
        }
        PublishState::Answered { by, of } if by < of => {
            "Some name servers already answer with the record. The others follow.".to_owned()
        }
        PublishState::Answered { .. } => {
            "Every name server answers with the record: it is live.".to_owned()
        }
        PublishState::Refused { .. } => {
            "The record is saved here, but it is not in the DNS.".to_owned()
        }
    }
}

/// A row in the list of records.
#[derive(Debug, Clone)]
pub(crate) struct RecordRow {
    pub(crate) id: i64,
    /// The full name, without a trailing dot.
    pub(crate) fqdn: String,
    /// The mnemonic of the record type.
    pub(crate) rtype: String,
    /// The input, as typed.
    pub(crate) value: String,
    /// Label and text of the fields before the value, such as the priority of an MX record.
    pub(crate) parts: Vec<(&'static str, String)>,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    /// The day of removal unless the user renews the record: `YYYY-MM-DD` in UTC.
    pub(crate) expires_on: String,
    pub(crate) state: PublishState,
    /// The name of the DNS provider.
    pub(crate) provider: &'static str,
}

impl RecordRow {
    fn state_key(&self) -> &'static str {
        state_key(&self.state)
    }

    fn state_text(&self) -> String {
        self.state.describe(self.provider)
    }

    fn state_meaning(&self) -> String {
        state_meaning(&self.state, self.provider)
    }

    fn has_notes(&self) -> bool {
        self.ports.is_some() || self.course.is_some() || self.description.is_some()
    }
}

/// An element of the JSON array at `GET /dns-records/states`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RecordStateItem {
    pub(crate) id: i64,
    /// `saved`, `paused`, `sent`, `insync`, `answering`, `answered` or `refused`.
    pub(crate) key: &'static str,
    /// The state as the page shows it.
    pub(crate) text: String,
    /// The sentence that explains the state to the user.
    pub(crate) meaning: String,
    /// Whether the state will not change soon.
    pub(crate) settled: bool,
}

impl RecordStateItem {
    /// Creates the item of a record in this state. `provider` is the name of the DNS provider.
    pub(crate) fn new(id: i64, state: &PublishState, provider: &str) -> Self {
        Self {
            id,
            key: state_key(state),
            text: state.describe(provider),
            meaning: state_meaning(state, provider),
            settled: state.is_settled(),
        }
    }
}

/// `GET /dns-records`. Its rows post `intent` (`renew-dns-record`, `delete-dns-record`) and `id` to
/// `/dns-records`.
#[derive(Debug, Clone, Template)]
#[template(path = "records.html")]
pub(crate) struct RecordsPage {
    pub(crate) layout: Layout,
    pub(crate) rows: Vec<RecordRow>,
    /// USER_DNS_RECORD_LIMIT, when it is set.
    pub(crate) limit: Option<u32>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
}

impl RecordsPage {
    fn has_unsettled(&self) -> bool {
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
#[template(path = "record-delete.html")]
pub(crate) struct DeletePage {
    pub(crate) layout: Layout,
    pub(crate) row: RecordRow,
    /// What the deletion would stop, and the text that confirms it, posted as `confirm`.
    pub(crate) to_confirm: Option<(String, String)>,
}

/// `GET /dns-records/{id}/lookup`: what the name servers answer, and the command to ask them.
#[derive(Debug, Clone, Template)]
#[template(path = "record-lookup.html")]
pub(crate) struct LookupPage {
    pub(crate) layout: Layout,
    pub(crate) row: RecordRow,
    /// Host and port of the name server to ask, when it is not the public DNS.
    pub(crate) server: Option<(String, u16)>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
}

impl LookupPage {
    /// Returns the `dig` command. It needs no quoting, because a name has only letters, digits,
    /// `-`, `_` and dots.
    fn dig_command(&self) -> String {
        let Self { row, server, .. } = self;
        match server {
            Some((host, port)) => {
                format!("dig @{host} -p {port} +short {} {}", row.fqdn, row.rtype)
            }
            None => format!("dig +short {} {}", row.fqdn, row.rtype),
        }
    }
}
