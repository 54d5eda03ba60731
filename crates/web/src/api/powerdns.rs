//! The requests of PowerDNS' API that its clients make to read a zone and to change RRsets.
//!
//! A client sees two zones: the user's domain, and the root domain, which clients name that look
//! for the zone in the DNS. Both hold the same: the RRsets that the token may read.

mod input;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use starchart_domain::fault::sentence;
use starchart_domain::presentation::unescape_name;

use crate::actions::{self, ActionError, Conflict, Denial, RrsetError, RrsetView};
use crate::actor::User;
use crate::api::request::{check_is_json, path_part, query, record_rules};
use crate::context::RequestContext;
use crate::errors::Failure;
use input::Change;

/// The only server that there is.
const SERVER: &str = "localhost";
/// Clients ask for the version to know what they may send: replacements of RRsets and no more.
const VERSION: &str = "5.0.0";

/// A zone without its RRsets.
#[derive(Debug, Serialize)]
struct Zone {
    id: String,
    name: String,
    r#type: &'static str,
    url: String,
    /// `Native`: clients of zones of other kinds ask to notify secondary servers.
    kind: &'static str,
    serial: u32,
    notified_serial: u32,
    edited_serial: u32,
    masters: [&'static str; 0],
    dnssec: bool,
    account: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rrsets: Option<Vec<Rrset>>,
}

#[derive(Debug, Serialize)]
struct Rrset {
    name: String,
    r#type: &'static str,
    ttl: u32,
    records: Vec<Record>,
    comments: [&'static str; 0],
}

#[derive(Debug, Serialize)]
struct Record {
    content: String,
    disabled: bool,
}

impl Zone {
    /// Makes the zone with this name, which ends in a dot.
    fn new(name: String) -> Self {
        Self {
            url: format!("/api/v1/servers/{SERVER}/zones/{name}"),
            id: name.clone(),
            name,
            r#type: "Zone",
            kind: "Native",
            serial: 1,
            notified_serial: 0,
            edited_serial: 1,
            masters: [],
            dnssec: false,
            account: "",
            rrsets: None,
        }
    }
}

impl Rrset {
    fn new(rrset: RrsetView) -> Self {
        let records = rrset.values.into_iter().map(|content| Record {
            content,
            disabled: false,
        });
        Self {
            name: format!("{}.", rrset.name),
            r#type: rrset.rtype.as_str(),
            ttl: rrset.ttl.as_seconds(),
            records: records.collect(),
            comments: [],
        }
    }
}

/// `GET /api`: which versions of the API there are.
pub(crate) async fn versions(_: Rc<RequestContext>, _: User) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(json!([{ "url": "/api/v1", "version": 1 }])))
}

/// Answers `GET /api/v1/servers` with a token.
pub(crate) async fn servers(_: Rc<RequestContext>, _: User) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json([describe_server()]))
}

/// Answers `GET /api/v1/servers/{server}` with a token.
pub(crate) async fn server(context: Rc<RequestContext>, _: User) -> Result<HttpResponse, Failure> {
    check_server(&context)?;
    Ok(HttpResponse::Ok().json(describe_server()))
}

fn describe_server() -> serde_json::Value {
    let url = format!("/api/v1/servers/{SERVER}");
    json!({
        "type": "Server",
        "id": SERVER,
        "daemon_type": "authoritative",
        "version": VERSION,
        "url": url,
        "config_url": format!("{url}/config{{/config_setting}}"),
        "zones_url": format!("{url}/zones{{/zone}}"),
    })
}

/// `GET /api/v1/servers/{server}/zones`: the user's domain. The root domain is listed only if it is
/// asked for, as Caddy does after it found the zone in the DNS, so that no client finds each record
/// twice.
pub(crate) async fn zones(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    check_server(&context)?;
    let query = query(&context)?;
    let zone = match query.get("zone") {
        Some(name) => zone_called(&context, &user, name),
        None => Some(Zone::new(format!("{}.", user.base))),
    };
    Ok(HttpResponse::Ok().json(zone.as_slice()))
}

/// Answers `GET /api/v1/servers/{server}/zones/{zone}` with a token.
pub(crate) async fn zone(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let mut zone = find_zone(&context, &user)?;
    let query = query(&context)?;
    if query.get("rrsets") != Some("false") {
        let mut rrsets = actions::list_rrsets(context.app.store()?, &user).await?;
        if let Some(name) = query.get("rrset_name") {
            let name = unescape_name(name);
            rrsets.retain(|rrset| rrset.name == name);
        }
        if let Some(rtype) = query.get("rrset_type") {
            rrsets.retain(|rrset| rrset.rtype.as_str() == rtype);
        }
        zone.rrsets = Some(rrsets.into_iter().map(Rrset::new).collect());
    }
    Ok(HttpResponse::Ok().json(zone))
}

/// `PATCH /api/v1/servers/{server}/zones/{zone}`: replaces and deletes RRsets, all of them or none.
pub(crate) async fn change_zone(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    find_zone(&context, &user)?;
    check_is_json(&context)?;
    let changes = match input::read(&context.body, &user.base) {
        Ok(changes) => changes,
        Err(reason) => return Ok(unprocessable(&reason)),
    };
    let names = context.app.name_rules().await?;
    let rules = record_rules(&context, &names, None);
    let (store, queue) = (context.app.store()?, &*context.app.queue);
    let caller = context.caller(&user);
    let wanted: Vec<_> = changes.iter().map(Change::wanted).collect();
    match actions::change_rrsets(store, queue, caller, &wanted, rules).await {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(RrsetError::Invalid(faults)) => {
            let sentences = faults.iter().map(|fault| {
                let rrset = changes.get(fault.change).map(Change::describe);
                format!("{}: {}", rrset.unwrap_or_default(), fault.problem)
            });
            let sentences: Vec<String> = sentences.collect();
            Ok(unprocessable(&sentences.join(" ")))
        }
        Err(RrsetError::Refused(error)) => refuse(error, &context, &user),
    }
}

/// Says in one sentence what a client cannot change.
fn refuse(
    error: ActionError,
    context: &RequestContext,
    user: &User,
) -> Result<HttpResponse, Failure> {
    match error {
        ActionError::Denied(Denial::TokenScope) => {
            context.stands_for.set(Some(StatusCode::FORBIDDEN));
            Ok(unprocessable(&format!(
                "The token may not change this: its rights cover other names or types of {}.",
                user.base
            )))
        }
        ActionError::Conflict(conflict @ Conflict::IssuanceForbidden(_)) => Ok(unprocessable(
            &format!("{conflict} If you want that, change the record on its page."),
        )),
        ActionError::Limit(limit) => Ok(unprocessable(&sentence(limit.to_string()))),
        error => Err(error.into()),
    }
}

/// `PUT /api/v1/servers/{server}/zones/{zone}/notify`: does nothing, because every change is
/// published by itself.
pub(crate) async fn notify(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    find_zone(&context, &user)?;
    Ok(HttpResponse::Ok().json(json!({ "result": "Notification queued" })))
}

fn check_server(context: &RequestContext) -> Result<(), Failure> {
    match path_part(context, "server") {
        SERVER => Ok(()),
        _ => Err(Failure::NotFound),
    }
}

/// Returns the zone of the path.
fn find_zone(context: &RequestContext, user: &User) -> Result<Zone, Failure> {
    check_server(context)?;
    zone_called(context, user, path_part(context, "zone")).ok_or(Failure::NotFound)
}

/// Returns the user's domain or the root domain, if that is the name.
fn zone_called(context: &RequestContext, user: &User, name: &str) -> Option<Zone> {
    let name = unescape_name(name);
    let root = context.app.config.root_domain.as_str();
    (name == user.base.as_str() || name == root).then(|| Zone::new(format!("{name}.")))
}

/// Answers as PowerDNS does when it refuses a change.
fn unprocessable(reason: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(json!({ "error": reason }))
}
