//! Limits for each user and IP address.

use starchart_domain::limits::Limits;
use starchart_domain::ttl::{Ttl, TtlLimits};

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
    variable(
        "RECORD_TTL_MIN_S",
        No,
        Same("60"),
        "seconds: the shortest TTL that users may choose",
    ),
    variable(
        "RECORD_TTL_MAX_S",
        No,
        Same("86400"),
        "seconds: the longest TTL that users may choose",
    ),
    variable(
        "RECORD_TTL_DEFAULT_S",
        No,
        Same("300"),
        "seconds: the TTL of new records whose user chooses none",
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
    let ttl = ttl_limits(reader);
    Some(Limits {
        records_per_user,
        sign_in_per_minute: sign_in?,
        record_writes_per_minute: writes?,
        admin_searches_per_minute: searches?,
        certificate_requests_per_day: requests?,
        ttl: ttl?,
    })
}

fn ttl_limits(reader: &mut Reader) -> Option<TtlLimits> {
    let number = parse::number(1, Ttl::MAX_S);
    let mut ttl = |name| Ttl::from_seconds(reader.parsed(name, &number)?);
    let min = ttl("RECORD_TTL_MIN_S");
    let max = ttl("RECORD_TTL_MAX_S");
    let default = ttl("RECORD_TTL_DEFAULT_S");
    let (min, max, default) = (min?, max?, default?);
    if min > max {
        let advice = "is below RECORD_TTL_MIN_S, so that no TTL is allowed; raise it";
        reader.value_problem("RECORD_TTL_MAX_S", advice);
        return None;
    }
    if !(min..=max).contains(&default) {
        let advice = "is not between RECORD_TTL_MIN_S and RECORD_TTL_MAX_S; change one of them";
        reader.value_problem("RECORD_TTL_DEFAULT_S", advice);
        return None;
    }
    Some(TtlLimits { min, max, default })
}
