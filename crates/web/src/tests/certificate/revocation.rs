//! Revoking a certificate on its page.

use actix_web::http::StatusCode;

use super::{KEY_PATH, PENDING, with_certificate};
use crate::tests::test_app::TestApp;

const PATH: &str = "/certificate/revoke";

/// The number that the page offers for the certificate in use.
fn offered(body: &str) -> String {
    let (_, rest) = body.split_once("name=\"certificate\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[actix_web::test]
async fn each_reason_revokes_and_only_a_compromised_key_is_replaced() {
    for (reason, replaced) in [
        ("keyCompromise", true),
        ("superseded", false),
        ("cessationOfOperation", false),
    ] {
        let test_app = TestApp::new().await;
        let mut browser = with_certificate(&test_app, "user1", 90).await;
        let form = browser.get(PATH).await.body;
        assert!(form.contains("in use"), "{form}");
        let id = offered(&form);
        let fields = [("certificate", id.as_str()), ("reason", reason)];
        assert_eq!(browser.post(PATH, &fields).await.location(), "/certificate");
        let page = browser.get("/certificate").await.body;
        assert!(page.contains("The certificate is being revoked."), "{page}");
        assert_eq!(page.contains(PENDING), replaced, "{reason}: {page}");
        let key = browser.get_from_site("same-origin", KEY_PATH).await;
        assert_eq!(key.status, StatusCode::NOT_FOUND, "{reason}");
        let pending = format!(
            "SELECT COUNT(*) FROM certificates WHERE revocation_requested_at IS NOT NULL \
             AND revocation_reason = '{reason}'"
        );
        assert_eq!(test_app.query_number(&pending).await, 1, "{reason}");

        let again = browser.post(PATH, &fields).await;
        assert_eq!(again.location(), "/certificate");
        let page = browser.get("/certificate").await.body;
        assert!(
            page.contains("This certificate was revoked before."),
            "{page}"
        );
        let list = browser.get(PATH).await.body;
        assert!(
            list.contains("we ask the certificate authority until"),
            "{list}"
        );
    }
}

#[actix_web::test]
async fn an_incomplete_form_keeps_what_was_chosen_and_revokes_nothing() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let id = offered(&browser.get(PATH).await.body);
    for (fields, told) in [
        (vec![], "Choose the certificate to revoke."),
        (
            vec![("certificate", "999")],
            "Choose the certificate to revoke.",
        ),
        (
            vec![("certificate", id.as_str())],
            "Choose why you revoke it.",
        ),
        (
            vec![("certificate", id.as_str()), ("reason", "boredom")],
            "Choose why you revoke it.",
        ),
        (
            vec![("reason", "superseded")],
            "Choose the certificate to revoke.",
        ),
    ] {
        let refused = browser.post(PATH, &fields).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{fields:?}"
        );
        assert!(refused.body.contains(told), "{fields:?}: {}", refused.body);
        let kept = refused
            .body
            .contains("value=\"superseded\" required checked");
        assert_eq!(
            kept,
            fields.contains(&("reason", "superseded")),
            "{fields:?}"
        );
    }
    let pending = "SELECT COUNT(*) FROM certificates WHERE revocation_requested_at IS NOT NULL";
    assert_eq!(test_app.query_number(pending).await, 0);
}
