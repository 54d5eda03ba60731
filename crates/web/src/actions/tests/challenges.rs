//! Answers to DNS challenges.

use starchart_domain::certificate::ChallengeValue;
use starchart_domain::fault::ChallengeFault;
use starchart_domain::token::{NamePattern, TokenRights};
use starchart_store::client_challenges::ClientChallenge;

use super::scope::by_token;
use super::*;
use crate::actions::challenges::{list_answers, permitted_name, replace_answers};

fn value(digit: &str) -> String {
    digit.repeat(43)
}

async fn answer(
    test_app: &TestApp,
    user: &User,
    host: &str,
    value: &str,
) -> Result<bool, ActionError> {
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let fqdn = format!("_acme-challenge.{host}.starchart.com.");
    let kept = AnswerKept::UntilRemoved;
    let words = WordFilter::default().refusing("slur");
    answer_challenge(store, queue, by(user), (&fqdn, value), kept, &words).await
}

#[actix_web::test]
async fn a_challenge_is_answered_once_and_removed() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let one = value("1");
    assert!(answer(&test_app, &user, "www.user1", &one).await.unwrap());
    assert!(!answer(&test_app, &user, "www.user1", &one).await.unwrap());
    assert_eq!(queue.wake_ups(), 1);
    let fqdn = "_acme-challenge.www.user1.starchart.com";
    let listed = list_answers(store, &user).await.unwrap();
    let shown: Vec<(&str, &str)> = listed
        .iter()
        .map(|ClientChallenge { fqdn, value, .. }| (fqdn.as_str(), value.as_str()))
        .collect();
    assert_eq!(shown, [(fqdn, one.as_str())]);
    let two = value("2");
    let name = permitted_name(&user, fqdn).unwrap();
    let values = [ChallengeValue::parse(&two).unwrap()];
    let replaced = replace_answers(store, queue, by(&user), &name, &values).await;
    assert!(replaced.unwrap());
    for (text, is_there) in [(&one, false), (&two, true), (&two, false)] {
        let removed = remove_answer(store, queue, by(&user), (fqdn, text)).await;
        assert_eq!(removed.unwrap(), is_there);
    }
    assert_eq!(queue.wake_ups(), 3);
    assert_eq!(
        actions(&trail(&test_app).await),
        [
            "challenge.answer",
            "challenge.answer",
            "challenge.remove",
            "challenge.remove"
        ]
    );
}

#[actix_web::test]
async fn a_token_answers_for_its_names_only() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let rights = TokenRights {
        challenges: vec![
            NamePattern::Name("@".to_owned()),
            NamePattern::Subtree("dev".to_owned()),
        ],
        ..TokenRights::default()
    };
    let client = by_token(&user, rights);
    answer(&test_app, &user, "www.user1", &value("1"))
        .await
        .unwrap();
    for host in ["user1", "dev.user1", "a.dev.user1"] {
        answer(&test_app, &client, host, &value("2")).await.unwrap();
    }
    let fqdn = "_acme-challenge.www.user1.starchart.com";
    let name = permitted_name(&user, fqdn).unwrap();
    let one = value("1");
    for refused in [
        answer(&test_app, &client, "www.user1", &value("2")).await,
        answer(&test_app, &client, "xdev.user1", &value("2")).await,
        remove_answer(store, queue, by(&client), (fqdn, &one)).await,
        replace_answers(store, queue, by(&client), &name, &[]).await,
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(error, ActionError::Denied(Denial::TokenScope)),
            "{error:?}"
        );
    }
    assert_eq!(list_answers(store, &client).await.unwrap().len(), 3);
    assert_eq!(list_answers(store, &user).await.unwrap().len(), 4);
    assert_eq!(only_challenge(&client), None);
    let one_name = TokenRights {
        challenges: vec![NamePattern::Name("www".to_owned())],
        ..TokenRights::default()
    };
    let only = only_challenge(&by_token(&user, one_name)).unwrap();
    assert_eq!(only.fqdn(), fqdn);
}

#[actix_web::test]
async fn an_answer_is_refused_with_a_reason() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    create(
        &test_app,
        &user,
        &form("_acme-challenge.alias", "CNAME", "a.example.com"),
    )
    .await
    .unwrap();
    let one = value("1");
    for (host, text, field) in [
        ("www.user2", &*one, Field::Name),
        ("*.user1", &one, Field::Name),
        ("slur.user1", &one, Field::Name),
        ("alias.user1", &one, Field::Name),
        ("www.user1", "1", Field::Value),
    ] {
        let refused = answer(&test_app, &user, host, text).await;
        match refused {
            Err(ActionError::Invalid(faults)) => {
                assert!(
                    matches!(&faults[..], [(at, Fault::Challenge(_))] if *at == field),
                    "{host}: {faults:?}"
                );
            }
            other => panic!("{host}: {other:?}"),
        }
    }
    let alias = ChallengeFault::Cname {
        fqdn: "_acme-challenge.alias.user1.starchart.com".to_owned(),
    };
    let text = Fault::Challenge(alias).to_string();
    assert!(text.contains("has a CNAME record"), "{text}");
    // The other way round.
    answer(&test_app, &user, "www.user1", &one).await.unwrap();
    let cname = form("_acme-challenge.www", "CNAME", "a.example.com");
    match create(&test_app, &user, &cname).await {
        Err(ActionError::Invalid(faults)) => {
            assert_eq!(faults, [(Field::Name, Fault::AnswersChallenges)]);
        }
        other => panic!("{other:?}"),
    }
    let max = starchart_domain::certificate::CLIENT_VALUES_MAX;
    for n in 1..max {
        let text = format!("{n:0>43}");
        answer(&test_app, &user, "www.user1", &text).await.unwrap();
    }
    let over = answer(&test_app, &user, "www.user1", &value("9"))
        .await
        .unwrap_err();
    assert!(matches!(over, ActionError::Limit(Limit::Challenges { limit }) if limit == max));
}
