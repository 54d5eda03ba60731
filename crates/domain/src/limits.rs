//! How much a user or an address may do.

use crate::ttl::TtlLimits;

/// The limits that an operator sets. Their defaults are in the list of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `USER_DNS_RECORD_LIMIT`: records of one user at most; `None` means no limit.
    pub records_per_user: Option<u32>,
    /// `RATE_LIMIT_SIGN_IN_PER_MINUTE`: sign-ins from one IP address. A class behind one NAT signs
    /// in within a minute.
    pub sign_in_per_minute: u32,
    /// `RATE_LIMIT_RECORD_WRITES_PER_MINUTE`: record changes, renewals and deletions of one user.
    pub record_writes_per_minute: u32,
    /// `RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE`: searches of one admin for users or in the audit
    /// trail.
    pub admin_searches_per_minute: u32,
    /// `RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY`: certificate requests of one user in 24 hours.
    pub certificate_requests_per_day: u32,
    /// `RECORD_TTL_MIN_S`, `RECORD_TTL_MAX_S`, `RECORD_TTL_DEFAULT_S`: the TTLs of RRsets.
    pub ttl: TtlLimits,
}
