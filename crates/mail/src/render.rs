//! Renders a notice to the subject and body of a mail.

use askama::Template;
use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};
use starchart_domain::site::Site;

use crate::text::one_line;

/// Names and links that every mail shows.
#[derive(Debug, Clone)]
pub struct MailTheme {
    /// What the site is called, and whom users ask.
    pub site: Site,
    /// APP_URL without a trailing slash: begins every link.
    pub app_url: String,
}

/// A record, certificate or machine as a line of the mail, each field in one line.
struct Line {
    name: String,
    what: Option<String>,
    on: Option<String>,
    reason: Option<String>,
}

impl Line {
    fn new(item: &NoticeItem) -> Self {
        let flat = |text: &Option<String>| {
            text.as_deref()
                .map(one_line)
                .filter(|text| !text.is_empty())
        };
        Self {
            name: one_line(&item.name),
            what: flat(&item.what),
            on: flat(&item.on),
            reason: flat(&item.reason),
        }
    }
}

/// What every template can use.
struct Page<'a> {
    theme: &'a MailTheme,
    greeting: String,
    lines: Vec<Line>,
    /// Items that the mail counts and does not list.
    more: u32,
}

impl Page<'_> {
    fn is_single(&self) -> bool {
        self.lines.len() == 1 && self.more == 0
    }

    /// Returns `one` when the mail is about a single item, otherwise `many`.
    fn pick<'w>(&self, one: &'w str, many: &'w str) -> &'w str {
        if self.is_single() { one } else { many }
    }
}

macro_rules! templates {
    ($($name:ident $path:literal),+ $(,)?) => {
        $(#[derive(Template)]
        #[template(path = $path, escape = "none")]
        struct $name<'a> {
            page: &'a Page<'a>,
        })+
    };
}

templates!(
    RecordExpiring "record-expiring.txt",
    RecordExpired "record-expired.txt",
    CertificateReady "certificate-ready.txt",
    CertificateFailed "certificate-failed.txt",
    CertificateExpiring "certificate-expiring.txt",
    CertificateExpired "certificate-expired.txt",
    RenewalBroughtForward "renewal-brought-forward.txt",
    MachineStopped "machine-stopped.txt",
);

impl MailTheme {
    /// Renders the subject and the body of a notice to the user with this display name. `more`
    /// items are counted and not listed.
    ///
    /// # Errors
    /// A template cannot be rendered, which is a bug.
    pub fn render(
        &self,
        display_name: &str,
        notice: &Notice,
        more: u32,
    ) -> Result<(String, String), askama::Error> {
        let display_name = one_line(display_name);
        let greeting = if display_name.is_empty() {
            "Hello,".to_owned()
        } else {
            format!("Hello {display_name},")
        };
        let page = Page {
            theme: self,
            greeting,
            lines: notice.items.iter().map(Line::new).collect(),
            more,
        };
        let (one, many, body) = match notice.kind {
            NoticeKind::RecordExpiring => (
                "DNS record approaching expiration",
                "DNS records approaching expiration",
                RecordExpiring { page: &page }.render()?,
            ),
            NoticeKind::RecordExpired => (
                "DNS record expired",
                "DNS records expired",
                RecordExpired { page: &page }.render()?,
            ),
            NoticeKind::CertificateReady => (
                "certificate ready",
                "certificates ready",
                CertificateReady { page: &page }.render()?,
            ),
            NoticeKind::CertificateFailed => (
                "certificate request failed",
                "certificate requests failed",
                CertificateFailed { page: &page }.render()?,
            ),
            NoticeKind::CertificateExpiring => (
                "certificate approaching expiration",
                "certificates approaching expiration",
                CertificateExpiring { page: &page }.render()?,
            ),
            NoticeKind::CertificateExpired => (
                "certificate expired",
                "certificates expired",
                CertificateExpired { page: &page }.render()?,
            ),
            NoticeKind::RenewalBroughtForward => (
                "certificate renewal brought forward",
                "certificate renewals brought forward",
                RenewalBroughtForward { page: &page }.render()?,
            ),
            NoticeKind::MachineStopped => (
                "server no longer fetches its certificate",
                "servers no longer fetch their certificate",
                MachineStopped { page: &page }.render()?,
            ),
        };
        // askama drops the template's final line end.
        let body = body + "\n";
        Ok((
            format!("{} {}", one_line(&self.site.name), page.pick(one, many)),
            body,
        ))
    }
}
