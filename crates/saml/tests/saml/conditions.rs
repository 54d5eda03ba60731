//! Validly signed responses whose content is refused.

use starchart_saml::RefusalClass;
use starchart_saml::issuer::{Response, SignedParts};

use crate::fixture::{Fixture, code};

/// Changes a valid response, signs each part in turn, and checks the code of the refusal.
async fn assert_code(expected: &str, change: impl Fn(&mut Response)) {
    let fixture = Fixture::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        let mut response = fixture.valid_response();
        response.sign = sign;
        change(&mut response);
        assert_eq!(fixture.code_of(&response).await, expected, "{sign:?}");
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
pub(crate) async fn audience_is_checked() {
    let other = || "http://other.example.test/sp".to_owned();
    let us = || crate::fixture::SP.to_owned();
    assert_code("audience", |r| r.audiences = vec![vec![other()]]).await;
    assert_code("audience_absent", |r| r.audiences.clear()).await;
    assert_code("audience", |r| r.audiences = vec![vec![]]).await;
    assert_code("audience", |r| {
        r.audiences = vec![vec![us()], vec![other()]]
    })
    .await;
    assert_code("accepted", |r| r.audiences = vec![vec![other(), us()]]).await;
    assert_code("accepted", |r| {
        r.audiences = vec![vec![us()], vec![other(), us()]]
    })
    .await;
}

#[tokio::test]
pub(crate) async fn recipient_and_destination_are_checked() {
    assert_code("recipient", |r| {
        r.recipient = some("http://other.example.test/acs")
    })
    .await;
    assert_code("recipient_absent", |r| r.recipient = None).await;
    assert_code("destination", |r| {
        r.destination = some("http://other.example.test/acs")
    })
    .await;
    assert_code("destination_absent", |r| r.destination = None).await;
}

#[tokio::test]
pub(crate) async fn in_response_to_is_checked() {
    assert_code("unsolicited", |r| r.in_response_to = None).await;
    assert_code("unsolicited", |r| r.confirmation_in_response_to = None).await;
    assert_code("in_response_to_differs", |r| {
        r.in_response_to = some("_another")
    })
    .await;
    assert_code("in_response_to_differs", |r| {
        r.confirmation_in_response_to = some("_another")
    })
    .await;
}

#[tokio::test]
pub(crate) async fn issuers_are_checked() {
    assert_code("response_issuer", |r| {
        r.issuer = some("http://evil.example.test")
    })
    .await;
    assert_code("assertion_issuer", |r| {
        r.assertion_issuer = "http://evil.example.test".to_owned()
    })
    .await;
}

#[tokio::test]
pub(crate) async fn conditions_and_their_times_are_checked() {
    assert_code("conditions_absent", |r| r.conditions = false).await;
    assert_code("not_on_or_after_absent", |r| r.not_on_or_after = None).await;
    assert_code("not_yet_valid", |r| {
        r.not_before = Some(r.issued + 130_000);
        r.not_on_or_after = Some(r.issued + 600_000);
    })
    .await;
    assert_code("expired", |r| {
        r.not_before = Some(r.issued - 300_000);
        r.not_on_or_after = Some(r.issued - 130_000);
    })
    .await;
    assert_code("conditions_never_valid", |r| {
        r.not_on_or_after = r.not_before
    })
    .await;
}

#[tokio::test]
pub(crate) async fn subject_confirmation_is_checked() {
    assert_code("not_bearer", |r| {
        r.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".to_owned()
    })
    .await;
    assert_code("confirmation_not_on_or_after", |r| {
        r.confirmation_not_on_or_after = None
    })
    .await;
    assert_code("confirmation_expired", |r| {
        r.confirmation_not_on_or_after = Some(r.issued - 130_000)
    })
    .await;
    assert_code("confirmation_not_before", |r| {
        r.confirmation_not_before = Some(r.issued - 1000)
    })
    .await;
}

#[tokio::test]
pub(crate) async fn issue_instants_are_checked() {
    let day = 86_400_000;
    assert_code("response_issued_in_future", |r| r.issued += day).await;
    assert_code("assertion_issued_in_future", |r| r.assertion_issued += day).await;
    assert_code("response_too_old", |r| r.issued -= 200_000).await;
    assert_code("assertion_too_old", |r| r.assertion_issued -= 200_000).await;
    assert_code("accepted", |r| {
        r.issued -= 170_000;
        r.assertion_issued -= 170_000;
    })
    .await;
}

#[tokio::test]
pub(crate) async fn authn_statements_are_checked() {
    assert_code("authn_statement_absent", |r| r.authn_statement = false).await;
    assert_code("session_over", |r| {
        r.session_not_on_or_after = Some(r.issued - 130_000)
    })
    .await;
}

#[tokio::test]
pub(crate) async fn versions_are_checked() {
    assert_code("version", |r| r.version = "1.1".to_owned()).await;
    assert_code("version", |r| r.assertion_version = "3.0".to_owned()).await;
}

#[tokio::test]
pub(crate) async fn the_status_is_checked() {
    assert_code("status_responder", |r| {
        *r = r.clone().with_status("Responder")
    })
    .await;
    assert_code("status_absent", |r| r.status = None).await;
    assert_code("status_code_absent", |r| r.status = some("")).await;
    assert_code("status_value_absent", |r| {
        r.status = some("<samlp:StatusCode/>")
    })
    .await;
}

#[tokio::test]
pub(crate) async fn an_unsigned_failure_status_is_a_refusal_by_the_identity_provider() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response().with_status("Requester");
    response.sign = SignedParts::Nothing;
    let xml = response.sign(&fixture.issuer).unwrap();
    let assertion = crate::fixture::element(&xml, "saml:Assertion").to_owned();
    let refusal = fixture
        .check(&xml.replace(&assertion, ""))
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.class(), refusal.code()),
        (RefusalClass::IdpRefused, "status_requester")
    );
}

#[tokio::test]
pub(crate) async fn the_subject_must_be_one_attribute_with_one_plain_value() {
    let subject = |values: &[&str]| {
        (
            "sAMAccountName".to_owned(),
            values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_code("subject_absent", |r| {
        r.attributes.retain(|(name, _)| name != "sAMAccountName")
    })
    .await;
    assert_code("subject_absent", |r| {
        r.attributes = vec![("samaccountname".to_owned(), vec!["user1".to_owned()])]
    })
    .await;
    assert_code("subject_not_single_valued", |r| {
        r.attributes = vec![subject(&["user1", "admin"])]
    })
    .await;
    assert_code("subject_not_single_valued", |r| {
        r.attributes = vec![subject(&[])]
    })
    .await;
    assert_code("subject_attribute_twice", |r| {
        r.attributes = vec![subject(&["user1"]), subject(&["admin"])]
    })
    .await;
    assert_code("subject_attribute_twice", |r| {
        r.attributes = vec![subject(&["user1"]), subject(&["user1"])]
    })
    .await;
    assert_code("subject_empty", |r| r.attributes = vec![subject(&[""])]).await;
    assert_code("subject_characters", |r| {
        r.attributes = vec![subject(&["user1 "])]
    })
    .await;
    assert_code("subject_characters", |r| {
        r.attributes = vec![subject(&["\u{a0}user1"])]
    })
    .await;
    assert_code("subject_too_long", |r| {
        r.attributes = vec![subject(&["u".repeat(257).as_str()])]
    })
    .await;
}

#[tokio::test]
async fn a_refusal_contains_no_part_of_the_response() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.destination = some("http://secret.example.test/private");
    let refusal = fixture
        .check(&response.sign(&fixture.issuer).unwrap())
        .await
        .unwrap_err();
    let printed = format!("{refusal} {refusal:?}");
    assert!(
        !printed.contains("secret") && !printed.contains("user1") && !printed.contains("Kepler"),
        "{printed}"
    );
    assert_eq!(code(Err(refusal)), "destination");
}
