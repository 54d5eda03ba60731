//! `certificate/{part}/`: the forms that the certificate can be taken away in.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ContentEncoding, ETAG};
use starchart_domain::machine::MachineName;

use crate::actions::{
    self, ActionError, Certificate, CertificateForm, Pkcs12Password, Pkcs12PasswordFault,
};
use crate::actor::User;
use crate::api::request::path_part;
use crate::api::rest::operation::{Answer, Content, Group, Operation, Parameter, Place, Values};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::etags;
use crate::rate_limits::RateLimitKey;

/// The header with the password that encrypts a PKCS#12 file. It is no part of the URL, because
/// URLs are logged.
pub(crate) const PKCS12_PASSWORD: &str = "Pkcs12-Password";

/// The header with the name of the machine that fetches.
const MACHINE_NAME: &str = "Machine-Name";

pub(crate) static PART: Operation = Operation {
    group: Group::Certificate,
    summary: "Download the certificate",
    description: "`certificate`, `chain`, `fullchain` (certificate and chain) and `key` are PEM \
                  files. `bundle` has the private key and the full chain in one PEM file, as \
                  HAProxy reads it; both are of the same certificate. `p12` is a PKCS#12 file \
                  with the same, encrypted with the password in the header `Pkcs12-Password`. \
                  `zip` has the four PEM files, `kubernetes` is a Secret of the type \
                  `kubernetes.io/tls`.\n\nThe final slash may be left out. `ETag` changes with \
                  the certificate: send it as `If-None-Match`, and the answer is 304 until there \
                  is a new one. Each download of the key is in the audit trail.",
    right: "certificate: read; with the key (`key`, `bundle`, `p12`, `zip`, `kubernetes`): read \
            with key",
    parameters: &[
        Parameter {
            name: "If-None-Match",
            place: Place::Header,
            values: Values::Any,
            description: "The `ETag` of what you have.",
        },
        Parameter {
            name: MACHINE_NAME,
            place: Place::Header,
            values: Values::Any,
            description: "What the machine calls itself: the owner sees by it which machines \
                          fetch, when they last did, and whether they have the newest.",
        },
        Parameter {
            name: PKCS12_PASSWORD,
            place: Place::Header,
            values: Values::Any,
            description: "For `p12`: the password of the file, 6 to 128 characters of ASCII \
                          without spaces.",
        },
    ],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The file.",
            content: Content::Files(&[
                "application/x-pem-file",
                "application/x-pkcs12",
                "application/zip",
                "application/yaml",
            ]),
        },
        Answer {
            status: 304,
            description: "You have the newest.",
            content: Content::Nothing,
        },
        Answer {
            status: 400,
            description: "The password for `p12` is missing or cannot be used.",
            content: Content::Problem,
        },
        Answer {
            status: 404,
            description: "There is no certificate, or no such part.",
            content: Content::Problem,
        },
    ],
};

/// Answers `GET /api/v1/certificate/{part}/` with a token. Handing out a key counts as a write,
/// because it appends to the audit trail.
pub(crate) async fn part(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let form = CertificateForm::parse(path_part(&context, "part")).ok_or(Failure::NotFound)?;
    let password = match form {
        CertificateForm::Pkcs12 => Some(read_password(&context)?),
        _ => None,
    };
    let store = context.app.store()?;
    let certificate = actions::find_certificate(store, &user, form).await?;
    let etag = etag(form, &certificate);
    if etags::is_known(&context.req, &etag) {
        record_fetch(&context, &user, &certificate).await?;
        let mut unchanged = HttpResponse::NotModified();
        return Ok(unchanged
            .insert_header((ETAG, etag))
            .insert_header((CACHE_CONTROL, cache_control(form)))
            .finish());
    }
    let body = if *context.req.method() == Method::HEAD {
        Vec::new()
    } else {
        if form.has_key() {
            context
                .app
                .limits
                .count(RateLimitKey::Write(user.id))
                .await?;
        }
        let caller = context.caller(&user);
        let taken =
            actions::take_certificate(store, caller, &certificate, form, password.as_ref()).await?;
        record_fetch(&context, &user, &certificate).await?;
        taken
    };
    let file_name = form.file_name(&certificate.domain);
    Ok(HttpResponse::Ok()
        .content_type(form.media_type())
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, cache_control(form)))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file_name}\""),
        ))
        // Compressed, the bytes would not be those of the ETag.
        .insert_header(ContentEncoding::Identity)
        .body(body))
}

/// Remembers which certificate the machine has.
async fn record_fetch(
    context: &RequestContext,
    user: &User,
    certificate: &Certificate,
) -> Result<(), Failure> {
    if *context.req.method() == Method::GET {
        let sent = context.req.headers().get(MACHINE_NAME);
        let name = sent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let machine = MachineName::new(&name.unwrap_or_default());
        actions::record_fetch(context.app.store()?, user, &machine, certificate).await;
    }
    Ok(())
}

fn read_password(context: &RequestContext) -> Result<Pkcs12Password, ActionError> {
    let value = context.req.headers().get(PKCS12_PASSWORD);
    let text = match value.map(|value| value.to_str()) {
        None => "",
        Some(Ok(text)) => text,
        Some(Err(_)) => return Err(ActionError::Password(Pkcs12PasswordFault::Character)),
    };
    Pkcs12Password::parse(text).map_err(ActionError::Password)
}

/// Returns the entity tag: a weak one for a form whose bytes differ each time (RFC 9110, section
/// 8.8.1).
fn etag(form: CertificateForm, certificate: &Certificate) -> String {
    let revision = form.revision(certificate);
    match form.is_reproducible() {
        true => format!("\"{revision}\""),
        false => format!("W/\"{revision}\""),
    }
}

/// A cache may keep what is public, and asks before it is used. It keeps no private key.
fn cache_control(form: CertificateForm) -> &'static str {
    match form.has_key() {
        true => "no-store",
        false => "private, no-cache",
    }
}
