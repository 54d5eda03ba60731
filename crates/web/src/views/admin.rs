//! The admins' pages.

use askama::Template;

use crate::views::layout::Layout;

/// `GET /admin`: the dashboard. Posts an `intent` to `/admin`; searches with a query.
#[derive(Debug, Clone, Template)]
#[template(path = "admin.html")]
pub(crate) struct AdminPage {
    pub(crate) layout: Layout,
    /// The number of users.
    pub(crate) users: u64,
    /// The number of active certificates.
    pub(crate) certificates: u64,
    /// The number of DNS records.
    pub(crate) records: u64,
    /// What needs attention, most urgent first.
    pub(crate) health_items: Vec<HealthItem>,
    /// How far publishing is, as a sentence.
    pub(crate) publishing: String,
    pub(crate) search_text: String,
    /// Why the search text was not accepted.
    pub(crate) fault: Option<String>,
    /// The users that the search found; `None` without a search.
    pub(crate) found: Option<UserSearchResults>,
}

/// What an admin can do about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HealthItemKind {
    /// A refused name: retry.
    Name,
    /// A mail that was not sent: retry.
    Mail,
    /// Nothing on these pages.
    Note,
}

/// Something that needs an admin's attention.
#[derive(Debug, Clone)]
pub(crate) struct HealthItem {
    pub(crate) kind: HealthItemKind,
    /// The field `item` of the retry form.
    pub(crate) retry_id: String,
    pub(crate) title: String,
    /// The affected name, address or amount; may be empty.
    pub(crate) object: String,
    /// The user name of the owner, when there is one.
    pub(crate) username: Option<String>,
    /// The reason, or what to do.
    pub(crate) reason: String,
    /// When it began and when the next attempt is, in words; may be empty.
    pub(crate) when: String,
}

impl HealthItem {
    fn intent(&self) -> Option<&'static str> {
        match self.kind {
            HealthItemKind::Name => Some("retry-record"),
            HealthItemKind::Mail => Some("retry-mail"),
            HealthItemKind::Note => None,
        }
    }
}

/// One page of the users that a search found.
#[derive(Debug, Clone)]
pub(crate) struct UserSearchResults {
    pub(crate) users: Vec<FoundUser>,
    /// The number of users on all pages.
    pub(crate) total: u64,
    /// The number of this page, from 1.
    pub(crate) page: u32,
    /// The number of pages.
    pub(crate) pages: u32,
    /// URL of the previous page.
    pub(crate) previous: Option<String>,
    /// URL of the next page.
    pub(crate) next: Option<String>,
}

/// A user in the search results.
#[derive(Debug, Clone)]
pub(crate) struct FoundUser {
    pub(crate) id: i64,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) username: String,
    /// The base domain, once the user has a label.
    pub(crate) domain: Option<String>,
    pub(crate) records: u64,
    /// The state of the certificate, in words.
    pub(crate) certificate: String,
    /// Tags beside the name: `admin`, `suspended`.
    pub(crate) marks: Vec<&'static str>,
    /// Why the user cannot be impersonated; `None` when they can.
    pub(crate) no_impersonation: Option<String>,
    /// Why the user cannot be deleted; `None` when they can.
    pub(crate) no_deletion: Option<String>,
    /// URL of the page that asks before the deletion.
    pub(crate) delete_href: String,
}

/// `GET /admin/delete`: says what the deletion does; posts `intent=delete-user` to `/admin`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin-delete.html")]
pub(crate) struct AdminDeletePage {
    pub(crate) layout: Layout,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
    /// What the deletion does, one sentence each.
    pub(crate) consequences: Vec<String>,
    /// The search to return to.
    pub(crate) search_text: String,
    /// URL of that search.
    pub(crate) back_href: String,
}

/// `GET /admin/trail`: the audit trail.
#[derive(Debug, Clone, Template)]
#[template(path = "admin-trail.html")]
pub(crate) struct TrailPage {
    pub(crate) layout: Layout,
    /// The changes of this page, newest first.
    pub(crate) rows: Vec<TrailRow>,
    /// Filter: a user name.
    pub(crate) username: String,
    /// Filter: a part of the action.
    pub(crate) action: String,
    /// Filter: a part of the object.
    pub(crate) object: String,
    /// Whether this is not the newest page.
    pub(crate) is_older: bool,
    /// URL of the newest page with this filter.
    pub(crate) newest_href: String,
    /// URL of the next, older page.
    pub(crate) older_href: Option<String>,
}

impl TrailPage {
    fn is_filtered(&self) -> bool {
        [&self.username, &self.action, &self.object]
            .iter()
            .any(|text| !text.is_empty())
    }
}

/// An entry of the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct TrailRow {
    /// Time in RFC 3339 format.
    pub(crate) at: String,
    /// User name; `None` when nobody was signed in.
    pub(crate) actor: Option<String>,
    /// User name of the impersonated user.
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) action: String,
    pub(crate) object: String,
    pub(crate) detail: String,
    pub(crate) request_id: String,
}

impl TrailRow {
    /// Formats date and time for reading.
    fn when(&self) -> String {
        self.at.replacen('T', " ", 1).replacen('Z', " UTC", 1)
    }
}
