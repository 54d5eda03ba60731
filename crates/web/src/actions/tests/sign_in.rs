//! Labels, sessions and refused sign-ins.

use starchart_domain::names::Label;
use starchart_domain::words::{NameLists, NameRules};
use starchart_store::{sessions, users};

use super::{actions, by, identity, sign_in, trail, user};
use crate::actions::*;
use crate::actor::UserWithoutLabel;
use crate::tests::test_app::TestApp;
use crate::tokens;

#[actix_web::test]
async fn a_label_is_claimed_among_the_candidates() {
    let test_app = TestApp::new().await;
    let store = &test_app.store;
    user(&test_app, "user1").await;
    let newcomer = UserWithoutLabel {
        id: sign_in(&test_app, "user.1", false).await,
        username: "user.1".to_owned(),
    };
    let reserved = NameRules::new(&NameLists::built_in(), [], None).reserved;
    let claim = async |label: &str| claim_label(store, by(&newcomer), label, &reserved).await;
    assert!(matches!(
        claim("google").await,
        Err(ActionError::Conflict(Conflict::LabelNotOffered))
    ));
    assert!(matches!(
        claim("user1").await,
        Err(ActionError::Conflict(Conflict::LabelTaken))
    ));
    let free = candidate_labels(&newcomer, &reserved).pop().unwrap();
    claim(free.as_str()).await.unwrap();
    claim(free.as_str()).await.unwrap();
    assert_eq!(actions(&trail(&test_app).await), ["label.claim"]);
}

#[actix_web::test]
async fn the_label_of_the_user_name_is_claimed_when_it_is_free() {
    let test_app = TestApp::new().await;
    let store = &test_app.store;
    let reserved = NameRules::new(&NameLists::built_in(), [], None).reserved;
    for (username, expected) in [
        ("user1", Some("user1")),
        ("user.1", None),
        ("www", None),
        ("user2", Some("user2")),
    ] {
        let id = sign_in(&test_app, username, false).await;
        let user = users::get(store, id).await.unwrap().unwrap();
        let claimed = claim_default_label(store, user, &reserved, "request-1").await;
        let user = claimed.unwrap();
        assert_eq!(
            user.label.as_ref().map(Label::as_str),
            expected,
            "{username}"
        );
        let again = claim_default_label(store, user.clone(), &reserved, "request-1").await;
        assert_eq!(again.unwrap().label, user.label);
    }
    assert_eq!(
        actions(&trail(&test_app).await),
        ["label.claim", "label.claim"]
    );
}

#[actix_web::test]
async fn sessions_that_start_and_end_and_refused_sign_ins_are_in_the_trail() {
    let test_app = TestApp::new().await;
    let store = &test_app.store;
    let identity = identity("user1", false);
    let user = users::sign_in(store, &identity).await.unwrap();
    let start = async |previous: Option<&str>| {
        let started = start_session(store, &user, &identity, previous, "request-1").await;
        started.unwrap()
    };
    let first = start(None).await;
    let second = start(Some(&first)).await;
    let find = async |token: &str| sessions::find(store, tokens::hash(token)).await.unwrap();
    assert_eq!(find(&first).await, None, "the new session replaces it");
    let session = find(&second).await.unwrap();
    end_session(store, &session, &second, "request-1")
        .await
        .unwrap();
    assert_eq!(find(&second).await, None);
    record_refused_sign_in(store, false, "signature", "request-1").await;
    record_refused_sign_in(store, true, "unsolicited", "request-1").await;
    assert_eq!(
        actions(&trail(&test_app).await),
        [
            "session.start",
            "session.start",
            "session.end",
            "session.refused",
            "session.unsolicited"
        ]
    );
}
