//! `certificate/`: the certificate of the user's domain.

mod download;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use starchart_domain::time::Timestamp;

use super::operation::{Answer, Content, Group, Operation};
use super::records::StateShape;
use crate::actions::{self, Certificate, CertificateRules, OrderView, Overview};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

pub(crate) use download::{PART, PKCS12_PASSWORD, part};

/// The certificate of a domain, and the order for the next one.
#[derive(Debug, Serialize, JsonSchema)]
struct CertificateState {
    /// The domain; the certificate is for it and for all names directly below it (`*.`).
    domain: String,
    /// The certificate in use.
    certificate: Option<ActiveCertificate>,
    /// The pending order, or one that failed after that.
    order: Option<Order>,
}

/// A certificate in use. Its parts are at `certificate/certificate/`, `certificate/chain/`,
/// `certificate/fullchain/` and `certificate/key/`, and other forms beside them.
#[derive(Debug, Serialize, JsonSchema)]
struct ActiveCertificate {
    /// The number of the certificate.
    id: i64,
    /// From when it is valid.
    not_before: String,
    /// Until when it is valid.
    not_after: String,
    /// From when you can renew it.
    renewable_from: String,
    /// When it is renewed by itself. The authority may ask for an earlier time.
    renew_at: String,
}

/// An order for a certificate.
#[derive(Debug, Serialize, JsonSchema)]
struct Order {
    /// The number of the order.
    id: i64,
    /// `requested`, `ordered`, `publishing`, `validating`, `key_saved`, `finalizing` or `failed`.
    step: &'static str,
    /// Whether it renews the certificate by itself.
    automatic: bool,
    /// Why it failed or waits.
    problem: Option<String>,
    /// When the authority is asked again.
    retry_at: Option<String>,
    /// How many orders of other users have their turn before it, while it waits for what the
    /// authority gives out.
    waiting_before: Option<u32>,
    /// How far the answers to the challenges are published.
    dns: Option<StateShape>,
    /// When it was opened.
    created: String,
    /// When its present step began.
    touched: String,
}

const STATE: Content = Content::Json(SchemaGenerator::subschema_for::<CertificateState>);

pub(crate) static SHOW: Operation = Operation {
    group: Group::Certificate,
    summary: "Show the certificate and its order",
    description: "",
    right: "certificate: read, read with key, or request",
    parameters: &[],
    request: None,
    answers: &[Answer {
        status: 200,
        description: "What there is.",
        content: STATE,
    }],
};

pub(crate) static REQUEST: Operation = Operation {
    group: Group::Certificate,
    summary: "Request or renew the certificate",
    description: "",
    right: "certificate: request",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 202,
            description: "The order is open; `Location` shows how far it is.",
            content: Content::Json(SchemaGenerator::subschema_for::<Order>),
        },
        Answer {
            status: 409,
            description: "An order is pending, the certificate is not due, or this service gets no \
                          certificates.",
            content: Content::Problem,
        },
    ],
};

/// Answers `GET /api/v1/certificate/` with a token.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let Overview { active, order } = actions::load_certificate(context.app.store()?, &user).await?;
    let provider = context.app.config.dns_provider;
    Ok(HttpResponse::Ok().json(CertificateState {
        domain: user.base.to_string(),
        certificate: active.as_ref().map(ActiveCertificate::new),
        order: order.map(|order| Order::new(order, provider)),
    }))
}

/// Answers `POST /api/v1/certificate/` with a token.
pub(crate) async fn request(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let rules = CertificateRules::new(&context.app.config);
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let caller = context.caller(&user);
    let order = actions::request_certificate(store, queue, caller, rules).await?;
    let state = format!("{}/api/v1/certificate/", context.app.origin());
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, state))
        .json(Order::new(order, context.app.config.dns_provider)))
}

impl ActiveCertificate {
    fn new(certificate: &Certificate) -> Self {
        let (from, until) = (certificate.not_before, certificate.not_after);
        Self {
            id: certificate.id,
            not_before: from.rfc3339(),
            not_after: until.rfc3339(),
            renewable_from: certificate.renewable_from().rfc3339(),
            renew_at: certificate.renew_at.rfc3339(),
        }
    }
}

impl Order {
    fn new(order: OrderView, provider: &str) -> Self {
        Self {
            id: order.id,
            step: order.step.as_str(),
            automatic: order.automatic,
            problem: order.problem,
            retry_at: order.retry_at.map(Timestamp::rfc3339),
            waiting_before: order.waiting_before,
            dns: order.dns.map(|state| StateShape::new(&state, provider)),
            created: order.created_at.rfc3339(),
            touched: order.updated_at.rfc3339(),
        }
    }
}
