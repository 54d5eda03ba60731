//! The download of a PKCS#12 file, whose password is posted.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::download::send;
use super::overview;
use crate::actions::{CertificateForm, Pkcs12Password};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::responses;

/// `POST /certificate/download/p12`: sends private key and full chain, encrypted with the posted
/// password; shows the page again when the password cannot be used.
pub(crate) async fn download_pkcs12(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let password = context.form.get("password").unwrap_or_default();
    match Pkcs12Password::parse(password) {
        Ok(password) => send(&context, &user, CertificateForm::Pkcs12, Some(&password)).await,
        Err(fault) => {
            let page = overview::with_password_fault(&context, &user, fault).await?;
            responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
