//! Reads Retry-After (RFC 9110 section 10.2.3) of every response of an authority: of errors, and of
//! orders, authorizations and challenges that are not finished (RFC 8555 sections 7.4 and 7.5.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};
use tokio::time::Instant;
use tracing::warn;

/// The longest wait that is kept. An order fails after eight days.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Parses Retry-After: seconds, or a date. Shortens a wait longer than [`MAX_WAIT`] and logs it.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // A number that does not fit is longer than the maximum too.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        // The authority's clock may differ from ours: its own Date says how long it means.
        let sent = text(headers, DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        until
            .duration_since(sent.unwrap_or(now))
            .unwrap_or_default()
    };
    if wait > MAX_WAIT {
        warn!(
            retry_after = value,
            days = MAX_WAIT.as_secs() / 86_400,
            "the certificate authority asks for a longer wait than is kept"
        );
    }
    Some(wait.min(MAX_WAIT))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// The waits that successful responses ask for, by URL. instant-acme parses the bodies of these
/// responses only, so the client records the header for the call that made the request.
#[derive(Clone, Default)]
pub(crate) struct RequestedWaits(Arc<Mutex<HashMap<String, RequestedWait>>>);

struct RequestedWait {
    wait: Duration,
    until: Instant,
}

impl RequestedWaits {
    /// Records what the last response of this URL asks for. Forgets waits that are over.
    pub(crate) fn record(&self, url: &str, wait: Option<Duration>) {
        let now = Instant::now();
        let mut waits = self.lock();
        waits.retain(|other, requested| requested.until > now && other != url);
        if let Some(wait) = wait {
            let until = now + wait;
            waits.insert(url.to_owned(), RequestedWait { wait, until });
        }
    }

    /// Returns what the last response of this URL asked for.
    pub(crate) fn find(&self, url: &str) -> Option<Duration> {
        self.lock().get(url).map(|requested| requested.wait)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, RequestedWait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use http::HeaderValue;

    use super::*;

    /// Sunday, 6 November 1994, 08:49:37 UTC.
    const NOW_S: u64 = 784_111_777;

    #[test]
    fn retry_after_is_seconds_or_a_date_within_limits() {
        let week = MAX_WAIT.as_secs();
        for (value, date, expected) in [
            ("120", None, Some(120)),
            (" 120 ", None, Some(120)),
            ("0", None, Some(0)),
            ("0010", None, Some(10)),
            ("604800", None, Some(week)),
            ("604801", None, Some(week)),
            ("99999999999999999999999", None, Some(week)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", None, Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", None, Some(120)),
            ("Sun Nov  6 08:51:37 1994", None, Some(120)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None, Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(week)),
            // The authority's clock is an hour ahead of ours.
            (
                "Sun, 06 Nov 1994 09:51:37 GMT",
                Some("Sun, 06 Nov 1994 09:49:37 GMT"),
                Some(120),
            ),
            ("120", Some("Sun, 06 Nov 1994 09:49:37 GMT"), Some(120)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some("today"), Some(120)),
            ("", None, None),
            ("soon", None, None),
            ("-5", None, None),
            ("+5", None, None),
            ("1.5", None, None),
            ("1h", None, None),
            ("120, 60", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_str(date).unwrap());
            }
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value:?} {date:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_response_of_a_url_counts_and_old_waits_are_forgotten() {
        let waits = RequestedWaits::default();
        let second = Duration::from_secs(1);
        waits.record("a", Some(second));
        waits.record("b", Some(second * 10));
        assert_eq!(waits.find("a"), Some(second));
        tokio::time::advance(second * 2).await;
        waits.record("b", None);
        assert_eq!((waits.find("a"), waits.find("b")), (None, None));
    }
}
