//! The API for programs of users.

use std::collections::BTreeSet;

use starchart_domain::api::{ApiSettings, Protocol};

use crate::parse;
use crate::reader::Reader;
use crate::spec::DefaultValue::Same;
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};

const API_PROTOCOLS: &str = "API_PROTOCOLS";

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "API_ENABLED",
        No,
        Same("1"),
        "0 turns the API off, with all its protocols; tokens stay and are accepted again later",
    ),
    variable(
        API_PROTOCOLS,
        No,
        Same("rest,powerdns,httpreq,acme-dns,dyndns"),
        "the protocols of the API that are answered, comma-separated",
    ),
    variable(
        "API_REQUESTS_PER_MINUTE",
        No,
        Same("300"),
        "requests by one API token; all tokens of a user together may do twice as many",
    ),
];

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<ApiSettings> {
    let is_enabled = reader.flag("API_ENABLED");
    let protocols: BTreeSet<Protocol> = reader.list(API_PROTOCOLS, protocol).into_iter().collect();
    let requests = reader.parsed("API_REQUESTS_PER_MINUTE", parse::number(1, 1_000_000));
    Some(ApiSettings {
        protocols: match is_enabled {
            true => protocols,
            false => BTreeSet::new(),
        },
        requests_per_minute: requests?,
    })
}

fn protocol(text: &str) -> Result<Protocol, String> {
    let typed = text.to_ascii_lowercase();
    let all = Protocol::ALL.iter().copied();
    let mut named = all.clone().filter(|protocol| protocol.as_str() == typed);
    named.next().ok_or_else(|| {
        let known: Vec<&str> = all.map(Protocol::as_str).collect();
        format!("{} is none of {}", parse::quote(text), known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_names_every_protocol() {
        let all: Vec<&str> = Protocol::ALL
            .iter()
            .map(|protocol| protocol.as_str())
            .collect();
        let spec = SPECS.iter().find(|spec| spec.name == API_PROTOCOLS);
        assert_eq!(spec.map(|spec| spec.default), Some(Same(DEFAULT)));
        assert_eq!(all.join(","), DEFAULT);
        assert!(
            all.iter()
                .all(|name| protocol(&name.to_uppercase()).is_ok())
        );
        assert!(protocol("soap").is_err());
    }

    const DEFAULT: &str = "rest,powerdns,httpreq,acme-dns,dyndns";
}
