//! The operations of Route53's API, and the knobs over HTTP.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::knobs::{AccessFault, Ending, Fault, Knob, Operation};
use super::name::DnsName;
use super::rules::BatchRefusal;
use super::state::{ChangeInfo, State};
use super::value::TYPES;
use super::wire::{bare_batch_error, document, element, error, leaf, read_changes, record_set};
use super::zone::{Key, RrSet, Zone};

/// The most RRsets on one page.
const PAGE: usize = 300;

/// An error answer: HTTP status, code and message.
struct Failure(u16, &'static str, String);

/// Answers a request to the API, or to a knob below `/_knobs/`.
pub(crate) async fn answer(state: Arc<State>, request: Request) -> Reply {
    if let Some(knob) = request.path.strip_prefix("/_knobs/") {
        return turn_knob(&state, knob, &request);
    }
    let path: Vec<&str> = request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let (operation, id) = match (request.method.as_str(), path.as_slice()) {
        ("POST", ["2013-04-01", "hostedzone", id, "rrset"]) => (Operation::Change, *id),
        ("GET", ["2013-04-01", "hostedzone", id, "rrset"]) => (Operation::List, *id),
        ("GET", ["2013-04-01", "hostedzone", id]) => (Operation::GetZone, *id),
        ("GET", ["2013-04-01", "change", id]) => (Operation::GetChange, *id),
        _ => {
            return fail(Failure(
                404,
                "UnknownOperationException",
                request.path.clone(),
            ));
        }
    };
    let (latency, fault) = state.arrive(operation);
    tokio::time::sleep(latency).await;
    if let Some(fault) = fault {
        return fail(describe(fault));
    }
    if !request
        .header("authorization")
        .is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "))
    {
        return fail(Failure(
            403,
            "MissingAuthenticationToken",
            "Missing Authentication Token".into(),
        ));
    }
    if operation != Operation::GetChange && id != state.zone_id {
        return fail(Failure(
            404,
            "NoSuchHostedZone",
            format!("No hosted zone found with ID: {id}"),
        ));
    }
    match operation {
        Operation::Change => change(&state, &request).await,
        Operation::List => list(&state.zone(), &request.query).map_or_else(fail, xml),
        Operation::GetZone => xml(zone(&state)),
        Operation::GetChange => match state.change_info(id) {
            Some(info) => xml(document("GetChangeResponse", &change_info(&info))),
            None => fail(Failure(
                404,
                "NoSuchChange",
                format!("Could not find resource with ID: {id}"),
            )),
        },
    }
}

fn describe(fault: Fault) -> Failure {
    match fault {
        Fault::Throttled => Failure(400, "Throttling", "Rate exceeded".into()),
        Fault::Unavailable => Failure(503, "ServiceUnavailable", "Service is unavailable".into()),
        Fault::Refused(fault) => refuse_access(fault),
        Fault::PriorRequest => {
            let text =
                "The request was rejected because Route 53 was still processing a prior request.";
            Failure(400, "PriorRequestNotComplete", text.into())
        }
    }
}

fn refuse_access(fault: AccessFault) -> Failure {
    let (status, code, message) = match fault {
        AccessFault::AccessDenied => (
            403,
            "AccessDenied",
            "User is not authorized to perform this operation",
        ),
        AccessFault::NoSuchHostedZone => (404, "NoSuchHostedZone", "No hosted zone found"),
        AccessFault::InvalidClientTokenId => (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        AccessFault::SignatureDoesNotMatch => (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
    };
    Failure(status, code, message.into())
}

async fn change(state: &State, request: &Request) -> Reply {
    let changes = match read_changes(&request.body) {
        Ok(changes) => changes,
        Err(refusal) => return refuse(state, refusal),
    };
    state.wait_while_held().await;
    let (ending, outcome) = state.change(&changes);
    match (ending, outcome) {
        (Ending::DropBefore | Ending::DropAfter, _) => Reply::Drop,
        (Ending::Silence, _) => Reply::Silence,
        (Ending::Answered, Ok(info)) => xml(document(
            "ChangeResourceRecordSetsResponse",
            &change_info(&info),
        )),
        (Ending::Answered, Err(refusal)) => refuse(state, refusal),
    }
}

fn refuse(state: &State, refusal: BatchRefusal) -> Reply {
    match refusal {
        BatchRefusal::Input(message) => fail(Failure(400, "InvalidInput", message)),
        BatchRefusal::Batch(messages) if state.bare_batch_errors() => {
            reply(400, bare_batch_error(&messages, REQUEST))
        }
        BatchRefusal::Batch(messages) => fail(Failure(
            400,
            "InvalidChangeBatch",
            format!("[{}]", messages.join(", ")),
        )),
    }
}

fn change_info(info: &ChangeInfo) -> String {
    let id = leaf("Id", &format!("/change/{}", info.id));
    let status = leaf("Status", if info.in_sync { "INSYNC" } else { "PENDING" });
    element(
        "ChangeInfo",
        &format!("{id}{status}{}", leaf("SubmittedAt", &info.submitted_at)),
    )
}

fn zone(state: &State) -> String {
    let zone = state.zone();
    let id = leaf("Id", &format!("/hostedzone/{}", state.zone_id));
    let reference = leaf("CallerReference", "strict");
    let config = element("Config", &leaf("PrivateZone", "false"));
    let count = leaf("ResourceRecordSetCount", &zone.sets.len().to_string());
    let hosted = element(
        "HostedZone",
        &format!(
            "{id}{}{reference}{config}{count}",
            leaf("Name", &zone.name.to_string())
        ),
    );
    let servers: String = state
        .name_servers()
        .iter()
        .map(|server| leaf("NameServer", server))
        .collect();
    let delegation = element("DelegationSet", &element("NameServers", &servers));
    document("GetHostedZoneResponse", &format!("{hosted}{delegation}"))
}

/// Writes a page of ListResourceRecordSets, from the name, type and identifier in the query.
fn list(zone: &Zone, query: &str) -> Result<String, Failure> {
    let wrong = |message: &str| Failure(400, "InvalidInput", message.into());
    let mut name = None;
    let mut rtype = None;
    let mut identifier = None;
    let mut most = PAGE;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "name" => {
                name = Some(
                    DnsName::parse(&value)
                        .map_err(|fault| wrong(&format!("Invalid name: {fault}")))?,
                )
            }
            "type" => rtype = Some(value.into_owned()),
            "identifier" => identifier = Some(value.into_owned()),
            "maxitems" => {
                most = value
                    .parse()
                    .ok()
                    .filter(|most| *most > 0)
                    .ok_or_else(|| wrong("Invalid maxitems"))?
            }
            _ => {}
        }
    }
    if rtype.is_some() && name.is_none() || identifier.is_some() && rtype.is_none() {
        return Err(wrong(
            "Invalid request: a type needs a name, and an identifier needs a type",
        ));
    }
    if rtype
        .as_deref()
        .is_some_and(|rtype| !TYPES.contains(&rtype))
    {
        return Err(wrong("Invalid request: no such type"));
    }
    let start = Key {
        name: name.map(|name| name.sort_key()).unwrap_or_default(),
        rtype: rtype.unwrap_or_default(),
        identifier: identifier.unwrap_or_default(),
    };
    let most = most.min(PAGE);
    let mut rest = zone.sets.range(start..).map(|(_, set)| set.as_ref());
    let page: String = rest.by_ref().take(most).map(record_set).collect();
    let next = rest.next().map(next_place);
    let sets = element("ResourceRecordSets", &page);
    let truncated = leaf("IsTruncated", if next.is_some() { "true" } else { "false" });
    let next = next.unwrap_or_default();
    let most = leaf("MaxItems", &most.to_string());
    Ok(document(
        "ListResourceRecordSetsResponse",
        &format!("{sets}{truncated}{next}{most}"),
    ))
}

fn next_place(set: &RrSet) -> String {
    let identifier = set
        .identifier
        .as_ref()
        .map(|text| leaf("NextRecordIdentifier", text))
        .unwrap_or_default();
    format!(
        "{}{}{identifier}",
        leaf("NextRecordName", &set.name.to_string()),
        leaf("NextRecordType", &set.rtype)
    )
}

/// Answers `GET` with `sets`, `counts`, `batches` or `held`, and sets a knob with `POST`; bodies
/// are JSON.
fn turn_knob(state: &State, name: &str, request: &Request) -> Reply {
    if request.method == "GET" {
        return match name {
            "sets" => as_json(&state.sets()),
            "counts" => as_json(&state.counts()),
            "batches" => as_json(&state.batches()),
            "held" => as_json(&state.held()),
            _ => knob_fault("nothing of this name can be read"),
        };
    }
    let knob = if request.body.is_empty() {
        Ok(json!(name))
    } else {
        serde_json::from_slice::<Value>(&request.body).map(|value| json!({ name: value }))
    };
    let turned = knob
        .and_then(serde_json::from_value::<Knob>)
        .map_err(|fault| fault.to_string());
    match turned.and_then(|knob| state.turn(knob)) {
        Ok(()) => as_json(&json!({})),
        Err(fault) => knob_fault(&fault),
    }
}

fn as_json(value: &impl Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(body) => Reply::Answer {
            status: 200,
            kind: "application/json",
            request_id: REQUEST.into(),
            body,
        },
        Err(fault) => knob_fault(&fault.to_string()),
    }
}

fn knob_fault(fault: &str) -> Reply {
    let body = json!({ "error": fault }).to_string();
    Reply::Answer {
        status: 400,
        kind: "application/json",
        request_id: REQUEST.into(),
        body,
    }
}

/// The request id of every answer.
const REQUEST: &str = "00000000-0000-4000-8000-000000000000";

fn xml(body: String) -> Reply {
    reply(200, body)
}

fn fail(Failure(status, code, message): Failure) -> Reply {
    reply(status, error(code, &message, REQUEST))
}

fn reply(status: u16, body: String) -> Reply {
    Reply::Answer {
        status,
        kind: "text/xml",
        request_id: REQUEST.into(),
        body,
    }
}
