//! The certificate: the page, the question before it is deleted, and the help.

use askama::Template;
use serde::Serialize;
use starchart_domain::certificate::OrderStep;
use starchart_domain::plural::pluralize;
use starchart_domain::publish::PublishState;

use super::Shell;

/// The parts of a certificate that can be copied and downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificatePart {
    /// The certificate itself.
    Certificate,
    /// Its private key.
    PrivateKey,
    /// The certificates of the authority that lead to a root.
    Chain,
    /// The certificate and the chain in one file.
    FullChain,
}

impl CertificatePart {
    /// Every part, as the page shows them.
    pub const ALL: [Self; 4] = [
        Self::Certificate,
        Self::PrivateKey,
        Self::Chain,
        Self::FullChain,
    ];

    /// The last part of its path: `/certificate/download/WORD`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "privateKey",
            Self::Chain => "chain",
            Self::FullChain => "fullChain",
        }
    }

    /// The part of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// The name of the file for a domain.
    pub fn file_name(self, domain: &str) -> String {
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

    const fn about(self) -> &'static str {
        match self {
            Self::Certificate => "Says that the domain is yours. Anybody may see it.",
            Self::PrivateKey => {
                "Belongs to your server and to nobody else: never mail it, and never put it into a Git repository."
            }
            Self::Chain => {
                "The certificates of the authority, which connect yours to one that browsers know."
            }
            Self::FullChain => {
                "The certificate and the chain in one file. Most servers want this one and the private key."
            }
        }
    }

    fn is_secret(self) -> bool {
        self == Self::PrivateKey
    }
}

/// Whether the person may renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Now.
    Open,
    /// From that date on: `YYYY-MM-DD`.
    From(String),
    /// It is under way.
    UnderWay,
    /// No certificate can be asked for at present.
    Off,
}

/// The certificate in use.
#[derive(Debug, Clone)]
pub struct ActiveCertificate {
    /// The base domain.
    pub domain: String,
    /// `YYYY-MM-DD`.
    pub created_on: String,
    /// `YYYY-MM-DD`.
    pub expires_on: String,
    /// Whether that is past.
    pub expired: bool,
    /// Whether the person may renew.
    pub renewal: Renewal,
    /// Until when no other can be asked for, because as many were asked for as one person may in a
    /// day: `2026-11-22 10:00 UTC`.
    pub no_other_before: Option<String>,
}

/// An order under way, or the last one that failed.
#[derive(Debug, Clone)]
pub struct OrderProgress {
    /// How far it has come.
    pub step: OrderStep,
    /// How far the challenge's values have come, while there are any.
    pub dns: Option<PublishState>,
    /// Why it failed or waits, in plain words.
    pub problem: Option<String>,
    /// When it goes on: date and time in UTC.
    pub retry_at: Option<String>,
    /// Whether no name server could be asked.
    pub not_checked: bool,
    /// Date and time in UTC.
    pub requested_at: String,
}

/// One step of an order, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgressStep {
    /// `done`, `now` or `todo`.
    pub state: &'static str,
    /// What it is.
    pub title: &'static str,
    /// More about it; may be empty.
    pub detail: String,
}

impl ProgressStep {
    /// What the picture before it says.
    fn spoken(&self) -> &'static str {
        match self.state {
            "done" => "Done:",
            "now" => "Now:",
            _ => "To come:",
        }
    }
}

/// The steps: what is said of each while it is under way, and before and after.
const STEPS: [(&str, &str); 6] = [
    ("Requested", "Requested"),
    (
        "Opening an order at the certificate authority",
        "Order opened at the certificate authority",
    ),
    ("Putting the proof into the DNS", "Proof in the DNS"),
    (
        "The authority is checking the proof",
        "Checked by the authority",
    ),
    (
        "The authority is making the certificate",
        "Certificate made",
    ),
    ("Ready", "Ready"),
];

/// The place of [`STEPS`] that is about the name servers.
const DNS_STEP: usize = 2;

impl OrderProgress {
    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.step == OrderStep::Failed
    }

    /// The steps with their states.
    pub fn steps(&self) -> Vec<ProgressStep> {
        let now = match self.step {
            OrderStep::Requested => 1,
            OrderStep::Ordered | OrderStep::Publishing => DNS_STEP,
            OrderStep::Validating => 3,
            OrderStep::KeySaved | OrderStep::Finalizing => 4,
            OrderStep::Issued | OrderStep::Failed | OrderStep::Abandoned => STEPS.len(),
        };
        let step = |(at, (under_way, otherwise)): (usize, (&'static str, &'static str))| {
            let state = match at.cmp(&now) {
                std::cmp::Ordering::Less => "done",
                std::cmp::Ordering::Equal => "now",
                std::cmp::Ordering::Greater => "todo",
            };
            ProgressStep {
                state,
                title: if at == now { under_way } else { otherwise },
                detail: self.detail(at, now),
            }
        };
        STEPS.into_iter().enumerate().map(step).collect()
    }

    fn detail(&self, at: usize, now: usize) -> String {
        match at {
            0 => self.requested_at.clone(),
            DNS_STEP if now > DNS_STEP && self.not_checked => {
                "Not checked: no name server could be asked from here. The authority asks them itself.".to_owned()
            }
            DNS_STEP if now >= DNS_STEP => match &self.dns {
                Some(PublishState::Saved) => "A TXT record is about to be sent to Route53.".to_owned(),
                Some(PublishState::Paused) => "A TXT record waits: publishing is paused. It goes on when that ends.".to_owned(),
                Some(PublishState::Sent) => "Route53 has the TXT record and is telling its name servers.".to_owned(),
                Some(PublishState::InSync) if now == DNS_STEP => {
                    "Route53 says that all its name servers have it. They are being asked.".to_owned()
                }
                Some(PublishState::Answered { by, of }) => {
                    format!("{by} of {}.", pluralize(*of, "name server answers with it", "name servers answer with it"))
                }
                Some(PublishState::Refused { reason }) => format!("Refused: {reason}"),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }
}

/// What `GET /certificate/state` says: the steps, and whether the page itself has become another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateState {
    /// Changes whenever the page has more or less on it than its steps; it is then loaded again.
    pub shape: String,
    /// The steps of the order under way; empty without one.
    pub steps: Vec<ProgressStep>,
    /// Seconds until it is worth asking again; 0 when nothing is under way.
    pub again_s: u32,
}

/// `GET /certificate`; posts `intent` (`request-certificate`, `renew-certificate`,
/// `delete-certificate`) to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate.html")]
pub struct CertificatePage {
    /// Around it.
    pub shell: Shell,
    /// The one in use.
    pub active: Option<ActiveCertificate>,
    /// What is under way, or what failed last.
    pub order: Option<OrderProgress>,
    /// Whether no certificate can be asked for at present.
    pub off: bool,
    /// Why a request was not taken.
    pub refused: Option<String>,
    /// Whether an admin looks at another person's page, who gets no private key.
    pub key_withheld: bool,
    /// As in [`CertificateState`].
    pub shape: String,
    /// As in [`CertificateState`].
    pub again_s: u32,
}

impl CertificatePage {
    /// The order that is under way.
    fn pending(&self) -> Option<&OrderProgress> {
        self.order.as_ref().filter(|order| !order.failed())
    }

    /// The order that failed.
    fn failed(&self) -> Option<&OrderProgress> {
        self.order.as_ref().filter(|order| order.failed())
    }

    fn base(&self) -> &str {
        self.shell.base_domain.as_deref().unwrap_or_default()
    }

    /// Pages without scripts are loaded again more seldom: each time is a whole page.
    fn refresh_s(&self) -> u32 {
        self.again_s.max(3)
    }
}

/// `GET /certificate/delete`: asks before it posts `intent=delete-certificate` to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate-delete.html")]
pub struct CertificateDeletePage {
    /// Around it.
    pub shell: Shell,
    /// What would go.
    pub active: ActiveCertificate,
}

/// `GET /certificate/information`, with the reader's own domain ([`Shell::base_domain`]) in the
/// examples.
#[derive(Debug, Clone, Template)]
#[template(path = "information.html")]
pub struct InformationPage {
    /// Around it.
    pub shell: Shell,
    /// Requests that one person may make in 24 hours.
    pub daily: u32,
}

impl InformationPage {
    fn base(&self) -> &str {
        self.shell
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
        }
    }

    #[test]
    fn one_step_is_under_way_until_the_end() {
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
    fn the_name_servers_are_counted() {
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
            "an older challenge's values are no step of this order"
        );
        let unchecked = OrderProgress {
            not_checked: true,
            ..at(OrderStep::Validating, Some(PublishState::InSync))
        };
        assert!(detail(&unchecked).starts_with("Not checked"));
        let refused = PublishState::Refused {
            reason: "a foreign set".to_owned(),
        };
        assert_eq!(
            detail(&at(OrderStep::Publishing, Some(refused))),
            "Refused: a foreign set"
        );
    }

    #[test]
    fn parts_have_the_files_that_people_know() {
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
                .all(|part| CertificatePart::parse(part.word()) == Some(part))
        );
        assert_eq!(CertificatePart::parse("privatekey"), None);
    }
}
