//! The certificate of a user: its page, request, renewal, deletion and downloads.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use starchart_domain::certificate::{OrderStep, caa, renewable_from};
use starchart_domain::time::Timestamp;
use starchart_store::certificates::{self, Certificate, OrderView, Overview};
use starchart_store::records;

use crate::actions::{self, ActionError, CertificateRules, Conflict, Limit};
use crate::actor::User;
use crate::context::RequestContext;
use crate::csrf;
use crate::errors::Failure;
use crate::responses::{self, see_other};
use crate::views::{
    ActiveCertificate, CertificateDeletePage, CertificatePage, CertificatePart, CertificateState,
    FlashKind, InformationPage, OrderProgress, Renewal,
};

const PAGE: &str = "/certificate";
const REQUEST: &str = "request-certificate";
const RENEW: &str = "renew-certificate";
const DELETE: &str = "delete-certificate";
/// For this long after an order changed, the page polls every second, in milliseconds.
const FAST_POLL_MS: i64 = 60_000;
/// The page polls rarely when the next attempt is further away than this, in milliseconds.
const LONG_WAIT_MS: i64 = 5 * 60_000;
const FAST_POLL_S: u32 = 1;
const NORMAL_POLL_S: u32 = 5;
const SLOW_POLL_S: u32 = 60;

/// Shows the active certificate and the order in progress (`GET /certificate`).
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    responses::ok(&page(&context, &user, None).await?)
}

/// Returns the progress of the order as JSON, for the page's script (`GET /certificate/state`).
pub(crate) async fn state(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let Overview { active, order } = certificates::load_overview(store, user.id).await?;
    let page_revision = page_revision(active.as_ref(), order.as_ref());
    let poll_after_s = poll_after_s(order.as_ref(), store.now().await?);
    let steps = order
        .map(|order| progress(order, context.app.config.dns_provider))
        .filter(|order| !order.has_failed())
        .map(|order| order.steps())
        .unwrap_or_default();
    Ok(HttpResponse::Ok().json(CertificateState {
        page_revision,
        steps,
        poll_after_s,
    }))
}

/// `POST`, `PATCH`, `DELETE` on `/certificate`: requests, renews or deletes the certificate. The
/// intent decides; without an intent the method does.
pub(crate) async fn handle_intent(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let method_intent = match *context.req.method() {
        Method::PATCH => Some(RENEW),
        Method::DELETE => Some(DELETE),
        _ => None,
    };
    let intent = context
        .form
        .get("intent")
        .or(method_intent)
        .unwrap_or(REQUEST);
    if method_intent.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("method and intent differ"));
    }
    match intent {
        REQUEST | RENEW => request(&context, &user).await,
        DELETE => delete(&context, &user).await,
        _ => Err(Failure::Unprocessable("unknown intent")),
    }
}

async fn request(context: &RequestContext, user: &User) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let rules = CertificateRules {
        are_on: app.config.certificates_off.is_none(),
        daily_limit: app.config.rate_limits.certificate_requests_per_day,
    };
    let caller = context.caller(user);
    match actions::request_certificate(app.store()?, &*app.queue, caller, rules).await {
        Ok(_) => {}
        // The page shows that certificates are off, or the order in progress.
        Err(ActionError::Conflict(Conflict::CertificatesOff | Conflict::OrderInProgress)) => {}
        Err(ActionError::Conflict(conflict @ Conflict::NotDue { .. })) => {
            context.set_flash(&[(FlashKind::Failed, conflict.to_string())]);
        }
        Err(ActionError::Limit(limit @ Limit::CertificateRequests { retry_after_s, .. })) => {
            return too_many_requests(context, user, limit, retry_after_s).await;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(see_other(PAGE))
}

/// Returns the certificate page with status 429.
async fn too_many_requests(
    context: &RequestContext,
    user: &User,
    limit: Limit,
    retry_after_s: u64,
) -> Result<HttpResponse, Failure> {
    let content = page(context, user, Some(limit.to_string())).await?;
    let mut response = responses::page(StatusCode::TOO_MANY_REQUESTS, &content)?;
    response
        .headers_mut()
        .insert(RETRY_AFTER, retry_after_s.into());
    Ok(response)
}

async fn delete(context: &RequestContext, user: &User) -> Result<HttpResponse, Failure> {
    let deleted = actions::delete_certificate(context.app.store()?, context.caller(user)).await;
    let message = match deleted {
        Ok(()) => (
            FlashKind::Done,
            "Certificate has been successfully deleted.".to_owned(),
        ),
        Err(ActionError::NotFound) => (
            FlashKind::Note,
            "There was no certificate to delete.".to_owned(),
        ),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    Ok(see_other(PAGE))
}

/// Asks for confirmation before the certificate is deleted (`GET /certificate/delete`).
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let Overview { active, order } =
        certificates::load_overview(context.app.store()?, user.id).await?;
    let Some(active) = active else {
        return Ok(see_other(PAGE));
    };
    let active = active_certificate(
        &context,
        &user,
        &active,
        order.as_ref(),
        context.app.store()?.now().await?,
    )
    .await?;
    responses::ok(&CertificateDeletePage {
        layout: context.layout(),
        active,
    })
}

/// Explains certificates and how to install one (`GET /certificate/information`).
pub(crate) async fn information(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    responses::ok(&InformationPage {
        layout: context.layout(),
        daily_limit: context.app.config.rate_limits.certificate_requests_per_day,
    })
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
        CertificatePart::FullChain => full_chain(&certificate),
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

/// Joins certificate and chain, each PEM block on its own lines.
fn full_chain(certificate: &Certificate) -> String {
    format!(
        "{}\n{}\n",
        certificate.certificate.trim_end(),
        certificate.chain.trim_end()
    )
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

/// Builds the certificate page. `refused` says why a request was not accepted.
async fn page(
    context: &RequestContext,
    user: &User,
    refused: Option<String>,
) -> Result<CertificatePage, Failure> {
    let store = context.app.store()?;
    let Overview { active, order } = certificates::load_overview(store, user.id).await?;
    let now = store.now().await?;
    let page_revision = page_revision(active.as_ref(), order.as_ref());
    let poll_after_s = poll_after_s(order.as_ref(), now);
    let active = match active {
        Some(active) => {
            Some(active_certificate(context, user, &active, order.as_ref(), now).await?)
        }
        None => None,
    };
    Ok(CertificatePage {
        layout: context.layout(),
        active,
        order: order.map(|order| progress(order, context.app.config.dns_provider)),
        is_off: context.app.config.certificates_off.is_some(),
        shut_out: shut_out(context, user).await?,
        refused,
        key_withheld: user.impersonator.is_some(),
        page_revision,
        poll_after_s,
    })
}

/// Returns why the user's CAA records do not allow the authority to issue.
async fn shut_out(context: &RequestContext, user: &User) -> Result<Option<String>, Failure> {
    let config = &context.app.config;
    if config.certificates_off.is_some() {
        return Ok(None);
    }
    let all = records::list(context.app.store()?, user.id).await?;
    let caa = all
        .iter()
        .filter(|record| record.rtype == caa::CAA)
        .map(|record| (record.name.as_str(), record.presentation.as_str()));
    let found = caa::shut_out(user.base.as_str(), caa, &config.caa_identities);
    Ok(found.map(|shut_out| shut_out.to_string()))
}

async fn active_certificate(
    context: &RequestContext,
    user: &User,
    certificate: &Certificate,
    order: Option<&OrderView>,
    now: Timestamp,
) -> Result<ActiveCertificate, Failure> {
    let from = renewable_from(certificate.not_before, certificate.not_after);
    // While an automatic renewal waits for its next attempt, the user may start it at once.
    let blocks_renewal =
        |order: &OrderView| !(order.step.is_final() || order.automatic && order.retry_at.is_some());
    let renewal = if order.is_some_and(blocks_renewal) {
        Renewal::InProgress
    } else if context.app.config.certificates_off.is_some() {
        Renewal::Off
    } else if now < from {
        Renewal::From(from.date())
    } else {
        Renewal::Open
    };
    let store = context.app.store()?;
    let daily_limit = context.app.config.rate_limits.certificate_requests_per_day;
    let next_at = certificates::next_request_at(store, user.id, daily_limit, now).await?;
    Ok(ActiveCertificate {
        domain: certificate.domain.clone(),
        created_on: certificate.created_at.date(),
        expires_on: certificate.not_after.date(),
        expired: certificate.not_after <= now,
        renewal,
        next_request_at: next_at.map(Timestamp::to_minute),
    })
}

fn progress(order: OrderView, provider: &'static str) -> OrderProgress {
    OrderProgress {
        step: order.step,
        dns: order.dns,
        problem: order.problem,
        retry_at: order.retry_at.map(Timestamp::to_minute),
        not_checked: order.dns_not_checked,
        requested_at: order.created_at.to_minute(),
        provider,
    }
}

/// Returns a text that changes whenever the page shows more or less than before, apart from the
/// steps. The page then reloads.
fn page_revision(active: Option<&Certificate>, order: Option<&OrderView>) -> String {
    let active = active.map(|active| active.id).unwrap_or_default();
    let Some(order) = order else {
        return active.to_string();
    };
    let retry_at = order.retry_at.map(Timestamp::rfc3339).unwrap_or_default();
    let problem = order.problem.as_deref().unwrap_or_default();
    format!(
        "{active}/{}/{}/{retry_at}/{problem}",
        order.id,
        order.step == OrderStep::Failed
    )
}

/// Returns after how many seconds the page asks for the order again; 0 for never.
fn poll_after_s(order: Option<&OrderView>, now: Timestamp) -> u32 {
    let Some(order) = order else { return 0 };
    let waits_long = order
        .retry_at
        .is_some_and(|at| at.since(now) > LONG_WAIT_MS);
    if order.step.is_final() {
        0
    } else if waits_long {
        SLOW_POLL_S
    } else if now.since(order.updated_at) < FAST_POLL_MS {
        FAST_POLL_S
    } else {
        NORMAL_POLL_S
    }
}
