//! Dynamic addresses as routers update them: dyndns2 (`/nic/update`) and deSEC's update URL
//! (`/dyndns/update`).
//!
//! An answer is plain words, one line for each host, and no sentence: clients search it for `good`,
//! `nochg` and `OK` in any case, also inside of words.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::fault::Field;

use crate::actions::{
    ActionError, AddressChange, AddressUpdate, UpdatedAddresses, only_host, update_addresses,
};
use crate::actor::User;
use crate::api::request::record_rules;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::rate_limits::RateLimitKey;

/// Hosts that one request can update.
const HOSTS_MAX: usize = 20;
/// Addresses of one family that a host can get.
const ADDRESSES_MAX: usize = 8;

/// The parameters with the hosts, the first that is given counts.
const HOSTS: [&str; 3] = ["hostname", "host_id", "host"];
/// The parameters with IPv4 addresses, in this order.
const IPV4: [&str; 3] = ["myip", "myipv4", "ip"];
/// The parameters with IPv6 addresses, in this order.
const IPV6: [&str; 4] = ["myipv6", "ipv6", "myip", "ip"];

/// Which client's rules hold where the two protocols differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// An empty `myip` stands for the client's own address, and the status of a request with an
    /// accepted token is 200 whatever the words say.
    DynDns2,
    /// An empty address removes the records, and the status says what the words do.
    Desec,
}

/// A word of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Good,
    NoChange,
    BadAuth,
    NotFqdn,
    NoHost,
    TooManyHosts,
    Abuse,
    DnsError,
    Trouble,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NoChange => "nochg",
            Self::BadAuth => "badauth",
            Self::NotFqdn => "notfqdn",
            Self::NoHost => "nohost",
            Self::TooManyHosts => "numhost",
            Self::Abuse => "abuse",
            Self::DnsError => "dnserr",
            Self::Trouble => "911",
        }
    }

    /// Returns the status that deSEC answers with.
    fn status(self) -> StatusCode {
        match self {
            Self::Good | Self::NoChange => StatusCode::OK,
            Self::BadAuth => StatusCode::UNAUTHORIZED,
            Self::NoHost => StatusCode::NOT_FOUND,
            Self::Abuse => StatusCode::TOO_MANY_REQUESTS,
            Self::Trouble => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFqdn | Self::TooManyHosts | Self::DnsError => StatusCode::BAD_REQUEST,
        }
    }
}

/// An update as it was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpdateRequest {
    /// The hosts, each once; none when the request names none.
    pub(crate) hosts: Vec<String>,
    pub(crate) update: AddressUpdate,
}

impl UpdateRequest {
    /// Reads the query. An address that is not given is kept; without any, the client's own is
    /// set.
    ///
    /// # Errors
    /// An address cannot be read, or there are too many hosts or addresses.
    pub(crate) fn parse(query: &str, client: IpAddr, dialect: Dialect) -> Result<Self, Word> {
        let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let get = |name: &str| {
            let mut named = parameters.iter().filter(|(known, _)| known == name);
            named.next().map(|(_, value)| value.trim())
        };
        let hosts = HOSTS.iter().filter_map(|name| get(name));
        let mut hosts = hosts.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("yes"));
        let hosts = list_hosts(hosts.next().unwrap_or_default())?;
        let is_own = |name: &str, text: &str| {
            dialect == Dialect::DynDns2 && text.is_empty() && matches!(name, "myip" | "ip")
        };
        let find = |names: &[&str], is_ipv6: bool| -> Result<AddressChange, Word> {
            for name in names {
                match get(name) {
                    Some(text) if !is_own(name, text) => {
                        let is_for_both = matches!(*name, "myip" | "ip");
                        match parse_change(text, is_ipv6)? {
                            Some(change) => return Ok(change),
                            None if is_for_both => {}
                            None => return Err(Word::DnsError),
                        }
                    }
                    _ => {}
                }
            }
            Ok(AddressChange::Keep)
        };
        let is_named = |name: &&str| get(name).is_some_and(|text| !is_own(name, text));
        let mut update = AddressUpdate {
            ipv4: find(&IPV4, false)?,
            ipv6: find(&IPV6, true)?,
        };
        if !IPV4.iter().chain(&IPV6).any(is_named) {
            let own = AddressChange::Set(BTreeSet::from([client]));
            match client {
                IpAddr::V4(_) => update.ipv4 = own,
                IpAddr::V6(_) => update.ipv6 = own,
            }
        }
        Ok(Self { hosts, update })
    }
}

/// Splits a list of hosts.
fn list_hosts(text: &str) -> Result<Vec<String>, Word> {
    let mut hosts = Vec::new();
    for host in text.split(',').map(|host| host.trim().to_ascii_lowercase()) {
        if host.is_empty() || hosts.contains(&host) {
            continue;
        }
        if hosts.len() == HOSTS_MAX {
            return Err(Word::TooManyHosts);
        }
        hosts.push(host);
    }
    Ok(hosts)
}

/// Reads what a parameter wants of one family; `None` if it is about the other one only.
fn parse_change(text: &str, is_ipv6: bool) -> Result<Option<AddressChange>, Word> {
    if text.is_empty() {
        return Ok(Some(AddressChange::Set(BTreeSet::new())));
    }
    if text.eq_ignore_ascii_case("preserve") {
        return Ok(Some(AddressChange::Keep));
    }
    let is_of_family = |part: &&str| part.contains(':') == is_ipv6;
    let parts = text.split(',').map(str::trim);
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty())
        .filter(is_of_family)
        .collect();
    if let [network] = parts[..]
        && network.contains('/')
    {
        let network = network.parse().map_err(|_| Word::DnsError)?;
        return Ok(Some(AddressChange::Move(network)));
    }
    if parts.len() > ADDRESSES_MAX {
        return Err(Word::DnsError);
    }
    let addresses = parts.iter().map(|part| part.parse::<IpAddr>());
    let addresses: Result<BTreeSet<IpAddr>, _> = addresses.collect();
    let addresses = addresses.map_err(|_| Word::DnsError)?;
    Ok((!addresses.is_empty()).then_some(AddressChange::Set(addresses)))
}

/// Handles `GET /nic/update`, as dyndns2 has it.
pub(crate) async fn update_dyndns2(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    update(&context, &owner, Dialect::DynDns2).await
}

/// Handles `GET /dyndns/update`, as deSEC has it.
pub(crate) async fn update_desec(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    update(&context, &owner, Dialect::Desec).await
}

async fn update(
    context: &RequestContext,
    owner: &User,
    dialect: Dialect,
) -> Result<HttpResponse, Failure> {
    let query = context.req.query_string();
    let request = match UpdateRequest::parse(query, context.client_ip(), dialect) {
        Ok(request) => request,
        Err(word) => return Ok(answer(context, dialect, &[(word, Vec::new())])),
    };
    let hosts = match request.hosts.is_empty() {
        true => default_host(context, owner).into_iter().collect(),
        false => request.hosts,
    };
    let app = &context.app;
    let names = app.name_rules().await?;
    let rules = record_rules(context, &names, None);
    let mut lines = Vec::with_capacity(hosts.len());
    let mut is_denied = false;
    for host in &hosts {
        if !host.contains('.') {
            lines.push((Word::NotFqdn, Vec::new()));
            continue;
        }
        let (store, caller) = (app.store()?, context.caller(owner));
        // What changes nothing does not count as a write.
        let permit = async || app.limits.count(RateLimitKey::Write(owner.id)).await;
        let wanted = (host.as_str(), &request.update);
        let done = update_addresses(store, &*app.queue, caller, wanted, rules, permit).await;
        lines.push(match done {
            Ok(UpdatedAddresses {
                addresses,
                is_changed: true,
            }) => (Word::Good, addresses),
            Ok(UpdatedAddresses { addresses, .. }) => (Word::NoChange, addresses),
            Err(Failure::NotFound) => (Word::NoHost, Vec::new()),
            Err(Failure::Action(refused)) => {
                is_denied |= matches!(refused, ActionError::Denied(_));
                (word_of(&refused), Vec::new())
            }
            // The hosts before this one are updated already.
            Err(failure) if !lines.is_empty() => (word_of_failure(&failure), Vec::new()),
            Err(failure) => return Err(failure),
        });
    }
    if lines.is_empty() {
        lines.push((Word::NotFqdn, Vec::new()));
    }
    let answered = answer(context, dialect, &lines);
    if is_denied {
        context.stands_for.set(Some(StatusCode::FORBIDDEN));
    }
    Ok(answered)
}

/// Returns the host of a request that names none: the user name of its credentials, or the only
/// host whose addresses its token may update.
fn default_host(context: &RequestContext, owner: &User) -> Option<String> {
    let named = context.username.clone();
    let is_host = |name: &String| name.contains('.') && !name.contains('@');
    named.filter(is_host).or_else(|| only_host(owner))
}

/// Handles `GET /nic/address`: the client's own address, for clients that look it up on a page.
pub(crate) async fn show_address(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(format!("{}\n", context.client_ip())))
}

fn word_of(refused: &ActionError) -> Word {
    match refused {
        ActionError::Invalid(faults) => {
            let is_about_name = faults.iter().any(|(field, _)| *field == Field::Name);
            if is_about_name {
                Word::NoHost
            } else {
                Word::DnsError
            }
        }
        ActionError::NotFound | ActionError::Denied(_) => Word::NoHost,
        ActionError::Limit(_) => Word::TooManyHosts,
        ActionError::Conflict(_) | ActionError::Password(_) => Word::DnsError,
        ActionError::Store(_) => Word::Trouble,
    }
}

/// Returns the body of the answer to a request that failed as a whole.
pub(crate) fn failure_line(failure: &Failure) -> String {
    line(word_of_failure(failure))
}

fn word_of_failure(failure: &Failure) -> Word {
    match failure.status() {
        // A host that does not exist would be given up; this service may be back soon.
        _ if matches!(failure, Failure::ProtocolOff) => Word::Trouble,
        StatusCode::UNAUTHORIZED => Word::BadAuth,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Word::NoHost,
        StatusCode::TOO_MANY_REQUESTS => Word::Abuse,
        status if status.is_server_error() => Word::Trouble,
        _ => Word::DnsError,
    }
}

fn line(word: Word) -> String {
    format!("{}\n", word.as_str())
}

fn answer(
    context: &RequestContext,
    dialect: Dialect,
    lines: &[(Word, Vec<String>)],
) -> HttpResponse {
    let statuses = lines.iter().map(|(word, _)| word.status());
    let worst = statuses.max().unwrap_or(StatusCode::OK);
    context.stands_for.set(Some(worst));
    let status = match dialect {
        Dialect::DynDns2 => StatusCode::OK,
        Dialect::Desec => worst,
    };
    let body: String = lines
        .iter()
        .map(|(word, addresses)| match addresses.is_empty() {
            true => line(*word),
            false => format!("{} {}\n", word.as_str(), addresses.join(",")),
        })
        .collect();
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const CLIENT: &str = "198.51.100.1";

    /// Describes a change: `keep`, `remove`, the addresses, or the network.
    fn describe(change: &AddressChange) -> String {
        match change {
            AddressChange::Keep => "keep".to_owned(),
            AddressChange::Set(addresses) if addresses.is_empty() => "remove".to_owned(),
            AddressChange::Set(addresses) => {
                let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
                texts.join(" ")
            }
            AddressChange::Move(network) => network.to_string(),
        }
    }

    fn parse(query: &str, dialect: Dialect) -> Result<(String, String, String), Word> {
        let request = UpdateRequest::parse(query, CLIENT.parse().unwrap(), dialect)?;
        let UpdateRequest { hosts, update } = request;
        let families = (describe(&update.ipv4), describe(&update.ipv6));
        Ok((hosts.join(" "), families.0, families.1))
    }

    #[test]
    fn clients_name_hosts_and_addresses_in_many_ways() {
        use Dialect::{Desec, DynDns2};
        for (dialect, query, hosts, ipv4, ipv6) in [
            // ddclient 3 and 4, inadyn, Fritz!Box, deSEC
            (
                DynDns2,
                "system=dyndns&hostname=h&myip=192.0.2.1",
                "h",
                "192.0.2.1",
                "keep",
            ),
            (
                DynDns2,
                "hostname=h&myip=192.0.2.1,2001:db8::1",
                "h",
                "192.0.2.1",
                "2001:db8::1",
            ),
            (
                DynDns2,
                "hostname=h&myip=2001:db8::1",
                "h",
                "keep",
                "2001:db8::1",
            ),
            (
                DynDns2,
                "hostname=h&myip=192.0.2.1&myipv6=2001:db8::1",
                "h",
                "192.0.2.1",
                "2001:db8::1",
            ),
            (
                DynDns2,
                "hostname=h&myip=192.0.2.1&myipv6=",
                "h",
                "192.0.2.1",
                "remove",
            ),
            (
                DynDns2,
                "hostname=h&myip=&myipv6=2001:db8::1",
                "h",
                "keep",
                "2001:db8::1",
            ),
            (DynDns2, "hostname=h", "h", CLIENT, "keep"),
            (DynDns2, "hostname=h&myip=", "h", CLIENT, "keep"),
            (
                DynDns2,
                "hostname=a,b%2Cc,,A&myip=192.0.2.1",
                "a b c",
                "192.0.2.1",
                "keep",
            ),
            (
                DynDns2,
                "host_id=h&myip=192.0.2.1&myip=192.0.2.2",
                "h",
                "192.0.2.1",
                "keep",
            ),
            (Desec, "hostname=YES&host_id=h", "h", CLIENT, "keep"),
            (Desec, "", "", CLIENT, "keep"),
            (
                Desec,
                "hostname=h&myipv4=192.0.2.1&myipv6=preserve",
                "h",
                "192.0.2.1",
                "keep",
            ),
            (
                Desec,
                "hostname=h&myipv4=preserve&myipv6=preserve",
                "h",
                "keep",
                "keep",
            ),
            (
                Desec,
                "hostname=h&myipv4=&ipv6=2001:DB8::1",
                "h",
                "remove",
                "2001:db8::1",
            ),
            (Desec, "hostname=h&myip=", "h", "remove", "remove"),
            (Desec, "hostname=h&ip=192.0.2.1", "h", "192.0.2.1", "keep"),
            (
                Desec,
                "hostname=h&myipv4=192.0.2.2,192.0.2.1",
                "h",
                "192.0.2.1 192.0.2.2",
                "keep",
            ),
            (
                Desec,
                "hostname=h&myipv6=2001:db8:1::/48",
                "h",
                "keep",
                "2001:db8:1::/48",
            ),
            (
                Desec,
                "hostname=h&myip=%20192.0.2.1%20",
                "h",
                "192.0.2.1",
                "keep",
            ),
        ] {
            let expected = (hosts.to_owned(), ipv4.to_owned(), ipv6.to_owned());
            assert_eq!(parse(query, dialect), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let hosts: Vec<String> = (0..=HOSTS_MAX).map(|n| format!("h{n}")).collect();
        let addresses: Vec<String> = (0..=ADDRESSES_MAX)
            .map(|n| format!("192.0.2.{n}"))
            .collect();
        for (query, word) in [
            (format!("hostname={}", hosts.join(",")), Word::TooManyHosts),
            (
                format!("hostname=h&myip={}", addresses.join(",")),
                Word::DnsError,
            ),
            ("hostname=h&myip=home".to_owned(), Word::DnsError),
            ("hostname=h&myipv6=home".to_owned(), Word::DnsError),
            ("hostname=h&myipv6=192.0.2.1".to_owned(), Word::DnsError),
            ("hostname=h&myipv4=2001:db8::1".to_owned(), Word::DnsError),
            ("hostname=h&myip=192.0.2.256".to_owned(), Word::DnsError),
            ("hostname=h&myip=192.0.2.1,x".to_owned(), Word::DnsError),
            (
                "hostname=h&myipv6=2001:db8::/129".to_owned(),
                Word::DnsError,
            ),
            (
                "hostname=h&myipv6=2001:db8::/48,2001:db8::1".to_owned(),
                Word::DnsError,
            ),
        ] {
            let parsed = parse(&query, Dialect::DynDns2);
            assert_eq!(parsed, Err(word), "{query}");
        }
    }

    #[test]
    fn no_refusal_looks_like_success() {
        // inadyn searches the body for these in any case, ddclient compares the first word.
        let successes = ["ok", "good", "true", "updated", "success", "nochg"];
        for word in [
            Word::BadAuth,
            Word::NotFqdn,
            Word::NoHost,
            Word::TooManyHosts,
            Word::Abuse,
            Word::DnsError,
            Word::Trouble,
        ] {
            let line = line(word).to_lowercase();
            assert!(
                successes.iter().all(|success| !line.contains(success)),
                "{line}"
            );
            assert!(!word.status().is_success());
        }
    }
}
