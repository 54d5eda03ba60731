//! The home page, the instructions and the pages for errors.

use askama::Template;

use super::Shell;

/// `GET /`.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// Around it.
    pub shell: Shell,
    /// How many DNS records the person has.
    pub record_count: u64,
    /// Whether the person has a certificate, or one is under way.
    pub has_certificate: bool,
}

/// `GET /dns-records/instructions`, with the reader's own domain ([`Shell::base_domain`]) in the
/// examples.
#[derive(Debug, Clone, Template)]
#[template(path = "instructions.html")]
pub struct InstructionsPage {
    /// Around it.
    pub shell: Shell,
    /// USER_DNS_RECORD_LIMIT.
    pub limit: Option<u32>,
}

impl InstructionsPage {
    fn base(&self) -> &str {
        self.shell
            .base_domain
            .as_deref()
            .unwrap_or("you.example.com")
    }
}

/// What went wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400: parts of the request contradict each other or are unknown.
    BadRequest,
    /// 403: not for this person.
    Forbidden,
    /// 403: the form came from elsewhere, or its token is of another session.
    FormExpired,
    /// 403: an admin who acts as another person asked for that person's private key.
    KeyWithheld,
    /// 403: a private key was asked for from elsewhere than our own page.
    ForeignDownload,
    /// 404: absent, or another person's.
    NotFound,
    /// 405: the address does not take this method.
    MethodNotAllowed,
    /// 413: more than we read.
    TooLarge,
    /// 421: asked for under a host name that is not ours.
    Misdirected,
    /// 422: a form with values that no page of ours sends.
    Unprocessable,
    /// 429: too many requests.
    TooMany {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// 500: our fault.
    Internal,
    /// 503: something we need is away for now.
    Unavailable {
        /// Seconds to wait.
        retry_after: u64,
    },
}

impl ErrorKind {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden | Self::FormExpired | Self::KeyWithheld | Self::ForeignDownload => 403,
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
            Self::BadRequest => "We did not understand that",
            Self::Forbidden => "This is not open to you",
            Self::FormExpired => "This form is no longer valid",
            Self::KeyWithheld => "A private key is its owner's alone",
            Self::ForeignDownload => "Download it from our own page",
            Self::NotFound => "Nothing is charted here",
            Self::MethodNotAllowed => "That does not work here",
            Self::TooLarge => "That was too much at once",
            Self::Misdirected => "Wrong address",
            Self::Unprocessable => "We could not use what was sent",
            Self::TooMany { .. } => "Slow down a little",
            Self::Internal => "Something broke on our side",
            Self::Unavailable { .. } => "Not available right now",
        }
    }

    fn advice(self) -> String {
        match self {
            Self::BadRequest => "Go back, reload the page and try again.".to_owned(),
            Self::Forbidden => "You are signed in, but this page or action belongs to somebody else.".to_owned(),
            Self::FormExpired => {
                "Nothing was changed. The form was open for too long, somebody signed in again in this browser since, or your time \
                 in another person's place has begun or is over. Go back and copy what you typed; then open the page anew, and \
                 look at the name at its top before you send it."
                    .to_owned()
            }
            Self::KeyWithheld => {
                "You are using these pages as another person. You may help with the certificate, but nobody gets a private key \
                 but the person it belongs to."
                    .to_owned()
            }
            Self::ForeignDownload => {
                "A private key is handed out only when you ask for it here, not when a link elsewhere leads to it. Open the page \
                 of your certificate and use the button there; if you did, your browser is too old to say so."
                    .to_owned()
            }
            Self::NotFound => {
                "The page or the record does not exist, or it is not yours. It may have been deleted or have expired."
                    .to_owned()
            }
            Self::MethodNotAllowed => "This address does not take such a request. Start again from a page of ours.".to_owned(),
            Self::TooLarge => "Send less: a form takes at most 64 KB.".to_owned(),
            Self::Misdirected => "This service is not reached under that host name.".to_owned(),
            Self::Unprocessable => {
                "Some fields are missing, doubled or unknown. Open the form again and send it from there.".to_owned()
            }
            Self::TooMany { retry_after } => {
                format!("There were too many requests in a short time. Try again in {}.", seconds(retry_after))
            }
            Self::Internal => {
                "It is not your fault, and nothing was saved halfway. Try again; if it stays, tell us.".to_owned()
            }
            Self::Unavailable { retry_after } => format!(
                "A part that we need does not answer. Your records keep working. Try again in {}.",
                seconds(retry_after)
            ),
        }
    }
}

fn seconds(count: u64) -> String {
    match count {
        0 | 1 => "a second".to_owned(),
        2..=119 => format!("{count} seconds"),
        _ => format!("{} minutes", count.div_ceil(60)),
    }
}

/// The page for an error.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Around it; without a user when that is not known.
    pub shell: Shell,
    /// What went wrong.
    pub kind: ErrorKind,
    /// APP_URL, without a slash at its end: where those go who came to another host.
    pub address: String,
    /// To find the line in the log.
    pub request_id: String,
}
