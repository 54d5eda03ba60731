//! The pages as plain data: each struct here is one page and renders itself through its template.
//!
//! Handlers fill these with owned values and call [`askama::Template::render`]; nothing here knows
//! the store or HTTP. What the templates promise to the routes: every form is a POST with the
//! hidden field `csrf_token` ([`Shell::csrf_token`]) unless it says otherwise, files are asked for
//! under `/static/NAME?v=VERSION`, and the field names are those in each struct's documentation.

mod account;
mod admin;
mod certificate;
mod form;
mod pages;
mod records;
#[cfg(test)]
mod tests;

pub use account::{LabelPage, LabelReason, LoginPage, LogoutPage, RefusalPage, SignInRefusal};
pub use admin::{
    AdminDeletePage, AdminPage, AttentionItem, AttentionKind, PeopleFound, PersonItem, TrailItem,
    TrailLines,
};
pub use certificate::{
    ActiveCertificate, CertificateDeletePage, CertificatePage, CertificatePart, CertificateState,
    InformationPage, OrderProgress, ProgressStep, Renewal,
};
pub use form::{FieldFault, FormMode, FormPage, FormValues};
pub use pages::{ErrorKind, ErrorPage, HomePage, InstructionsPage};
pub use records::{DeletePage, LookupPage, RecordRow, RecordsPage, StateItem};
/// What [`RecordRow`] shows as its state.
pub use starchart_domain::publish::PublishState as RecordState;

/// What every page shows around its content.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// APP_NAME, the heading of every page.
    pub app_name: String,
    /// SCHOOL_NAME.
    pub school_name: String,
    /// The reader's own domain (`user1.starchart.com`), once a label is theirs.
    pub base_domain: Option<String>,
    /// Who is signed in.
    pub user: Option<HeaderUser>,
    /// Goes into every form as `csrf_token`.
    pub csrf_token: String,
    /// Messages of the last action, shown once.
    pub flash: Vec<Flash>,
    /// The path of this page without its query; marks the link of the header that leads here.
    pub path: String,
    /// Of the program; shown at the foot and used to make browsers fetch new files after an update.
    pub version: String,
    /// SUPPORT_CONTACT: whom to ask.
    pub support: Option<Support>,
}

impl Shell {
    /// Whether `section` (`/dns-records`) is the part of the site that this page belongs to.
    pub fn is_in(&self, section: &str) -> bool {
        self.path
            .strip_prefix(section)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn is_admin(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_admin)
    }
}

/// The signed-in person in the header.
#[derive(Debug, Clone)]
pub struct HeaderUser {
    /// As the IdP wrote it; stands in `#header-user`.
    pub username: String,
    /// Shown in the account menu.
    pub display_name: String,
    /// Whether there is a way to the admin's pages.
    pub is_admin: bool,
    /// Set when it is an admin who looks, in this person's place.
    pub impersonation: Option<HeaderImpersonation>,
}

/// Who sits in the person's place.
#[derive(Debug, Clone)]
pub struct HeaderImpersonation {
    /// The admin's user name.
    pub admin: String,
    /// When it ends by itself, as RFC 3339 writes it.
    pub until: String,
}

impl HeaderImpersonation {
    /// Hours and minutes of [`HeaderImpersonation::until`].
    fn until_time(&self) -> &str {
        self.until.get(11..16).unwrap_or_default()
    }
}

/// A message about what just happened.
#[derive(Debug, Clone)]
pub struct Flash {
    /// Whether it went well.
    pub kind: FlashKind,
    /// The words.
    pub text: String,
}

/// Whether something went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashKind {
    /// It was done.
    Done,
    /// It was done, and there is something to know (a private address, say).
    Note,
    /// It could not be done.
    Failed,
}

impl FlashKind {
    /// The CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Done => "toast-done",
            Self::Note => "toast-note",
            Self::Failed => "toast-failed",
        }
    }
}

/// Whom to ask, and where a click leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// The words of the setting.
    pub text: String,
    /// `mailto:` or `https:`, when the setting is an address of such a kind.
    pub href: Option<String>,
}

impl Support {
    /// Reads SUPPORT_CONTACT: an e-mail address, a web address, or words ("room 204"). Empty is
    /// nobody.
    pub fn parse(text: &str) -> Option<Self> {
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
