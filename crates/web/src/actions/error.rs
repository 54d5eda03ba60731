//! Why an action was refused or failed.

use std::fmt;

use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;
use starchart_store::admin::{AdminError, RECENT_SIGN_IN_MS};
use starchart_store::records::Record;

use super::certificate_form::Pkcs12PasswordFault;
use super::history::UndoRefusal;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Why an action was refused or failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    /// The caller has to correct the input: every fault with its field, in the order of the form.
    #[error("invalid input")]
    Invalid(Vec<(Field, Fault)>),
    /// The password for a PKCS#12 file cannot be used.
    #[error("{0}")]
    Password(Pkcs12PasswordFault),
    /// The object is absent or belongs to another user.
    #[error("not found")]
    NotFound,
    /// The present state does not allow the action.
    #[error("{0}")]
    Conflict(Conflict),
    /// A limit of the user is reached.
    #[error("{0}")]
    Limit(Limit),
    /// The caller may not do this, or not to this user.
    #[error("{0}")]
    Denied(Denial),
    /// The store failed; [`starchart_store::Error::is_temporary`] says whether to retry.
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
}

/// A state that does not allow the action. Displays as a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The record was edited after the caller had read it.
    RecordChanged {
        /// The record as it is now.
        current: Box<Record>,
    },
    /// The user has a pending certificate order.
    OrderPending,
    /// The active certificate cannot be renewed yet.
    NotDue {
        /// When a renewal is possible.
        from: Timestamp,
    },
    /// The operator has not set up certificates.
    CertificatesOff,
    /// The label is not among those that the user can choose.
    LabelNotOffered,
    /// Another user claimed the label a moment ago.
    LabelTaken,
    /// The user's CAA records would forbid the certificate authority in use to issue. The caller
    /// may repeat the action with [`IssuanceForbidden::confirmation`].
    IssuanceForbidden(IssuanceForbidden),
    /// The change of a record cannot be undone.
    NotUndoable(UndoRefusal),
}

/// A limit that the user has reached. Displays as a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The user has as many records as allowed.
    Records { limit: u32 },
    /// The user may have some of several new records, but not all.
    RecordsAtOnce { limit: u32, free: u32, wanted: u32 },
    /// The user has as many live API tokens as allowed.
    Tokens { limit: u32 },
    /// The user's ACME clients have as many answers to challenges as allowed.
    Challenges { limit: u32 },
    /// The user has requested as many certificates in 24 hours as allowed.
    CertificateRequests {
        limit: u32,
        /// When the next request is allowed.
        next_at: Timestamp,
        /// Seconds until then, at least one.
        retry_after_s: u64,
    },
}

/// Why a caller may not do something. Displays as a sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// The account is the admin's own.
    OwnAccount,
    /// The account is an admin's.
    AdminAccount,
    /// The user has no label yet, so there is nothing to see.
    NoLabel,
    /// The admin signed in too long ago.
    SignInAgain,
    /// The caller is no longer an admin, or the session has ended.
    NoLongerAdmin,
    /// Only the owner can get a private key, not an admin who impersonates the owner.
    KeyWithheld,
    /// Only the owner can create an API token, not an admin who impersonates the owner.
    TokenWithheld,
    /// The API token has no right to do this.
    TokenScope,
    /// No API token can do this, whatever its rights.
    NeedsSession,
}

impl Limit {
    /// Makes the refusal of new records for a user who has `present` ones.
    pub(crate) fn of_records(limit: u32, present: u32, wanted: u32) -> Self {
        match limit.saturating_sub(present) {
            0 => Self::Records { limit },
            free => Self::RecordsAtOnce {
                limit,
                free,
                wanted,
            },
        }
    }

    /// Returns the fault of a form with records; `None` for a limit of something else.
    pub(crate) fn record_fault(&self) -> Option<Fault> {
        match *self {
            Self::Records { limit } => Some(Fault::QuotaReached { limit }),
            Self::RecordsAtOnce {
                limit,
                free,
                wanted,
            } => Some(Fault::TooManyAtOnce {
                limit,
                free,
                wanted,
            }),
            Self::Tokens { .. } | Self::Challenges { .. } | Self::CertificateRequests { .. } => {
                None
            }
        }
    }
}

impl ActionError {
    /// Returns what a form shows beside its fields.
    ///
    /// # Errors
    /// The error itself when the user cannot correct it in the form.
    pub(crate) fn into_form_faults(self) -> Result<Vec<(Field, Fault)>, Self> {
        match self {
            Self::Invalid(faults) => Ok(faults),
            Self::Limit(limit) => match limit.record_fault() {
                Some(fault) => Ok(vec![(Field::Form, fault)]),
                None => Err(Self::Limit(limit)),
            },
            other => Err(other),
        }
    }
}

impl From<AdminError> for ActionError {
    fn from(error: AdminError) -> Self {
        let denial = match error {
            AdminError::Oneself => Denial::OwnAccount,
            AdminError::IsAdmin => Denial::AdminAccount,
            AdminError::NoLabel => Denial::NoLabel,
            AdminError::SignInAgain => Denial::SignInAgain,
            AdminError::NoLongerAdmin => Denial::NoLongerAdmin,
            AdminError::NotFound => return Self::NotFound,
            AdminError::Db(error) => return Self::Store(error),
        };
        Self::Denied(denial)
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordChanged { .. } => {
                f.write_str("This record was changed after you had read it.")
            }
            Self::OrderPending => f.write_str("A certificate order is pending."),
            Self::NotDue { from } => {
                write!(
                    f,
                    "You can renew your certificate from {}.",
                    from.ceil_minute().to_minute()
                )
            }
            Self::CertificatesOff => {
                f.write_str("This service cannot request certificates at the moment.")
            }
            Self::LabelNotOffered => f.write_str("Choose one of the domains below."),
            Self::LabelTaken => {
                f.write_str("This domain was taken a moment ago. Choose another one.")
            }
            Self::IssuanceForbidden(forbidden) => write!(f, "{forbidden}."),
            Self::NotUndoable(refusal) => refusal.fmt(f),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Records { limit } => Fault::QuotaReached { limit }.fmt(f),
            Self::RecordsAtOnce {
                limit,
                free,
                wanted,
            } => {
                let fault = Fault::TooManyAtOnce {
                    limit,
                    free,
                    wanted,
                };
                fault.fmt(f)
            }
            Self::Tokens { limit } => write!(
                f,
                "You have {limit} API tokens, which is the limit. End one that you do not use."
            ),
            Self::Challenges { limit } => write!(
                f,
                "Your ACME clients have left {limit} answers to challenges, which is the limit: \
                 let them remove what they no longer need. What they leave goes after 7 days."
            ),
            Self::CertificateRequests { limit, next_at, .. } => {
                let times = match limit {
                    1 => "once".to_owned(),
                    _ => pluralize(limit, "time", "times"),
                };
                write!(
                    f,
                    "You have requested a certificate {times} within 24 hours, which is the limit. \
                     You can request one again at {}.",
                    next_at.ceil_minute().to_minute()
                )
            }
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnAccount => f.write_str("This is your own account."),
            Self::AdminAccount => f.write_str("Admins cannot be impersonated."),
            Self::NoLabel => f.write_str("This user has not chosen a domain yet."),
            Self::SignInAgain => write!(
                f,
                "You can change the accounts of other users only within {} hours of signing in. \
                 Sign out, sign in again and repeat the action.",
                RECENT_SIGN_IN_MS / HOUR_MS
            ),
            Self::NoLongerAdmin => f.write_str("You are no longer an admin."),
            Self::KeyWithheld => f.write_str("Only the owner can get the private key."),
            Self::TokenWithheld => f.write_str("Only the owner can create an API token."),
            Self::TokenScope => f.write_str(
                "This API token has no right to do this. Its owner sees on the page “API tokens” \
                 what it may do, and can create another one.",
            ),
            Self::NeedsSession => {
                f.write_str("No API token can do this. Sign in and use the website.")
            }
        }
    }
}
