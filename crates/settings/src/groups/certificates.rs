//! Certificates, and the keys that encrypt private keys at rest.

use std::path::PathBuf;

use starchart_domain::certificate::budget::{IssuanceLimits, RateLimit, WEEK_MS};
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use url::Url;

use crate::keys::{self, KeyKind};
use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Unset};
use crate::spec::Required::{InProduction, No};
use crate::spec::{SettingSpec, secret, variable};
use crate::{parse, urls};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const ORDERS_MS: i64 = 3 * 60 * 60 * 1_000;

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "LETS_ENCRYPT_ACCOUNT_EMAIL",
        InProduction,
        Unset,
        "mail address of the ACME account",
    ),
    variable(
        "LETS_ENCRYPT_DIRECTORY_URL",
        InProduction,
        Unset,
        "the CA's directory, production or staging",
    ),
    secret(
        "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM",
        No,
        Unset,
        "P-256 key of the ACME account, PKCS#8 or SEC1 PEM",
    ),
    secret(
        "KEY_ENCRYPTION_KEYS",
        No,
        Unset,
        "lines of id:base64 of 32 bytes; the first encrypts, all decrypt",
    ),
    variable(
        "ACME_CA_ROOT_PATH",
        No,
        Unset,
        "PEM file with the root to trust for the CA's API (a test CA)",
    ),
    variable(
        "ACME_PROFILE",
        No,
        Unset,
        "profile of new certificates, one of those that the CA offers",
    ),
    variable(
        "ACME_CAA_IDENTITIES",
        No,
        Same("letsencrypt.org"),
        "domains of the CA in CAA records, separated by commas",
    ),
    variable(
        "ACME_CERTIFICATES_PER_WEEK",
        No,
        Same("50"),
        "certificates for new names that the CA gives out in a week, refilled evenly",
    ),
    variable(
        "ACME_CERTIFICATES_GRANTED",
        No,
        Unset,
        "a larger number that the CA granted, with its end: 500 until 2027-09-30",
    ),
    variable(
        "ACME_ORDERS_PER_3_HOURS",
        No,
        Same("300"),
        "orders that the CA accepts from the account in 3 hours",
    ),
    variable(
        "ACME_SAME_NAMES_PER_WEEK",
        No,
        Same("5"),
        "certificates for the same names that the CA gives out in a week",
    ),
];

/// Certificates from Let's Encrypt, or another CA that implements RFC 8555.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// `LETS_ENCRYPT_ACCOUNT_EMAIL`: contact of the ACME account. Required in production.
    pub account_email: Option<String>,
    /// `LETS_ENCRYPT_DIRECTORY_URL`: directory of the CA. Required in production.
    pub directory: Option<Url>,
    /// `LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM`: a P-256 key as PKCS#8 or SEC1 PEM. `None` also for
    /// an RSA key, which cannot be used.
    pub account_key: Option<Secret>,
    /// `KEY_ENCRYPTION_KEYS`: pairs of id and base64 of 32 bytes; the first one encrypts.
    pub key_encryption_keys: Vec<(String, Secret)>,
    /// `ACME_CA_ROOT_PATH`: a PEM file with the root to trust for the CA's API. `None`: the roots
    /// of the system.
    pub ca_root: Option<PathBuf>,
    /// `ACME_PROFILE`: the profile of new certificates (draft-ietf-acme-profiles), compared
    /// with the CA's directory at start. `None`: the CA chooses.
    pub profile: Option<String>,
    /// `ACME_CAA_IDENTITIES`: the domains by which the CA is known in CAA records (RFC 8659), as in
    /// its directory's `caaIdentities`.
    pub caa_identities: Vec<String>,
    /// `ACME_CERTIFICATES_PER_WEEK`, `ACME_CERTIFICATES_GRANTED`, `ACME_ORDERS_PER_3_HOURS` and
    /// `ACME_SAME_NAMES_PER_WEEK`: what the CA lets all users together have.
    pub issuance: IssuanceLimits,
}

impl Certificates {
    /// Returns why certificates are disabled, or `None` if they are enabled.
    pub fn disabled_reason(&self) -> Option<&'static str> {
        if self.account_key.is_none() {
            return Some(
                "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM is not set, or not a P-256 key (`starchart \
                 keys new` creates one)",
            );
        }
        if self.key_encryption_keys.is_empty() {
            return Some("KEY_ENCRYPTION_KEYS is not set");
        }
        if self.directory.is_none() {
            return Some("LETS_ENCRYPT_DIRECTORY_URL is not set");
        }
        None
    }
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Certificates> {
    let account_email = reader.parsed("LETS_ENCRYPT_ACCOUNT_EMAIL", parse::email);
    let directory = reader.parsed("LETS_ENCRYPT_DIRECTORY_URL", urls::https_url);
    let account_key = account_key(reader);
    let key_encryption_keys = match reader
        .secret("KEY_ENCRYPTION_KEYS")
        .map(|text| keys::encryption_keys(text.expose()))
    {
        Some(Ok(keys)) => keys,
        Some(Err(advice)) => {
            reader.value_problem("KEY_ENCRYPTION_KEYS", advice);
            Vec::new()
        }
        None => Vec::new(),
    };
    let ca_root = reader.parsed("ACME_CA_ROOT_PATH", |path| Ok(path.to_owned()));
    let ca_root = ca_root.map(|path| {
        reader.file("ACME_CA_ROOT_PATH", path.as_ref());
        reader.path(path)
    });
    let profile = reader.parsed("ACME_PROFILE", profile_name);
    let caa_identities = reader.list("ACME_CAA_IDENTITIES", parse::domain);
    let issuance = issuance(reader);
    let certificates = Certificates {
        account_email,
        directory,
        account_key,
        key_encryption_keys,
        ca_root,
        profile,
        caa_identities,
        issuance,
    };
    if let Some(reason) = certificates.disabled_reason() {
        reader.notice(format!("certificates are off: {reason}"));
    }
    Some(certificates)
}

/// Parses the name of a profile: a word, whose existence only the CA's directory tells.
fn profile_name(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(is_part) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} is no name of a profile; write one that the CA's directory offers, such as \
             tlsserver",
            parse::quote(text)
        ))
    }
}

fn issuance(reader: &mut Reader) -> IssuanceLimits {
    let defaults = IssuanceLimits::default();
    let mut limit = |name, period_ms, default| {
        let size = reader.parsed(name, parse::number(1, 1_000_000));
        size.map_or(default, |size| RateLimit::per_period(size, period_ms))
    };
    let certificates = limit("ACME_CERTIFICATES_PER_WEEK", WEEK_MS, defaults.certificates);
    let orders = limit("ACME_ORDERS_PER_3_HOURS", ORDERS_MS, defaults.orders);
    let same_names = limit("ACME_SAME_NAMES_PER_WEEK", WEEK_MS, defaults.same_names);
    IssuanceLimits {
        certificates,
        granted: reader.parsed("ACME_CERTIFICATES_GRANTED", granted),
        orders,
        same_names,
    }
}

/// Parses `500 until 2027-09-30`: the limit holds until the end of that day.
fn granted(text: &str) -> Result<(RateLimit, Timestamp), String> {
    let advice = || {
        format!(
            "{} is not a number and a day, such as 500 until 2027-09-30",
            parse::quote(text)
        )
    };
    let (size, day) = text.split_once(" until ").ok_or_else(advice)?;
    let size = parse::number(1, 1_000_000)(size.trim()).map_err(|_| advice())?;
    let day = Timestamp::from_date(day.trim()).ok_or_else(advice)?;
    let limit = RateLimit::per_period(size, WEEK_MS);
    Ok((limit, day.plus(DAY_MS)))
}

/// Reads the ACME account key. An RSA key, as the original has, is reported by a notice and
/// ignored.
fn account_key(reader: &mut Reader) -> Option<Secret> {
    let name = "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM";
    let pem = reader.secret(name)?;
    match keys::kind(pem.expose()) {
        Ok(KeyKind::P256) => Some(pem),
        Ok(KeyKind::Rsa) => {
            reader.notice(format!(
                "{name} is an RSA key; a P-256 key is needed: openssl ecparam -name prime256v1 \
                 -genkey -noout"
            ));
            None
        }
        Err(advice) => {
            reader.value_problem(name, advice);
            None
        }
    }
}
