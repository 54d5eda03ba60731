//! A response of which every part can be bent.

use samael::crypto::{Crypto, CryptoProvider};

use super::{AuthnRequest, Issuer, IssuerError, SamlIdentity};
use crate::redirect::{instant, new_id};
use crate::xml::{DS, EXC_C14N, SAML, SAMLP, escape};

/// The parts that get a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedParts {
    /// Nothing.
    Nothing,
    /// The assertion (the default of most identity providers).
    Assertion,
    /// The response as a whole.
    Response,
    /// Both.
    Both,
}

/// How the XML is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceStyle {
    /// `samlp:`, `saml:` and `ds:` everywhere.
    Prefixed,
    /// Default namespaces on Issuer, Assertion and Signature, as Azure AD writes it.
    DefaultNamespaces,
}

/// What to say; [`Response::new`] makes an honest one. Times are milliseconds since 1970.
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
    /// The Status element's content; nothing leaves the element out.
    pub status: Option<String>,
    pub assertion_id: String,
    pub assertion_version: String,
    pub assertion_issued: i64,
    pub assertion_issuer: String,
    /// Text or markup: it is not escaped.
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
    /// Name and values, one entry for each Attribute element.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Replacements in the assertion's text before it is signed.
    pub assertion_edits: Vec<(String, String)>,
    /// Replacements in the response's text before it is signed.
    pub response_edits: Vec<(String, String)>,
}

impl Response {
    /// An honest response.
    #[must_use]
    pub fn new(entity_id: &str, seen: &AuthnRequest, person: &SamlIdentity, now: i64) -> Self {
        let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        Self {
            style: NamespaceStyle::Prefixed,
            sign: SignedParts::Both,
            signature_method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256".to_owned(),
            digest_method: "http://www.w3.org/2001/04/xmlenc#sha256".to_owned(),
            id: new_id(),
            version: "2.0".to_owned(),
            issued: now,
            destination: Some(seen.acs_url.clone()),
            in_response_to: Some(seen.id.clone()),
            issuer: Some(entity_id.to_owned()),
            status: Some(status("Success")),
            assertion_id: new_id(),
            assertion_version: "2.0".to_owned(),
            assertion_issued: now,
            assertion_issuer: entity_id.to_owned(),
            name_id_xml: Some(escape(person.username.as_str()).into_owned()),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".to_owned(),
            recipient: Some(seen.acs_url.clone()),
            confirmation_in_response_to: Some(seen.id.clone()),
            confirmation_not_before: None,
            confirmation_not_on_or_after: Some(now + 300_000),
            conditions: true,
            not_before: Some(now - 30_000),
            not_on_or_after: Some(now + 300_000),
            audiences: vec![vec![seen.issuer.clone()]],
            authn_statement: true,
            session_index: Some(new_id()),
            session_not_on_or_after: Some(now + 8 * 3_600_000),
            attributes: vec![
                one("sAMAccountName", &person.username),
                one("displayname", &person.display_name),
                one("email", &person.email),
                ("group".to_owned(), person.groups.clone()),
            ],
            assertion_edits: Vec::new(),
            response_edits: Vec::new(),
        }
    }

    /// Sets the status to one of the top-level ones of SAML core 3.2.2.2, by its last part.
    #[must_use]
    pub fn with_status(mut self, last_part: &str) -> Self {
        self.status = Some(status(last_part));
        self
    }

    /// The response as XML, signed as it says.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(&self, issuer: &Issuer) -> Result<String, IssuerError> {
        let mut assertion = self.assertion(issuer)?;
        for (from, to) in &self.assertion_edits {
            assertion = assertion.replace(from, to);
        }
        if matches!(self.sign, SignedParts::Assertion | SignedParts::Both) {
            assertion = signed(&assertion, issuer)?;
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
            r#"<samlp:Response xmlns:samlp="{SAMLP}" ID="{}" Version="{}" IssueInstant="{}"{}{}>{from}{signature}{}{assertion}</samlp:Response>"#,
            self.id,
            self.version,
            instant(self.issued),
            attribute("Destination", self.destination.as_deref()),
            attribute("InResponseTo", self.in_response_to.as_deref()),
            status.unwrap_or_default(),
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
            r#"<{p}Assertion {xmlns}="{SAML}" ID="{id}" Version="{version}" IssueInstant="{issued}">{from}{signature}{subject}{conditions}{authn}{attributes}</{p}Assertion>"#,
            xmlns = if p.is_empty() { "xmlns" } else { "xmlns:saml" },
            id = self.assertion_id,
            version = self.assertion_version,
            issued = instant(self.assertion_issued),
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
        let not_before = self.confirmation_not_before.map(instant);
        let not_on_or_after = self.confirmation_not_on_or_after.map(instant);
        format!(
            r#"<{p}Subject>{}<{p}SubjectConfirmation Method="{}"><{p}SubjectConfirmationData{}{}{}{}/></{p}SubjectConfirmation></{p}Subject>"#,
            name_id.unwrap_or_default(),
            escape(self.method.as_str()),
            attribute("InResponseTo", self.confirmation_in_response_to.as_deref()),
            attribute("NotBefore", not_before.as_deref()),
            attribute("NotOnOrAfter", not_on_or_after.as_deref()),
            attribute("Recipient", self.recipient.as_deref()),
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
            attribute("NotBefore", self.not_before.map(instant).as_deref()),
            attribute("NotOnOrAfter", self.not_on_or_after.map(instant).as_deref()),
            self.audiences.iter().map(restriction).collect::<String>(),
        )
    }

    fn authn(&self) -> String {
        if !self.authn_statement {
            return String::new();
        }
        let p = self.prefix();
        format!(
            r#"<{p}AuthnStatement AuthnInstant="{}"{}{}><{p}AuthnContext><{p}AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</{p}AuthnContextClassRef></{p}AuthnContext></{p}AuthnStatement>"#,
            instant(self.assertion_issued),
            attribute("SessionIndex", self.session_index.as_deref()),
            attribute(
                "SessionNotOnOrAfter",
                self.session_not_on_or_after.map(instant).as_deref()
            ),
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
        let (d, xmlns) = match self.style {
            NamespaceStyle::Prefixed => ("ds:", "xmlns:ds"),
            NamespaceStyle::DefaultNamespaces => ("", "xmlns"),
        };
        Ok(format!(
            concat!(
                r##"<{d}Signature {xmlns}="{ds}"><{d}SignedInfo><{d}CanonicalizationMethod Algorithm="{c14n}"/>"##,
                r##"<{d}SignatureMethod Algorithm="{method}"/><{d}Reference URI="#{id}"><{d}Transforms>"##,
                r##"<{d}Transform Algorithm="{ds}enveloped-signature"/><{d}Transform Algorithm="{c14n}"/></{d}Transforms>"##,
                r##"<{d}DigestMethod Algorithm="{digest}"/><{d}DigestValue></{d}DigestValue></{d}Reference></{d}SignedInfo>"##,
                r##"<{d}SignatureValue></{d}SignatureValue><{d}KeyInfo><{d}X509Data><{d}X509Certificate>{certificate}"##,
                r##"</{d}X509Certificate></{d}X509Data></{d}KeyInfo></{d}Signature>"##
            ),
            d = d,
            xmlns = xmlns,
            ds = DS,
            c14n = EXC_C14N,
            method = self.signature_method,
            digest = self.digest_method,
            id = id,
            certificate = issuer.certificate_base64()?,
        ))
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

/// Fills in the first signature of the document.
fn signed(xml: &str, issuer: &Issuer) -> Result<String, IssuerError> {
    let key = match issuer.key.rsa() {
        Ok(rsa) => rsa.private_key_to_der()?,
        Err(_) => issuer.key.ec_key()?.private_key_to_der()?,
    };
    let done = Crypto::sign_xml(xml, &key).map_err(|error| IssuerError::Sign(error.to_string()))?;
    // Without the XML declaration, so that it can stand inside another document.
    let start = done
        .strip_prefix("<?xml")
        .and_then(|rest| rest.find("?>").map(|end| end + "<?xml?>".len()));
    Ok(done
        .get(start.unwrap_or(0)..)
        .unwrap_or_default()
        .trim()
        .to_owned())
}
