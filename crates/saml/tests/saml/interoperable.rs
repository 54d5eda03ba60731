//! Responses as other products write them. Each row is one deviation from the plain response, with
//! the right signature: what the schema allows and nothing here reads is ignored, and what is read
//! is read as the specification says.

use starchart_saml::issuer::{Response, SignedParts};

use crate::fixture::{ACS, Fixture, IDP, SP, code, element};

/// The attribute that identifies the user.
const SUBJECT: &str = "<saml:AttributeValue>user1</saml:AttributeValue>";
const STATEMENT_END: &str = "</saml:AttributeStatement>";
const CONFIRMATION: &str = "<saml:SubjectConfirmation ";
const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// A deviation: what it is, the expected code, and replacements before signing.
struct Row {
    what: &'static str,
    expected: &'static str,
    edits: Vec<(&'static str, String)>,
}

fn row(
    what: &'static str,
    expected: &'static str,
    from: &'static str,
    to: impl Into<String>,
) -> Row {
    Row {
        what,
        expected,
        edits: vec![(from, to.into())],
    }
}

/// A row that is accepted.
fn fine(what: &'static str, from: &'static str, to: impl Into<String>) -> Row {
    row(what, "accepted", from, to)
}

/// Applies the edits to the assertion before it is signed.
async fn assert_assertions(rows: Vec<Row>) {
    assert_rows(rows, |response, edit| response.assertion_edits.push(edit)).await;
}

/// Applies the edits to the response, outside of the assertion, before it is signed.
async fn assert_responses(rows: Vec<Row>) {
    assert_rows(rows, |response, edit| response.response_edits.push(edit)).await;
}

async fn assert_rows(rows: Vec<Row>, push: impl Fn(&mut Response, (String, String))) {
    let fixture = Fixture::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        for row in &rows {
            let mut response = fixture.valid_response();
            response.sign = sign;
            let plain = response.sign(&fixture.issuer).unwrap();
            for (from, to) in &row.edits {
                assert!(plain.contains(from), "{}: {from}", row.what);
                push(&mut response, ((*from).to_owned(), to.clone()));
            }
            let outcome = fixture
                .check(&response.sign(&fixture.issuer).unwrap())
                .await;
            if let Ok(checked) = &outcome {
                assert_eq!(checked.subject, "user1", "{}", row.what);
                assert_eq!(checked.groups.len(), 2, "{}", row.what);
            }
            assert_eq!(code(outcome), row.expected, "{}, signed {sign:?}", row.what);
        }
    }
}

fn before(anchor: &str, addition: &str) -> String {
    format!("{addition}{anchor}")
}

fn after(anchor: &str, addition: &str) -> String {
    format!("{anchor}{addition}")
}

/// RS01: an AttributeValue may hold anything (SAML core 2.7.3.1.1).
#[tokio::test]
async fn attributes_that_are_not_read_may_hold_anything() {
    let unread = |values: &str| {
        before(
            STATEMENT_END,
            &format!("<saml:Attribute Name=\"urn:oid:1.3.6\">{values}</saml:Attribute>"),
        )
    };
    let value = |content: &str| {
        unread(&format!(
            "<saml:AttributeValue>{content}</saml:AttributeValue>"
        ))
    };
    let subject = |to: &str| SUBJECT.replace("user1", to);
    assert_assertions(vec![
        fine(
            "eduPersonTargetedID",
            STATEMENT_END,
            value(
                "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" \
                 NameQualifier=\"q\" SPNameQualifier=\"s\">abc</saml:NameID>",
            ),
        ),
        fine(
            "elements of another namespace",
            STATEMENT_END,
            value("<o:Card xmlns:o=\"urn:example:card\" o:kind=\"1\"><o:Name>x</o:Name></o:Card>"),
        ),
        fine(
            "elements without a namespace",
            STATEMENT_END,
            value("<a><b/></a>"),
        ),
        fine("text among elements", STATEMENT_END, value("x<b>y</b>z")),
        fine(
            "attributes on the value",
            STATEMENT_END,
            unread(
                "<saml:AttributeValue xmlns:o=\"urn:o\" o:a=\"1\" b=\"2\">x</saml:AttributeValue>",
            ),
        ),
        fine(
            "nil",
            STATEMENT_END,
            unread(&format!("<saml:AttributeValue {XSI} xsi:nil=\"true\"/>")),
        ),
        fine("no value", STATEMENT_END, unread("")),
        fine(
            "several values",
            STATEMENT_END,
            unread(&"<saml:AttributeValue/>".repeat(3)),
        ),
        fine(
            "attributes of another namespace on the attribute",
            STATEMENT_END,
            "<saml:Attribute xmlns:a=\"http://schemas.xmlsoap.org/ws/2009/09/identity/claims\" \
             a:OriginalIssuer=\"x\" Name=\"y\"/></saml:AttributeStatement>",
        ),
        fine(
            "elements beside the groups",
            "Name=\"group\">",
            "Name=\"group\"><saml:AttributeValue><x/></saml:AttributeValue>",
        ),
        fine(
            "a second statement",
            STATEMENT_END,
            after(STATEMENT_END, "<saml:AttributeStatement/>"),
        ),
        row(
            "the user as elements",
            "subject_not_text",
            SUBJECT,
            subject("<saml:NameID>user1</saml:NameID>"),
        ),
        row(
            "an assertion",
            "nested_message",
            STATEMENT_END,
            value("<saml:Assertion ID=\"_n\"/>"),
        ),
        row(
            "a signature",
            "nested_message",
            STATEMENT_END,
            value("<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>"),
        ),
        row(
            "an ID that is none",
            "nested_id",
            STATEMENT_END,
            value("<x ID=\"a b\"/>"),
        ),
        row(
            "an ID twice",
            "duplicate_id",
            STATEMENT_END,
            value("<x ID=\"a\"/><x ID=\"a\"/>"),
        ),
    ])
    .await;
}

/// RS04: NotBefore is optional (SAML core 2.5.1).
#[tokio::test]
async fn conditions_need_an_end_and_an_audience_only() {
    let fixture = Fixture::new();
    let plain = fixture.valid_response().sign(&fixture.issuer).unwrap();
    let conditions = element(&plain, "saml:Conditions");
    let not_before = conditions
        .split(' ')
        .find(|part| part.starts_with("NotBefore"))
        .unwrap();
    for (edit, expected) in [
        ((not_before.to_owned(), String::new()), "accepted"),
        (
            (
                not_before.to_owned(),
                not_before.replace("NotBefore", "notBefore"),
            ),
            "conditions_attribute",
        ),
        (
            (not_before.to_owned(), "NotBefore=\"yesterday\"".to_owned()),
            "conditions_not_before",
        ),
    ] {
        let mut response = fixture.valid_response();
        response.assertion_edits.push(edit);
        assert_eq!(fixture.code_of(&response).await, expected);
    }
}

/// RS06: one satisfied SubjectConfirmation is enough (SAML core 2.4.1.1).
#[tokio::test]
async fn one_satisfied_subject_confirmation_is_enough() {
    let vouches = "<saml:SubjectConfirmation \
                   Method=\"urn:oasis:names:tc:SAML:2.0:cm:sender-vouches\"/>";
    let holder = "<saml:SubjectConfirmation \
                  Method=\"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key\">\
                  <saml:SubjectConfirmationData><ds:KeyInfo \
                  xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyName>k</ds:KeyName>\
                  </ds:KeyInfo></saml:SubjectConfirmationData></saml:SubjectConfirmation>";
    let bearer = |data: &str| {
        format!(
            "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData {data}/></saml:SubjectConfirmation>"
        )
    };
    let end = "NotOnOrAfter=\"2999-01-01T00:00:00Z\"";
    let ours = format!("Recipient=\"{ACS}\" InResponseTo=\"_request1\"");
    let expired = bearer(&format!("{ours} NotOnOrAfter=\"2001-01-01T00:00:00Z\""));
    let with = |other: &str| before(CONFIRMATION, other);
    let other_method = |method: &str| {
        (
            "urn:oasis:names:tc:SAML:2.0:cm:bearer",
            format!("urn:oasis:names:tc:SAML:2.0:cm:{method}"),
        )
    };
    let mut rows = vec![
        fine("sender-vouches first", CONFIRMATION, with(vouches)),
        fine("holder-of-key first", CONFIRMATION, with(holder)),
        fine("an expired bearer first", CONFIRMATION, with(&expired)),
        fine(
            "a bearer for another recipient first",
            CONFIRMATION,
            with(&bearer(&format!("{end} Recipient=\"https://x.example\""))),
        ),
        fine(
            "a bearer with NotBefore first",
            CONFIRMATION,
            with(&bearer(&format!(
                "{ours} {end} NotBefore=\"2001-01-01T00:00:00Z\""
            ))),
        ),
        fine(
            "a bearer without data first",
            CONFIRMATION,
            with("<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"/>"),
        ),
        fine(
            "a bearer with a time that is none first",
            CONFIRMATION,
            with(&bearer(&format!("{ours} NotOnOrAfter=\"soon\""))),
        ),
        fine(
            "sender-vouches and an expired bearer last",
            "</saml:Subject>",
            before("</saml:Subject>", &format!("{vouches}{expired}")),
        ),
        fine(
            "attributes and content that the schema allows in the data",
            "<saml:SubjectConfirmationData ",
            "<saml:SubjectConfirmationData xmlns:o=\"urn:o\" o:a=\"1\" Address=\"10.0.0.1\" ",
        ),
    ];
    let mut alone = row("sender-vouches alone", "not_bearer", "", "");
    alone.edits = vec![other_method("sender-vouches")];
    rows.push(alone);
    let mut two = row("holder-of-key and sender-vouches", "not_bearer", "", "");
    two.edits = vec![other_method("holder-of-key"), (CONFIRMATION, with(vouches))];
    rows.push(two);
    let mut late = row(
        "an expired bearer and sender-vouches",
        "confirmation_expired",
        "",
        "",
    );
    late.edits = vec![
        other_method("sender-vouches"),
        (CONFIRMATION, with(&expired)),
    ];
    rows.push(late);
    let mut elsewhere = row("a bearer for another recipient alone", "recipient", "", "");
    elsewhere.edits = vec![("Recipient=\"http", "Recipient=\"xhttp".to_owned())];
    rows.push(elsewhere);
    rows.push(row(
        "an assertion in the data",
        "nested_message",
        CONFIRMATION,
        with(&vouches.replace(
            "/>",
            "><saml:SubjectConfirmationData><saml:Assertion/></saml:SubjectConfirmationData>\
             </saml:SubjectConfirmation>",
        )),
    ));
    assert_assertions(rows).await;
}

/// RS07: white space around what is read does not count.
#[tokio::test]
async fn white_space_around_values_does_not_count() {
    let space = |from: &str| from.replace('>', ">\n\t ");
    assert_assertions(vec![
        fine(
            "the issuer",
            ">http://idp.example",
            space(">http://idp.example"),
        ),
        fine("the end of the issuer", "/metadata<", "/metadata\n  <"),
        fine("the audience", "<saml:Audience>", "<saml:Audience>\n   "),
        fine(
            "the end of the audience",
            "</saml:Audience>",
            "\n</saml:Audience>",
        ),
        fine("the recipient", "Recipient=\"", "Recipient=\" "),
        fine("the request", " InResponseTo=\"", " InResponseTo=\"\n"),
        fine("the method", "Method=\"", "Method=\" "),
        fine(
            "the NameID",
            "persistent\">user1<",
            "persistent\">\n user1\n <",
        ),
        fine(
            "the class",
            "ac:classes:Password<",
            "ac:classes:Password\n<",
        ),
        fine("times", "NotOnOrAfter=\"", "NotOnOrAfter=\" "),
        fine("the issue instant", "IssueInstant=\"", "IssueInstant=\"\t"),
        fine(
            "between elements",
            "<saml:Subject>",
            "\n  <saml:Subject>\n  ",
        ),
        row(
            "in the issuer",
            "assertion_issuer",
            "idp.example",
            "idp. example",
        ),
        row(
            "another space",
            "assertion_issuer",
            "/metadata<",
            "/metadata\u{a0}<",
        ),
        row(
            "the user",
            "subject_characters",
            SUBJECT,
            SUBJECT.replace("user1", " user1"),
        ),
    ])
    .await;
    assert_responses(vec![
        fine("the status", "Value=\"urn", "Value=\" urn"),
        fine("the destination", "Destination=\"", "Destination=\"\n"),
        fine(
            "between elements",
            "<samlp:Status>",
            "\r\n<samlp:Status>\r\n",
        ),
    ])
    .await;
}

/// RS17: annotations of the schema may be anywhere; status details are not read.
#[tokio::test]
async fn schema_annotations_mean_nothing() {
    let names = [
        "Assertion ",
        "Subject>",
        "NameID ",
        "SubjectConfirmation ",
        "SubjectConfirmationData ",
        "Conditions ",
        "AudienceRestriction>",
        "Audience>",
        "AuthnStatement ",
        "AuthnContext>",
        "AuthnContextClassRef>",
        "AttributeStatement>",
        "Attribute ",
        "AttributeValue>",
    ];
    let fixture = Fixture::new();
    for name in names {
        let (tag, end) = name.split_at(name.len() - 1);
        let mut response = fixture.valid_response();
        response.sign = SignedParts::Response;
        response.assertion_edits.push((
            format!("<saml:{name}"),
            format!(
                "<saml:{tag} {XSI} xsi:type=\"saml:{tag}Type\" xml:lang=\"en\" \
                 xsi:schemaLocation=\"urn:a b\"{end}"
            ),
        ));
        assert_eq!(fixture.code_of(&response).await, "accepted", "{name}");
    }
    let typed = |tag: &str| format!("<samlp:{tag} {XSI} xsi:type=\"samlp:{tag}Type\"");
    let success = "Success\"/>";
    assert_responses(vec![
        fine(
            "a type of the status",
            "<samlp:Status>",
            format!("{}>", typed("Status")),
        ),
        fine(
            "a type of the code",
            "<samlp:StatusCode ",
            format!("{} ", typed("StatusCode")),
        ),
        fine(
            "where the schema is",
            "<samlp:Response ",
            format!("<samlp:Response {XSI} xsi:schemaLocation=\"urn:x x.xsd\" "),
        ),
        fine(
            "consent",
            "<samlp:Response ",
            "<samlp:Response Consent=\"urn:x\" ",
        ),
        fine(
            "a message in a language",
            success,
            after(
                success,
                "<samlp:StatusMessage xml:lang=\"de\">gut</samlp:StatusMessage>",
            ),
        ),
        fine(
            "a detail",
            success,
            after(
                success,
                "<samlp:StatusDetail><Cause>x</Cause></samlp:StatusDetail>",
            ),
        ),
        fine(
            "a second code",
            success,
            "Success\"><samlp:StatusCode Value=\"urn:x\"/></samlp:StatusCode>",
        ),
        fine(
            "extensions",
            "<samlp:Status>",
            before(
                "<samlp:Status>",
                "<samlp:Extensions><x xmlns=\"urn:x\"/></samlp:Extensions>",
            ),
        ),
        row(
            "an unknown namespace",
            "namespace_unknown",
            "<samlp:Response ",
            "<samlp:Response xmlns:x=\"urn:x\" ",
        ),
        row(
            "another attribute",
            "response_attribute",
            "<samlp:Response ",
            "<samlp:Response x=\"\" ",
        ),
    ])
    .await;
}

/// RS17: a refusal by the identity provider is told whatever is around it.
#[tokio::test]
async fn a_refusal_by_the_identity_provider_is_told() {
    let fixture = Fixture::new();
    let status = "urn:oasis:names:tc:SAML:2.0:status:";
    let xsi = format!("{XSI} xsi:type=\"samlp:x\"");
    let codes = |outer: &str, inner: &str| {
        format!(
            "<samlp:StatusCode Value=\"{status}{outer}\" {xsi}>\
             <samlp:StatusCode Value=\"{status}{inner}\" {xsi}/></samlp:StatusCode>"
        )
    };
    for (content, expected) in [
        (
            codes("Responder", "NoAuthnContext"),
            "status_no_authn_context",
        ),
        (codes("Responder", "AuthnFailed"), "status_authn_failed"),
        (codes("Requester", "RequestDenied"), "status_request_denied"),
        (
            codes("Requester", "InvalidNameIDPolicy"),
            "status_invalid_name_id_policy",
        ),
        (codes("Responder", "NoPassive"), "status_no_passive"),
        (codes("Responder", "SomethingNew"), "status_failure"),
        (
            format!(
                "{}<samlp:StatusMessage xml:lang=\"de\">nein</samlp:StatusMessage>\
                 <samlp:StatusDetail><x/></samlp:StatusDetail>",
                codes("Responder", "NoAuthnContext")
            ),
            "status_no_authn_context",
        ),
    ] {
        let mut response = fixture.valid_response();
        response.sign = SignedParts::Nothing;
        response.status = Some(content);
        let xml = response.sign(&fixture.issuer).unwrap();
        let assertion = element(&xml, "saml:Assertion").to_owned();
        let typed = xml
            .replace(&assertion, "")
            .replace("<samlp:Status>", &format!("<samlp:Status {xsi}>"));
        assert_eq!(code(fixture.check(&typed).await), expected, "{typed}");
    }
}

/// RS26: every time is an `xs:dateTime`, in UTC where it has no zone.
#[tokio::test]
async fn times_need_no_zone() {
    let fixture = Fixture::new();
    let change = |xml: &str, to: &str| {
        // Every time of the document ends with Z" after milliseconds.
        xml.replace("Z\"", &format!("{to}\""))
    };
    let names = [
        "IssueInstant",
        "AuthnInstant",
        "NotBefore",
        "NotOnOrAfter",
        "SessionNotOnOrAfter",
    ];
    for sign in [SignedParts::Assertion, SignedParts::Response] {
        let mut plain = fixture.valid_response();
        plain.sign = sign;
        let xml = plain.sign(&fixture.issuer).unwrap();
        for name in names {
            let start = xml.find(&format!(" {name}=\"")).unwrap() + 1;
            let time = xml[start..]
                .split_inclusive('"')
                .take(2)
                .collect::<String>();
            for zone in ["", "+00:00", "-00:00", "0000Z"] {
                let mut response = plain.clone();
                let edit = (time.clone(), change(&time, zone));
                response.assertion_edits.push(edit.clone());
                response.response_edits.push(edit);
                // An edit of the response would change the signed assertion.
                if sign == SignedParts::Assertion {
                    response.response_edits.clear();
                }
                assert_eq!(
                    fixture.code_of(&response).await,
                    "accepted",
                    "{name} with {zone:?}, signed {sign:?}"
                );
            }
        }
    }
}

/// RS41 and its neighbours: parts of an assertion that are not read.
#[tokio::test]
async fn parts_that_are_not_read_are_ignored() {
    let class = "<saml:AuthnContextClassRef>";
    let class_end = "</saml:AuthnContextClassRef>";
    let decl = "<saml:AuthnContextDecl><AuthenticationContextDeclaration \
                xmlns=\"urn:oasis:names:tc:SAML:2.0:ac:classes:Password\"><x/>\
                </AuthenticationContextDeclaration></saml:AuthnContextDecl>";
    let conditions_end = "</saml:Conditions>";
    let statement = "<saml:AttributeStatement>";
    assert_assertions(vec![
        fine("a declaration", class_end, after(class_end, decl)),
        fine("a declaration before the class", class, before(class, decl)),
        fine(
            "a reference to a declaration",
            class_end,
            after(
                class_end,
                "<saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef>",
            ),
        ),
        fine(
            "two authorities",
            class_end,
            after(
                class_end,
                &"<saml:AuthenticatingAuthority>urn:x</saml:AuthenticatingAuthority>".repeat(2),
            ),
        ),
        fine(
            "advice",
            conditions_end,
            after(conditions_end, "<saml:Advice><x/></saml:Advice>"),
        ),
        fine(
            "an authorization decision",
            statement,
            before(
                statement,
                "<saml:AuthzDecisionStatement Resource=\"urn:x\" Decision=\"Permit\">\
                 <saml:Action Namespace=\"urn:x\">GET</saml:Action></saml:AuthzDecisionStatement>",
            ),
        ),
        fine(
            "a statement of another type",
            statement,
            before(
                statement,
                &format!("<saml:Statement {XSI} xsi:type=\"x:y\" xmlns:x=\"urn:x\"/>"),
            ),
        ),
        fine(
            "qualifiers of the issuer",
            "<saml:Issuer ",
            "<saml:Issuer NameQualifier=\"x\" \
             Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\" ",
        ),
        row(
            "an issuer that is a person",
            "issuer_format",
            "<saml:Issuer ",
            "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\" ",
        ),
        row(
            "advice with an assertion",
            "nested_message",
            conditions_end,
            after(
                conditions_end,
                "<saml:Advice><saml:Assertion/></saml:Advice>",
            ),
        ),
        row(
            "an unknown condition",
            "condition_unknown",
            conditions_end,
            before(conditions_end, "<saml:Condition/>"),
        ),
    ])
    .await;
}

/// RS14: KeyInfo is a hint (XML Signature 4.4), which is never used.
#[tokio::test]
async fn key_info_is_not_read() {
    let fixture = Fixture::new();
    let wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    let reference = format!(
        "<o:SecurityTokenReference xmlns:o=\"{wsse}\"><o:KeyIdentifier>x</o:KeyIdentifier>\
         </o:SecurityTokenReference>"
    );
    for sign in [SignedParts::Assertion, SignedParts::Response] {
        let xml = fixture.signed(sign);
        let key_info = element(&xml, "ds:KeyInfo").to_owned();
        for (content, expected) in [
            ("", "accepted"),
            ("<ds:KeyName>idp</ds:KeyName>", "accepted"),
            (
                "<ds:X509Data><ds:X509SKI>AAAA</ds:X509SKI></ds:X509Data>",
                "accepted",
            ),
            (
                "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>\
                 <ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>",
                "accepted",
            ),
            (
                "<ds:X509Data><d:X509Digest xmlns:d=\"http://www.w3.org/2009/xmldsig11#\" \
                 Algorithm=\"x\">A</d:X509Digest></ds:X509Data>",
                "accepted",
            ),
            (
                "<ds:KeyValue><d:ECKeyValue xmlns:d=\"http://www.w3.org/2009/xmldsig11#\"/>\
                 </ds:KeyValue>",
                "accepted",
            ),
            ("<ds:MgmtData>x</ds:MgmtData>", "accepted"),
            (reference.as_str(), "accepted"),
            (
                "<ds:RetrievalMethod URI=\"http://127.0.0.1/\"/>",
                "key_info_child",
            ),
            (
                "<d:KeyInfoReference xmlns:d=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#x\"/>",
                "key_info_child",
            ),
            (
                "<e:EncryptedKey xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"><e:CipherData>\
                 <e:CipherReference URI=\"http://127.0.0.1/\"/></e:CipherData></e:EncryptedKey>",
                "key_info_child",
            ),
            (
                "<ds:X509Data><saml:Assertion/></ds:X509Data>",
                "key_info_child",
            ),
        ] {
            let other = format!("<ds:KeyInfo>{content}</ds:KeyInfo>");
            let other = other.replace("saml:", "ds:");
            let text = xml.replacen(&key_info, &other, 1);
            assert_eq!(
                code(fixture.check(&text).await),
                expected,
                "{sign:?} {content}"
            );
        }
        assert_eq!(
            code(fixture.check(&xml.replacen(&key_info, "", 1)).await),
            "accepted"
        );
    }
}

/// Only what is signed decides: a Response that is not signed itself may omit its Issuer (SAML
/// profiles 4.1.4.2), but not its Destination.
#[tokio::test]
async fn an_unsigned_response_may_omit_its_issuer() {
    let fixture = Fixture::new();
    for (sign, issuer, destination) in [
        (SignedParts::Assertion, "accepted", "destination_absent"),
        (
            SignedParts::Response,
            "response_issuer_absent",
            "destination_absent",
        ),
        (
            SignedParts::Both,
            "response_issuer_absent",
            "destination_absent",
        ),
    ] {
        let mut response = fixture.valid_response();
        response.sign = sign;
        response.issuer = None;
        assert_eq!(fixture.code_of(&response).await, issuer, "{sign:?}");
        let mut response = fixture.valid_response();
        response.sign = sign;
        response.destination = None;
        assert_eq!(fixture.code_of(&response).await, destination, "{sign:?}");
    }
}

#[test]
fn the_constants_are_those_of_the_fixture() {
    assert!(IDP.starts_with("http://idp.example") && IDP.ends_with("/metadata"));
    assert!(ACS.starts_with("http") && SP.starts_with("http"));
}
