//! What newer authorities offer beyond pebble 2.4: renewal information with the replacement of
//! certificates (RFC 9773), and profiles (draft-ietf-acme-profiles).
//!
//! A client signs its requests, so the proxy changes none of them: pebble ignores the members of a
//! new order that it does not know, and the proxy adds them to the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::answer::Answer;
use crate::route53::http::Request;

const RENEWAL_INFO_PATH: &str = "/renewal-info";

/// The answer to a request for renewal information, whatever the certificate.
#[derive(Debug, Clone)]
pub struct RenewalAnswer {
    /// The HTTP status of the answer.
    pub status: u16,
    /// Value of the header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body; it need not be JSON.
    pub body: String,
}

impl RenewalAnswer {
    /// Returns an answer that suggests this window, and to ask again after six hours.
    #[must_use]
    pub fn window(start: SystemTime, end: SystemTime, explanation_url: Option<&str>) -> Self {
        let time = |at| DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut body = json!({ "suggestedWindow": { "start": time(start), "end": time(end) } });
        if let Some(url) = explanation_url {
            body["explanationURL"] = json!(url);
        }
        Self {
            status: 200,
            retry_after: Some("21600".to_owned()),
            body: body.to_string(),
        }
    }
}

/// What the proxy offers, and what it knows about orders and certificates.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) renewal_answer: Option<RenewalAnswer>,
    pub(super) profiles: BTreeSet<String>,
    /// Whether orders do not say which certificate they replace, which RFC 9773 forbids.
    pub(super) hides_replaces: bool,
    /// The orders by the last part of their path.
    orders: BTreeMap<String, Order>,
    /// Issued certificates: the account and the names, by the serial number in hexadecimal.
    issued: BTreeMap<String, (String, Vec<String>)>,
}

#[derive(Debug)]
struct Order {
    account: String,
    replaces: Option<String>,
    profile: Option<String>,
}

/// A new order that a client asks for.
struct Wanted {
    account: String,
    names: Vec<String>,
    replaces: Option<String>,
    profile: Option<String>,
}

impl Extensions {
    /// Returns the certificates that orders replace, by their identifiers.
    pub(super) fn replaced(&self) -> Vec<String> {
        let orders = self.orders.values();
        orders.filter_map(|order| order.replaces.clone()).collect()
    }

    /// Answers a request in place of pebble.
    pub(super) fn answer(&self, request: &Request) -> Option<Answer> {
        if let Some(answer) = &self.renewal_answer
            && request.path.starts_with(RENEWAL_INFO_PATH)
        {
            let headers = answer.retry_after.iter();
            return Some(Answer {
                status: answer.status,
                headers: headers
                    .map(|value| ("retry-after".to_owned(), value.clone()))
                    .collect(),
                body: answer.body.clone().into_bytes(),
            });
        }
        if request.path != "/order-plz" {
            return None;
        }
        let wanted = Wanted::parse(request)?;
        let (status, kind, detail) = self.refuse(&wanted)?;
        Some(Answer::problem(status, kind, detail, None))
    }

    /// Returns why a new order is refused: status, type and detail.
    fn refuse(&self, wanted: &Wanted) -> Option<(u16, &'static str, &'static str)> {
        if let Some(profile) = &wanted.profile
            && !self.profiles.contains(profile)
        {
            return Some((400, "invalidProfile", "the profile is not offered"));
        }
        let id = wanted.replaces.as_ref()?;
        self.renewal_answer.as_ref()?;
        let issued = serial_of(id).and_then(|serial| self.issued.get(&serial));
        let Some((account, names)) = issued else {
            return Some((404, "malformed", "the replaced certificate is unknown"));
        };
        if *account != wanted.account {
            let detail = "the replaced certificate is of another account";
            return Some((403, "unauthorized", detail));
        }
        if !names.iter().any(|name| wanted.names.contains(name)) {
            let detail = "the replaced certificate has none of the names";
            return Some((400, "malformed", detail));
        }
        let is_replaced = self.replaced().contains(id);
        is_replaced.then_some((
            409,
            "alreadyReplaced",
            "another order replaces the certificate",
        ))
    }

    /// Adds to an answer of pebble what it does not know. `origin` begins the proxy's URLs.
    pub(super) fn complete(&mut self, request: &Request, origin: &str, answer: &mut Answer) {
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
            return;
        };
        if request.path == "/dir" {
            self.complete_directory(origin, &mut body);
        } else if request.path == "/order-plz" && answer.status == 201 {
            let (Some(url), Some(wanted)) = (answer.header("location"), Wanted::parse(request))
            else {
                return;
            };
            let order = Order {
                account: wanted.account,
                replaces: wanted.replaces.filter(|_| self.renewal_answer.is_some()),
                profile: wanted.profile,
            };
            let id = last_part(url).to_owned();
            self.complete_order(&order, &mut body);
            self.orders.insert(id, order);
        } else if let Some(order) = self.orders.get(last_part(&request.path)) {
            if let Some(certificate) = body["certificate"].as_str() {
                let serial = normalized(last_part(certificate));
                let issued = (order.account.clone(), names(&body));
                self.issued.insert(serial, issued);
            }
            self.complete_order(order, &mut body);
        } else {
            return;
        }
        answer.body = body.to_string().into_bytes();
    }

    fn complete_directory(&self, origin: &str, directory: &mut Value) {
        if self.renewal_answer.is_some() {
            directory["renewalInfo"] = json!(format!("{origin}{RENEWAL_INFO_PATH}"));
        }
        for profile in &self.profiles {
            directory["meta"]["profiles"][profile] = json!("https://ca.example/profiles");
        }
    }

    fn complete_order(&self, order: &Order, body: &mut Value) {
        if let Some(replaces) = order.replaces.as_ref().filter(|_| !self.hides_replaces) {
            body["replaces"] = json!(replaces);
        }
        if let Some(profile) = &order.profile {
            body["profile"] = json!(profile);
        }
    }
}

impl Wanted {
    /// Parses the JWS of a request (RFC 8555 section 6.2) without a look at its signature, which
    /// pebble verifies.
    fn parse(request: &Request) -> Option<Self> {
        let jws: Value = serde_json::from_slice(&request.body).ok()?;
        let part = |name: &str| -> Option<Value> {
            let bytes = URL_SAFE_NO_PAD.decode(jws[name].as_str()?).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let (protected, payload) = (part("protected")?, part("payload")?);
        let text = |name: &str| payload[name].as_str().map(str::to_owned);
        Some(Self {
            account: protected["kid"].as_str()?.to_owned(),
            names: names(&payload),
            replaces: text("replaces"),
            profile: text("profile"),
        })
    }
}

/// The names of an order, from its `identifiers`.
fn names(order: &Value) -> Vec<String> {
    let identifiers = order["identifiers"].as_array().into_iter().flatten();
    identifiers
        .filter_map(|it| Some(it["value"].as_str()?.to_owned()))
        .collect()
}

fn last_part(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Returns the serial number in an identifier of a certificate (RFC 9773 section 4.1).
fn serial_of(id: &str) -> Option<String> {
    let (_, serial) = id.split_once('.')?;
    Some(normalized(&hex::encode(
        URL_SAFE_NO_PAD.decode(serial).ok()?,
    )))
}

/// Writes a serial number in hexadecimal without leading zeros.
fn normalized(serial: &str) -> String {
    serial.trim_start_matches('0').to_ascii_lowercase()
}
