//! Limits for each user and IP address.

use starchart_domain::limits::Limits;

use crate::parse;
use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Unset};
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "USER_DNS_RECORD_LIMIT",
        No,
        Unset,
        "records per user; not set: no limit",
    ),
    variable(
        "RATE_LIMIT_SIGN_IN_PER_MINUTE",
        No,
        Same("300"),
        "sign-ins from one IP address (a whole class may share one)",
    ),
    variable(
        "RATE_LIMIT_RECORD_WRITES_PER_MINUTE",
        No,
        Same("30"),
        "record changes by one user",
    ),
    variable(
        "RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE",
        No,
        Same("60"),
        "searches by one admin",
    ),
    variable(
        "RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY",
        No,
        Same("3"),
        "certificate requests by one user",
    ),
];

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Limits> {
    let mut count = |name| reader.parsed(name, parse::number(1, 1_000_000));
    let records_per_user = count("USER_DNS_RECORD_LIMIT");
    let sign_in = count("RATE_LIMIT_SIGN_IN_PER_MINUTE");
    let writes = count("RATE_LIMIT_RECORD_WRITES_PER_MINUTE");
    let searches = count("RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE");
    let requests = count("RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY");
    Some(Limits {
        records_per_user,
        sign_in_per_minute: sign_in?,
        record_writes_per_minute: writes?,
        admin_searches_per_minute: searches?,
        certificate_requests_per_day: requests?,
    })
}
