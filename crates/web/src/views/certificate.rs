//! Pages about the certificate: state, deletion and information.

use askama::Template;
use serde::Serialize;
use starchart_domain::certificate::OrderStep;
use starchart_domain::plural::pluralize;
use starchart_domain::publish::PublishState;

use crate::views::layout::Layout;

/// The parts of a certificate that can be copied and downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificatePart {
    Certificate,
    PrivateKey,
    /// The intermediate certificates, without the certificate itself.
    Chain,
    /// Certificate and chain in one file.
    FullChain,
}

impl CertificatePart {
    /// Every part, in the order of the page.
    pub(crate) const ALL: [Self; 4] = [
        Self::Certificate,
        Self::PrivateKey,
        Self::Chain,
        Self::FullChain,
    ];

    /// Returns the last segment of its path `/certificate/download/…`.
    pub(crate) const fn path_segment(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "privateKey",
            Self::Chain => "chain",
            Self::FullChain => "fullChain",
        }
    }

    /// Returns the part with this path segment.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|part| part.path_segment() == segment)
    }

    /// Returns the file name of the download.
    pub(crate) fn file_name(self, domain: &str) -> String {
        let kind = match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "privkey",
            Self::Chain => "chain",
            Self::FullChain => "bundle",
        };
        format!("{domain}.{kind}.pem")
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Certificate => "Public Certificate",
            Self::PrivateKey => "Private Key",
            Self::Chain => "Intermediate Chain",
            Self::FullChain => "Full Chain",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Certificate => "Proves that the domain is yours. It is public.",
            Self::PrivateKey => {
                "Keep it secret: only your server needs it. Never mail it and never commit it to a \
                 Git repository."
            }
            Self::Chain => {
                "The certificates of the authority that link yours to one that browsers trust."
            }
            Self::FullChain => {
                "The certificate and the chain in one file. Most servers need this file and the \
                 private key."
            }
        }
    }

    fn is_secret(self) -> bool {
        self == Self::PrivateKey
    }
}

/// Whether the user can renew the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The user can renew it now.
    Open,
    /// The user can renew it from this date: `YYYY-MM-DD`.
    From(String),
    /// A renewal is in progress.
    InProgress,
    /// The operator has not set up certificates (`Certificates::disabled_reason` in settings).
    Off,
}

/// The active certificate of a user, with its dates as the page shows them.
#[derive(Debug, Clone)]
pub(crate) struct ActiveCertificate {
    pub(crate) domain: String,
    /// `YYYY-MM-DD` in UTC, like `expires_on`.
    pub(crate) created_on: String,
    pub(crate) expires_on: String,
    pub(crate) expired: bool,
    pub(crate) renewal: Renewal,
    /// When the user can request another certificate, when the daily limit is reached:
    /// `2026-11-22 10:00 UTC`.
    pub(crate) next_request_at: Option<String>,
}

/// The order in progress, or the last one when it failed.
#[derive(Debug, Clone)]
pub(crate) struct OrderProgress {
    pub(crate) step: OrderStep,
    /// How far the challenge records are published, while there are any.
    pub(crate) dns: Option<PublishState>,
    /// Why it failed or waits, as a sentence.
    pub(crate) problem: Option<String>,
    /// Time of the next attempt, in UTC.
    pub(crate) retry_at: Option<String>,
    /// Whether no name server could be reached.
    pub(crate) not_checked: bool,
    /// Time of the request, in UTC.
    pub(crate) requested_at: String,
    /// The name of the DNS provider.
    pub(crate) provider: &'static str,
}

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
    fn state_text(&self) -> &'static str {
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

impl OrderProgress {
    pub(crate) fn has_failed(&self) -> bool {
        self.step == OrderStep::Failed
    }

    /// Returns the steps with their states.
    pub(crate) fn steps(&self) -> Vec<ProgressStep> {
        let now = match self.step {
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
                detail: self.detail(at, now),
            }
        };
        STEPS.into_iter().enumerate().map(step).collect()
    }

    fn detail(&self, at: usize, now: usize) -> String {
        match at {
            0 => self.requested_at.clone(),
            DNS_STEP => self.dns_detail(now),
            _ => String::new(),
        }
    }

    fn dns_detail(&self, now: usize) -> String {
        if now < DNS_STEP {
            return String::new();
        }
        if now > DNS_STEP && self.not_checked {
            return "Not checked: this server could not reach the name servers. The authority \
                    checks them itself."
                .to_owned();
        }
        let provider = self.provider;
        match &self.dns {
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
}

/// The JSON of `GET /certificate/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CertificateState {
    /// Changes whenever something other than the steps changes on the page. The page then reloads.
    pub(crate) page_revision: String,
    /// The steps of the order in progress; empty without one.
    pub(crate) steps: Vec<ProgressStep>,
    /// Seconds after which the page should ask again; 0 when no order is in progress.
    pub(crate) poll_after_s: u32,
}

/// `GET /certificate`; posts `intent` (`request-certificate`, `renew-certificate`,
/// `delete-certificate`) to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate.html")]
pub(crate) struct CertificatePage {
    pub(crate) layout: Layout,
    pub(crate) active: Option<ActiveCertificate>,
    pub(crate) order: Option<OrderProgress>,
    /// Whether certificates are off.
    pub(crate) is_off: bool,
    /// Why the user's CAA records make the next request fail.
    pub(crate) shut_out: Option<String>,
    /// Why the last request was refused.
    pub(crate) refused: Option<String>,
    /// Whether the private key is withheld, because an admin impersonates the user.
    pub(crate) key_withheld: bool,
    /// The same value as [`CertificateState::page_revision`], to detect a change.
    pub(crate) page_revision: String,
    /// After how many seconds the page's script polls first.
    pub(crate) poll_after_s: u32,
}

impl CertificatePage {
    /// Returns the order in progress.
    fn pending(&self) -> Option<&OrderProgress> {
        self.order.as_ref().filter(|order| !order.has_failed())
    }

    /// Returns the order that failed.
    fn failed(&self) -> Option<&OrderProgress> {
        self.order.as_ref().filter(|order| order.has_failed())
    }

    fn base(&self) -> &str {
        self.layout.base_domain.as_deref().unwrap_or_default()
    }

    /// Returns the reload interval without scripts. It is longer, because it loads the whole page.
    fn reload_after_s(&self) -> u32 {
        self.poll_after_s.max(3)
    }
}

/// `GET /certificate/delete`: asks before it posts `intent=delete-certificate` to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate-delete.html")]
pub(crate) struct CertificateDeletePage {
    pub(crate) layout: Layout,
    pub(crate) active: ActiveCertificate,
}

/// `GET /certificate/information`. Its examples use the user's own domain.
#[derive(Debug, Clone, Template)]
#[template(path = "information.html")]
pub(crate) struct InformationPage {
    pub(crate) layout: Layout,
    /// Certificate requests that a user may make in 24 hours.
    pub(crate) daily_limit: u32,
}

impl InformationPage {
    fn base(&self) -> &str {
        self.layout
            .base_domain
            .as_deref()
            .unwrap_or("you.example.com")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: OrderStep, dns: Option<PublishState>) -> OrderProgress {
        let requested_at = "2026-11-21 09:30 UTC".to_owned();
        OrderProgress {
            step,
            dns,
            problem: None,
            retry_at: None,
            not_checked: false,
            requested_at,
            provider: "Route53",
        }
    }

    #[test]
    fn exactly_one_step_is_in_progress_until_the_order_ends() {
        for step in OrderStep::ALL {
            let states: Vec<_> = at(step, None)
                .steps()
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
        let detail = |order: &OrderProgress| order.steps()[DNS_STEP].detail.clone();
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
        let unchecked = OrderProgress {
            not_checked: true,
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

    #[test]
    fn file_names_and_path_segments_are_those_of_the_original() {
        let names: Vec<_> = CertificatePart::ALL
            .iter()
            .map(|part| part.file_name("user1.starchart.com"))
            .collect();
        assert_eq!(
            names,
            ["certificate", "privkey", "chain", "bundle"]
                .map(|kind| format!("user1.starchart.com.{kind}.pem"))
        );
        assert!(
            CertificatePart::ALL
                .into_iter()
                .all(|part| CertificatePart::parse(part.path_segment()) == Some(part))
        );
        assert_eq!(CertificatePart::parse("privatekey"), None);
    }
}
