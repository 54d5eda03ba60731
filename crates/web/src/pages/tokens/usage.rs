//! What a token was used for lately, in words.

use starchart_domain::api::Protocol;
use starchart_domain::plural::pluralize;
use starchart_store::token_usage::{RequestCounts, TokenUsage};

/// Describes the requests of the last hour and day, one line each, and which protocols they were.
/// Without any requests there is no line.
pub(crate) fn lines(usage: &TokenUsage) -> Vec<String> {
    if usage.day.requests == 0 {
        return Vec::new();
    }
    let mut lines = vec![
        format!("Last hour: {}", describe(&usage.hour)),
        format!("Last day: {}", describe(&usage.day)),
    ];
    let protocols: Vec<String> = usage.protocols.iter().map(by_protocol).collect();
    if !protocols.is_empty() {
        lines.push(format!("By {}", protocols.join(", ")));
    }
    lines
}

fn by_protocol((protocol, requests): (&Protocol, &u64)) -> String {
    format!("{protocol} {requests}")
}

fn describe(counts: &RequestCounts) -> String {
    let others = [
        (counts.refused, "not allowed (401, 403)"),
        (counts.throttled, "too many (429)"),
        (counts.faulty, "faulty (other 4xx)"),
        (counts.failed, "failed here (5xx)"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let mut text = pluralize(counts.requests, "request", "requests");
    for (count, what) in others {
        text.push_str(&format!(", {count} {what}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn requests_are_described_with_what_came_of_them() {
        let hour = RequestCounts {
            requests: 1,
            ..RequestCounts::default()
        };
        let day = RequestCounts {
            requests: 20,
            refused: 3,
            throttled: 2,
            faulty: 4,
            failed: 1,
        };
        let usage = TokenUsage {
            hour,
            day,
            protocols: BTreeMap::from([(Protocol::Rest, 12), (Protocol::DynDns, 8)]),
        };
        assert_eq!(
            lines(&usage),
            [
                "Last hour: 1 request",
                "Last day: 20 requests, 3 not allowed (401, 403), 2 too many (429), 4 faulty \
                 (other 4xx), 1 failed here (5xx)",
                "By REST 12, dynamic addresses 8",
            ]
        );
        assert!(lines(&TokenUsage::default()).is_empty());
    }
}
