//! Why a request fails. `error_page` turns a failure into a response.

use actix_web::http::Method;

use crate::actions::{ActionError, Limit};
use crate::views::{ErrorKind, SignInRefusal};

/// Seconds after which a client may retry when the database fails temporarily.
const STORE_RETRY_AFTER_S: u64 = 5;

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request contradicts itself or cannot be read.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The request does not come from one of our pages; says which check failed.
    #[error("CSRF check failed: {0}")]
    CsrfRejected(&'static str),
    /// An admin asked for the private key of the impersonated user.
    #[error("private key requested during an impersonation")]
    KeyWithheld,
    /// A private key was requested from another site.
    #[error("private key requested from another site")]
    CrossSiteDownload,
    /// The object is absent or belongs to another user.
    #[error("not found")]
    NotFound,
    /// The path does not support this method; lists the methods that it supports.
    #[error("method not allowed")]
    MethodNotAllowed(Vec<Method>),
    /// The body exceeds the limit of the route.
    #[error("body too large")]
    TooLarge,
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
            other => Self::Action(other),
        }
    }
}

impl Failure {
    /// Returns what the error page says about this failure.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::BadRequest(_) => ErrorKind::BadRequest,
            Self::CsrfRejected(_) => ErrorKind::FormExpired,
            Self::Action(error) => kind_of_refusal(error),
            Self::KeyWithheld => ErrorKind::KeyWithheld,
            Self::CrossSiteDownload => ErrorKind::CrossSiteDownload,
            Self::NotFound => ErrorKind::NotFound,
            Self::MethodNotAllowed(_) => ErrorKind::MethodNotAllowed,
            Self::TooLarge => ErrorKind::TooLarge,
            Self::Misdirected => ErrorKind::Misdirected,
            Self::Unprocessable(_) => ErrorKind::Unprocessable,
            Self::TooMany { retry_after } => ErrorKind::TooMany {
                retry_after: *retry_after,
            },
            Self::Unavailable { retry_after } => ErrorKind::Unavailable {
                retry_after: *retry_after,
            },
            Self::Store(error) if error.is_temporary() => ErrorKind::Unavailable {
                retry_after: STORE_RETRY_AFTER_S,
            },
            Self::SignIn(_) => ErrorKind::Forbidden,
            Self::Store(_) | Self::Render(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }
}

fn kind_of_refusal(error: &ActionError) -> ErrorKind {
    match error {
        ActionError::NotFound => ErrorKind::NotFound,
        ActionError::Denied(_) => ErrorKind::Forbidden,
        ActionError::Limit(Limit::CertificateRequests { retry_after_s, .. }) => {
            ErrorKind::TooMany {
                retry_after: *retry_after_s,
            }
        }
        ActionError::Invalid(_) | ActionError::Conflict(_) | ActionError::Limit(_) => {
            ErrorKind::Unprocessable
        }
        ActionError::Store(_) => ErrorKind::Internal,
    }
}
