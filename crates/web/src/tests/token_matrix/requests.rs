//! What is tried on every name: a request of each verb and channel, and its expected answer.

use actix_web::http::Method;
use serde_json::json;

use super::model::{Cell, Holds, OWNER, ROOT, Scope, may_set_address, may_write};

/// Which protocol a request speaks: where it has the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Rest,
    PowerDns,
    Httpreq,
    AcmeDns,
    DynDns,
}

/// A request without the secret.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) api: Api,
    pub(super) method: Method,
    pub(super) path: String,
    /// JSON; may be empty.
    pub(super) body: String,
}

/// A verb of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    ShowAccount,
    ListDomains,
    ShowZoneFile,
    ListRrsets,
    ShowRrset,
    CreateRrset,
    ReplaceRrsets,
    UpdateRrset,
    UpdateTtl,
    ReplaceRrset,
    DeleteRrset,
    ListRecords,
    ListHistory,
    ShowRecord,
    CreateRecord,
    EditRecord,
    MoveRecord,
    RenewRecord,
    DeleteRecord,
    ShowZone(Zone),
    Replace(Zone),
    Delete(Zone),
    Present,
    CleanUp,
    Update,
    /// As clients of dyndns2 do.
    SetAddress,
    /// By the update URL of deSEC.
    SetAddressDesec,
}

/// The zone that a client of PowerDNS names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Root,
    /// The domain that the name is in.
    Domain,
}

use Action::*;

/// The verbs that are tried together, by channel.
pub(super) const RRSETS: &[Action] = &[
    ListRrsets,
    ShowRrset,
    CreateRrset,
    ReplaceRrsets,
    UpdateRrset,
    UpdateTtl,
    ReplaceRrset,
    DeleteRrset,
];
pub(super) const RECORDS: &[Action] = &[
    ShowAccount,
    ListDomains,
    ShowZoneFile,
    ListRecords,
    ListHistory,
    ShowRecord,
    CreateRecord,
    EditRecord,
    MoveRecord,
    RenewRecord,
    DeleteRecord,
];
pub(super) const POWERDNS: &[Action] = &[
    ShowZone(Zone::Root),
    ShowZone(Zone::Domain),
    Replace(Zone::Domain),
    Delete(Zone::Root),
];
pub(super) const NARROW: &[Action] = &[Present, CleanUp, Update, SetAddress, SetAddressDesec];

/// Where `MoveRecord` moves a record to.
pub(super) const ELSEWHERE: &str = "elsewhere";

/// What an answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) status: u16,
    /// What the body has to contain.
    pub(super) part: &'static str,
    /// Whether it shows what is there at first.
    pub(super) shows: bool,
    /// Whether the rows of the name change.
    pub(super) changes: bool,
}

const fn answer(status: u16) -> Expected {
    Expected {
        status,
        part: "",
        shows: false,
        changes: false,
    }
}

const fn change(status: u16, changes: bool) -> Expected {
    Expected {
        changes,
        ..answer(status)
    }
}

const fn show(status: u16, shows: bool) -> Expected {
    Expected {
        shows,
        ..answer(status)
    }
}

/// Returns the request of an action on a cell, whose record has this number; `None` where there is
/// no such request.
pub(super) fn request(action: Action, cell: &Cell, id: Option<i64>) -> Option<Plain> {
    let (api, method, path, body) = match action {
        ShowAccount => rest(Method::GET, "account/".to_owned()),
        ListDomains => rest(Method::GET, "domains/".to_owned()),
        ShowZoneFile => rest(Method::GET, format!("domains/{OWNER}.{ROOT}/zonefile/")),
        ListRrsets => rest(Method::GET, format!("domains/{OWNER}.{ROOT}/rrsets/")),
        ShowRrset | UpdateRrset | UpdateTtl | ReplaceRrset | DeleteRrset => one_rrset(action, cell),
        CreateRrset | ReplaceRrsets => rrsets(action, cell),
        ListRecords => rest(Method::GET, "records/".to_owned()),
        ListHistory => rest(Method::GET, "history/".to_owned()),
        CreateRecord => create_record(cell)?,
        ShowRecord | EditRecord | MoveRecord | RenewRecord | DeleteRecord => {
            one_record(action, cell, id?)
        }
        ShowZone(zone) | Replace(zone) | Delete(zone) => powerdns(action, cell, zone),
        Present | CleanUp | Update => challenge(action, cell)?,
        SetAddress | SetAddressDesec => address(action, cell)?,
    };
    Some(Plain {
        api,
        method,
        path,
        body,
    })
}

type Parts = (Api, Method, String, String);

fn rest(method: Method, path: String) -> Parts {
    (Api::Rest, method, format!("/api/v1/{path}"), String::new())
}

fn one_rrset(action: Action, cell: &Cell) -> Parts {
    let path = format!(
        "/api/v1/domains/{}/rrsets/{}/{}/",
        cell.domain(),
        cell.name,
        cell.rtype
    );
    let body = json!({ "records": [cell.written()] }).to_string();
    match action {
        UpdateRrset => (Api::Rest, Method::PATCH, path, body),
        UpdateTtl => (
            Api::Rest,
            Method::PATCH,
            path,
            json!({ "ttl": 600 }).to_string(),
        ),
        ReplaceRrset => (Api::Rest, Method::PUT, path, body),
        DeleteRrset => (Api::Rest, Method::DELETE, path, String::new()),
        _ => (Api::Rest, Method::GET, path, String::new()),
    }
}

fn rrsets(action: Action, cell: &Cell) -> Parts {
    let item = json!({
        "subname": cell.name,
        "type": cell.rtype,
        "records": [cell.written()],
    });
    let path = format!("/api/v1/domains/{}/rrsets/", cell.domain());
    match action {
        CreateRrset => (Api::Rest, Method::POST, path, item.to_string()),
        _ => (Api::Rest, Method::PUT, path, json!([item]).to_string()),
    }
}

fn create_record(cell: &Cell) -> Option<Parts> {
    let body = json!({
        "subname": cell.name,
        "type": cell.rtype,
        "value": cell.written(),
    });
    let (api, method, path, _) = rest(Method::POST, "records/".to_owned());
    // A record is named by what is before the user's domain.
    cell.is_own().then(|| (api, method, path, body.to_string()))
}

fn one_record(action: Action, cell: &Cell, id: i64) -> Parts {
    let path = format!("/api/v1/records/{id}/");
    let edit = json!({ "value": cell.written() }).to_string();
    let moved = json!({ "subname": ELSEWHERE }).to_string();
    let (method, path, body) = match action {
        EditRecord => (Method::PATCH, path, edit),
        MoveRecord => (Method::PATCH, path, moved),
        RenewRecord => (Method::POST, format!("{path}renew/"), String::new()),
        DeleteRecord => (Method::DELETE, path, String::new()),
        _ => (Method::GET, path, String::new()),
    };
    (Api::Rest, method, path, body)
}

fn powerdns(action: Action, cell: &Cell, zone: Zone) -> Parts {
    let zone = match zone {
        Zone::Root => ROOT.to_owned(),
        Zone::Domain => cell.domain(),
    };
    let path = format!("/api/v1/servers/localhost/zones/{zone}.");
    let rrset = |changetype: &str, records: serde_json::Value| {
        json!({ "rrsets": [{
            "name": format!("{}.", cell.fqdn()),
            "type": cell.rtype,
            "ttl": 300,
            "changetype": changetype,
            "records": records,
        }] })
        .to_string()
    };
    let (method, body) = match action {
        Replace(_) => {
            let record = json!([{ "content": cell.written(), "disabled": false }]);
            (Method::PATCH, rrset("REPLACE", record))
        }
        Delete(_) => (Method::PATCH, rrset("DELETE", json!([]))),
        _ => (Method::GET, String::new()),
    };
    (Api::PowerDns, method, path, body)
}

fn challenge(action: Action, cell: &Cell) -> Option<Parts> {
    cell.host()?;
    let value = match action {
        CleanUp => cell.seed(),
        _ => cell.written(),
    };
    let value = value.trim_matches('"');
    let httpreq = json!({ "fqdn": format!("{}.", cell.fqdn()), "value": value }).to_string();
    let acme_dns = json!({ "subdomain": cell.host_fqdn(), "txt": value }).to_string();
    let (api, path, body) = match action {
        Present => (Api::Httpreq, "/httpreq/present", httpreq),
        CleanUp if cell.holds != Holds::Answer => return None,
        CleanUp => (Api::Httpreq, "/httpreq/cleanup", httpreq),
        _ => (Api::AcmeDns, "/acme-dns/update", acme_dns),
    };
    Some((api, Method::POST, path.to_owned(), body))
}

fn address(action: Action, cell: &Cell) -> Option<Parts> {
    let path = match action {
        SetAddress => "/nic/update",
        _ => "/dyndns/update",
    };
    let path = format!("{path}?hostname={}&myip={}", cell.fqdn(), cell.written());
    (cell.rtype == "A").then(|| (Api::DynDns, Method::GET, path, String::new()))
}

/// Returns what a token of this scope is answered. `is_there` says whether the cell has what is
/// there at first.
pub(super) fn expect(action: Action, scope: Scope, cell: &Cell, is_there: bool) -> Expected {
    let is_there = is_there && matches!(cell.holds, Holds::Record | Holds::Answer);
    let visible = is_there && cell.is_readable(scope);
    match action {
        ShowAccount | ListDomains => answer(200),
        ShowZoneFile | ListRecords | ListHistory => {
            show(200, visible && cell.holds == Holds::Record)
        }
        ListRrsets => show(200, visible),
        ShowRrset | CreateRrset | ReplaceRrsets | UpdateRrset | UpdateTtl | ReplaceRrset
        | DeleteRrset => of_rrset(action, scope, cell, is_there),
        CreateRecord if !cell.takes_records() => answer(422),
        CreateRecord if cell.is_writable(scope) => change(202, true),
        CreateRecord => answer(403),
        ShowRecord | EditRecord | MoveRecord | RenewRecord | DeleteRecord => {
            of_record(action, scope, cell, visible)
        }
        ShowZone(zone) => match is_zone(cell, zone) {
            true => show(200, visible),
            false => answer(404),
        },
        Replace(zone) | Delete(zone) => of_powerdns(action, scope, cell, (zone, is_there)),
        Present | CleanUp | Update => of_challenge(action, scope, cell, is_there),
        SetAddress | SetAddressDesec => of_address(action, scope, cell),
    }
}

/// Whether deleting the RRset changes anything: an answer, or records that the token may delete.
fn is_deletable(scope: Scope, cell: &Cell, is_there: bool) -> bool {
    is_there && (cell.holds == Holds::Answer || cell.is_writable(scope))
}

fn of_rrset(action: Action, scope: Scope, cell: &Cell, is_there: bool) -> Expected {
    if action == ShowRrset {
        let visible = is_there && cell.is_readable(scope);
        return show(if visible { 200 } else { 404 }, visible);
    }
    if !cell.is_own() {
        return answer(404);
    }
    if !cell.takes_rrset(scope) {
        return answer(403);
    }
    let visible = is_there && cell.is_readable(scope);
    let is_deletable = is_deletable(scope, cell, is_there);
    // Answers to challenges join a record that the token may not change.
    let joined = |status| Expected {
        shows: visible && !is_deletable,
        ..change(status, true)
    };
    match action {
        UpdateTtl if !is_deletable && !cell.is_writable(scope) => answer(403),
        UpdateRrset | UpdateTtl | ReplaceRrset if !visible => answer(404),
        // Answers to challenges have a TTL of their own.
        UpdateTtl => Expected {
            shows: true,
            ..change(200, cell.holds == Holds::Record)
        },
        DeleteRrset => change(204, is_deletable),
        _ if cell.holds == Holds::Impossible => answer(400),
        CreateRrset if is_deletable => answer(400),
        CreateRrset => joined(201),
        _ => joined(200),
    }
}

fn of_record(action: Action, scope: Scope, cell: &Cell, visible: bool) -> Expected {
    match action {
        _ if !visible => answer(404),
        ShowRecord => show(200, true),
        _ if !cell.is_writable(scope) => answer(403),
        MoveRecord if !may_write(scope, ELSEWHERE, cell.rtype) => answer(403),
        DeleteRecord => change(204, true),
        RenewRecord => Expected {
            shows: true,
            ..change(200, true)
        },
        MoveRecord => Expected {
            shows: true,
            ..change(202, true)
        },
        _ => change(202, true),
    }
}

/// Whether clients find the zone.
fn is_zone(cell: &Cell, zone: Zone) -> bool {
    zone == Zone::Root || cell.is_own() || cell.user.is_empty()
}

fn of_powerdns(
    action: Action,
    scope: Scope,
    cell: &Cell,
    (zone, is_there): (Zone, bool),
) -> Expected {
    match action {
        _ if !is_zone(cell, zone) => answer(404),
        _ if !cell.is_own() || !cell.takes_rrset(scope) => Expected {
            part: "\"error\"",
            ..answer(422)
        },
        Delete(_) => change(204, is_deletable(scope, cell, is_there)),
        _ if cell.holds == Holds::Impossible => answer(422),
        _ => change(204, true),
    }
}

fn of_challenge(action: Action, scope: Scope, cell: &Cell, is_there: bool) -> Expected {
    let part = |acme_dns: &'static str| match action {
        Update => acme_dns,
        _ => "detail",
    };
    if !cell.is_own() || cell.holds == Holds::Impossible {
        return Expected {
            part: part("bad_subdomain"),
            ..answer(422)
        };
    }
    match cell.takes_rrset(scope) {
        true => change(200, action != CleanUp || is_there),
        false => Expected {
            part: part("forbidden"),
            ..answer(403)
        },
    }
}

fn of_address(action: Action, scope: Scope, cell: &Cell) -> Expected {
    let is_possible = cell.is_own() && cell.holds != Holds::Impossible;
    match (is_possible && may_set_address(scope, cell.name), action) {
        (true, _) => Expected {
            part: "good 192.0.2.7",
            ..change(200, true)
        },
        (false, SetAddress) => Expected {
            part: "nohost",
            ..answer(200)
        },
        (false, _) => Expected {
            part: "nohost",
            ..answer(404)
        },
    }
}
