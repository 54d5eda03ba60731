//! The one map from what went wrong to an answer. What caused it is logged here, once, and never
//! reaches a browser.

use actix_web::http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use starchart_domain::error::error_chain;
use starchart_store::records::RecordError;

use crate::views::{ErrorKind, ErrorPage, RefusalPage, SignInRefusal};
use crate::visit::Visit;

/// When to try again while the school moves here, seconds.
const MOVING_RETRY: &str = "900";

/// Why a request gets no ordinary answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request contradicts itself, or cannot be read.
    #[error("unreadable request: {0}")]
    BadRequest(&'static str),
    /// It does not come from a page of ours; says how that was seen.
    #[error("not from a page of ours: {0}")]
    ForeignForm(&'static str),
    /// An admin who acts as another person wants that person's private key.
    #[error("no private key while impersonating")]
    KeyWithheld,
    /// A private key was asked for from elsewhere than our own page.
    #[error("a private key asked for from elsewhere")]
    ForeignDownload,
    /// Absent, or another person's.
    #[error("not found")]
    NotFound,
    /// The path does not take this method; says which it takes.
    #[error("method not allowed")]
    MethodNotAllowed(Vec<Method>),
    /// More than we read.
    #[error("too large")]
    TooLarge,
    /// Asked for under a host name that is not ours.
    #[error("not our host")]
    Misdirected,
    /// A form that no page of ours sends.
    #[error("unusable form: {0}")]
    Unprocessable(&'static str),
    /// Too often.
    #[error("too many requests")]
    TooMany {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// A sign-in that does not sign in.
    #[error("sign-in refused")]
    SignIn(SignInRefusal),
    /// Something we need is away.
    #[error("not available")]
    Unavailable {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
    /// A page did not render.
    #[error("page: {0}")]
    Page(#[from] askama::Error),
    /// Anything else that is ours to mend.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl From<RecordError> for Failure {
    /// The rest of the refusals belongs into a form: see [`crate::routes::records`].
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Db(fault) => Self::Store(fault),
            RecordError::NotFound => Self::NotFound,
            _ => Self::Internal("a refusal of the store that should have gone into the form"),
        }
    }
}

impl Failure {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::BadRequest(_) => ErrorKind::BadRequest,
            Self::ForeignForm(_) => ErrorKind::FormExpired,
            Self::KeyWithheld => ErrorKind::KeyWithheld,
            Self::ForeignDownload => ErrorKind::ForeignDownload,
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
            Self::Store(fault) if fault.is_temporary() => ErrorKind::Unavailable { retry_after: 5 },
            Self::SignIn(_) => ErrorKind::Forbidden,
            Self::Store(_) | Self::Page(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    fn log(&self) {
        match self {
            Self::Store(_) | Self::Page(_) | Self::Internal(_) => {
                tracing::error!(error = error_chain(self), "a request failed");
            }
            Self::KeyWithheld | Self::ForeignDownload => {
                tracing::warn!(reason = %self, "a private key was not given out")
            }
            Self::ForeignForm(why) => {
                tracing::warn!(reason = why, "a form from elsewhere was refused")
            }
            // Signing in writes its own line, with the reason.
            Self::SignIn(_) => {}
            other => tracing::debug!(error = %other, "a request was refused"),
        }
    }
}

/// The answer to a failed request: a page with a way back and the number of the request.
pub(crate) fn answer(visit: &Visit, failure: &Failure) -> HttpResponse {
    failure.log();
    if let Failure::SignIn(refusal) = failure {
        return refuse_sign_in(visit, *refusal);
    }
    let kind = failure.kind();
    let page = ErrorPage {
        shell: visit.error_shell(),
        kind,
        address: visit.app.origin(),
        request_id: visit.id.clone(),
    };
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    match failure {
        Failure::MethodNotAllowed(methods) => {
            let list = methods
                .iter()
                .map(Method::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            builder.insert_header((ALLOW, list));
        }
        // The rest of the body is not worth reading.
        Failure::TooLarge => {
            builder.insert_header((CONNECTION, "close")).force_close();
        }
        _ => {}
    }
    if let ErrorKind::TooMany { retry_after } | ErrorKind::Unavailable { retry_after } = kind {
        builder.insert_header((RETRY_AFTER, retry_after));
    }
    send(&mut builder, page.render(), &visit.id)
}

/// No cookie may come with it: where the browser sends none of ours (the assertion consumer
/// service) a new one would end a sign-in that another tab has under way.
fn refuse_sign_in(visit: &Visit, refusal: SignInRefusal) -> HttpResponse {
    let page = RefusalPage {
        shell: visit.error_shell(),
        refusal,
        request_id: visit.id.clone(),
    };
    let mut builder = match refusal {
        SignInRefusal::Moving => HttpResponse::ServiceUnavailable(),
        _ => HttpResponse::Forbidden(),
    };
    if refusal == SignInRefusal::Moving {
        builder.insert_header((RETRY_AFTER, MOVING_RETRY));
    }
    send(&mut builder, page.render(), &visit.id)
}

fn send(
    builder: &mut HttpResponseBuilder,
    html: Result<String, askama::Error>,
    id: &str,
) -> HttpResponse {
    match html {
        Ok(html) => builder.content_type("text/html; charset=utf-8").body(html),
        Err(fault) => {
            tracing::error!(error = %fault, "the page for an error did not render");
            builder
                .content_type("text/plain; charset=utf-8")
                .body(format!(
                    "Something went wrong. Number of this request: {id}\n"
                ))
        }
    }
}
