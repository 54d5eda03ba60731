//! The LogoutRequest (SAML core 3.7.1), unsigned. Whatever comes back from the identity provider
//! changes nothing.

use url::Url;

use crate::idp::Service;
use crate::redirect::{self, RequestError};
use crate::xml::{SAML, SAMLP, escape};

/// Who leaves.
pub(crate) struct Leaving<'a> {
    pub(crate) name_id: &'a str,
    pub(crate) session_index: Option<&'a str>,
}

pub(crate) fn request(
    service: &Service,
    entity_id: &str,
    person: &Leaving<'_>,
    relay_state: &str,
    now: i64,
) -> Result<Url, RequestError> {
    let session = person
        .session_index
        .map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)))
        .unwrap_or_default();
    let xml = format!(
        concat!(
            r#"<samlp:LogoutRequest xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="{id}" Version="2.0""#,
            r#" IssueInstant="{instant}" Destination="{destination}"><saml:Issuer>{issuer}</saml:Issuer>"#,
            r#"<saml:NameID>{name_id}</saml:NameID>{session}</samlp:LogoutRequest>"#
        ),
        samlp = SAMLP,
        saml = SAML,
        id = redirect::new_id(),
        instant = redirect::instant(now),
        destination = escape(service.location.as_str()),
        issuer = escape(entity_id),
        name_id = escape(person.name_id),
        session = session,
    );
    redirect::url(&service.url, &xml, relay_state)
}
