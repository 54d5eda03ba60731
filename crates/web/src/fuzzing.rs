//! What must hold for any request body and query: the bodies of fuzz targets (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.

use std::net::IpAddr;

use crate::actions::AddressChange;
use crate::api::acme_dns::{Registration, Update};
use crate::api::dyndns::{Dialect, UpdateRequest};
use crate::api::httpreq::Challenge;
use crate::forms::{CSRF_FIELD, Form};

/// Checks the decoder of forms.
///
/// # Panics
/// A form that is shown again is not what was typed.
pub fn form(data: &[u8]) {
    let Ok(form) = Form::parse(data) else { return };
    let shown = form.encode_without_token();
    let again = Form::parse(shown.as_bytes()).unwrap_or_default();
    assert_eq!(again.encode_without_token(), shown);
    assert_eq!(again.get(CSRF_FIELD), None);
    for (name, value) in url::form_urlencoded::parse(data) {
        assert_eq!(form.get(&name), Some(value.as_ref()));
        if name != CSRF_FIELD {
            assert_eq!(again.get(&name), Some(value.as_ref()));
        }
    }
}

/// Returns seeds for [`form`].
pub fn form_seeds() -> Vec<Vec<u8>> {
    [
        &b"csrf_token=x&subdomain=www&type=TXT&value=a+b%26c%3D%C3%A9&description=%0D%0A"[..],
        b"id=1&%69d=1",
        b"=&=x&a&b=%ff%zz+%",
        b"SAMLResponse=PHg%2BYWJjPC94Pg%3D%3D&RelayState=",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Checks the reader of httpreq's bodies.
///
/// # Panics
/// JSON and form of the same challenge are read as others.
pub fn httpreq(data: &[u8]) {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    for content_type in [JSON, FORM] {
        let Ok(challenge) = Challenge::parse(content_type, data) else {
            continue;
        };
        let json = serde_json::to_vec(&challenge).unwrap_or_default();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("fqdn", &challenge.fqdn)
            .append_pair("value", &challenge.value)
            .finish();
        for (content_type, body) in [(JSON, json), (FORM, form.into_bytes())] {
            let again = Challenge::parse(content_type, &body).ok();
            assert_eq!(again.as_ref(), Some(&challenge), "{content_type}");
        }
    }
}

/// Returns seeds for [`httpreq`].
pub fn httpreq_seeds() -> Vec<Vec<u8>> {
    [
        &br#"{"fqdn":"_acme-challenge.www.user1.starchart.com.","value":"LoqXcYV8q5ONbJQx"}"#[..],
        b"fqdn=_acme-challenge.www.user1.starchart.com.&value=LoqXcYV8q5ONbJQx",
        br#"{"domain":"www.user1.starchart.com","token":"t","keyAuth":"k"}"#,
        b"fqdn=%ff&value=+",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Checks the readers of acme-dns' bodies.
///
/// # Panics
/// An update is read as another one when it is written again.
pub fn acme_dns(data: &[u8]) {
    if let Ok(update) = Update::parse(data) {
        let Update { subdomain, txt } = &update;
        let again = serde_json::json!({ "txt": txt, "subdomain": subdomain }).to_string();
        assert_eq!(Update::parse(again.as_bytes()).ok(), Some(update));
    }
    if let Ok(registration) = Registration::parse(data) {
        let again = serde_json::json!({ "allowfrom": registration.allowfrom }).to_string();
        let again = Registration::parse(again.as_bytes()).ok();
        assert_eq!(again, Some(registration));
    }
}

/// Returns seeds for [`acme_dns`].
pub fn acme_dns_seeds() -> Vec<Vec<u8>> {
    [
        &br#"{"subdomain":"www.user1.starchart.com","txt":"LoqXcYV8q5ONbJQx"}"#[..],
        br#"{"SubDomain":"www.user1.starchart.com","Txt":"LoqXcYV8q5ONbJQx"}"#,
        br#"{"subdomain":"\u00e9","txt":"","more":[1]}"#,
        br#"{"allowfrom":["192.0.2.0/24","2001:db8::/32"]}"#,
        b"{}",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Checks the reader of updates of dynamic addresses.
///
/// # Panics
/// A family gets an address of the other one, or a host has a form that none has.
pub fn dyndns(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    for (dialect, client) in [
        (Dialect::DynDns2, IpAddr::from([192, 0, 2, 1])),
        (
            Dialect::Desec,
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        ),
    ] {
        let Ok(request) = UpdateRequest::parse(&query, client, dialect) else {
            continue;
        };
        for host in &request.hosts {
            assert!(!host.is_empty() && !host.contains(',') && *host == host.trim());
        }
        for (change, is_ipv6) in [(&request.update.ipv4, false), (&request.update.ipv6, true)] {
            match change {
                AddressChange::Keep => {}
                AddressChange::Set(addresses) => {
                    assert!(addresses.iter().all(|address| address.is_ipv6() == is_ipv6));
                }
                AddressChange::Move(network) => {
                    assert_eq!(network.addr().is_ipv6(), is_ipv6);
                }
            }
        }
    }
}

/// Returns seeds for [`dyndns`].
pub fn dyndns_seeds() -> Vec<Vec<u8>> {
    [
        &b"system=dyndns&hostname=a.user1.starchart.com,b.user1.starchart.com&myip=192.0.2.1"[..],
        b"hostname=YES&host_id=a&myip=192.0.2.1,2001:db8::1&myipv6=preserve",
        b"username=a&password=b&myipv4=&myipv6=2001:db8:1::%2f56&ip=%ff",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_read_as_it_was_written() {
        type Target = (fn(&[u8]), Vec<Vec<u8>>);
        let targets: [Target; 4] = [
            (form, form_seeds()),
            (httpreq, httpreq_seeds()),
            (acme_dns, acme_dns_seeds()),
            (dyndns, dyndns_seeds()),
        ];
        for (check, seeds) in targets {
            for seed in seeds {
                check(&seed);
            }
        }
    }
}
