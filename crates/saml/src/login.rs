//! The AuthnRequest (SAML core 3.4.1).

use url::Url;

use crate::idp::Service;
use crate::redirect::{self, RequestError};
use crate::xml::{SAML, SAMLP, escape};

/// Where to send a person to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRedirect {
    /// To be remembered: the response must name it.
    pub request_id: String,
    /// The address.
    pub url: Url,
}

/// Makes a request with an id of its own. Written by hand: samael's ids have 32 bits.
pub(crate) fn request(
    service: &Service,
    entity_id: &str,
    acs_url: &str,
    relay_state: &str,
    now: i64,
) -> Result<LoginRedirect, RequestError> {
    let request_id = redirect::new_id();
    let xml = format!(
        concat!(
            r#"<samlp:AuthnRequest xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="{id}" Version="2.0""#,
            r#" IssueInstant="{instant}" Destination="{destination}""#,
            r#" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST""#,
            r#" AssertionConsumerServiceURL="{acs}"><saml:Issuer>{issuer}</saml:Issuer>"#,
            r#"<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent""#,
            r#" AllowCreate="true"/></samlp:AuthnRequest>"#
        ),
        samlp = SAMLP,
        saml = SAML,
        id = request_id,
        instant = redirect::instant(now),
        destination = escape(service.location.as_str()),
        acs = escape(acs_url),
        issuer = escape(entity_id),
    );
    let url = redirect::url(&service.url, &xml, relay_state)?;
    Ok(LoginRedirect { request_id, url })
}
