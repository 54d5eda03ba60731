//! The page that revokes a certificate, in use or not.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::RevocationReason;
use starchart_store::certificates::revocations::{Revocation, ValidCertificate};

use super::PAGE;
use crate::actions::{self, ActionError, CertificateRules};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

/// `GET /certificate/revoke`; posts `certificate` and `reason` to itself.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate/revoke.html")]
pub(crate) struct RevokePage {
    pub(crate) layout: Layout,
    /// The certificates that have not expired, the newest first.
    pub(crate) certificates: Vec<ValidCertificate>,
    /// The number of the certificate that is ticked.
    pub(crate) chosen: Option<i64>,
    /// The reason that is ticked.
    pub(crate) reason_chosen: Option<RevocationReason>,
    /// Whether another certificate is requested for one whose key others may have.
    pub(crate) replaces: bool,
    /// Why nothing was revoked.
    pub(crate) fault: Option<&'static str>,
}

impl RevokePage {
    fn has_revocable(&self) -> bool {
        let revocable = |it: &ValidCertificate| it.revocation == Revocation::None;
        self.certificates.iter().any(revocable)
    }

    fn is_chosen(&self, certificate: &ValidCertificate) -> bool {
        self.chosen == Some(certificate.id)
    }

    fn is_reason(&self, reason: &RevocationReason) -> bool {
        self.reason_chosen.as_ref() == Some(reason)
    }

    fn has_revoked(&self) -> bool {
        let revoked = |it: &ValidCertificate| it.revocation != Revocation::None;
        self.certificates.iter().any(revoked)
    }
}

/// Lists the certificates that can be revoked (`GET /certificate/revoke`).
pub(crate) async fn revoke_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let certificates = actions::list_valid_certificates(context.app.store()?, &user).await?;
    let in_use = certificates
        .iter()
        .find(|certificate| certificate.is_active);
    let chosen = in_use.map(|certificate| certificate.id);
    responses::ok(&page(&context, certificates, chosen))
}

/// Revokes a certificate (`POST /certificate/revoke`).
pub(crate) async fn revoke(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let store = app.store()?;
    let certificates = actions::list_valid_certificates(store, &user).await?;
    let id: Option<i64> = context
        .form
        .get("certificate")
        .and_then(|id| id.parse().ok());
    let chosen = certificates.iter().find(|it| Some(it.id) == id);
    let reason = context.form.get("reason").and_then(RevocationReason::parse);
    let (Some(certificate), Some(reason)) = (chosen, reason) else {
        let fault = if chosen.is_none() {
            "Choose the certificate to revoke."
        } else {
            "Choose why you revoke it."
        };
        let chosen = chosen.map(|it| it.id);
        let page = RevokePage {
            reason_chosen: reason,
            fault: Some(fault),
            ..page(&context, certificates, chosen)
        };
        return responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let (queue, rules) = (&*app.queue, CertificateRules::new(&app.config));
    let caller = context.caller(&user);
    let revoked =
        actions::revoke_certificate(store, queue, caller, rules, certificate, reason).await;
    let message = match revoked {
        Ok(true) => (
            FlashKind::Done,
            "The certificate is being revoked. We have requested another one with a new key."
                .to_owned(),
        ),
        Ok(false) => (
            FlashKind::Done,
            "The certificate is being revoked.".to_owned(),
        ),
        Err(ActionError::NotFound) => (
            FlashKind::Note,
            "This certificate was revoked before.".to_owned(),
        ),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    Ok(see_other(PAGE))
}

fn page(
    context: &RequestContext,
    certificates: Vec<ValidCertificate>,
    chosen: Option<i64>,
) -> RevokePage {
    RevokePage {
        layout: context.layout(),
        certificates,
        chosen,
        reason_chosen: None,
        replaces: context.app.config.certificates_off.is_none(),
        fault: None,
    }
}
