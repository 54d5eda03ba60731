//! The frame of every page: header, messages and footer.

use serde::{Deserialize, Serialize};
use starchart_domain::site::Site;
use starchart_store::sessions::Session;

use crate::list_query::ListQuery;

/// What every page shows around its content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// What the site is called.
    pub(crate) site: Site,
    /// The base domain of the user (`user1.starchart.com`), once they have a label.
    pub(crate) base_domain: Option<String>,
    /// The session of the signed-in user. The header shows its effective user.
    pub(crate) session: Option<Session>,
    /// The field `csrf_token` of every form.
    pub(crate) csrf_token: String,
    /// Messages about the last action, shown once.
    pub(crate) flash: Vec<Flash>,
    /// The path of this page without its query; marks the current link in the header.
    pub(crate) path: String,
    /// The list of records that the user came from. Links and forms of the pages below
    /// `/dns-records` repeat its query, so that each action leads back to it.
    pub(crate) list: ListQuery,
    /// The version label: shown in the footer, and part of the URLs of static files, so that
    /// browsers fetch them again after an update.
    pub(crate) version: String,
    /// The name of the DNS provider, for texts about the state of a record.
    pub(crate) provider: &'static str,
    /// SUPPORT_CONTACT, when it is set.
    pub(crate) support: Option<SupportContact>,
}

impl Layout {
    /// Returns whether this page belongs to `section`, such as `/dns-records`.
    pub(crate) fn is_in(&self, section: &str) -> bool {
        self.path
            .strip_prefix(section)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns whether the page links to the admin pages.
    pub(crate) fn is_admin(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.admin().is_some())
    }

    /// Returns the time of the day at which the impersonation ends: `09:30 UTC`.
    pub(crate) fn impersonation_end(&self) -> String {
        let session = self.session.as_ref();
        let impersonation = session.and_then(|session| session.impersonation.as_ref());
        let minute = impersonation.map(|impersonation| impersonation.until.to_minute());
        minute
            .as_deref()
            .and_then(|minute| minute.get(11..))
            .unwrap_or_default()
            .to_owned()
    }

    /// Returns the user's base domain, for examples; before a label is chosen, an example of one.
    pub(crate) fn example_domain(&self) -> &str {
        self.base_domain.as_deref().unwrap_or("you.example.com")
    }
}

/// A message about the last action. A signed cookie carries it to the next page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) kind: FlashKind,
    pub(crate) text: String,
    /// The entry of the history that a button beside the message undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undo: Option<i64>,
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FlashKind {
    Done,
    /// Something to know about the action, such as a private address in a record.
    Note,
    Failed,
}

impl FlashKind {
    /// Returns the CSS class of the message.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Done => "toast-done",
            Self::Note => "toast-note",
            Self::Failed => "toast-failed",
        }
    }
}

/// Where users get help, from SUPPORT_CONTACT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SupportContact {
    pub(crate) text: String,
    /// The link, when the setting is an e-mail address or a URL.
    pub(crate) href: Option<String>,
}

impl SupportContact {
    /// Parses SUPPORT_CONTACT: an e-mail address, a URL or plain text ("room 204"). Returns `None`
    /// for an empty text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let href = if text.starts_with("https://") || text.starts_with("http://") {
            Some(text.to_owned())
        } else if text.contains('@')
            && !text.contains(|c: char| c.is_whitespace() || c == ':' || c == '?')
        {
            Some(format!("mailto:{text}"))
        } else {
            None
        };
        Some(Self {
            text: text.to_owned(),
            href,
        })
    }
}
