//! The errors of a call before they are told apart for the caller.

use instant_acme::Error;

use crate::authority::AuthorityError;

/// An error inside a call: one of instant-acme, or one ready for the caller.
pub(crate) enum CallError {
    Acme(Error),
    Authority(AuthorityError),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Acme(error)
    }
}

impl From<AuthorityError> for CallError {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(error)
    }
}
