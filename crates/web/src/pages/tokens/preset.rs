//! Common uses of a token, each with a short form.

use starchart_domain::time::Timestamp;
use starchart_domain::token::{CertificateRights, RecordRightForm, TOKEN_DAYS_MAX, TokenForm};
use strum::VariantArray;

/// Rows for rights about records in the custom form.
pub(super) const RECORD_ROWS: usize = 3;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A common use of a token, whose form has few fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub(crate) enum Preset {
    Server,
    Certbot,
    Router,
    GitHubActions,
    Custom,
}

impl Preset {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut all = Self::VARIANTS.iter().copied();
        all.find(|preset| preset.key() == text)
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Certbot => "certbot",
            Self::Router => "router",
            Self::GitHubActions => "github",
            Self::Custom => "custom",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Server => "My server fetches the certificate",
            Self::Certbot => "Certbot on my server",
            Self::Router => "My router’s address",
            Self::GitHubActions => "GitHub Actions",
            Self::Custom => "Something else",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Server => {
                "Fetches the certificate of this site with its private key whenever there is a new \
                 one. It can do nothing else."
            }
            Self::Certbot => {
                "Gets and renews certificates on your own server, for the names that you choose. \
                 It cannot read or change your records."
            }
            Self::Router => {
                "Keeps the address of a name up to date while your connection at home gets new \
                 ones. It can do nothing else."
            }
            Self::GitHubActions => {
                "Points names to a new deployment from a workflow. It can change the records of \
                 the names that you choose."
            }
            Self::Custom => {
                "Choose everything yourself: names, types, challenges, addresses, the certificate."
            }
        }
    }

    /// Returns the form as it is first shown.
    pub(super) fn form(self, now: Timestamp) -> TokenForm {
        let (challenges, addresses, names, idle_days) = match self {
            Self::Server => ("", "", "", "60"),
            Self::Certbot => ("@", "", "", "120"),
            Self::Router => ("", "home", "", "60"),
            Self::GitHubActions => ("", "", "preview", "90"),
            Self::Custom => ("", "", "", ""),
        };
        let mut records = vec![RecordRightForm::default(); RECORD_ROWS];
        if let (Self::GitHubActions, Some(row)) = (self, records.first_mut()) {
            row.access = "write".to_owned();
            row.names = names.to_owned();
            row.below = true;
        }
        TokenForm {
            name: match self {
                Self::Custom => String::new(),
                preset => preset.title().replace('’', "'"),
            },
            records,
            challenges: challenges.to_owned(),
            addresses: addresses.to_owned(),
            last_day: now.plus(TOKEN_DAYS_MAX * DAY_MS).date(),
            idle_days: idle_days.to_owned(),
            certificate: CertificateRights {
                read_key: self == Self::Server,
                ..CertificateRights::default()
            },
            ..TokenForm::default()
        }
    }
}
