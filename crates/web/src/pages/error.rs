//! The pages of failed requests.

use askama::Template;

use super::Layout;
use crate::errors::Failure;
use crate::typed::TypedField;

/// The page of a failed request.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) layout: Layout,
    pub(crate) failure: &'a Failure,
    /// What the refused form held.
    pub(crate) typed: Vec<TypedField>,
    /// APP_URL without a trailing slash: the link for a request to another host.
    pub(crate) app_url: String,
    /// Identifies the request in the log.
    pub(crate) request_id: String,
}

impl ErrorPage<'_> {
    fn is_misdirected(&self) -> bool {
        matches!(self.failure, Failure::Misdirected)
    }

    /// Returns whether the page leads to the sign-in and back to the page of the form.
    fn asks_to_sign_in(&self) -> bool {
        matches!(self.failure, Failure::SessionEnded)
    }

    /// Returns whether the page leads to the certificate page.
    fn is_about_private_key(&self) -> bool {
        matches!(
            self.failure,
            Failure::KeyWithheld | Failure::CrossSiteDownload
        )
    }
}
