//! Counts the requests of API tokens in this process until they are stored: a request writes no row
//! for that.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use starchart_domain::api::Protocol;
use starchart_domain::token::TokenId;
use starchart_store::token_usage::{RequestCounts, TokenRequests};

type Counts = BTreeMap<(TokenId, Protocol), RequestCounts>;

/// The requests that were not stored yet.
#[derive(Debug, Default)]
pub(crate) struct UsageCounters(Mutex<Counts>);

impl UsageCounters {
    /// Counts a request with this token that came to this status.
    pub(crate) fn count(&self, token: TokenId, protocol: Protocol, status: StatusCode) {
        let is = |yes: bool| u64::from(yes);
        let is_refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let is_throttled = status == StatusCode::TOO_MANY_REQUESTS;
        let one = RequestCounts {
            requests: 1,
            refused: is(is_refused),
            throttled: is(is_throttled),
            faulty: is(status.is_client_error() && !is_refused && !is_throttled),
            failed: is(status.is_server_error()),
        };
        self.counts()
            .entry((token, protocol))
            .or_default()
            .add(&one);
    }

    /// Takes all counts out.
    pub(crate) fn take(&self) -> Vec<TokenRequests> {
        let counts = std::mem::take(&mut *self.counts());
        let requests = counts
            .into_iter()
            .map(|((token, protocol), counts)| TokenRequests {
                token,
                protocol,
                counts,
            });
        requests.collect()
    }

    /// Puts counts back that could not be stored.
    pub(crate) fn put_back(&self, requests: &[TokenRequests]) {
        let mut counts = self.counts();
        for row in requests {
            let of_token = counts.entry((row.token, row.protocol)).or_default();
            of_token.add(&row.counts);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
