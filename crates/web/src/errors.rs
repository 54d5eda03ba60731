//! Why a request fails: status, title and advice of each failure, whatever the representation.
//! `error_response` renders a failure as a page or as JSON.

use actix_web::http::{Method, StatusCode};
use starchart_domain::fault::{Fault, Field, sentence};

use crate::actions::{ActionError, Conflict, Denial, Limit};
use crate::sign_in_refusal::SignInRefusal;

/// Seconds after which a client may retry when the database fails temporarily.
const STORE_RETRY_AFTER_S: u64 = 5;
/// Seconds after which a user may retry to sign in while an import is pending.
const IMPORT_RETRY_AFTER_S: u64 = 900;

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request contradicts itself or cannot be read.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The request does not come from one of our pages; says which check failed.
    #[error("CSRF check failed: {0}")]
    CsrfRejected(&'static str),
    /// A form was sent after the session had ended, and it is too long to be kept during a sign-in.
    #[error("session ended before a long form was sent")]
    SessionEnded,
    /// An admin asked for the private key of the impersonated user.
    #[error("private key requested during an impersonation")]
    KeyWithheld,
    /// A private key was requested from another site.
    #[error("private key requested from another site")]
    CrossSiteDownload,
    /// The request has no API token that is accepted; says so to the client.
    #[error("API token not accepted")]
    Unauthorized(&'static str),
    /// The object is absent or belongs to another user.
    #[error("not found")]
    NotFound,
    /// The operator does not offer the protocol that the path is of.
    #[error("protocol is off")]
    ProtocolOff,
    /// The object is not as the request demands (`If-Match`).
    #[error("precondition failed")]
    PreconditionFailed,
    /// The path does not support this method; lists the methods that it supports.
    #[error("method not allowed")]
    MethodNotAllowed(Vec<Method>),
    /// The body exceeds the limit of the route.
    #[error("body too large")]
    TooLarge,
    /// The body has a format or an encoding that the route does not read.
    #[error("unsupported body: {0}")]
    UnsupportedMediaType(&'static str),
    /// The request is for another host name.
    #[error("request for another host")]
    Misdirected,
    /// The form has fields or values that none of our pages sends.
    #[error("unprocessable form: {0}")]
    Unprocessable(&'static str),
    /// A rate limit is exhausted.
    #[error("too many requests")]
    TooMany {
        /// Value of the header `Retry-After`, in seconds.
        retry_after: u64,
    },
    /// The sign-in was refused.
    #[error("sign-in refused")]
    SignIn(SignInRefusal),
    /// A part that the request needs is unavailable.
    #[error("service unavailable")]
    Unavailable {
        /// Value of the header `Retry-After`, in seconds.
        retry_after: u64,
    },
    /// An action was refused, and the page does not show the reason itself.
    #[error(transparent)]
    Action(ActionError),
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
    #[error("page not rendered")]
    Render(#[from] askama::Error),
    /// A bug: the text, for the log, says what was assumed.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::NotFound => Self::NotFound,
            ActionError::Store(error) => Self::Store(error),
            ActionError::Denied(Denial::KeyWithheld) => Self::KeyWithheld,
            other => Self::Action(other),
        }
    }
}

impl Failure {
    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::CsrfRejected(_)
            | Self::SessionEnded
            | Self::KeyWithheld
            | Self::CrossSiteDownload => StatusCode::FORBIDDEN,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::ProtocolOff => StatusCode::NOT_FOUND,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::SignIn(SignInRefusal::ImportPending) | Self::Unavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::SignIn(_) => StatusCode::FORBIDDEN,
            Self::Action(error) => status_of_refusal(error),
            Self::Store(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Render(_) | Self::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Returns the value of the header `Retry-After`, in seconds.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::Unavailable { retry_after } => Some(*retry_after),
            Self::SignIn(SignInRefusal::ImportPending) => Some(IMPORT_RETRY_AFTER_S),
            Self::Store(error) if error.is_temporary() => Some(STORE_RETRY_AFTER_S),
            Self::Action(ActionError::Limit(Limit::CertificateRequests {
                retry_after_s, ..
            })) => Some(*retry_after_s),
            _ => None,
        }
    }

    /// Returns whether the same request may succeed later.
    pub(crate) fn is_worth_repeating(&self) -> bool {
        self.retry_after_s().is_some() || self.status().is_server_error()
    }

    /// Returns the faults of the input, each with its field.
    pub(crate) fn faults(&self) -> Vec<(Field, Fault)> {
        match self {
            Self::Action(ActionError::Invalid(faults)) => faults.clone(),
            Self::Action(ActionError::Limit(limit)) => {
                let fault = limit.record_fault().map(|fault| (Field::Form, fault));
                fault.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns what the client may repeat the request with, when it has to confirm something.
    pub(crate) fn confirmation(&self) -> Option<String> {
        match self {
            Self::Action(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden))) => {
                Some(forbidden.confirmation())
            }
            _ => None,
        }
    }

    /// Returns what happened, as a heading.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::CsrfRejected(_) => "This form is no longer valid",
            Self::SessionEnded => "Your session has ended",
            Self::KeyWithheld => "Only the owner can get a private key",
            Self::CrossSiteDownload => "Download it from the certificate page",
            Self::SignIn(_) => "We could not sign you in",
            Self::ProtocolOff => "This API is turned off",
            Self::Unprocessable(_) => "We could not process this form",
            _ => match self.status() {
                StatusCode::UNAUTHORIZED => "An API token is needed",
                StatusCode::BAD_REQUEST => "We did not understand this request",
                StatusCode::FORBIDDEN => "You do not have access",
                StatusCode::NOT_FOUND => "Page not found",
                StatusCode::METHOD_NOT_ALLOWED => "This method is not allowed here",
                StatusCode::PRECONDITION_FAILED => "It was changed meanwhile",
                StatusCode::CONFLICT => "This is not possible now",
                StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "We cannot read this format",
                StatusCode::MISDIRECTED_REQUEST => "Wrong address",
                StatusCode::UNPROCESSABLE_ENTITY => "The input has faults",
                StatusCode::TOO_MANY_REQUESTS => "Too many requests",
                StatusCode::SERVICE_UNAVAILABLE => "Not available right now",
                _ => "Something went wrong on our side",
            },
        }
    }

    /// Returns what the user can do.
    pub(crate) fn advice(&self) -> String {
        let text = match self {
            Self::BadRequest(_) => "Go back, reload the page and try again.",
            Self::CsrfRejected(_) => {
                "Nothing was changed. The form was open for too long, someone has signed in again \
                 in this browser, or an impersonation has started or ended. Open the page again \
                 and check the user name at the top before you send the form."
            }
            Self::SessionEnded => {
                "Nothing was changed. What you sent is too long to be kept while you sign in: copy \
                 it, sign in, then fill in the form again."
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
            Self::Unauthorized(reason) => reason,
            Self::NotFound => {
                "The page or the record does not exist, or it is not yours. It may have been \
                 deleted or have expired."
            }
            Self::ProtocolOff => "This service does not offer it at the moment.",
            Self::PreconditionFailed => {
                "Nothing was changed. Read it again, then repeat the request."
            }
            Self::MethodNotAllowed(_) => {
                "This address does not accept this kind of request. Start again from one of our \
                 pages."
            }
            Self::TooLarge => {
                "Nothing was changed. A form can have at most 64 KB, one with pasted records 512 \
                 KB: make it shorter and send it again."
            }
            Self::UnsupportedMediaType(_) => "Send the form as a browser does, uncompressed.",
            Self::Misdirected => "This service does not use this host name.",
            Self::Unprocessable(_) => {
                "Some fields are missing, duplicated or unknown. Open the form again and send it \
                 from there."
            }
            Self::SignIn(refusal) => return format!("{} {}", refusal.reason(), refusal.advice()),
            Self::Action(_) => return self.describe_refusal(),
            Self::TooMany { retry_after } => {
                return format!(
                    "There were too many requests in a short time. Try again in {}.",
                    seconds(*retry_after)
                );
            }
            Self::Unavailable { .. } | Self::Store(_) | Self::Render(_) | Self::Internal(_) => {
                return self.describe_fault_of_ours();
            }
        };
        text.to_owned()
    }

    fn describe_refusal(&self) -> String {
        let faults = self.faults();
        if faults.is_empty() {
            return self.to_string();
        }
        let sentences = faults.iter().map(|(_, fault)| sentence(fault.to_string()));
        sentences.collect::<Vec<_>>().join(" ")
    }

    fn describe_fault_of_ours(&self) -> String {
        match self.retry_after_s() {
            Some(retry_after_s) => format!(
                "A part of this service does not respond. Your DNS records keep working. Try again \
                 in {}.",
                seconds(retry_after_s)
            ),
            None => "This is not your fault, and nothing was partly saved. Try again. If it \
                     happens again, please contact us."
                .to_owned(),
        }
    }
}

fn status_of_refusal(error: &ActionError) -> StatusCode {
    match error {
        ActionError::Password(_) => StatusCode::BAD_REQUEST,
        ActionError::NotFound => StatusCode::NOT_FOUND,
        ActionError::Denied(_) => StatusCode::FORBIDDEN,
        ActionError::Conflict(_) => StatusCode::CONFLICT,
        ActionError::Limit(Limit::CertificateRequests { .. }) => StatusCode::TOO_MANY_REQUESTS,
        ActionError::Invalid(_)
        | ActionError::Limit(
            Limit::Records { .. }
            | Limit::RecordsAtOnce { .. }
            | Limit::Tokens { .. }
            | Limit::Challenges { .. },
        ) => StatusCode::UNPROCESSABLE_ENTITY,
        ActionError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn seconds(count: u64) -> String {
    match count {
        0 | 1 => "a second".to_owned(),
        2..=119 => format!("{count} seconds"),
        _ => format!("{} minutes", count.div_ceil(60)),
    }
}
