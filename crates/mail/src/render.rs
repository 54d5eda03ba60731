//! The words of each kind of mail.

use askama::Template;
use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};

use crate::letter::{MailTheme, one_line};

/// One thing that the mail is about, fit to be printed.
struct Line {
    name: String,
    what: Option<String>,
    on: Option<String>,
    reason: Option<String>,
}

impl Line {
    fn of(item: &NoticeItem) -> Self {
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

/// What every template sees.
struct Page<'a> {
    head: &'a MailTheme,
    greeting: String,
    lines: Vec<Line>,
    more: u32,
}

impl Page<'_> {
    /// Whether it is about one thing only.
    fn one(&self) -> bool {
        self.lines.len() == 1 && self.more == 0
    }

    /// The first of two words for one thing, the second for several.
    fn pick<'w>(&self, one: &'w str, many: &'w str) -> &'w str {
        if self.one() { one } else { many }
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
);

impl MailTheme {
    /// Subject and body of a notice to the person of this name; `more` things are counted and not
    /// listed.
    ///
    /// # Errors
    /// A template is broken, which its test would have shown.
    pub fn render(
        &self,
        name: &str,
        notice: &Notice,
        more: u32,
    ) -> Result<(String, String), askama::Error> {
        let name = one_line(name);
        let greeting = if name.is_empty() {
            "Hello,".to_owned()
        } else {
            format!("Hello {name},")
        };
        let page = Page {
            head: self,
            greeting,
            lines: notice.items.iter().map(Line::of).collect(),
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
        };
        // The template's last line end is cut off.
        let body = body + "\n";
        Ok((
            format!("{} {}", one_line(&self.app_name), page.pick(one, many)),
            body,
        ))
    }
}
