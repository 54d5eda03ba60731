//! Signing in and out, and choosing a label.

pub(crate) mod acs;
pub(crate) mod label;
pub(crate) mod login;
pub(crate) mod logout;

use askama::Template;

use super::Layout;
use crate::sign_in_refusal::SignInRefusal;

/// The page for a refused sign-in.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in/refused.html")]
pub(crate) struct SignInRefusedPage {
    pub(crate) layout: Layout,
    pub(crate) refusal: SignInRefusal,
    /// Identifies the request in the log.
    pub(crate) request_id: String,
}
