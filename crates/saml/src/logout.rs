//! Builds the LogoutRequest (SAML core 3.7.1), unsigned. The identity provider's LogoutResponse
//! changes nothing.

use starchart_domain::user::NameId;
use url::Url;

use crate::idp_metadata::Service;
use crate::redirect::{self, RequestError};
use crate::xml::{SAML, SAMLP, escape};

/// The user who signs out, as the identity provider knows them.
pub(crate) struct LogoutSubject<'a> {
    pub(crate) name_id: &'a NameId,
    pub(crate) session_index: Option<&'a str>,
}

pub(crate) fn build_request(
    service: &Service,
    entity_id: &str,
    subject: &LogoutSubject<'_>,
    relay_state: &str,
    now: i64,
) -> Result<Url, RequestError> {
    let session = subject
        .session_index
        .map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)))
        .unwrap_or_default();
    let xml = format!(
        concat!(
            r#"<samlp:LogoutRequest xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="{id}""#,
            r#" Version="2.0" IssueInstant="{instant}" Destination="{destination}">"#,
            r#"<saml:Issuer>{issuer}</saml:Issuer>"#,
            r#"{name_id}{session}</samlp:LogoutRequest>"#
        ),
        samlp = SAMLP,
        saml = SAML,
        id = redirect::generate_id(),
        instant = redirect::format_instant(now),
        destination = escape(service.location.as_str()),
        issuer = escape(entity_id),
        name_id = name_id_element(subject.name_id),
        session = session,
    );
    redirect::redirect_url(&service.url, &xml, relay_state)
}

/// Repeats the NameID with all its attributes: the identity provider compares every one of them
/// (SAML core 3.3.4).
fn name_id_element(name_id: &NameId) -> String {
    let attributes: String = [
        ("Format", &name_id.format),
        ("NameQualifier", &name_id.name_qualifier),
        ("SPNameQualifier", &name_id.sp_name_qualifier),
        ("SPProvidedID", &name_id.sp_provided_id),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!(r#" {name}="{}""#, escape(value.as_deref()?))))
    .collect();
    format!(
        "<saml:NameID{attributes}>{}</saml:NameID>",
        escape(name_id.value.as_str())
    )
}
