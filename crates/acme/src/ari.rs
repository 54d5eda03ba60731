//! ACME Renewal Information (RFC 9773): asks when to renew a certificate, and names the certificate
//! that an order replaces.

use std::time::Duration;

use instant_acme::{Account, CertificateIdentifier, Error};
use rustls::pki_types::CertificateDer;
use starchart_domain::certificate::renewal_info::{RenewalInfoFailure, RenewalWindow};
use starchart_domain::time::Timestamp;
use url::Url;

use crate::authority::{AuthorityError, RenewalInfo, RenewalInfoError, ReplacedCertificate};
use crate::chain;
use crate::problem::{RequestFailure, error_response};

/// The longest explanation URL that is kept.
const MAX_URL_LENGTH: usize = 512;

/// Derives the identifier of a certificate (section 4.1).
///
/// # Errors
/// The text contains no certificate, or one without an Authority Key Identifier.
pub(crate) fn identify(certificate_pem: &str) -> Result<CertificateIdentifier<'static>, String> {
    let der = chain::first_der(certificate_pem).map_err(|error| error.to_string())?;
    let der = CertificateDer::from(der);
    CertificateIdentifier::try_from(&der).map(CertificateIdentifier::into_owned)
}

/// Returns the identifier to send with an order for these names (section 5). `None` when the
/// certificate was issued to another account or has none of the names, or when it has no
/// identifier: the authority would refuse the order.
pub(crate) fn identify_replaced(
    account: &str,
    names: &[String],
    replaced: ReplacedCertificate<'_>,
) -> Option<CertificateIdentifier<'static>> {
    if replaced.account != Some(account) {
        return None;
    }
    let replaced_names = chain::split(replaced.certificate).ok()?.leaf.names;
    let is_shared = |name: &String| names.iter().any(|new| new.eq_ignore_ascii_case(name));
    if !replaced_names.iter().any(is_shared) {
        return None;
    }
    identify(replaced.certificate).ok()
}

/// Asks for the renewal information of a certificate (section 4.2). `None` when the directory
/// offers none.
pub(crate) async fn fetch_renewal_info(
    account: &Account,
    id: &CertificateIdentifier<'_>,
) -> Result<Option<RenewalInfo>, RenewalInfoError> {
    let (info, retry_after) = match account.renewal_info(id).await {
        Ok(answer) => answer,
        Err(Error::Unsupported(_)) => return Ok(None),
        Err(error) => return Err(failure(&error)),
    };
    Ok(Some(RenewalInfo {
        window: RenewalWindow {
            start: timestamp(info.suggested_window.start.unix_timestamp_nanos()),
            end: timestamp(info.suggested_window.end.unix_timestamp_nanos()),
        },
        retry_after,
        explanation_url: info.explanation_url.as_deref().and_then(web_url),
    }))
}

/// Maps the failure to reach the account.
pub(crate) fn from_authority_error(error: &AuthorityError) -> RenewalInfoError {
    let failure = match error {
        AuthorityError::Unavailable { retry_after, .. }
        | AuthorityError::RateLimited { retry_after, .. } => temporary(*retry_after),
        _ => RenewalInfoFailure::LongTerm,
    };
    RenewalInfoError {
        failure,
        detail: error.to_string(),
    }
}

/// Classifies an error by section 4.3.3.
fn failure(error: &Error) -> RenewalInfoError {
    let timed_out = matches!(
        error,
        Error::Other(inner) if matches!(inner.downcast_ref(), Some(RequestFailure::TimedOut(_)))
    );
    let failure = match error_response(error) {
        Some(response) if response.is_temporary() => temporary(response.retry_after()),
        None if timed_out => temporary(None),
        _ => RenewalInfoFailure::LongTerm,
    };
    RenewalInfoError {
        failure,
        detail: error.to_string(),
    }
}

fn temporary(retry_after: Option<Duration>) -> RenewalInfoFailure {
    let millis = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    RenewalInfoFailure::Temporary {
        retry_after_ms: retry_after.map(millis),
    }
}

fn timestamp(nanos: i128) -> Timestamp {
    Timestamp::from_millis(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

/// Returns the address of a web page, which people are shown; `None` for anything else.
fn web_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
    (is_web && url.as_str().len() <= MAX_URL_LENGTH).then(|| url.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
        SerialNumber,
    };

    use super::*;

    /// The example of RFC 9773 section 4.1: key identifier, serial number, identifier.
    const KEY_ID: [u8; 20] = [
        0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae,
        0x2c, 0xde, 0x01, 0xc8, 0xd4,
    ];
    const SERIAL: [u8; 4] = [0x87, 0x65, 0x43, 0x21];
    const ID: &str = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
    const ACCOUNT: &str = "https://ca.example/acme/acct/1";

    fn certificate(names: &[&str], with_key_id: bool) -> String {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_identifier_method = KeyIdMethod::PreSpecified(KEY_ID.to_vec());
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
        params.use_authority_key_identifier_extension = with_key_id;
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &issuer).unwrap().pem()
    }

    #[test]
    fn the_identifier_of_a_certificate_is_the_one_of_the_rfc() {
        let pem = certificate(&["user1.starchart.com"], true);
        assert_eq!(identify(&pem).unwrap().to_string(), ID);
        for bad in [certificate(&["user1.starchart.com"], false), String::new()] {
            assert!(identify(&bad).is_err());
        }
    }

    #[test]
    fn only_a_certificate_of_this_account_with_a_common_name_is_replaced() {
        let names = [
            "*.user1.starchart.com".to_owned(),
            "user1.starchart.com".to_owned(),
        ];
        let same = certificate(&["*.User1.starchart.com", "user1.starchart.com"], true);
        let other = certificate(&["user2.starchart.com"], true);
        let without_key_id = certificate(&["user1.starchart.com"], false);
        for (certificate, account, expected) in [
            (&same, Some(ACCOUNT), Some(ID)),
            (&same, Some("https://ca.example/acme/acct/2"), None),
            (&same, None, None),
            (&other, Some(ACCOUNT), None),
            (&without_key_id, Some(ACCOUNT), None),
        ] {
            let replaced = ReplacedCertificate {
                certificate,
                account,
            };
            let id = identify_replaced(ACCOUNT, &names, replaced).map(|id| id.to_string());
            assert_eq!(id.as_deref(), expected, "{account:?}");
        }
    }

    #[test]
    fn only_the_address_of_a_web_page_is_an_explanation() {
        for (text, expected) in [
            (
                "https://ca.example/docs/ari",
                Some("https://ca.example/docs/ari"),
            ),
            ("http://ca.example/#why", Some("http://ca.example/#why")),
            ("javascript:alert(1)", None),
            ("mailto:ca@ca.example", None),
            ("/docs/ari", None),
            ("", None),
            (&format!("https://ca.example/{}", "x".repeat(600)), None),
        ] {
            assert_eq!(web_url(text).as_deref(), expected, "{text}");
        }
    }
}
