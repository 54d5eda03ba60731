//! Rate limits: what is counted for whom, and how often it may be done.

use std::net::IpAddr;
use std::sync::Arc;

use starchart_domain::api::ApiSettings;
use starchart_domain::limits::Limits;
use starchart_domain::token::TokenId;
use starchart_domain::user::UserId;
use starchart_jobs::{Counters, RateLimit};

use crate::errors::Failure;

/// Sign-ins that one browser may start in a minute.
const SIGN_INS_PER_BROWSER_PER_MINUTE: u32 = 30;
/// Checks of a form without saving it, by one user in a minute: its page asks while one types.
const CHECKS_PER_MINUTE: u32 = 120;
/// Requests with credentials of no accepted token, from one address in a minute.
const REFUSED_TOKENS_PER_MINUTE: u32 = 60;
/// How many times the limit of one token all tokens of a user together may use.
const TOKENS_AT_FULL_RATE: u32 = 2;
/// Bytes of a browser's hash in its counter key: enough to keep browsers apart.
const HASH_PREFIX_BYTES: usize = 16;

/// What is limited, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RateLimitKey {
    /// Starting a sign-in from this address.
    SignInStart(IpAddr),
    /// Posting a SAML response, or using a sign-in handle, from this address.
    SamlResponse(IpAddr),
    /// Starting a sign-in in the browser whose token has this hash.
    Browser([u8; 32]),
    /// A write by this user.
    Write(UserId),
    /// A check of a form, without saving it, by this user.
    Check(UserId),
    /// A search by this admin.
    AdminSearch(UserId),
    /// A request with this API token.
    Token(TokenId),
    /// A request with any API token of this user.
    Api(UserId),
    /// A request from this address whose API token is not accepted.
    RefusedToken(IpAddr),
}

/// Checks the rate limits of the web.
pub(crate) struct RateLimiter {
    counters: Arc<dyn Counters>,
    limits: Limits,
    api_requests_per_minute: u32,
}

impl RateLimiter {
    pub(crate) fn new(limits: Limits, api: &ApiSettings, counters: Arc<dyn Counters>) -> Self {
        Self {
            counters,
            limits,
            api_requests_per_minute: api.requests_per_minute,
        }
    }

    /// Counts one use. Fails with [`Failure::TooMany`] when the limit is exhausted.
    pub(crate) async fn count(&self, key: RateLimitKey) -> Result<(), Failure> {
        let limits = &self.limits;
        let (key, per_minute) = match key {
            RateLimitKey::SignInStart(address) => {
                (format!("begin:{address}"), limits.sign_in_per_minute)
            }
            RateLimitKey::SamlResponse(address) => {
                (format!("answer:{address}"), limits.sign_in_per_minute)
            }
            RateLimitKey::Browser(hash) => (
                format!("browser:{}", hex_prefix(&hash)),
                SIGN_INS_PER_BROWSER_PER_MINUTE,
            ),
            RateLimitKey::Write(user) => (format!("write:{user}"), limits.record_writes_per_minute),
            RateLimitKey::Check(user) => (format!("check:{user}"), CHECKS_PER_MINUTE),
            RateLimitKey::AdminSearch(admin) => {
                (format!("search:{admin}"), limits.admin_searches_per_minute)
            }
            RateLimitKey::Token(token) => (format!("token:{token}"), self.api_requests_per_minute),
            RateLimitKey::Api(user) => (
                format!("api:{user}"),
                self.api_requests_per_minute
                    .saturating_mul(TOKENS_AT_FULL_RATE),
            ),
            RateLimitKey::RefusedToken(address) => {
                (format!("refused:{address}"), REFUSED_TOKENS_PER_MINUTE)
            }
        };
        let taken = self
            .counters
            .take(&key, RateLimit::per_minute(per_minute))
            .await;
        taken.map_err(|retry_after| Failure::TooMany { retry_after })
    }
}

fn hex_prefix(hash: &[u8; 32]) -> String {
    hex::encode(&hash[..HASH_PREFIX_BYTES])
}
