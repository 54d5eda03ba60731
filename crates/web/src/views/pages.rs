//! The start page, the instructions and the error page.

use askama::Template;
use starchart_domain::record::RecordType;
use starchart_domain::record::spec::TypeSpec;

use crate::views::layout::Layout;

/// The start page of a user with a label (`GET /`).
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    pub(crate) layout: Layout,
    pub(crate) record_count: u64,
    /// Whether the user has a certificate or an order in progress.
    pub(crate) has_certificate: bool,
}

/// `GET /dns-records/instructions`. Its examples use the user's own domain.
#[derive(Debug, Clone, Template)]
#[template(path = "instructions.html")]
pub(crate) struct InstructionsPage {
    pub(crate) layout: Layout,
    /// USER_DNS_RECORD_LIMIT, when it is set.
    pub(crate) limit: Option<u32>,
    /// The name of the DNS provider.
    pub(crate) provider: &'static str,
}

impl InstructionsPage {
    fn base(&self) -> &str {
        self.layout
            .base_domain
            .as_deref()
            .unwrap_or("you.example.com")
    }

    /// Returns a section for each record type.
    fn guides(&self) -> Vec<GuideSection> {
        let types = RecordType::ALL.iter();
        types
            .map(|rtype| GuideSection::new(rtype.spec(), self.base()))
            .collect()
    }
}

/// The section about one record type.
struct GuideSection {
    /// The fragment of a link to the section.
    id: String,
    title: String,
    intro: Vec<(bool, String)>,
    /// Label and text of each field in the example.
    fields: Vec<(&'static str, String)>,
    remark: Vec<(bool, String)>,
}

impl GuideSection {
    fn new(spec: &TypeSpec, base: &str) -> Self {
        let guide = &spec.guide;
        let mut fields = vec![
            ("Name", guide.name.to_owned()),
            ("Type", spec.mnemonic.to_owned()),
        ];
        let parts = spec.parts.iter().zip(guide.parts);
        fields.extend(parts.map(|(part, text)| (part.label, (*text).to_owned())));
        fields.push(("Value", guide.value.replace("{base}", base)));
        Self {
            id: format!("type-{}", spec.mnemonic.to_ascii_lowercase()),
            title: format!("{}: {}", spec.mnemonic, guide.title),
            intro: literals(guide.intro, base),
            fields,
            remark: literals(guide.remark, base),
        }
    }
}

/// Splits a text at its backticks; the flag says whether a piece was between two of them.
fn literals(text: &str, base: &str) -> Vec<(bool, String)> {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| (at % 2 == 1, piece.replace("{base}", base)))
        .filter(|(_, piece)| !piece.is_empty())
        .collect()
}

/// The failures that have a page of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// 400: the request contradicts itself or cannot be read.
    BadRequest,
    /// 403: this user has no access.
    Forbidden,
    /// 403: the form came from another site, or its token belongs to another session.
    FormExpired,
    /// 403: an admin asked for the private key of the impersonated user.
    KeyWithheld,
    /// 403: a private key was requested from another site.
    CrossSiteDownload,
    /// 404: absent, or owned by another user.
    NotFound,
    /// 405: the path does not support this method.
    MethodNotAllowed,
    /// 413: the body is too large.
    TooLarge,
    /// 421: the request is for another host name.
    Misdirected,
    /// 422: a form with fields or values that none of our pages sends.
    Unprocessable,
    /// 429: too many requests.
    TooMany {
        /// Value of the header `Retry-After`, in seconds.
        retry_after: u64,
    },
    /// 500: a bug, or an unexpected error of the database.
    Internal,
    /// 503: a part that we need is unavailable.
    Unavailable {
        /// Value of the header `Retry-After`, in seconds.
        retry_after: u64,
    },
}

impl ErrorKind {
    /// Returns the HTTP status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden | Self::FormExpired | Self::KeyWithheld | Self::CrossSiteDownload => {
                403
            }
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::Misdirected => 421,
            Self::Unprocessable => 422,
            Self::TooMany { .. } => 429,
            Self::Internal => 500,
            Self::Unavailable { .. } => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "We did not understand this request",
            Self::Forbidden => "You do not have access",
            Self::FormExpired => "This form is no longer valid",
            Self::KeyWithheld => "Only the owner can get a private key",
            Self::CrossSiteDownload => "Download it from the certificate page",
            Self::NotFound => "Page not found",
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::TooLarge => "The request is too large",
            Self::Misdirected => "Wrong address",
            Self::Unprocessable => "We could not process this form",
            Self::TooMany { .. } => "Too many requests",
            Self::Internal => "Something went wrong on our side",
            Self::Unavailable { .. } => "Not available right now",
        }
    }

    fn advice(self) -> String {
        let text = match self {
            Self::BadRequest => "Go back, reload the page and try again.",
            Self::Forbidden => {
                "You are signed in, but this page or action belongs to another user."
            }
            Self::FormExpired => {
                "Nothing was changed. The form was open for too long, someone has signed in again \
                 in this browser, or an impersonation has started or ended. Go back and copy what \
                 you typed. Then open the page again and check the user name at the top before you \
                 send the form."
            }
            Self::KeyWithheld => {
                "You are impersonating another user. You can help with the certificate, but only \
                 its owner can get the private key."
            }
            Self::CrossSiteDownload => {
                "We send a private key only to our own page, never to a link on another site. Open \
                 your certificate page and use the Download button there. If you did so, please \
                 update your browser."
            }
            Self::NotFound => {
                "The page or the record does not exist, or it is not yours. It may have been \
                 deleted or have expired."
            }
            Self::MethodNotAllowed => {
                "This address does not accept this kind of request. Start again from one of our \
                 pages."
            }
            Self::TooLarge => "A form can have at most 64 KB.",
            Self::Misdirected => "This service does not use this host name.",
            Self::Unprocessable => {
                "Some fields are missing, duplicated or unknown. Open the form again and send it \
                 from there."
            }
            Self::TooMany { retry_after } => {
                return format!(
                    "There were too many requests in a short time. Try again in {}.",
                    seconds(retry_after)
                );
            }
            Self::Internal => {
                "This is not your fault, and nothing was partly saved. Try again. If it happens \
                 again, please contact us."
            }
            Self::Unavailable { retry_after } => {
                return format!(
                    "A part of this service does not respond. Your DNS records keep working. Try \
                     again in {}.",
                    seconds(retry_after)
                );
            }
        };
        text.to_owned()
    }
}

fn seconds(count: u64) -> String {
    match count {
        0 | 1 => "a second".to_owned(),
        2..=119 => format!("{count} seconds"),
        _ => format!("{} minutes", count.div_ceil(60)),
    }
}

/// The page of a failed request.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    pub(crate) layout: Layout,
    pub(crate) kind: ErrorKind,
    /// APP_URL without a trailing slash: the link for a request to another host.
    pub(crate) app_url: String,
    /// Identifies the request in the log.
    pub(crate) request_id: String,
}
