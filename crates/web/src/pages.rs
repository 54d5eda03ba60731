//! The pages. Each folder holds a subject; each page is a file with its handlers and the struct
//! that renders, beside the template of the same name.
//!
//! A page holds what the store and the domain give; templates format times with the filters in
//! `filters`. Changes go through [`crate::actions`]. Every form is a POST with the
//! hidden field `csrf_token` ([`Layout::csrf_token`]) unless its template says otherwise. Static
//! files are requested as `/static/NAME?v=VERSION`.

pub(crate) mod admin;
pub(crate) mod api_docs;
pub(crate) mod certificate;
mod error;
mod filters;
pub(crate) mod home;
mod layout;
pub(crate) mod records;
pub(crate) mod sign_in;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;

pub(crate) use error::ErrorPage;
pub(crate) use layout::{Flash, FlashKind, Layout, SupportContact};
