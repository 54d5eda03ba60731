//! Builds and signs a Response (SAML core 3.2.2) of which every part can be changed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samael::crypto::{Crypto, CryptoProvider};

use super::authn_request::AuthnRequest;
use super::encryption::Encryption;
use super::identity_provider::{Issuer, IssuerError, SamlIdentity};
use crate::redirect::{format_instant, generate_id};
use crate::xml::{DS, EXC_C14N, SAML, SAMLP, escape};

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// The parts of a response that are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedParts {
    /// Neither the assertion nor the response.
    Nothing,
    /// Only the assertion, which is the default of most identity providers.
    Assertion,
    /// Only the response, which contains the assertion.
    Response,
    /// The assertion and the response.
    Both,
}

/// How namespaces are declared in the XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceStyle {
    /// Prefixes `samlp:`, `saml:` and `ds:` everywhere.
    Prefixed,
    /// Default namespaces on Issuer, Assertion and Signature, as Azure AD writes them.
    DefaultNamespaces,
}

/// The content of a response; [`Response::new`] fills in valid values. Times are in Unix
/// milliseconds.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "each field is the part of the response that its name says"
)]
pub struct Response {
    pub style: NamespaceStyle,
    pub sign: SignedParts,
    pub signature_method: String,
    pub digest_method: String,
    pub id: String,
    pub version: String,
    pub issued: i64,
    pub destination: Option<String>,
    pub in_response_to: Option<String>,
    pub issuer: Option<String>,
    /// Content of the Status element; `None` omits the element.
    pub status: Option<String>,
    pub assertion_id: String,
    pub assertion_version: String,
    pub assertion_issued: i64,
    pub assertion_issuer: String,
    /// Content of the NameID, inserted without escaping.
    pub name_id_xml: Option<String>,
    pub method: String,
    pub recipient: Option<String>,
    pub confirmation_in_response_to: Option<String>,
    pub confirmation_not_before: Option<i64>,
    pub confirmation_not_on_or_after: Option<i64>,
    pub conditions: bool,
    pub not_before: Option<i64>,
    pub not_on_or_after: Option<i64>,
    /// One list for each AudienceRestriction.
    pub audiences: Vec<Vec<String>>,
    pub authn_statement: bool,
    pub session_index: Option<String>,
    pub session_not_on_or_after: Option<i64>,
    /// Name and values of each Attribute element.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Replacements (from, to) in the assertion before it is signed.
    pub assertion_edits: Vec<(String, String)>,
    /// Encrypts the assertion after it was signed, before the response is.
    pub encryption: Option<Encryption>,
    /// Replacements (from, to) in the response before it is signed.
    pub response_edits: Vec<(String, String)>,
}

impl Response {
    /// Creates a valid response to the request, for this user.
    #[must_use]
    pub fn new(entity_id: &str, request: &AuthnRequest, user: &SamlIdentity, now: i64) -> Self {
        let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        Self {
            style: NamespaceStyle::Prefixed,
            sign: SignedParts::Both,
            signature_method: RSA_SHA256.to_owned(),
            digest_method: SHA256.to_owned(),
            id: generate_id(),
            version: "2.0".to_owned(),
            issued: now,
            destination: Some(request.acs_url.clone()),
            in_response_to: Some(request.id.clone()),
            issuer: Some(entity_id.to_owned()),
            status: Some(status("Success")),
            assertion_id: generate_id(),
            assertion_version: "2.0".to_owned(),
            assertion_issued: now,
            assertion_issuer: entity_id.to_owned(),
            name_id_xml: Some(escape(user.username.as_str()).into_owned()),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".to_owned(),
            recipient: Some(request.acs_url.clone()),
            confirmation_in_response_to: Some(request.id.clone()),
            confirmation_not_before: None,
            confirmation_not_on_or_after: Some(now + 300_000),
            conditions: true,
            not_before: Some(now - 30_000),
            not_on_or_after: Some(now + 300_000),
            audiences: vec![vec![request.issuer.clone()]],
            authn_statement: true,
            session_index: Some(generate_id()),
            session_not_on_or_after: Some(now + 8 * 3_600_000),
            attributes: vec![
                one("sAMAccountName", &user.username),
                one("displayname", &user.display_name),
                one("email", &user.email),
                ("group".to_owned(), user.groups.clone()),
            ],
            assertion_edits: Vec::new(),
            encryption: None,
            response_edits: Vec::new(),
        }
    }

    /// Sets the top-level status code (SAML core 3.2.2.2), given by the last part of its URN.
    #[must_use]
    pub fn with_status(mut self, last_part: &str) -> Self {
        self.status = Some(status(last_part));
        self
    }

    /// Writes the response as XML and signs it.
    ///
    /// # Errors
    /// Signing fails.
    pub fn sign(&self, issuer: &Issuer) -> Result<String, IssuerError> {
        let mut assertion = self.assertion(issuer)?;
        for (from, to) in &self.assertion_edits {
            assertion = assertion.replace(from, to);
        }
        if matches!(self.sign, SignedParts::Assertion | SignedParts::Both) {
            assertion = signed(&assertion, issuer)?;
        }
        if let Some(encryption) = &self.encryption {
            assertion = encryption.encrypt(&assertion)?;
        }
        let mut response = self.response(&assertion, issuer)?;
        for (from, to) in &self.response_edits {
            response = response.replace(from, to);
        }
        if matches!(self.sign, SignedParts::Response | SignedParts::Both) {
            response = signed(&response, issuer)?;
        }
        Ok(response)
    }

    fn response(&self, assertion: &str, issuer: &Issuer) -> Result<String, IssuerError> {
        let signature = match self.sign {
            SignedParts::Response | SignedParts::Both => self.signature(&self.id, issuer)?,
            _ => String::new(),
        };
        let from = self
            .issuer
            .as_deref()
            .map(|name| self.issuer_element(name))
            .unwrap_or_default();
        let status = self
            .status
            .as_deref()
            .map(|inner| format!("<samlp:Status>{inner}</samlp:Status>"));
        Ok(format!(
            concat!(
                r#"<samlp:Response xmlns:samlp="{samlp}" ID="{}" Version="{}""#,
                r#" IssueInstant="{}"{}{}>"#,
                r#"{from}{signature}{}{assertion}</samlp:Response>"#
            ),
            self.id,
            self.version,
            format_instant(self.issued),
            attribute("Destination", self.destination.as_deref()),
            attribute("InResponseTo", self.in_response_to.as_deref()),
            status.unwrap_or_default(),
            samlp = SAMLP,
            from = from,
            signature = signature,
            assertion = assertion,
        ))
    }

    fn assertion(&self, issuer: &Issuer) -> Result<String, IssuerError> {
        let p = self.prefix();
        let signature = match self.sign {
            SignedParts::Assertion | SignedParts::Both => {
                self.signature(&self.assertion_id, issuer)?
            }
            _ => String::new(),
        };
        Ok(format!(
            concat!(
                r#"<{p}Assertion {xmlns}="{saml}" ID="{id}" Version="{version}""#,
                r#" IssueInstant="{issued}">"#,
                r#"{from}{signature}{subject}{conditions}{authn}{attributes}</{p}Assertion>"#
            ),
            p = p,
            saml = SAML,
            signature = signature,
            xmlns = if p.is_empty() { "xmlns" } else { "xmlns:saml" },
            id = self.assertion_id,
            version = self.assertion_version,
            issued = format_instant(self.assertion_issued),
            from = self.issuer_element(&self.assertion_issuer),
            subject = self.subject(),
            conditions = self.conditions(),
            authn = self.authn(),
            attributes = self.attribute_statement(),
        ))
    }

    fn prefix(&self) -> &'static str {
        match self.style {
            NamespaceStyle::Prefixed => "saml:",
            NamespaceStyle::DefaultNamespaces => "",
        }
    }

    fn issuer_element(&self, name: &str) -> String {
        match self.style {
            NamespaceStyle::Prefixed => {
                format!(
                    r#"<saml:Issuer xmlns:saml="{SAML}">{}</saml:Issuer>"#,
                    escape(name)
                )
            }
            NamespaceStyle::DefaultNamespaces => {
                format!(r#"<Issuer xmlns="{SAML}">{}</Issuer>"#, escape(name))
            }
        }
    }

    fn subject(&self) -> String {
        let p = self.prefix();
        let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
        let name_id = self
            .name_id_xml
            .as_deref()
            .map(|xml| format!(r#"<{p}NameID Format="{format}">{xml}</{p}NameID>"#));
        let not_before = self.confirmation_not_before.map(format_instant);
        let not_on_or_after = self.confirmation_not_on_or_after.map(format_instant);
        format!(
            concat!(
                r#"<{p}Subject>{}<{p}SubjectConfirmation Method="{}">"#,
                r#"<{p}SubjectConfirmationData{}{}{}{}/></{p}SubjectConfirmation></{p}Subject>"#
            ),
            name_id.unwrap_or_default(),
            escape(self.method.as_str()),
            attribute("InResponseTo", self.confirmation_in_response_to.as_deref()),
            attribute("NotBefore", not_before.as_deref()),
            attribute("NotOnOrAfter", not_on_or_after.as_deref()),
            attribute("Recipient", self.recipient.as_deref()),
            p = p,
        )
    }

    fn conditions(&self) -> String {
        if !self.conditions {
            return String::new();
        }
        let p = self.prefix();
        let restriction = |audiences: &Vec<String>| {
            let list: String = audiences
                .iter()
                .map(|name| format!("<{p}Audience>{}</{p}Audience>", escape(name.as_str())))
                .collect();
            format!("<{p}AudienceRestriction>{list}</{p}AudienceRestriction>")
        };
        format!(
            "<{p}Conditions{}{}>{}</{p}Conditions>",
            attribute("NotBefore", self.not_before.map(format_instant).as_deref()),
            attribute(
                "NotOnOrAfter",
                self.not_on_or_after.map(format_instant).as_deref()
            ),
            self.audiences.iter().map(restriction).collect::<String>(),
        )
    }

    fn authn(&self) -> String {
        if !self.authn_statement {
            return String::new();
        }
        let p = self.prefix();
        format!(
            concat!(
                r#"<{p}AuthnStatement AuthnInstant="{}"{}{}><{p}AuthnContext>"#,
                r#"<{p}AuthnContextClassRef>{class}</{p}AuthnContextClassRef>"#,
                r#"</{p}AuthnContext></{p}AuthnStatement>"#
            ),
            format_instant(self.assertion_issued),
            attribute("SessionIndex", self.session_index.as_deref()),
            attribute(
                "SessionNotOnOrAfter",
                self.session_not_on_or_after.map(format_instant).as_deref()
            ),
            class = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
            p = p,
        )
    }

    fn attribute_statement(&self) -> String {
        let p = self.prefix();
        let one = |(name, values): &(String, Vec<String>)| {
            let values: String = values
                .iter()
                .map(|value| {
                    format!(
                        "<{p}AttributeValue>{}</{p}AttributeValue>",
                        escape(value.as_str())
                    )
                })
                .collect();
            format!(
                r#"<{p}Attribute Name="{}">{values}</{p}Attribute>"#,
                escape(name.as_str())
            )
        };
        let all: String = self.attributes.iter().map(one).collect();
        if all.is_empty() {
            String::new()
        } else {
            format!("<{p}AttributeStatement>{all}</{p}AttributeStatement>")
        }
    }

    fn signature(&self, id: &str, issuer: &Issuer) -> Result<String, IssuerError> {
        let prefix = match self.style {
            NamespaceStyle::Prefixed => "ds:",
            NamespaceStyle::DefaultNamespaces => "",
        };
        unsigned_signature(
            id,
            prefix,
            &self.signature_method,
            &self.digest_method,
            issuer,
        )
    }
}

/// Writes a Signature element whose values are still empty. `d` is the prefix of its elements, with
/// a colon.
fn unsigned_signature(
    id: &str,
    d: &str,
    method: &str,
    digest: &str,
    issuer: &Issuer,
) -> Result<String, IssuerError> {
    let xmlns = match d.strip_suffix(':') {
        Some(prefix) => format!("xmlns:{prefix}"),
        None => "xmlns".to_owned(),
    };
    Ok(format!(
        concat!(
            r##"<{d}Signature {xmlns}="{ds}"><{d}SignedInfo>"##,
            r##"<{d}CanonicalizationMethod Algorithm="{c14n}"/>"##,
            r##"<{d}SignatureMethod Algorithm="{method}"/><{d}Reference URI="#{id}">"##,
            r##"<{d}Transforms><{d}Transform Algorithm="{ds}enveloped-signature"/>"##,
            r##"<{d}Transform Algorithm="{c14n}"/></{d}Transforms>"##,
            r##"<{d}DigestMethod Algorithm="{digest}"/><{d}DigestValue></{d}DigestValue>"##,
            r##"</{d}Reference></{d}SignedInfo><{d}SignatureValue></{d}SignatureValue>"##,
            r##"<{d}KeyInfo><{d}X509Data><{d}X509Certificate>{certificate}"##,
            r##"</{d}X509Certificate></{d}X509Data></{d}KeyInfo></{d}Signature>"##
        ),
        d = d,
        xmlns = xmlns,
        ds = DS,
        c14n = EXC_C14N,
        method = method,
        digest = digest,
        id = id,
        certificate = issuer.certificate_base64()?,
    ))
}

/// Signs the element with this ID in any XML, with RSA-SHA256. The signature replaces the text
/// `place`; `prefix` is that of its elements, with a colon.
///
/// # Errors
/// Signing fails.
pub fn sign_element(
    xml: &str,
    place: &str,
    id: &str,
    prefix: &str,
    issuer: &Issuer,
) -> Result<String, IssuerError> {
    let signature = unsigned_signature(id, prefix, RSA_SHA256, SHA256, issuer)?;
    signed(&xml.replacen(place, &signature, 1), issuer)
}

impl Issuer {
    /// Creates a valid response to a request, issued now.
    #[must_use]
    pub fn response(&self, request: &AuthnRequest, user: &SamlIdentity) -> Response {
        let now = chrono::Utc::now().timestamp_millis();
        Response::new(&self.entity_id, request, user, now)
    }

    /// Builds a valid response to a request, with assertion and response signed, in base64 for the
    /// `SAMLResponse` form field (SAML bindings 3.5.4).
    ///
    /// # Errors
    /// Signing fails.
    pub fn respond(
        &self,
        request: &AuthnRequest,
        user: &SamlIdentity,
    ) -> Result<String, IssuerError> {
        Ok(STANDARD.encode(self.response(request, user).sign(self)?))
    }
}

fn status(last_part: &str) -> String {
    format!(
        r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{}"/>"#,
        escape(last_part)
    )
}

fn attribute(name: &str, value: Option<&str>) -> String {
    value
        .map(|value| format!(r#" {name}="{}""#, escape(value)))
        .unwrap_or_default()
}

/// Computes the first, still empty, signature of the document.
fn signed(xml: &str, issuer: &Issuer) -> Result<String, IssuerError> {
    let key = match issuer.key.rsa() {
        Ok(rsa) => rsa.private_key_to_der()?,
        Err(_) => issuer.key.ec_key()?.private_key_to_der()?,
    };
    let signed =
        Crypto::sign_xml(xml, &key).map_err(|error| IssuerError::Sign(error.to_string()))?;
    // The XML declaration is removed, so that the element can be part of another document.
    let start = signed
        .strip_prefix("<?xml")
        .and_then(|rest| rest.find("?>").map(|end| end + "<?xml?>".len()));
    Ok(signed
        .get(start.unwrap_or(0)..)
        .unwrap_or_default()
        .trim()
        .to_owned())
}
