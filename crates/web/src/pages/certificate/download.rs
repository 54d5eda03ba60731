//! Downloads: the files of the active certificate.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use starchart_store::certificates::{self, Certificate};
use strum::VariantArray;

use crate::actions;
use crate::actor::User;
use crate::context::RequestContext;
use crate::csrf;
use crate::errors::Failure;

/// The parts of a certificate that can be copied and downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub(crate) enum CertificatePart {
    Certificate,
    PrivateKey,
    /// The intermediate certificates, without the certificate itself.
    Chain,
    /// Certificate and chain in one file.
    FullChain,
}

impl CertificatePart {
    /// Every part, in the order of the page.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the last segment of its path `/certificate/download/…`.
    pub(crate) const fn path_segment(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "privateKey",
            Self::Chain => "chain",
            Self::FullChain => "fullChain",
        }
    }

    /// Returns the part with this path segment.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|part| part.path_segment() == segment)
    }

    /// Returns the file name of the download.
    pub(crate) fn file_name(self, domain: &str) -> String {
        let kind = match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "privkey",
            Self::Chain => "chain",
            Self::FullChain => "bundle",
        };
        format!("{domain}.{kind}.pem")
    }

    /// Returns its heading on the page.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Certificate => "Public Certificate",
            Self::PrivateKey => "Private Key",
            Self::Chain => "Intermediate Chain",
            Self::FullChain => "Full Chain",
        }
    }

    /// Returns what it is for.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Certificate => "Proves that the domain is yours. It is public.",
            Self::PrivateKey => {
                "Keep it secret: only your server needs it. Never mail it and never commit it to a \
                 Git repository."
            }
            Self::Chain => {
                "The certificates of the authority that link yours to one that browsers trust."
            }
            Self::FullChain => {
                "The certificate and the chain in one file. Most servers need this file and the \
                 private key."
            }
        }
    }

    /// Returns whether only the owner may have it.
    pub(crate) fn is_secret(self) -> bool {
        self == Self::PrivateKey
    }
}

/// `GET /certificate/download/{part}`: downloads a part other than the private key, which has its
/// own route.
pub(crate) async fn download(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let part = context
        .req
        .match_info()
        .get("part")
        .and_then(CertificatePart::parse)
        .ok_or(Failure::NotFound)?;
    let certificate = find_active(&context, &user).await?;
    let pem = match part {
        CertificatePart::Certificate => certificate.certificate,
        CertificatePart::Chain => certificate.chain,
        CertificatePart::FullChain => actions::full_chain(&certificate),
        CertificatePart::PrivateKey => {
            return Err(Failure::Internal("the private key has its own route"));
        }
    };
    Ok(pem_response(part, &certificate.domain, pem))
}

/// `GET /certificate/download/privateKey`: sends the private key to its owner, when our own page
/// asks for it or the user typed the URL. Sends no key without an audit trail entry.
pub(crate) async fn private_key(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    if user.impersonator.is_some() {
        return Err(Failure::KeyWithheld);
    }
    csrf::check_private_key_request(&context.req, &context.app.origin())?;
    let store = context.app.store()?;
    let certificate = find_active(&context, &user).await?;
    if *context.req.method() == Method::HEAD {
        return Ok(pem_response(
            CertificatePart::PrivateKey,
            &certificate.domain,
            String::new(),
        ));
    }
    let key = actions::load_private_key(store, context.caller(&user), &certificate).await?;
    Ok(pem_response(
        CertificatePart::PrivateKey,
        &certificate.domain,
        key.expose().to_owned(),
    ))
}

/// Returns the active certificate, or a failure with status 404.
async fn find_active(context: &RequestContext, user: &User) -> Result<Certificate, Failure> {
    certificates::load_overview(context.app.store()?, user.id)
        .await?
        .active
        .ok_or(Failure::NotFound)
}

fn pem_response(part: CertificatePart, domain: &str, pem: String) -> HttpResponse {
    // A domain has only letters, digits, `-`, `_` and dots: nothing to escape.
    let disposition = format!("attachment; filename=\"{}\"", part.file_name(domain));
    HttpResponse::Ok()
        .content_type("application/x-pem-file")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_and_path_segments_are_those_of_the_original() {
        let names: Vec<_> = CertificatePart::ALL
            .iter()
            .map(|part| part.file_name("user1.starchart.com"))
            .collect();
        assert_eq!(
            names,
            ["certificate", "privkey", "chain", "bundle"]
                .map(|kind| format!("user1.starchart.com.{kind}.pem"))
        );
        assert!(
            CertificatePart::ALL
                .iter()
                .all(|part| CertificatePart::parse(part.path_segment()) == Some(*part))
        );
        assert_eq!(CertificatePart::parse("privatekey"), None);
    }
}
