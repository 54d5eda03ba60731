//! A person's certificate: the page, what is done with it, and its files.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use starchart_domain::certificate::{OrderStep, renewable_from};
use starchart_domain::time::Timestamp;
use starchart_jobs::Job;
use starchart_store::certificates::{self, Certificate, OrderView, Overview, RequestError};
use starchart_store::trail::{self, Entry};

use crate::actor::Person;
use crate::csrf;
use crate::errors::Failure;
use crate::redirects::see_other;
use crate::views::{
    ActiveCertificate, CertificateDeletePage, CertificatePage, CertificatePart, CertificateState,
    FlashKind, InformationPage, OrderProgress, Renewal,
};
use crate::visit::{self, Visit};

const PAGE: &str = "/certificate";
const REQUEST: &str = "request-certificate";
const RENEW: &str = "renew-certificate";
const DELETE: &str = "delete-certificate";
/// An order that moved so lately is looked at every second, in milliseconds.
const LIVELY_MS: i64 = 60_000;
/// One that waits for longer than this is looked at seldom, in milliseconds.
const LONG_WAIT_MS: i64 = 5 * 60_000;

/// `GET /certificate`.
pub(crate) async fn show(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    visit::ok(&page(&visit, &person, None).await?)
}

/// `GET /certificate/state`.
pub(crate) async fn state(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let store = visit.app.store()?;
    let Overview { active, order } = certificates::load_overview(store, person.id).await?;
    let shape = shape(active.as_ref(), order.as_ref());
    let again_s = again_s(order.as_ref(), store.now().await?);
    let steps = order
        .map(progress)
        .filter(|order| !order.failed())
        .map(|order| order.steps())
        .unwrap_or_default();
    Ok(HttpResponse::Ok().json(CertificateState {
        shape,
        steps,
        again_s,
    }))
}

/// `POST`, `PATCH`, `DELETE` on `/certificate`: asks for one, renews or deletes it. The intent
/// decides; without one the method does.
pub(crate) async fn act(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let by_method = match *visit.req.method() {
        Method::PATCH => Some(RENEW),
        Method::DELETE => Some(DELETE),
        _ => None,
    };
    let intent = visit.form.get("intent").or(by_method).unwrap_or(REQUEST);
    if by_method.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("the method and the intent differ"));
    }
    match intent {
        REQUEST | RENEW => request(&visit, &person).await,
        DELETE => delete(&visit, &person).await,
        _ => Err(Failure::Unprocessable("an unknown intent")),
    }
}

async fn request(visit: &Visit, person: &Person) -> Result<HttpResponse, Failure> {
    let config = &visit.app.config;
    if config.certificates_off.is_some() {
        // The page says so.
        return Ok(see_other(PAGE));
    }
    let (store, domain, daily) = (
        visit.app.store()?,
        person.base.to_string(),
        config.rate_limits.certificate_requests_per_day,
    );
    match certificates::request(store, person.id, &domain, daily, &person.act(&visit.id)).await {
        Ok(_) => visit.app.queue.wake(Job::Certificate),
        // The page shows it.
        Err(RequestError::OrderInProgress) => {}
        Err(RequestError::NotDue { from }) => {
            let words = format!("Your certificate can be renewed from {} on.", from.date());
            visit.leave_flash(&[(FlashKind::Failed, words)]);
        }
        Err(RequestError::TooManyRequests { limit, next_at }) => {
            return too_many(visit, person, limit, next_at).await;
        }
        Err(RequestError::NotFound) => return Err(Failure::NotFound),
        Err(RequestError::Db(fault)) => return Err(fault.into()),
    }
    Ok(see_other(PAGE))
}

/// The page, 429 Too Many Requests.
async fn too_many(
    visit: &Visit,
    person: &Person,
    limit: u32,
    next_at: Timestamp,
) -> Result<HttpResponse, Failure> {
    let wait = next_at.since(visit.app.store()?.now().await?).max(1_000) / 1_000;
    let times = if limit == 1 {
        "once".to_owned()
    } else {
        format!("{limit} times")
    };
    let words = format!(
        "You have asked for a certificate {times} within 24 hours, and more are not taken. You can ask again at {}.",
        minute(next_at)
    );
    let content = page(visit, person, Some(words)).await?;
    let mut answer = visit::page(StatusCode::TOO_MANY_REQUESTS, &content)?;
    answer.headers_mut().insert(RETRY_AFTER, wait.into());
    Ok(answer)
}

async fn delete(visit: &Visit, person: &Person) -> Result<HttpResponse, Failure> {
    let was_there =
        certificates::delete(visit.app.store()?, person.id, &person.act(&visit.id)).await?;
    let message = match was_there {
        true => (
            FlashKind::Done,
            "Certificate has been successfully deleted.".to_owned(),
        ),
        false => (
            FlashKind::Note,
            "There was no certificate to delete.".to_owned(),
        ),
    };
    visit.leave_flash(&[message]);
    Ok(see_other(PAGE))
}

/// `GET /certificate/delete`.
pub(crate) async fn ask_delete(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let Overview { active, order } =
        certificates::load_overview(visit.app.store()?, person.id).await?;
    let Some(active) = active else {
        return Ok(see_other(PAGE));
    };
    let active = shown(
        &visit,
        &person,
        &active,
        order.as_ref(),
        visit.app.store()?.now().await?,
    )
    .await?;
    visit::ok(&CertificateDeletePage {
        shell: visit.shell(),
        active,
    })
}

/// `GET /certificate/information`.
pub(crate) async fn information(visit: Rc<Visit>, _: Person) -> Result<HttpResponse, Failure> {
    visit::ok(&InformationPage {
        shell: visit.shell(),
        daily: visit.app.config.rate_limits.certificate_requests_per_day,
    })
}

/// `GET /certificate/download/{part}`: all but the private key, which has a route of its own.
pub(crate) async fn download(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    let part = visit
        .req
        .match_info()
        .get("part")
        .and_then(CertificatePart::parse)
        .ok_or(Failure::NotFound)?;
    let certificate = active(&visit, &person).await?;
    let pem = match part {
        CertificatePart::Certificate => certificate.certificate,
        CertificatePart::Chain => certificate.chain,
        CertificatePart::FullChain => full_chain(&certificate),
        CertificatePart::PrivateKey => {
            return Err(Failure::Internal("the private key has a route of its own"));
        }
    };
    Ok(file(part, &certificate.domain, pem))
}

/// `GET /certificate/download/privateKey`: to its owner, from our own page or typed by hand, and
/// never without a trace.
pub(crate) async fn private_key(visit: Rc<Visit>, person: Person) -> Result<HttpResponse, Failure> {
    if person.impersonator.is_some() {
        return Err(Failure::KeyWithheld);
    }
    csrf::check_key_site(&visit.req, &visit.app.origin())?;
    let store = visit.app.store()?;
    let certificate = active(&visit, &person).await?;
    if *visit.req.method() == Method::HEAD {
        return Ok(file(
            CertificatePart::PrivateKey,
            &certificate.domain,
            String::new(),
        ));
    }
    let key = certificates::load_private_key(store, person.id, certificate.id)
        .await?
        .ok_or(Failure::NotFound)?;
    let act = person.act(&visit.id);
    let entry = Entry {
        actor: Some(act.actor),
        on_behalf_of: act.on_behalf_of,
        action: "certificate.key",
        object: &certificate.domain,
        detail: &format!("private key of certificate #{} given out", certificate.id),
        request_id: act.request_id,
    };
    trail::append(store, &entry).await?;
    Ok(file(
        CertificatePart::PrivateKey,
        &certificate.domain,
        key.expose().to_owned(),
    ))
}

/// The certificate in use, or 404.
async fn active(visit: &Visit, person: &Person) -> Result<Certificate, Failure> {
    certificates::load_overview(visit.app.store()?, person.id)
        .await?
        .active
        .ok_or(Failure::NotFound)
}

/// The certificate and the chain, each PEM block on lines of its own.
fn full_chain(certificate: &Certificate) -> String {
    format!(
        "{}\n{}\n",
        certificate.certificate.trim_end(),
        certificate.chain.trim_end()
    )
}

fn file(part: CertificatePart, domain: &str, pem: String) -> HttpResponse {
    // A domain holds only letters, digits, `-`, `_` and dots.
    let disposition = format!("attachment; filename=\"{}\"", part.file_name(domain));
    HttpResponse::Ok()
        .content_type("application/x-pem-file")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(pem)
}

/// The page as it is now.
async fn page(
    visit: &Visit,
    person: &Person,
    refused: Option<String>,
) -> Result<CertificatePage, Failure> {
    let store = visit.app.store()?;
    let Overview { active, order } = certificates::load_overview(store, person.id).await?;
    let now = store.now().await?;
    let shape = shape(active.as_ref(), order.as_ref());
    let again_s = again_s(order.as_ref(), now);
    let active = match active {
        Some(active) => Some(shown(visit, person, &active, order.as_ref(), now).await?),
        None => None,
    };
    Ok(CertificatePage {
        shell: visit.shell(),
        active,
        order: order.map(progress),
        off: visit.app.config.certificates_off.is_some(),
        refused,
        key_withheld: person.impersonator.is_some(),
        shape,
        again_s,
    })
}

async fn shown(
    visit: &Visit,
    person: &Person,
    certificate: &Certificate,
    order: Option<&OrderView>,
    now: Timestamp,
) -> Result<ActiveCertificate, Failure> {
    let from = renewable_from(certificate.not_before, certificate.not_after);
    // The sweep's renewal is patient: where it waits, its person may hasten it.
    let busy =
        |order: &OrderView| !(order.step.is_final() || order.automatic && order.retry_at.is_some());
    let renewal = if order.is_some_and(busy) {
        Renewal::UnderWay
    } else if visit.app.config.certificates_off.is_some() {
        Renewal::Off
    } else if now < from {
        Renewal::From(from.date())
    } else {
        Renewal::Open
    };
    let daily = visit.app.config.rate_limits.certificate_requests_per_day;
    let next_at = certificates::next_request_at(visit.app.store()?, person.id, daily, now).await?;
    Ok(ActiveCertificate {
        domain: certificate.domain.clone(),
        created_on: certificate.created_at.date(),
        expires_on: certificate.not_after.date(),
        expired: certificate.not_after <= now,
        renewal,
        no_other_before: next_at.map(minute),
    })
}

fn progress(order: OrderView) -> OrderProgress {
    OrderProgress {
        step: order.step,
        dns: order.dns,
        problem: order.problem,
        retry_at: order.retry_at.map(minute),
        not_checked: order.dns_not_checked,
        requested_at: minute(order.created_at),
    }
}

/// Everything that decides what is on the page beside the steps.
fn shape(active: Option<&Certificate>, order: Option<&OrderView>) -> String {
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

/// How soon an order is worth looking at again.
fn again_s(order: Option<&OrderView>, now: Timestamp) -> u32 {
    let Some(order) = order else { return 0 };
    let waits = order
        .retry_at
        .is_some_and(|at| at.since(now) > LONG_WAIT_MS);
    match () {
        () if order.step.is_final() => 0,
        () if waits => 60,
        () if now.since(order.updated_at) < LIVELY_MS => 1,
        () => 5,
    }
}

/// Date and time to the minute: `2026-11-21 09:30 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.rfc3339();
    let time = text.get(11..16).unwrap_or_default();
    format!("{} {time} UTC", at.date())
}
