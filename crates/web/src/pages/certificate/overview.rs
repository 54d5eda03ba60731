//! The certificate page: the active certificate and the pending order, whose buttons request,
//! renew and delete a certificate.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use serde::Serialize;
use starchart_domain::certificate::OrderStep;
use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;
use starchart_store::certificates::{self, Certificate, OrderView, Overview};

use super::PAGE;
use super::active::{ActiveCertificate, Renewal, active_certificate, next_request_at};
use super::download::Download;
use super::progress::{ProgressStep, steps};
use crate::actions::{
    self, ActionError, CaaProblem, CertificateRules, Conflict, Limit, Machine, Pkcs12PasswordFault,
    secret_name,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

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

/// The JSON of `GET /certificate/state`.
#[derive(Serialize)]
struct CertificateState {
    /// Changes whenever something other than the steps changes on the page. The page then reloads.
    page_revision: String,
    /// The steps of the pending order; empty without one.
    steps: Vec<ProgressStep>,
    /// Seconds after which the page should ask again; 0 when no order is pending.
    poll_after_s: u32,
}

/// `GET /certificate`; posts `intent` (`request-certificate`, `renew-certificate`,
/// `delete-certificate`) to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate/overview.html")]
pub(crate) struct CertificatePage {
    pub(crate) layout: Layout,
    pub(crate) active: Option<ActiveCertificate>,
    pub(crate) order: Option<OrderView>,
    /// Whether certificates are off.
    pub(crate) is_off: bool,
    /// Why the user's CAA records make a request fail.
    pub(crate) caa_problem: Option<CaaProblem>,
    /// When the user can request another certificate, when the daily limit is reached.
    pub(crate) next_request_at: Option<Timestamp>,
    /// Why the last request was refused.
    pub(crate) refused: Option<String>,
    /// The machines that fetch the certificate.
    pub(crate) machines: Vec<Machine>,
    /// Why the last password for a PKCS#12 file was refused.
    pub(crate) password_fault: Option<Pkcs12PasswordFault>,
    /// Whether the private key is withheld, because an admin impersonates the user.
    pub(crate) key_withheld: bool,
    /// The same value as [`CertificateState::page_revision`], to detect a change.
    pub(crate) page_revision: String,
    /// After how many seconds the page's script polls first.
    pub(crate) poll_after_s: u32,
}

impl CertificatePage {
    /// Returns the pending order.
    fn pending(&self) -> Option<&OrderView> {
        self.order
            .as_ref()
            .filter(|order| order.step != OrderStep::Failed)
    }

    /// Returns the order that failed.
    fn failed(&self) -> Option<&OrderView> {
        self.order
            .as_ref()
            .filter(|order| order.step == OrderStep::Failed)
    }

    fn steps(&self, order: &OrderView) -> Vec<ProgressStep> {
        steps(order, self.layout.provider)
    }

    /// Returns how many requests have their turn before, in words.
    fn place(&self, before: &u32) -> String {
        match before {
            0 => "No request is before yours.".to_owned(),
            before => format!(
                "{} before yours.",
                pluralize(*before, "request is", "requests are")
            ),
        }
    }

    fn base(&self) -> &str {
        self.layout.base_domain.as_deref().unwrap_or_default()
    }

    /// Returns the name of the Secret for Kubernetes.
    fn secret_name(&self) -> String {
        secret_name(self.base())
    }

    /// Returns the reload interval without scripts. It is longer, because it loads the whole page.
    fn reload_after_s(&self) -> u32 {
        self.poll_after_s.max(3)
    }
}

/// Shows the active certificate and the pending order (`GET /certificate`).
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
        .filter(|order| order.step != OrderStep::Failed)
        .map(|order| steps(&order, context.app.config.dns_provider))
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
    let rules = CertificateRules::new(&app.config);
    let caller = context.caller(user);
    match actions::request_certificate(app.store()?, &*app.queue, caller, rules).await {
        Ok(_) => {}
        // The page shows that certificates are off, or the pending order.
        Err(ActionError::Conflict(Conflict::CertificatesOff | Conflict::OrderPending)) => {}
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

/// Builds the certificate page. `refused` says why a request was not accepted.
async fn page(
    context: &RequestContext,
    user: &User,
    refused: Option<String>,
) -> Result<CertificatePage, Failure> {
    let store = context.app.store()?;
    let Overview { active, order } = certificates::load_overview(store, user.id).await?;
    let caa_problem = actions::find_caa_problem(store, user, &context.app.config).await?;
    let now = store.now().await?;
    let page_revision = page_revision(active.as_ref(), order.as_ref());
    let poll_after_s = poll_after_s(order.as_ref(), now);
    let active = match active {
        Some(active) => Some(active_certificate(context, user, active, order.as_ref(), now).await?),
        None => None,
    };
    let next_request_at = match &active {
        Some(active) => active.next_request_at,
        None => next_request_at(context, user, now).await?,
    };
    Ok(CertificatePage {
        layout: context.layout(),
        active,
        order,
        is_off: context.app.config.certificates_off.is_some(),
        caa_problem,
        next_request_at,
        refused,
        machines: actions::list_machines(store, user).await?,
        password_fault: None,
        key_withheld: user.impersonator.is_some(),
        page_revision,
        poll_after_s,
    })
}

/// Builds the certificate page after a password for a PKCS#12 file was refused.
pub(super) async fn with_password_fault(
    context: &RequestContext,
    user: &User,
    fault: Pkcs12PasswordFault,
) -> Result<CertificatePage, Failure> {
    Ok(CertificatePage {
        password_fault: Some(fault),
        ..page(context, user, None).await?
    })
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
