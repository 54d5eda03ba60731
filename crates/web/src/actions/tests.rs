//! Actions on a real database (SQLite), without any request.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod addresses;
mod challenges;
mod rrsets;
mod scope;
mod sign_in;

use std::sync::LazyLock;

use starchart_domain::fault::{Fault, Field};
use starchart_domain::names::{Label, ReservedLabels};
use starchart_domain::record::{RecordForm, RecordId};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::TtlLimits;
use starchart_domain::user::{Groups, Identity, Subject, UserId};
use starchart_domain::words::WordFilter;
use starchart_store::admin::{self, Admin, TrailFilter};
use starchart_store::{records, sessions, users};

use super::*;
use crate::config::WebConfig;
use crate::tests::test_app::TestApp;
use crate::tokens;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

const RULES: CertificateRules = CertificateRules {
    are_on: true,
    daily_limit: 1,
};

fn identity(username: &str, is_admin: bool) -> Identity {
    Identity {
        subject: Subject::parse(username).unwrap(),
        username: username.to_owned(),
        display_name: username.to_owned(),
        email: format!("{username}@example.edu"),
        groups: Groups {
            admin: is_admin,
            ..Groups::default()
        },
        name_id: None,
        session_index: None,
    }
}

async fn sign_in(test_app: &TestApp, username: &str, is_admin: bool) -> UserId {
    let identity = identity(username, is_admin);
    users::sign_in(&test_app.store, &identity).await.unwrap().id
}

async fn user(test_app: &TestApp, username: &str) -> User {
    let id = sign_in(test_app, username, false).await;
    let label = Label::from_username(username, &ReservedLabels::default()).unwrap();
    users::claim_label(&test_app.store, id, &label)
        .await
        .unwrap();
    User {
        id,
        base: test_app.app.config.root_domain.base(&label),
        impersonator: None,
        token: None,
    }
}

/// Signs an admin in and returns the capability and the session's token.
async fn admin(test_app: &TestApp) -> (Admin, [u8; 32]) {
    let id = sign_in(test_app, "user3", true).await;
    let token = tokens::hash(&tokens::generate());
    sessions::create(&test_app.store, id, token, None, None)
        .await
        .unwrap();
    let session = sessions::find(&test_app.store, token).await.unwrap();
    (session.unwrap().admin().unwrap(), token)
}

fn by<A>(actor: &A) -> Caller<'_, A> {
    Caller {
        actor,
        request_id: "request-1",
    }
}

/// The rules without a record limit and with no words.
fn rules(test_app: &TestApp) -> RecordRules<'_> {
    static NO_WORDS: LazyLock<WordFilter> = LazyLock::new(WordFilter::default);
    RecordRules {
        limit: None,
        words: &NO_WORDS,
        ttls: TtlLimits::default(),
        caa: unconfirmed(test_app),
        confirmed_name: None,
    }
}

/// The check of CAA records with nothing confirmed.
fn unconfirmed(test_app: &TestApp) -> CaaCheck<'_> {
    CaaCheck::new(&test_app.app.config, None)
}

fn form(name: &str, rtype: &str, input: &str) -> RecordForm {
    RecordForm {
        name: name.to_owned(),
        rtype: rtype.to_owned(),
        input: input.to_owned(),
        ..RecordForm::default()
    }
}

async fn create(
    test_app: &TestApp,
    user: &User,
    form: &RecordForm,
) -> Result<SavedRecord, ActionError> {
    create_record(
        &test_app.store,
        &*test_app.queue,
        by(user),
        form,
        &[],
        RecordRules {
            limit: Some(2),
            ..rules(test_app)
        },
    )
    .await
}

/// Lists actions and request ids of the trail, oldest first.
async fn trail(test_app: &TestApp) -> Vec<(String, String)> {
    let (admin, _) = admin(test_app).await;
    let all = TrailFilter::default();
    let page = admin::list_trail(&test_app.store, &admin, &all, None).await;
    let lines = page.unwrap().lines.into_iter().rev();
    lines.map(|line| (line.action, line.request_id)).collect()
}

fn actions(trail: &[(String, String)]) -> Vec<&str> {
    assert!(trail.iter().all(|(_, request)| request == "request-1"));
    trail.iter().map(|(action, _)| action.as_str()).collect()
}

#[actix_web::test]
async fn a_record_is_created_edited_renewed_and_deleted() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let saved = create(&test_app, &user, &form("www", "A", "192.168.1.1"))
        .await
        .unwrap();
    assert_eq!(saved.record.name, "www.user1.starchart.com");
    assert!(!saved.notes.is_empty(), "a private address");
    let id = saved.record.id;
    let edit = RecordEdit {
        id,
        form: &form("www", "A", "203.0.113.9"),
        seen: Some(&saved.record.fingerprint()),
        replaced: &[],
    };
    let edited = edit_record(store, queue, by(&user), edit, rules(&test_app))
        .await
        .unwrap();
    assert_eq!(edited.record.input, "203.0.113.9");
    renew_record(store, queue, by(&user), id).await.unwrap();
    let deleted = delete_record(store, queue, by(&user), (id, None), unconfirmed(&test_app))
        .await
        .unwrap();
    assert_eq!(deleted.id, id);
    assert_eq!(queue.wake_ups(), 4);
    assert_eq!(
        actions(&trail(&test_app).await),
        [
            "record.create",
            "record.edit",
            "record.renew",
            "record.delete"
        ]
    );
}

#[actix_web::test]
async fn a_refused_record_has_a_reason_and_wakes_nobody() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let fault_of = async |form: RecordForm| match create(&test_app, &user, &form).await {
        Err(ActionError::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    };
    let fields: Vec<Field> = fault_of(form("", "A", "x"))
        .await
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, [Field::Name, Field::Value]);
    assert_eq!(test_app.queue.wake_ups(), 0);

    create(&test_app, &user, &form("www", "A", "203.0.113.9"))
        .await
        .unwrap();
    assert_eq!(
        fault_of(form("www", "A", "203.0.113.9")).await,
        [(Field::Value, Fault::Duplicate)]
    );
    assert_eq!(
        fault_of(form("www", "CNAME", "example.com")).await,
        [(
            Field::Name,
            Fault::CnameConflict {
                wanted_cname: true,
                with: "A"
            }
        )]
    );
    create(&test_app, &user, &form("api", "A", "203.0.113.9"))
        .await
        .unwrap();
    let over = create(&test_app, &user, &form("more", "A", "203.0.113.9"))
        .await
        .unwrap_err();
    assert!(
        matches!(over, ActionError::Limit(Limit::Records { limit: 2 })),
        "{over:?}"
    );
    assert_eq!(
        over.into_form_faults().unwrap(),
        [(Field::Form, Fault::QuotaReached { limit: 2 })]
    );
    assert_eq!(test_app.queue.wake_ups(), 2);
}

#[actix_web::test]
async fn an_edit_of_a_record_that_was_changed_meanwhile_returns_its_present_state() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let saved = create(&test_app, &user, &form("www", "A", "203.0.113.9"))
        .await
        .unwrap();
    let seen = saved.record.fingerprint();
    let edit = async |input: &str| {
        let form = form("www", "A", input);
        let edit = RecordEdit {
            id: saved.record.id,
            form: &form,
            seen: Some(&seen),
            replaced: &[],
        };
        edit_record(store, queue, by(&user), edit, rules(&test_app)).await
    };
    edit("203.0.113.10").await.unwrap();
    match edit("203.0.113.11").await {
        Err(ActionError::Conflict(Conflict::RecordChanged { current })) => {
            assert_eq!(current.input, "203.0.113.10");
        }
        other => panic!("{other:?}"),
    }
    let again = edit("203.0.113.10").await.unwrap();
    assert_eq!(
        again.record.input, "203.0.113.10",
        "the same edit sent twice"
    );
}

#[actix_web::test]
async fn the_record_of_another_user_is_not_found() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let owner = user(&test_app, "user1").await;
    let other = user(&test_app, "user2").await;
    let id = create(&test_app, &owner, &form("www", "A", "203.0.113.9"))
        .await
        .unwrap()
        .record
        .id;
    let invalid = form("", "", "");
    let edit = |id| RecordEdit {
        id,
        form: &invalid,
        seen: None,
        replaced: &[],
    };
    let is_absent = |error| matches!(error, ActionError::NotFound);
    for id in [id, RecordId(404)] {
        let edited = edit_record(store, queue, by(&other), edit(id), rules(&test_app)).await;
        assert!(is_absent(edited.unwrap_err()));
        let renewed = renew_record(store, queue, by(&other), id).await;
        assert!(is_absent(renewed.unwrap_err()));
        let deleted =
            delete_record(store, queue, by(&other), (id, None), unconfirmed(&test_app)).await;
        assert!(is_absent(deleted.unwrap_err()));
    }
    assert_eq!(queue.wake_ups(), 1);
    assert_eq!(records::count(store, owner.id).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_certificate_is_requested_once_and_the_limit_says_when_again() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let off = CertificateRules {
        are_on: false,
        ..RULES
    };
    let refused = request_certificate(store, queue, by(&user), off).await;
    assert!(matches!(
        refused,
        Err(ActionError::Conflict(Conflict::CertificatesOff))
    ));
    request_certificate(store, queue, by(&user), RULES)
        .await
        .unwrap();
    assert_eq!(queue.wake_ups(), 1);
    let second = request_certificate(store, queue, by(&user), RULES).await;
    assert!(matches!(
        second,
        Err(ActionError::Conflict(Conflict::OrderPending))
    ));
    test_app
        .execute_sql("UPDATE certificate_orders SET step = 'abandoned', finished_at = created_at")
        .await;
    match request_certificate(store, queue, by(&user), RULES).await {
        Err(ActionError::Limit(limit @ Limit::CertificateRequests { retry_after_s, .. })) => {
            assert!(
                (86_000..=86_400).contains(&retry_after_s),
                "{retry_after_s}"
            );
            assert!(limit.to_string().contains("a certificate once within 24"));
        }
        other => panic!("{other:?}"),
    }
    let deleted = delete_certificate(store, by(&user)).await;
    assert!(matches!(deleted, Err(ActionError::NotFound)));
    assert_eq!(actions(&trail(&test_app).await), ["certificate.request"]);
}

#[actix_web::test]
async fn an_admin_impersonates_and_deletes_users_but_no_admin() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let student = user(&test_app, "user1").await;
    create(&test_app, &student, &form("www", "A", "203.0.113.9"))
        .await
        .unwrap();
    let (admin, old) = admin(&test_app).await;
    let tokens = SessionTokens {
        old,
        new: tokens::hash("new"),
    };
    let own = impersonate(store, by(&admin), "user3", tokens).await;
    assert!(matches!(own, Err(ActionError::Denied(Denial::OwnAccount))));
    let absent = impersonate(store, by(&admin), "nobody", tokens).await;
    assert!(matches!(absent, Err(ActionError::NotFound)));
    let user = impersonate(store, by(&admin), "user1", tokens)
        .await
        .unwrap();
    assert_eq!(user.id, student.id);
    let back = SessionTokens {
        old: tokens.new,
        new: tokens::hash("newer"),
    };
    assert!(end_impersonation(store, back, "request-1").await.unwrap());
    assert!(!end_impersonation(store, back, "request-1").await.unwrap());
    let (deleted_user, deleted) = delete_user(store, queue, by(&admin), "user1")
        .await
        .unwrap();
    assert_eq!((deleted_user.id, deleted.records), (student.id, 1));
    assert_eq!(queue.wake_ups(), 2);
    assert_eq!(
        actions(&trail(&test_app).await),
        [
            "record.create",
            "impersonation.start",
            "impersonation.end",
            "user.delete"
        ]
    );
}

#[actix_web::test]
async fn a_retry_of_what_is_not_stuck_is_not_found() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let (admin, _) = admin(&test_app).await;
    let name = retry_name(store, queue, by(&admin), "www.user1.starchart.com").await;
    let mail = retry_mail(store, queue, by(&admin), 1).await;
    for retried in [name, mail] {
        assert!(matches!(retried, Err(ActionError::NotFound)));
    }
}

#[actix_web::test]
async fn a_change_that_forbids_issuance_needs_its_confirmation() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let config = &test_app.app.config;
    let create = async |form: &RecordForm, confirmed: Option<&str>| {
        let caa = CaaCheck::new(config, confirmed);
        create_record(
            store,
            queue,
            by(&user),
            form,
            &[],
            RecordRules {
                caa,
                ..rules(&test_app)
            },
        )
        .await
    };
    let refused =
        async |form: &RecordForm, confirmed: Option<&str>| match create(form, confirmed).await {
            Err(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden))) => {
                forbidden.confirmation()
            }
            other => panic!("{other:?}"),
        };
    let (one, other) = (
        form("@", "CAA", "ca.example"),
        form("@", "CAA", "other.example"),
    );
    let confirmation = refused(&one, None).await;
    refused(&other, Some(&confirmation)).await;
    assert_eq!(queue.wake_ups(), 0);
    assert!(
        find_caa_problem(store, &user, config)
            .await
            .unwrap()
            .is_none()
    );
    create(&one, Some(&confirmation)).await.unwrap();
    assert!(
        find_caa_problem(store, &user, config)
            .await
            .unwrap()
            .is_some()
    );
    // It forbids nothing new: no question.
    create(&other, None).await.unwrap();

    let without_certificates = WebConfig {
        certificates_off: Some("off".to_owned()),
        ..config.clone()
    };
    let forbidden = find_caa_problem(store, &user, &without_certificates).await;
    assert!(forbidden.unwrap().is_none());
}

#[actix_web::test]
async fn the_certificate_page_is_told_when_the_permitting_record_expires_first() {
    let test_app = TestApp::new().await;
    let (store, config) = (&test_app.store, &test_app.app.config);
    let user = user(&test_app, "user1").await;
    for authority in ["letsencrypt.org", "ca.example"] {
        create(&test_app, &user, &form("@", "CAA", authority))
            .await
            .unwrap();
    }
    assert_eq!(find_caa_problem(store, &user, config).await.unwrap(), None);
    // The days, from now, of the expiry and of the last day: its owner was not notified yet.
    for (expires, last_day) in [(20, 20), (-3, 7)] {
        let now = store.now().await.unwrap().start_of_day();
        let expires_at = now.plus(expires * DAY_MS).as_millis();
        test_app
            .execute_sql(&format!(
                "UPDATE dns_records SET expires_at = {expires_at} WHERE input = 'letsencrypt.org'"
            ))
            .await;
        let problem = find_caa_problem(store, &user, config).await.unwrap();
        let after = problem.unwrap().after.map(Timestamp::to_day);
        assert_eq!(after, Some(now.plus(last_day * DAY_MS).to_day()));
    }
}

/// Only a channel may know HTTP: these words in an action would tie it to the pages.
#[test]
fn actions_know_neither_http_nor_pages() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/actions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("tests.rs"))
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    files.push(concat!(env!("CARGO_MANIFEST_DIR"), "/src/actions.rs").into());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in [
            "actix",
            "askama",
            "http",
            "RequestContext",
            "crate::pages",
            "crate::routes",
            "crate::errors",
            "crate::forms",
            "crate::responses",
            "crate::views",
            "crate::app",
        ] {
            let uses = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let found: Vec<_> = uses.filter(|line| line.contains(word)).collect();
            assert!(
                found.is_empty(),
                "{} names {word}: {found:?}",
                file.display()
            );
        }
    }
}
