//! Signing in and out, and choosing a label.

pub(crate) mod acs;
pub(crate) mod label;
pub(crate) mod login;
pub(crate) mod logout;

use askama::Template;

use super::Layout;
use crate::sign_in_refusal::SignInRefusal;
use crate::typed::TypedField;

/// The page for a refused sign-in.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in/refused.html")]
pub(crate) struct SignInRefusedPage {
    pub(crate) layout: Layout,
    pub(crate) refusal: SignInRefusal,
    /// What the form held that was sent before the sign-in.
    pub(crate) typed: Vec<TypedField>,
    /// Whether the same request may succeed later.
    pub(crate) can_repeat: bool,
    /// Identifies the request in the log.
    pub(crate) request_id: String,
}
