//! Builds the AuthnRequest (SAML core 3.4.1).

use url::Url;

use crate::idp_metadata::Service;
use crate::redirect::{self, RequestError};
use crate::xml::{SAML, SAMLP, escape};

/// The redirect that sends a user to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRedirect {
    /// ID of the request: the response must name it in InResponseTo.
    pub request_id: String,
    /// URL of the identity provider with the request in its query.
    pub url: Url,
}

/// Builds a request with a new ID. Does not use samael, whose IDs have only 32 random bits.
pub(crate) fn build_request(
    service: &Service,
    entity_id: &str,
    acs_url: &str,
    relay_state: &str,
    now: i64,
) -> Result<LoginRedirect, RequestError> {
    let request_id = redirect::generate_id();
    let xml = format!(
        concat!(
            r#"<samlp:AuthnRequest xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="{id}""#,
            r#" Version="2.0" IssueInstant="{instant}" Destination="{destination}""#,
            r#" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST""#,
            r#" AssertionConsumerServiceURL="{acs}"><saml:Issuer>{issuer}</saml:Issuer>"#,
            r#"<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent""#,
            r#" AllowCreate="true"/></samlp:AuthnRequest>"#
        ),
        samlp = SAMLP,
        saml = SAML,
        id = request_id,
        instant = redirect::format_instant(now),
        destination = escape(service.location.as_str()),
        acs = escape(acs_url),
        issuer = escape(entity_id),
    );
    let url = redirect::redirect_url(&service.url, &xml, relay_state)?;
    Ok(LoginRedirect { request_id, url })
}
