//! The steps of a certificate order, in words.

use serde::Serialize;
use starchart_domain::certificate::OrderStep;
use starchart_domain::plural::pluralize;
use starchart_domain::publish::PublishState;
use starchart_store::certificates::OrderView;

/// One step of an order, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ProgressStep {
    /// `done`, `now` or `todo`.
    pub(crate) state: &'static str,
    pub(crate) title: &'static str,
    /// More about the step; may be empty.
    pub(crate) detail: String,
}

impl ProgressStep {
    /// Returns what its icon means, for screen readers.
    pub(crate) fn state_text(&self) -> &'static str {
        match self.state {
            "done" => "Done:",
            "now" => "Now:",
            _ => "To come:",
        }
    }
}

/// The titles of each step: while it is in progress, and before and after.
const STEPS: [(&str, &str); 6] = [
    ("Requested", "Requested"),
    (
        "Opening an order at the certificate authority",
        "Order opened at the certificate authority",
    ),
    (
        "Publishing the proof in the DNS",
        "Proof published in the DNS",
    ),
    (
        "The authority is checking the proof",
        "Proof checked by the authority",
    ),
    (
        "The authority is issuing the certificate",
        "Certificate issued",
    ),
    ("Ready", "Ready"),
];

/// The index in [`STEPS`] of the step that shows the name servers.
const DNS_STEP: usize = 2;

/// Returns the steps with their states. `provider` is the name of the DNS provider.
pub(crate) fn steps(order: &OrderView, provider: &str) -> Vec<ProgressStep> {
    let now = match order.step {
        OrderStep::Requested => 1,
        OrderStep::Ordered | OrderStep::Publishing => DNS_STEP,
        OrderStep::Validating => 3,
        OrderStep::KeySaved | OrderStep::Finalizing => 4,
        OrderStep::Issued | OrderStep::Failed | OrderStep::Abandoned => STEPS.len(),
    };
    let step = |(at, (in_progress, otherwise)): (usize, (&'static str, &'static str))| {
        let state = match at.cmp(&now) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => "now",
            std::cmp::Ordering::Greater => "todo",
        };
        ProgressStep {
            state,
            title: if at == now { in_progress } else { otherwise },
            detail: detail(order, provider, at, now),
        }
    };
    STEPS.into_iter().enumerate().map(step).collect()
}

fn detail(order: &OrderView, provider: &str, at: usize, now: usize) -> String {
    match at {
        0 => order.created_at.to_minute(),
        DNS_STEP => dns_detail(order, provider, now),
        _ => String::new(),
    }
}

fn dns_detail(order: &OrderView, provider: &str, now: usize) -> String {
    if now < DNS_STEP {
        return String::new();
    }
    if now > DNS_STEP && order.dns_not_checked {
        return "Not checked: this server could not reach the name servers. The authority \
                checks them itself."
            .to_owned();
    }
    match &order.dns {
        Some(PublishState::Saved) => {
            format!("A TXT record is about to be sent to {provider}.")
        }
        Some(PublishState::Paused) => {
            "The TXT record waits because publishing is paused.".to_owned()
        }
        Some(PublishState::Sent) => {
            format!("{provider} has accepted the TXT record and is updating its name servers.")
        }
        Some(PublishState::InSync) if now == DNS_STEP => {
            format!(
                "{provider} reports that all its name servers have the record. They are being \
                 checked."
            )
        }
        Some(PublishState::Answered { by, of }) => {
            let servers = pluralize(
                *of,
                "name server answers with it",
                "name servers answer with it",
            );
            format!("{by} of {servers}.")
        }
        Some(PublishState::Refused { reason }) => format!("Refused: {reason}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use starchart_domain::time::Timestamp;

    use super::*;

    fn at(step: OrderStep, dns: Option<PublishState>) -> OrderView {
        let now = Timestamp::from_millis(1_795_253_400_000);
        OrderView {
            id: 1,
            step,
            automatic: false,
            problem: None,
            retry_at: None,
            waiting_before: None,
            dns_not_checked: false,
            dns,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn exactly_one_step_is_in_progress_until_the_order_ends() {
        for &step in OrderStep::ALL {
            let states: Vec<_> = steps(&at(step, None), "Route53")
                .iter()
                .map(|step| step.state)
                .collect();
            let now = states.iter().filter(|state| **state == "now").count();
            assert_eq!(now, usize::from(!step.is_final()), "{step}: {states:?}");
            assert_eq!(states[0], "done", "{step}");
            assert!(
                states.is_sorted_by_key(|state| ["done", "now", "todo"]
                    .iter()
                    .position(|known| known == state)),
                "{step}"
            );
        }
    }

    #[test]
    fn the_dns_step_shows_how_many_name_servers_answer() {
        let detail = |order: &OrderView| steps(order, "Route53")[DNS_STEP].detail.clone();
        let answered = Some(PublishState::Answered { by: 2, of: 4 });
        assert_eq!(
            detail(&at(OrderStep::Publishing, answered.clone())),
            "2 of 4 name servers answer with it."
        );
        let alone = Some(PublishState::Answered { by: 1, of: 1 });
        assert_eq!(
            detail(&at(OrderStep::Publishing, alone)),
            "1 of 1 name server answers with it."
        );
        assert_eq!(
            detail(&at(OrderStep::Requested, answered)),
            "",
            "the records of an older challenge do not count"
        );
        let unchecked = OrderView {
            dns_not_checked: true,
            ..at(OrderStep::Validating, Some(PublishState::InSync))
        };
        assert!(detail(&unchecked).starts_with("Not checked"));
        let refused = PublishState::Refused {
            reason: "a foreign RRset".to_owned(),
        };
        assert_eq!(
            detail(&at(OrderStep::Publishing, Some(refused))),
            "Refused: a foreign RRset"
        );
    }
}
