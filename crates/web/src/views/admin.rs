//! The admins' pages.

use askama::Template;

use super::Shell;

/// `GET /admin`; posts an `intent` to `/admin`, and searches by a query.
#[derive(Debug, Clone, Template)]
#[template(path = "admin.html")]
pub struct AdminPage {
    /// Around it.
    pub shell: Shell,
    /// People.
    pub users: u64,
    /// Certificates in use.
    pub certificates: u64,
    /// DNS records.
    pub records: u64,
    /// What does not go by itself, most urgent first.
    pub attention: Vec<AttentionItem>,
    /// How far publishing is, in words.
    pub publishing: String,
    /// What was searched for.
    pub search_text: String,
    /// Why nothing was searched.
    pub fault: Option<String>,
    /// Who was found, once something was searched.
    pub found: Option<PeopleFound>,
}

/// What an admin can do about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionKind {
    /// A name that the zone refused: try again.
    Name,
    /// A mail that could not be sent: send again.
    Mail,
    /// Something to know.
    Note,
}

/// Something that needs attention.
#[derive(Debug, Clone)]
pub struct AttentionItem {
    /// Of what kind.
    pub kind: AttentionKind,
    /// What to send along with the wish to try again.
    pub item: String,
    /// The kind of trouble in a few words.
    pub title: String,
    /// What it is about: a name, an address.
    pub thing: String,
    /// Whose it is, when it is somebody's.
    pub who: Option<String>,
    /// Why, or what to do.
    pub reason: String,
    /// Since when and until when, in words.
    pub when: String,
}

impl AttentionItem {
    fn intent(&self) -> Option<&'static str> {
        match self.kind {
            AttentionKind::Name => Some("retry-record"),
            AttentionKind::Mail => Some("retry-mail"),
            AttentionKind::Note => None,
        }
    }
}

/// The people who were found.
#[derive(Debug, Clone)]
pub struct PeopleFound {
    /// Those of this page.
    pub people: Vec<PersonItem>,
    /// On all pages.
    pub total: u64,
    /// This page, from 1.
    pub page: u32,
    /// The last page.
    pub pages: u32,
    /// Where the page before is.
    pub before: Option<String>,
    /// Where the next page is.
    pub after: Option<String>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct PersonItem {
    /// The row.
    pub id: i64,
    /// E-mail address.
    pub email: String,
    /// Display name.
    pub name: String,
    /// User name.
    pub username: String,
    /// Their domain, once they have one.
    pub domain: Option<String>,
    /// DNS records.
    pub records: u64,
    /// The state of the certificate, in words.
    pub certificate: String,
    /// What else to know: admin, suspended.
    pub marks: Vec<&'static str>,
    /// Why they cannot be impersonated.
    pub no_impersonation: Option<&'static str>,
    /// Why they cannot be deleted.
    pub no_deletion: Option<&'static str>,
    /// Where they are asked about before they are deleted.
    pub delete_href: String,
}

/// `GET /admin/delete`: what deleting somebody ends; posts `intent=delete-user` to `/admin`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin-delete.html")]
pub struct AdminDeletePage {
    /// Around it.
    pub shell: Shell,
    /// User name.
    pub username: String,
    /// Display name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// What happens, one sentence each.
    pub consequences: Vec<String>,
    /// The search that led here.
    pub search_text: String,
    /// Where that search is.
    pub back: String,
}

/// `GET /admin/trail`: who did what.
#[derive(Debug, Clone, Template)]
#[template(path = "admin-trail.html")]
pub struct TrailLines {
    /// Around it.
    pub shell: Shell,
    /// Newest first.
    pub lines: Vec<TrailItem>,
    /// The filter: a user name.
    pub person: String,
    /// The filter: a part of the action.
    pub action: String,
    /// The filter: a part of the object.
    pub object: String,
    /// Whether this is not the newest page.
    pub is_older: bool,
    /// Where the newest page with this filter is.
    pub newest: String,
    /// Where the next, older page is.
    pub older: Option<String>,
}

impl TrailLines {
    fn filtered(&self) -> bool {
        [&self.person, &self.action, &self.object]
            .iter()
            .any(|text| !text.is_empty())
    }
}

/// One line of the trail.
#[derive(Debug, Clone)]
pub struct TrailItem {
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// Who; none when nobody was signed in.
    pub actor: Option<String>,
    /// In whose place.
    pub on_behalf_of: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// More about it.
    pub detail: String,
    /// The request.
    pub request_id: String,
}

impl TrailItem {
    /// Date and time as people read them.
    fn when(&self) -> String {
        self.at.replacen('T', " ", 1).replacen('Z', " UTC", 1)
    }
}
