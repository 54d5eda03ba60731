//! The user's certificate: its page, deletion, downloads and information.

mod active;
mod delete;
mod download;
mod information;
mod machines;
mod overview;
mod pkcs12;
mod progress;
mod revoke;

pub(crate) use delete::confirm_delete;
pub(crate) use download::{download, download_with_key};
pub(crate) use information::information;
pub(crate) use machines::remove_machine;
pub(crate) use overview::{handle_intent, show, state};
pub(crate) use pkcs12::download_pkcs12;
pub(crate) use revoke::{revoke, revoke_form};
#[cfg(test)]
pub(crate) use {
    active::{ActiveCertificate, Renewal},
    delete::DeletePage,
    information::InformationPage,
    overview::CertificatePage,
    revoke::RevokePage,
};

/// The path of the certificate page.
const PAGE: &str = "/certificate";
