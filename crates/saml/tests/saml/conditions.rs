//! Correctly signed responses that say the wrong thing.

use starchart_saml::RefusalClass;
use starchart_saml::issuer::{Response, SignedParts};

use crate::world::{World, code};

/// Bends an honest response in every place of the signature, and compares the refusal's code.
async fn refused(expected: &str, bend: impl Fn(&mut Response)) {
    let world = World::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        let mut response = world.honest();
        response.sign = sign;
        bend(&mut response);
        assert_eq!(world.code_of(&response).await, expected, "{sign:?}");
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn audience() {
    let other = || "http://other.example.test/sp".to_owned();
    let us = || crate::world::SP.to_owned();
    refused("audience", |r| r.audiences = vec![vec![other()]]).await;
    refused("audience_absent", |r| r.audiences.clear()).await;
    refused("audience", |r| r.audiences = vec![vec![]]).await;
    refused("audience", |r| {
        r.audiences = vec![vec![us()], vec![other()]]
    })
    .await;
    refused("accepted", |r| r.audiences = vec![vec![other(), us()]]).await;
    refused("accepted", |r| {
        r.audiences = vec![vec![us()], vec![other(), us()]]
    })
    .await;
}

#[tokio::test]
async fn recipient_and_destination() {
    refused("recipient", |r| {
        r.recipient = some("http://other.example.test/acs")
    })
    .await;
    refused("recipient_absent", |r| r.recipient = None).await;
    refused("destination", |r| {
        r.destination = some("http://other.example.test/acs")
    })
    .await;
    refused("destination_absent", |r| r.destination = None).await;
}

#[tokio::test]
async fn in_response_to() {
    refused("unsolicited", |r| r.in_response_to = None).await;
    refused("unsolicited", |r| r.confirmation_in_response_to = None).await;
    refused("in_response_to_differs", |r| {
        r.in_response_to = some("_another")
    })
    .await;
    refused("in_response_to_differs", |r| {
        r.confirmation_in_response_to = some("_another")
    })
    .await;
}

#[tokio::test]
async fn issuer() {
    refused("response_issuer", |r| {
        r.issuer = some("http://evil.example.test")
    })
    .await;
    refused("response_issuer_absent", |r| r.issuer = None).await;
    refused("assertion_issuer", |r| {
        r.assertion_issuer = "http://evil.example.test".to_owned()
    })
    .await;
}

#[tokio::test]
async fn conditions_and_their_times() {
    refused("conditions_absent", |r| r.conditions = false).await;
    refused("not_before_absent", |r| r.not_before = None).await;
    refused("not_on_or_after_absent", |r| r.not_on_or_after = None).await;
    refused("not_yet_valid", |r| {
        r.not_before = Some(r.issued + 130_000);
        r.not_on_or_after = Some(r.issued + 600_000);
    })
    .await;
    refused("expired", |r| {
        r.not_before = Some(r.issued - 300_000);
        r.not_on_or_after = Some(r.issued - 130_000);
    })
    .await;
    refused("conditions_never_valid", |r| {
        r.not_on_or_after = r.not_before
    })
    .await;
}

#[tokio::test]
async fn confirmation() {
    refused("not_bearer", |r| {
        r.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".to_owned()
    })
    .await;
    refused("confirmation_not_on_or_after", |r| {
        r.confirmation_not_on_or_after = None
    })
    .await;
    refused("confirmation_expired", |r| {
        r.confirmation_not_on_or_after = Some(r.issued - 130_000)
    })
    .await;
    refused("confirmation_not_before", |r| {
        r.confirmation_not_before = Some(r.issued - 1000)
    })
    .await;
}

#[tokio::test]
async fn issue_instants() {
    let day = 86_400_000;
    refused("response_issued_in_future", |r| r.issued += day).await;
    refused("assertion_issued_in_future", |r| r.assertion_issued += day).await;
    refused("response_too_old", |r| r.issued -= 430_000).await;
    refused("assertion_too_old", |r| r.assertion_issued -= 430_000).await;
}

#[tokio::test]
async fn session() {
    refused("authn_statement_absent", |r| r.authn_statement = false).await;
    refused("session_over", |r| {
        r.session_not_on_or_after = Some(r.issued - 130_000)
    })
    .await;
}

#[tokio::test]
async fn version() {
    refused("version", |r| r.version = "1.1".to_owned()).await;
    refused("version", |r| r.assertion_version = "3.0".to_owned()).await;
}

#[tokio::test]
async fn status() {
    refused("status_responder", |r| {
        *r = r.clone().with_status("Responder")
    })
    .await;
    refused("status_absent", |r| r.status = None).await;
    refused("status_code_absent", |r| r.status = some("")).await;
    refused("status_value_absent", |r| {
        r.status = some("<samlp:StatusCode/>")
    })
    .await;
}

#[tokio::test]
async fn an_unsigned_failure_without_an_assertion_is_the_identity_providers_no() {
    let world = World::new();
    let mut response = world.honest().with_status("Requester");
    response.sign = SignedParts::Nothing;
    let xml = response.sign(&world.issuer).unwrap();
    let assertion = crate::world::cut(&xml, "saml:Assertion").to_owned();
    let refusal = world.check(&xml.replace(&assertion, "")).await.unwrap_err();
    assert_eq!(
        (refusal.class(), refusal.code()),
        (RefusalClass::IdpRefused, "status_requester")
    );
}

#[tokio::test]
async fn the_subject_is_one_attribute_with_one_plain_value() {
    let subject = |values: &[&str]| {
        (
            "sAMAccountName".to_owned(),
            values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>(),
        )
    };
    refused("subject_absent", |r| {
        r.attributes.retain(|(name, _)| name != "sAMAccountName")
    })
    .await;
    refused("subject_absent", |r| {
        r.attributes = vec![("samaccountname".to_owned(), vec!["user1".to_owned()])]
    })
    .await;
    refused("subject_not_single_valued", |r| {
        r.attributes = vec![subject(&["user1", "admin"])]
    })
    .await;
    refused("subject_not_single_valued", |r| {
        r.attributes = vec![subject(&[])]
    })
    .await;
    refused("subject_attribute_twice", |r| {
        r.attributes = vec![subject(&["user1"]), subject(&["admin"])]
    })
    .await;
    refused("subject_attribute_twice", |r| {
        r.attributes = vec![subject(&["user1"]), subject(&["user1"])]
    })
    .await;
    refused("subject_empty", |r| r.attributes = vec![subject(&[""])]).await;
    refused("subject_characters", |r| {
        r.attributes = vec![subject(&["user1 "])]
    })
    .await;
    refused("subject_characters", |r| {
        r.attributes = vec![subject(&["\u{a0}user1"])]
    })
    .await;
    refused("subject_too_long", |r| {
        r.attributes = vec![subject(&["u".repeat(257).as_str()])]
    })
    .await;
}

#[tokio::test]
async fn no_refusal_shows_what_was_in_the_response() {
    let world = World::new();
    let mut response = world.honest();
    response.destination = some("http://secret.example.test/private");
    let refusal = world
        .check(&response.sign(&world.issuer).unwrap())
        .await
        .unwrap_err();
    let shown = format!("{refusal} {refusal:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("user1") && !shown.contains("Kepler"),
        "{shown}"
    );
    assert_eq!(code(Err(refusal)), "destination");
}
