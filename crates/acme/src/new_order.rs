//! Creates orders (RFC 8555 section 7.4), with a profile and the certificate that they replace.

use instant_acme::{Account, CertificateIdentifier, Error, Identifier};
use tracing::info;

use crate::ari::identify_replaced;
use crate::authority::{AuthorityError, NewOrder, ReplacedCertificate};
use crate::call_error::CallError;
use crate::problem::{RequestFailure, error_response};

/// Creates an order for these names. It names the certificate that it replaces (RFC 9773 section 5)
/// if the authority offers renewal information; if it is refused for that, an order without it is
/// created.
pub(crate) async fn new_order(
    account: Account,
    names: &[String],
    replaced: Option<ReplacedCertificate<'_>>,
    profile: Option<&str>,
) -> Result<NewOrder, CallError> {
    let offered: Vec<String> = account.profiles().map(|it| it.name.to_owned()).collect();
    check_profile(profile, &offered)?;
    let identifiers: Vec<_> = names
        .iter()
        .map(|name| Identifier::Dns(name.clone()))
        .collect();
    let order = |replaces: Option<CertificateIdentifier<'static>>| {
        let order = instant_acme::NewOrder::new(&identifiers);
        let order = match profile {
            Some(profile) => order.profile(profile),
            None => order,
        };
        match replaces {
            Some(id) => order.replaces(id),
            None => order,
        }
    };
    let opened = |url: &str, is_replacement| NewOrder {
        url: url.to_owned(),
        account: account.id().to_owned(),
        is_replacement,
    };
    let id = replaced.and_then(|replaced| identify_replaced(account.id(), names, replaced));
    if let Some(id) = id {
        match account.new_order(&order(Some(id.clone()))).await {
            Ok(order) => return Ok(opened(order.url(), true)),
            Err(Error::Unsupported(_)) => {}
            Err(error) if is_refused_replacement(&error) => {
                info!(%id, %error, "the order is created without the certificate that it replaces");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let order = account.new_order(&order(None)).await?;
    Ok(opened(order.url(), false))
}

/// Whether an order without the replaced certificate may be accepted.
fn is_refused_replacement(error: &Error) -> bool {
    match (error_response(error), error) {
        (Some(response), _) => response.may_concern_replaced(),
        // The authority created the order and does not say that it replaces a certificate, so
        // instant-acme gives no URL.
        (None, Error::Other(inner)) => !inner.is::<RequestFailure>(),
        (None, _) => false,
    }
}

/// Checks that the authority offers the profile that is set.
///
/// # Errors
/// [`AuthorityError::Profile`] lists the profiles that it offers.
pub(crate) fn check_profile(
    profile: Option<&str>,
    offered: &[String],
) -> Result<(), AuthorityError> {
    let Some(profile) = profile else {
        return Ok(());
    };
    if offered.iter().any(|name| name == profile) {
        return Ok(());
    }
    let mut offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    offered.sort_unstable();
    let offers = if offered.is_empty() {
        "it offers no profiles".to_owned()
    } else {
        format!("it offers {}", offered.join(", "))
    };
    Err(AuthorityError::Profile(format!(
        "the certificate authority does not offer the profile {profile}; {offers}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_is_not_offered_is_a_fault_that_lists_the_others() {
        let offered = ["tlsserver".to_owned(), "classic".to_owned()];
        for (profile, offered, fault) in [
            (None, &offered[..], None),
            (None, &[], None),
            (Some("classic"), &offered, None),
            (
                Some("tlsclient"),
                &offered,
                Some("tlsclient; it offers classic, tlsserver"),
            ),
            (
                Some("Classic"),
                &offered,
                Some("Classic; it offers classic, tlsserver"),
            ),
            (Some("classic"), &[], Some("classic; it offers no profiles")),
        ] {
            let expected = fault.map(|fault| {
                let text = "the certificate authority does not offer the profile";
                AuthorityError::Profile(format!("{text} {fault}"))
            });
            assert_eq!(check_profile(profile, offered).err(), expected);
        }
    }
}
