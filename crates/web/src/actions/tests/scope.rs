//! What a token may do with each action.

use std::rc::Rc;

use starchart_domain::names::{BaseDomain, Label, RootDomain};
use starchart_domain::record::RecordType;
use starchart_domain::token::{
    Access, CertificateRights, NamePattern, Networks, NewToken, RecordRight, TokenId, TokenRights,
};
use starchart_store::records::{HistoryFilter, HistoryId};

use super::{RULES, by, form, rules, trail, unconfirmed, user};
use crate::actions::*;
use crate::actor::{UsedToken, User};
use crate::tests::test_app::TestApp;

/// Rights to write TXT records at `dev` and below, and to read all that is at `www`.
fn rights() -> TokenRights {
    let right = |access, names, types| RecordRight {
        access,
        names,
        types,
    };
    TokenRights {
        records: vec![
            right(
                Access::Write,
                NamePattern::Subtree("dev".to_owned()),
                vec![RecordType::Txt],
            ),
            right(Access::Read, NamePattern::Name("www".to_owned()), vec![]),
        ],
        ..TokenRights::default()
    }
}

/// The user by a token with these rights.
pub(super) fn by_token(user: &User, rights: TokenRights) -> User {
    let used = UsedToken {
        id: TokenId(1),
        audit_name: "certbot (sc_Ab3dE6gH)".to_owned(),
        rights,
    };
    User {
        token: Some(Rc::new(used)),
        ..user.clone()
    }
}

/// What an action came to: done, denied by the token's scope, or not found.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Done,
    Denied,
    Absent,
}

use Came::{Absent, Denied, Done};

fn came<T: std::fmt::Debug>(outcome: Result<T, ActionError>) -> Came {
    match outcome {
        Ok(_) => Done,
        Err(ActionError::Denied(Denial::TokenScope | Denial::NeedsSession)) => Denied,
        Err(ActionError::NotFound) => Absent,
        other => panic!("{other:?}"),
    }
}

fn batch<T: std::fmt::Debug>(outcome: Result<T, BatchError>) -> Came {
    match outcome {
        Ok(_) => Done,
        Err(BatchError::Refused(error)) => came::<()>(Err(error)),
        other => panic!("{other:?}"),
    }
}

/// A record at `name`, created by the session, and what a token may do with it.
#[actix_web::test]
async fn records_are_read_and_written_within_the_scope() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let token = by_token(&user, rights());
    for (name, rtype, value, writes, reads) in [
        ("dev", "TXT", "a", Done, Done),
        ("a.dev", "TXT", "a", Done, Done),
        ("*.dev", "TXT", "a", Done, Done),
        ("_acme-challenge.dev", "TXT", "a", Done, Done),
        ("dev", "A", "192.0.2.1", Absent, Absent),
        ("www", "TXT", "a", Denied, Done),
        ("www", "A", "192.0.2.1", Denied, Done),
        ("_acme-challenge.www", "TXT", "a", Absent, Absent),
        ("other", "TXT", "a", Absent, Absent),
        ("*", "TXT", "a", Absent, Absent),
        ("@", "TXT", "a", Absent, Absent),
    ] {
        let what = format!("{name} {rtype}");
        let typed = form(name, rtype, value);
        // What cannot be read cannot be created either, but that is no secret.
        let creates = if writes == Done { Done } else { Denied };
        let created = create_record(store, queue, by(&token), &typed, &[], rules(&test_app)).await;
        let id = created.as_ref().ok().map(|saved| saved.record.id);
        assert_eq!(came(created), creates, "{what}: create");
        let together = create_records(
            store,
            queue,
            by(&token),
            &[form(
                name,
                rtype,
                if rtype == "A" { "192.0.2.2" } else { "b" },
            )],
            rules(&test_app),
        )
        .await;
        assert_eq!(batch(together), creates, "{what}: create together");
        let id = match id {
            Some(id) => id,
            None => {
                create_record(store, queue, by(&user), &typed, &[], rules(&test_app))
                    .await
                    .unwrap()
                    .record
                    .id
            }
        };
        let looked_up = request_lookup(store, queue, by(&token), id).await;
        assert_eq!(came(looked_up), reads, "{what}: look up");
        let renewed = renew_record(store, queue, by(&token), id).await;
        assert_eq!(came(renewed), writes, "{what}: renew");
        let edit = |form| RecordEdit {
            id,
            form,
            seen: None,
            replaced: &[],
        };
        let noted = form(name, rtype, if rtype == "A" { "192.0.2.3" } else { "c" });
        let edited = edit_record(store, queue, by(&token), edit(&noted), rules(&test_app)).await;
        assert_eq!(came(edited), writes, "{what}: edit");
        // A record is not moved out of the scope.
        let away = form("elsewhere", rtype, value);
        let moved = edit_record(store, queue, by(&token), edit(&away), rules(&test_app)).await;
        assert_ne!(came(moved), Done, "{what}: move");
        let present = starchart_store::records::list(store, user.id)
            .await
            .unwrap();
        let seen = present.iter().find(|record| record.id == id).unwrap();
        let seen = SeenRecord {
            id,
            fingerprint: seen.fingerprint(),
        };
        let in_batch = if writes == Done { Done } else { Denied };
        for change in [PlannedChange::Renew(id), PlannedChange::Delete(seen)] {
            let changed = change_records(
                store,
                queue,
                by(&token),
                &[change],
                &present,
                rules(&test_app),
            )
            .await;
            assert_eq!(batch(changed), in_batch, "{what}: batch");
        }
        if writes != Done {
            let deleted =
                delete_record(store, queue, by(&token), (id, None), unconfirmed(&test_app)).await;
            assert_eq!(came(deleted), writes, "{what}: delete");
            delete_record(store, queue, by(&user), (id, None), unconfirmed(&test_app))
                .await
                .unwrap();
        }
    }
}

#[actix_web::test]
async fn changes_are_seen_and_undone_within_the_scope() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let token = by_token(&user, rights());
    for (name, sees, undoes) in [
        ("dev", Done, Done),
        ("www", Done, Denied),
        ("other", Absent, Denied),
    ] {
        let typed = form(name, "TXT", "a");
        create_record(store, queue, by(&user), &typed, &[], rules(&test_app))
            .await
            .unwrap();
        let newest = async || -> HistoryId {
            let filter = HistoryFilter::default();
            let entries = starchart_store::records::list_history(store, user.id, filter, 1).await;
            entries.unwrap()[0].id
        };
        let id = newest().await;
        assert_eq!(came(find_change(store, &token, id).await), sees, "{name}");
        let entry = find_change(store, &user, id).await.unwrap();
        let undo = async |who: &User| {
            undo_change(store, queue, by(who), &entry, None, rules(&test_app)).await
        };
        let expected = if sees == Absent { Absent } else { undoes };
        assert_eq!(
            came(undo(&token).await),
            expected,
            "{name}: undo the creation"
        );
        if expected != Done {
            undo(&user).await.unwrap();
        }
        let entry = find_change(store, &user, newest().await).await.unwrap();
        let restored = undo_together(store, queue, by(&token), &[entry], rules(&test_app)).await;
        let restored = match restored {
            Ok(_) => Done,
            Err(UndoTogetherError::Action(error)) => came::<()>(Err(error)),
            other => panic!("{other:?}"),
        };
        let expected = if name == "dev" { Done } else { Denied };
        assert_eq!(restored, expected, "{name}: restore");
    }
}

#[actix_web::test]
async fn the_trail_and_the_history_name_the_token() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let token = by_token(&user, rights());
    let typed = form("dev", "TXT", "a");
    create_record(store, queue, by(&token), &typed, &[], rules(&test_app))
        .await
        .unwrap();
    let filter = HistoryFilter::default();
    let entries = starchart_store::records::list_history(store, user.id, filter, 1).await;
    let shown = entries.unwrap()[0].token.clone();
    assert_eq!(shown.as_deref(), Some("certbot (sc_Ab3dE6gH)"));
    trail(&test_app).await;
    let sql = "SELECT COUNT(*) FROM audit_trail WHERE action = 'record.create' \
               AND detail LIKE '%, by the token certbot (sc_Ab3dE6gH)'";
    assert_eq!(test_app.query_number(sql).await, 1);
}

#[actix_web::test]
async fn certificates_need_their_own_rights() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let certificate = |change: fn(&mut CertificateRights)| {
        let mut rights = rights();
        change(&mut rights.certificate);
        by_token(&user, rights)
    };
    let request = async |who: &User| came(request_certificate(store, queue, by(who), RULES).await);
    for (token, expected) in [
        (certificate(|_| {}), Denied),
        (certificate(|rights| rights.read = true), Denied),
        (certificate(|rights| rights.read_key = true), Denied),
        (certificate(|rights| rights.request = true), Done),
    ] {
        assert_eq!(request(&token).await, expected, "{:?}", token.token);
        let deleted = delete_certificate(store, by(&token)).await;
        assert_eq!(came(deleted), Denied, "no token deletes it");
    }
}

#[actix_web::test]
async fn tokens_make_no_tokens_and_end_themselves_only() {
    let test_app = TestApp::new().await;
    let store = &test_app.store;
    let user = user(&test_app, "user1").await;
    let now = store.now().await.unwrap();
    let new = NewToken {
        name: "one".to_owned(),
        rights: rights(),
        networks: Networks::default(),
        expires_at: now.plus(1_000_000),
        idle_ms: None,
    };
    let impersonated = User {
        impersonator: Some(user.id),
        ..user.clone()
    };
    for (who, denial) in [
        (by_token(&user, rights()), Denial::NeedsSession),
        (impersonated, Denial::TokenWithheld),
    ] {
        let refused = create_token(store, by(&who), &new).await.map(|_| ());
        assert!(
            matches!(refused, Err(ActionError::Denied(found)) if found == denial),
            "{refused:?}"
        );
    }
    let (one, _) = create_token(store, by(&user), &new).await.unwrap();
    let (other, _) = create_token(store, by(&user), &new).await.unwrap();
    let used = UsedToken {
        id: one.id,
        audit_name: one.audit_name(),
        rights: rights(),
    };
    let token = User {
        token: Some(Rc::new(used)),
        ..user.clone()
    };
    assert_eq!(list_tokens(store, &user).await.unwrap().len(), 2);
    let own = list_tokens(store, &token).await.unwrap();
    assert_eq!(own, std::slice::from_ref(&one));
    assert_eq!(came(end_token(store, by(&token), other.id).await), Absent);
    assert_eq!(came(end_token(store, by(&token), one.id).await), Done);
    assert_eq!(came(end_token(store, by(&user), one.id).await), Absent);
    assert_eq!(came(end_token(store, by(&user), other.id).await), Done);
    assert_eq!(
        super::actions(&trail(&test_app).await),
        ["token.create", "token.create", "token.end", "token.end"]
    );
    for _ in 0..50 {
        create_token(store, by(&user), &new).await.unwrap();
    }
    let full = create_token(store, by(&user), &new).await.map(|_| ());
    assert!(
        matches!(full, Err(ActionError::Limit(Limit::Tokens { limit: 50 }))),
        "{full:?}"
    );
}

#[test]
fn names_outside_the_domain_are_in_no_scope() {
    let root = RootDomain::parse("starchart.com").unwrap();
    let base = |label| -> BaseDomain { root.base(&Label::parse(label).unwrap()) };
    let user = User {
        id: starchart_domain::user::UserId(1),
        base: base("user1"),
        impersonator: None,
        token: None,
    };
    let everything = TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: vec![],
        }],
        ..TokenRights::default()
    };
    let token = by_token(&user, everything);
    for (fqdn, is_covered) in [
        ("user1.starchart.com", true),
        ("a.user1.starchart.com", true),
        ("user2.starchart.com", false),
        ("xuser1.starchart.com", false),
        ("starchart.com", false),
        ("", false),
    ] {
        let written = token.check_write(fqdn, RecordType::A);
        assert_eq!(written.is_ok(), is_covered, "{fqdn}");
        let read = token.check_read(fqdn, RecordType::A);
        assert_eq!(read.is_ok(), is_covered, "{fqdn}");
    }
}
