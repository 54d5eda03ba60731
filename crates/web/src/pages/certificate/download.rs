//! Downloads: the forms of the active certificate.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};

use crate::actions::{self, CertificateForm, Pkcs12Password};
use crate::actor::User;
use crate::context::RequestContext;
use crate::csrf;
use crate::errors::Failure;

/// How the page presents a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Download(CertificateForm);

impl Download {
    /// The parts that can be copied, in the order of the page.
    pub(crate) const PARTS: [Self; 4] = [
        Self(CertificateForm::Certificate),
        Self(CertificateForm::PrivateKey),
        Self(CertificateForm::Chain),
        Self(CertificateForm::FullChain),
    ];
    /// The other forms that a link downloads, in the order of the page.
    pub(crate) const FILES: [Self; 3] = [
        Self(CertificateForm::Bundle),
        Self(CertificateForm::Zip),
        Self(CertificateForm::Kubernetes),
    ];

    /// The form that is posted for, with a password.
    pub(crate) const PKCS12: Self = Self(CertificateForm::Pkcs12);

    /// Returns the last segment of its path `/certificate/download/…`.
    pub(crate) const fn path_segment(self) -> &'static str {
        match self.0 {
            // As the original wrote them.
            CertificateForm::PrivateKey => "privateKey",
            CertificateForm::FullChain => "fullChain",
            other => other.key(),
        }
    }

    fn parse(segment: &str) -> Option<CertificateForm> {
        let mut all = CertificateForm::ALL.iter().copied();
        all.find(|form| Self(*form).path_segment() == segment)
    }

    /// Returns the file name of the download.
    pub(crate) fn file_name(self, domain: &str) -> String {
        self.0.file_name(domain)
    }

    /// Returns its heading on the page.
    pub(crate) const fn title(self) -> &'static str {
        match self.0 {
            CertificateForm::Certificate => "Public Certificate",
            CertificateForm::PrivateKey => "Private Key",
            CertificateForm::Chain => "Intermediate Chain",
            CertificateForm::FullChain => "Full Chain",
            CertificateForm::Bundle => "One PEM File",
            CertificateForm::Pkcs12 => "PKCS#12",
            CertificateForm::Zip => "Zip Archive",
            CertificateForm::Kubernetes => "Kubernetes Secret",
        }
    }

    /// Returns what it is for.
    pub(crate) const fn description(self) -> &'static str {
        match self.0 {
            CertificateForm::Certificate => "Proves that the domain is yours. It is public.",
            CertificateForm::PrivateKey => {
                "Keep it secret: only your server needs it. Never mail it and never commit it to a \
                 Git repository."
            }
            CertificateForm::Chain => {
                "The certificates of the authority that link yours to one that browsers trust."
            }
            CertificateForm::FullChain => {
                "The certificate and the chain in one file. Most servers need this file and the \
                 private key."
            }
            CertificateForm::Bundle => {
                "Private key and full chain in one file, as HAProxy reads it."
            }
            CertificateForm::Pkcs12 => {
                "Private key and full chain, encrypted with a password that you choose: for IIS, \
                 Tomcat and other programs in Java."
            }
            CertificateForm::Zip => "The four files above in one archive.",
            CertificateForm::Kubernetes => {
                "A Secret of the type kubernetes.io/tls in YAML, for kubectl apply."
            }
        }
    }

    /// Returns whether only the owner may have it.
    pub(crate) fn is_secret(self) -> bool {
        self.0.has_key()
    }
}

/// `GET /certificate/download/{part}`: downloads a part without the private key.
pub(crate) async fn download(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let segment = context.req.match_info().get("part");
    let form = segment.and_then(Download::parse).ok_or(Failure::NotFound)?;
    match form.has_key() {
        // PKCS#12 is posted; the others have routes of their own.
        true => Err(Failure::NotFound),
        false => send(&context, &user, form, None).await,
    }
}

/// `GET /certificate/download/privateKey`, and the other forms with the private key: sends it to
/// its owner, when our own page asks for it or the user typed the URL. Sends no key without an
/// audit trail entry.
pub(crate) async fn download_with_key(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let segment = context.req.path().rsplit('/').next();
    let form = segment.and_then(Download::parse).ok_or(Failure::NotFound)?;
    if user.impersonator.is_some() {
        return Err(Failure::KeyWithheld);
    }
    csrf::check_private_key_request(&context.req, &context.app.origin())?;
    send(&context, &user, form, None).await
}

/// Sends a form of the active certificate as a file; `password` encrypts a PKCS#12 file.
pub(super) async fn send(
    context: &RequestContext,
    user: &User,
    form: CertificateForm,
    password: Option<&Pkcs12Password>,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let certificate = actions::find_certificate(store, user, form).await?;
    let body = match *context.req.method() {
        Method::HEAD => Vec::new(),
        _ => {
            let caller = context.caller(user);
            let taken = actions::take_certificate(store, caller, &certificate, form, password);
            taken.await?
        }
    };
    // A domain has only letters, digits, `-`, `_` and dots: nothing to escape.
    let file_name = form.file_name(&certificate.domain);
    Ok(HttpResponse::Ok()
        .content_type(form.media_type())
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file_name}\""),
        ))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_and_path_segments_are_those_of_the_original() {
        let names = Download::PARTS
            .map(|part| (part.path_segment(), part.file_name("user1.starchart.com")));
        let expected = [
            ("certificate", "certificate"),
            ("privateKey", "privkey"),
            ("chain", "chain"),
            ("fullChain", "bundle"),
        ];
        assert_eq!(
            names,
            expected.map(|(segment, kind)| (segment, format!("user1.starchart.com.{kind}.pem")))
        );
    }

    #[test]
    fn every_form_has_its_own_path_and_file() {
        let downloads = CertificateForm::ALL.iter().copied().map(Download);
        let mut names = std::collections::BTreeSet::new();
        for download in downloads {
            assert_eq!(Download::parse(download.path_segment()), Some(download.0));
            assert!(names.insert(download.file_name("user1.starchart.com")));
        }
        assert_eq!(Download::parse("privatekey"), None);
    }
}
