//! Responses in the shapes that products document: the order of elements, prefixes, types, signed
//! parts and forms of times. Each signs in and out.

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use starchart_saml::issuer::{Issuer, SignedParts, sign_element};

use crate::fixture::{ACS, Fixture, IDP, SLO, SP, SSO, now, provider};

const ASSERTION_ID: &str = "_assertion";
const RESPONSE_ID: &str = "_response";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
const XS: &str = "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const FORMAT: &str = "urn:oasis:names:tc:SAML";
const CLASS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes";

/// A product's response. In `assertion` and `response` these stand for values: `{now}`, `{before}`
/// and `{end}` for times in the product's form, `{SIG}` for the place of a signature, and
/// `{ASSERTION}` for the assertion.
struct Product {
    name: &'static str,
    signed: SignedParts,
    /// The prefix of the signature's elements, with a colon.
    ds: &'static str,
    /// Form of times: digits after the second, and the zone.
    times: (usize, &'static str),
    response: String,
    assertion: String,
    /// The NameID of the logout request.
    name_id: String,
}

/// Writes attributes as `(name, values)` in the product's own way.
fn attributes(write: impl Fn(&str, &[&str]) -> String) -> String {
    [
        ("sAMAccountName", &["user1"][..]),
        ("displayname", &["Johannes Kepler"]),
        ("email", &["user1@example.com"]),
        ("group", &["mycustomdomain-students", "astronomy"]),
    ]
    .iter()
    .map(|(name, values)| write(name, values))
    .collect()
}

fn joined(values: &[&str], before: &str, after: &str) -> String {
    values
        .iter()
        .map(|value| format!("{before}{value}{after}"))
        .collect()
}

/// Microsoft Entra ID: default namespaces, only the assertion signed, seven digits of a second.
fn entra() -> Product {
    let statement = attributes(|name, values| {
        let values = joined(values, "<AttributeValue>", "</AttributeValue>");
        format!("<Attribute Name=\"{name}\">{values}</Attribute>")
    });
    let tenant = "<Attribute Name=\"http://schemas.microsoft.com/identity/claims/tenantid\">\
                  <AttributeValue>11111111-2222-3333</AttributeValue></Attribute>";
    Product {
        name: "Entra ID",
        signed: SignedParts::Assertion,
        ds: "",
        times: (3, "Z"),
        response: format!(
            "<samlp:Response ID=\"{RESPONSE_ID}\" Version=\"2.0\" IssueInstant=\"{{now}}\" \
             Destination=\"{ACS}\" InResponseTo=\"_request1\" xmlns:samlp=\"{SAMLP}\">\
             <Issuer xmlns=\"{SAML}\">{IDP}</Issuer><samlp:Status>\
             <samlp:StatusCode Value=\"{SUCCESS}\"/></samlp:Status>{{ASSERTION}}</samlp:Response>"
        ),
        assertion: format!(
            "<Assertion ID=\"{ASSERTION_ID}\" IssueInstant=\"{{now}}\" Version=\"2.0\" \
             xmlns=\"{SAML}\"><Issuer>{IDP}</Issuer>{{SIG}}<Subject>\
             <NameID Format=\"{FORMAT}:1.1:nameid-format:emailAddress\">user1@example.com</NameID>\
             <SubjectConfirmation Method=\"{BEARER}\"><SubjectConfirmationData \
             InResponseTo=\"_request1\" NotOnOrAfter=\"{{end}}\" Recipient=\"{ACS}\"/>\
             </SubjectConfirmation></Subject><Conditions NotBefore=\"{{before}}\" \
             NotOnOrAfter=\"{{end}}\"><AudienceRestriction><Audience>{SP}</Audience>\
             </AudienceRestriction></Conditions><AttributeStatement>{tenant}{statement}\
             </AttributeStatement><AuthnStatement AuthnInstant=\"{{now}}\" \
             SessionIndex=\"{ASSERTION_ID}\"><AuthnContext>\
             <AuthnContextClassRef>{CLASS}:Password</AuthnContextClassRef></AuthnContext>\
             </AuthnStatement></Assertion>"
        ),
        name_id: format!(
            "<saml:NameID Format=\"{FORMAT}:1.1:nameid-format:emailAddress\">\
             user1@example.com</saml:NameID>"
        ),
    }
}

/// AD FS: as Entra ID, with Consent, the name of the store of an attribute, and an NTLM name.
fn adfs() -> Product {
    let entra = entra();
    Product {
        name: "AD FS",
        response: entra.response.replace(
            " InResponseTo",
            &format!(" Consent=\"{FORMAT}:2.0:consent:unspecified\" InResponseTo"),
        ),
        assertion: entra
            .assertion
            .replace(
                "<Attribute Name=\"group\">",
                "<Attribute Name=\"group\" a:OriginalIssuer=\"AD AUTHORITY\" \
                 xmlns:a=\"http://schemas.xmlsoap.org/ws/2009/09/identity/claims\">",
            )
            .replace(
                &format!("{CLASS}:Password<"),
                "urn:federation:authentication:windows<",
            )
            .replace(
                ":1.1:nameid-format:emailAddress\">user1@example.com",
                ":1.1:nameid-format:WindowsDomainQualifiedName\">SCHOOL\\user1",
            ),
        name_id: format!(
            "<saml:NameID Format=\"{FORMAT}:1.1:nameid-format:WindowsDomainQualifiedName\">\
             SCHOOL\\user1</saml:NameID>"
        ),
        ..entra
    }
}

/// Shibboleth: the response signed, qualifiers on the NameID, friendly names, scoped values, a
/// pairwise identifier as a NameID, and the address of the client.
fn shibboleth() -> Product {
    let statement = attributes(|name, values| {
        let values = joined(
            values,
            &format!("<saml2:AttributeValue {XSI} xsi:type=\"xsd:string\">"),
            "</saml2:AttributeValue>",
        );
        format!(
            "<saml2:Attribute FriendlyName=\"{name}\" Name=\"{name}\" \
             NameFormat=\"{FORMAT}:2.0:attrname-format:uri\">{values}</saml2:Attribute>"
        )
    });
    let targeted = format!(
        "<saml2:Attribute FriendlyName=\"eduPersonTargetedID\" \
         Name=\"urn:oid:1.3.6.1.4.1.5923.1.1.1.10\"><saml2:AttributeValue>\
         <saml2:NameID Format=\"{FORMAT}:2.0:nameid-format:persistent\" NameQualifier=\"{IDP}\" \
         SPNameQualifier=\"{SP}\">abc=</saml2:NameID></saml2:AttributeValue></saml2:Attribute>"
    );
    Product {
        name: "Shibboleth",
        signed: SignedParts::Response,
        ds: "ds:",
        times: (3, "Z"),
        response: format!(
            "<saml2p:Response xmlns:saml2p=\"{SAMLP}\" Destination=\"{ACS}\" ID=\"{RESPONSE_ID}\" \
             InResponseTo=\"_request1\" IssueInstant=\"{{now}}\" Version=\"2.0\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><saml2:Issuer xmlns:saml2=\"{SAML}\">\
             {IDP}</saml2:Issuer>{{SIG}}<saml2p:Status><saml2p:StatusCode Value=\"{SUCCESS}\"/>\
             </saml2p:Status>{{ASSERTION}}</saml2p:Response>"
        ),
        assertion: format!(
            "<saml2:Assertion ID=\"{ASSERTION_ID}\" IssueInstant=\"{{now}}\" Version=\"2.0\" \
             xmlns:saml2=\"{SAML}\"><saml2:Issuer>{IDP}</saml2:Issuer><saml2:Subject>\
             <saml2:NameID Format=\"{FORMAT}:2.0:nameid-format:transient\" NameQualifier=\"{IDP}\" \
             SPNameQualifier=\"{SP}\">AAdzZWNyZXQx</saml2:NameID>\
             <saml2:SubjectConfirmation Method=\"{BEARER}\"><saml2:SubjectConfirmationData \
             Address=\"192.0.2.7\" InResponseTo=\"_request1\" NotOnOrAfter=\"{{end}}\" \
             Recipient=\"{ACS}\"/></saml2:SubjectConfirmation></saml2:Subject>\
             <saml2:Conditions NotBefore=\"{{before}}\" NotOnOrAfter=\"{{end}}\">\
             <saml2:AudienceRestriction><saml2:Audience>{SP}</saml2:Audience>\
             </saml2:AudienceRestriction></saml2:Conditions>\
             <saml2:AuthnStatement AuthnInstant=\"{{now}}\" SessionIndex=\"_s1\">\
             <saml2:SubjectLocality Address=\"192.0.2.7\"/><saml2:AuthnContext>\
             <saml2:AuthnContextClassRef>{CLASS}:PasswordProtectedTransport\
             </saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>\
             <saml2:AttributeStatement>{targeted}{statement}</saml2:AttributeStatement>\
             </saml2:Assertion>"
        ),
        name_id: format!(
            "<saml:NameID Format=\"{FORMAT}:2.0:nameid-format:transient\" NameQualifier=\"{IDP}\" \
             SPNameQualifier=\"{SP}\">AAdzZWNyZXQx</saml:NameID>"
        ),
    }
}

/// Okta: both signed, types on values, the format of the issuer.
fn okta() -> Product {
    let shibboleth = shibboleth();
    let entity = format!("<saml2:Issuer Format=\"{FORMAT}:2.0:nameid-format:entity\"");
    let issuer = format!("<saml2:Issuer>{IDP}</saml2:Issuer>");
    Product {
        name: "Okta",
        signed: SignedParts::Both,
        response: shibboleth.response.replace("<saml2:Issuer", &entity),
        assertion: shibboleth
            .assertion
            .replace(&issuer, &format!("{entity}>{IDP}</saml2:Issuer>{{SIG}}"))
            .replace("xsd:string", "xs:string")
            .replace(
                &format!("xmlns:saml2=\"{SAML}\""),
                &format!("xmlns:saml2=\"{SAML}\" {XS}"),
            ),
        ..shibboleth
    }
}

/// Google Workspace: the response signed, an `anyType` value, an unspecified class.
fn google() -> Product {
    let shibboleth = shibboleth();
    Product {
        name: "Google Workspace",
        assertion: shibboleth
            .assertion
            .replace(
                "xsi:type=\"xsd:string\"",
                &format!("{XS} xsi:type=\"xs:anyType\""),
            )
            .replace("PasswordProtectedTransport", "unspecified")
            .replace(" Address=\"192.0.2.7\" InResponseTo", " InResponseTo")
            .replace("<saml2:SubjectLocality Address=\"192.0.2.7\"/>", ""),
        ..shibboleth
    }
}

/// Keycloak: both signed, a key's name in KeyInfo, a statement with SessionNotOnOrAfter before the
/// attributes, and a bare NameID.
fn keycloak() -> Product {
    let statement = attributes(|name, values| {
        let values = joined(
            values,
            &format!("<saml:AttributeValue {XS} {XSI} xsi:type=\"xs:string\">"),
            "</saml:AttributeValue>",
        );
        format!(
            "<saml:Attribute FriendlyName=\"{name}\" Name=\"{name}\" \
             NameFormat=\"{FORMAT}:2.0:attrname-format:basic\">{values}</saml:Attribute>"
        )
    });
    Product {
        name: "Keycloak",
        signed: SignedParts::Both,
        ds: "dsig:",
        times: (3, "Z"),
        response: format!(
            "<samlp:Response xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" Destination=\"{ACS}\" \
             ID=\"{RESPONSE_ID}\" InResponseTo=\"_request1\" IssueInstant=\"{{now}}\" \
             Version=\"2.0\"><saml:Issuer>{IDP}</saml:Issuer>{{SIG}}<samlp:Status>\
             <samlp:StatusCode Value=\"{SUCCESS}\"/></samlp:Status>{{ASSERTION}}</samlp:Response>"
        ),
        assertion: format!(
            "<saml:Assertion xmlns=\"{SAML}\" xmlns:saml=\"{SAML}\" ID=\"{ASSERTION_ID}\" \
             IssueInstant=\"{{now}}\" Version=\"2.0\"><saml:Issuer>{IDP}</saml:Issuer>{{SIG}}\
             <saml:Subject><saml:NameID>user1</saml:NameID>\
             <saml:SubjectConfirmation Method=\"{BEARER}\"><saml:SubjectConfirmationData \
             InResponseTo=\"_request1\" NotOnOrAfter=\"{{end}}\" Recipient=\"{ACS}\"/>\
             </saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=\"{{before}}\" \
             NotOnOrAfter=\"{{end}}\"><saml:AudienceRestriction><saml:Audience>{SP}\
             </saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{{now}}\" SessionIndex=\"a::b\" \
             SessionNotOnOrAfter=\"{{end}}\"><saml:AuthnContext><saml:AuthnContextClassRef>\
             {CLASS}:unspecified</saml:AuthnContextClassRef></saml:AuthnContext>\
             </saml:AuthnStatement><saml:AttributeStatement>{statement}\
             </saml:AttributeStatement></saml:Assertion>"
        ),
        name_id: "<saml:NameID>user1</saml:NameID>".to_owned(),
    }
}

/// SiteMinder: default namespaces with numbered prefixes, indentation, no digits of a second, a
/// declaration of authentication, an address of the assertion's holder.
fn siteminder() -> Product {
    let statement = attributes(|name, values| {
        let values = joined(
            values,
            "\n            <ns2:AttributeValue>",
            "</ns2:AttributeValue>",
        );
        format!(
            "\n          <ns2:Attribute Name=\"{name}\" \
             NameFormat=\"{FORMAT}:2.0:attrname-format:unspecified\">{values}\n          \
             </ns2:Attribute>"
        )
    });
    Product {
        name: "SiteMinder",
        signed: SignedParts::Assertion,
        ds: "ds:",
        times: (0, "Z"),
        response: format!(
            "<Response xmlns=\"{SAMLP}\" Destination=\"{ACS}\" ID=\"{RESPONSE_ID}\" \
             InResponseTo=\"_request1\" IssueInstant=\"{{now}}\" Version=\"2.0\">\n    \
             <ns1:Issuer xmlns:ns1=\"{SAML}\" Format=\"{FORMAT}:2.0:nameid-format:entity\">{IDP}\
             </ns1:Issuer>\n    <Status>\n        <StatusCode Value=\"{SUCCESS}\"/>\n    \
             </Status>\n    {{ASSERTION}}\n</Response>"
        ),
        assertion: format!(
            "<ns2:Assertion xmlns:ns2=\"{SAML}\" ID=\"{ASSERTION_ID}\" IssueInstant=\"{{now}}\" \
             Version=\"2.0\">\n        <ns2:Issuer Format=\"{FORMAT}:2.0:nameid-format:entity\">\
             \n            {IDP}\n        </ns2:Issuer>{{SIG}}\n        <ns2:Subject>\n            \
             <ns2:NameID Format=\"{FORMAT}:1.1:nameid-format:unspecified\">\n                \
             user1\n            </ns2:NameID>\n            \
             <ns2:SubjectConfirmation Method=\"{BEARER}\">\n                \
             <ns2:SubjectConfirmationData InResponseTo=\"_request1\" NotOnOrAfter=\"{{end}}\" \
             Recipient=\"{ACS}\"/>\n            </ns2:SubjectConfirmation>\n        \
             </ns2:Subject>\n        <ns2:Conditions NotBefore=\"{{before}}\" \
             NotOnOrAfter=\"{{end}}\">\n            <ns2:AudienceRestriction>\n                \
             <ns2:Audience>{SP}</ns2:Audience>\n            </ns2:AudienceRestriction>\n        \
             </ns2:Conditions>\n        <ns2:AuthnStatement AuthnInstant=\"{{now}}\" \
             SessionIndex=\"x1\" SessionNotOnOrAfter=\"{{end}}\">\n            \
             <ns2:AuthnContext>\n                <ns2:AuthnContextClassRef>{CLASS}:Password\
             </ns2:AuthnContextClassRef>\n            </ns2:AuthnContext>\n        \
             </ns2:AuthnStatement>\n        <ns2:AttributeStatement>{statement}\n        \
             </ns2:AttributeStatement>\n    </ns2:Assertion>"
        ),
        name_id: format!(
            "<saml:NameID Format=\"{FORMAT}:1.1:nameid-format:unspecified\">user1</saml:NameID>"
        ),
    }
}

impl Product {
    /// Writes and signs the response.
    fn sign(&self, issuer: &Issuer, now: i64) -> String {
        let (digits, zone) = self.times;
        let time = |at: i64| {
            let seconds = at.div_euclid(1000);
            let text = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
            let fraction = match digits {
                0 => String::new(),
                digits => format!(".{}", "1".repeat(digits)),
            };
            format!("{}{fraction}{zone}", text.format("%Y-%m-%dT%H:%M:%S"))
        };
        let fill = |text: &str| {
            text.replace("{now}", &time(now - 1_000))
                .replace("{before}", &time(now - 300_000))
                .replace("{end}", &time(now + 3_600_000))
        };
        let signed = |text: &str, id: &str, is_signed: bool| {
            if is_signed {
                sign_element(text, "{SIG}", id, self.ds, issuer).unwrap()
            } else {
                text.replace("{SIG}", "")
            }
        };
        let (assertion, response) = match self.signed {
            SignedParts::Nothing => (false, false),
            SignedParts::Assertion => (true, false),
            SignedParts::Response => (false, true),
            SignedParts::Both => (true, true),
        };
        let assertion = signed(&fill(&self.assertion), ASSERTION_ID, assertion);
        let whole = fill(&self.response).replace("{ASSERTION}", &assertion);
        signed(&whole, RESPONSE_ID, response)
    }
}

fn message(url: &url::Url) -> String {
    let (_, value) = url
        .query_pairs()
        .find(|(name, _)| name == "SAMLRequest")
        .unwrap();
    let deflated = STANDARD.decode(value.as_bytes()).unwrap();
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(deflated.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[tokio::test]
async fn responses_in_the_shapes_of_products_sign_in_and_out() {
    let issuer = Issuer::generate(IDP).unwrap();
    let fixture = Fixture {
        provider: provider(&issuer.metadata_xml(SSO, Some(SLO)).unwrap()),
        issuer,
        now: now().as_millis(),
    };
    for product in [
        entra(),
        adfs(),
        shibboleth(),
        okta(),
        google(),
        keycloak(),
        siteminder(),
    ] {
        let name = product.name;
        for (digits, zone) in [product.times, (0, ""), (7, "Z")] {
            let product = Product {
                times: (digits, zone),
                name,
                signed: product.signed,
                ds: product.ds,
                response: product.response.clone(),
                assertion: product.assertion.clone(),
                name_id: product.name_id.clone(),
            };
            let xml = product.sign(&fixture.issuer, fixture.now);
            let checked = match fixture.check(&xml).await {
                Ok(checked) => checked,
                Err(refusal) => panic!("{name}: {refusal}: {xml}"),
            };
            assert_eq!(checked.subject, "user1", "{name}");
            assert_eq!(checked.display_name, "Johannes Kepler", "{name}");
            assert_eq!(checked.email, "user1@example.com", "{name}");
            assert_eq!(
                checked.groups,
                ["mycustomdomain-students", "astronomy"],
                "{name}"
            );
            let url = fixture
                .provider
                .create_logout_request(
                    checked.name_id.as_ref().unwrap(),
                    checked.session_index.as_deref(),
                    "",
                    now(),
                )
                .unwrap()
                .unwrap();
            let sent = message(&url);
            assert!(sent.contains(&product.name_id), "{name}: {sent}");
            assert!(sent.contains("<samlp:SessionIndex>"), "{name}: {sent}");
            // And the signature is what lets them in.
            let forged = xml
                .replace(">user1<", ">admin<")
                .replace("user1\n", "admin\n");
            assert!(fixture.check(&forged).await.is_err(), "{name}");
        }
    }
}
