//! The pages as plain data: each struct is one page and renders itself through its template.
//!
//! Handlers fill these structs with owned values. Nothing here knows the store or HTTP. Every form
//! is a POST with the hidden field `csrf_token` ([`Layout::csrf_token`]) unless its template says
//! otherwise. Static files are requested as `/static/NAME?v=VERSION`.

mod account;
mod admin;
mod certificate;
mod layout;
mod pages;
mod record_form;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use account::{
    LabelPage, LabelReason, LoginPage, LogoutPage, SignInRefusal, SignInRefusedPage,
};
pub(crate) use admin::{
    AdminDeletePage, AdminPage, FoundUser, HealthItem, HealthItemKind, TrailPage, TrailRow,
    UserSearchResults,
};
pub(crate) use certificate::{
    ActiveCertificate, CertificateDeletePage, CertificatePage, CertificatePart, CertificateState,
    InformationPage, OrderProgress, Renewal,
};
pub(crate) use layout::{
    Flash, FlashKind, HeaderImpersonation, HeaderUser, Layout, SupportContact,
};
pub(crate) use pages::{ErrorKind, ErrorPage, HomePage, InstructionsPage};
pub(crate) use record_form::{FieldFault, FormMode, FormPage, FormValues};
pub(crate) use records::{DeletePage, LookupPage, RecordRow, RecordStateItem, RecordsPage};
