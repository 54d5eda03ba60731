//! What the site is called, and whom users ask.

/// The texts about the site that an operator sets, for pages and mails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// `APP_NAME`: the heading of every page; begins the subject of every mail, and is the sender's
    /// display name.
    pub name: String,
    /// `SCHOOL_NAME`: in "... Logout", on the sign-in page, in the footer and in the signature of
    /// mails; may be empty.
    pub school: String,
    /// `SUPPORT_CONTACT`: a mail address or an https URL, in the footer, on error pages and in
    /// mails.
    pub support: Option<String>,
}
