//! SRV and CAA records, from the form to the name server.

use starchart_testkit::html::Form;
use starchart_testkit::route53::Set;
use starchart_testkit::wait::eventually;

use crate::app::{ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::truth::{no_difference, signed_in};

const NEW: &str = "/dns-records/new";

/// Fills in the form at `path`.
async fn filled(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Form {
    let form = browser.get(path).await.form(path);
    let with = |form: Form, (name, value): &(&str, &str)| form.with(name, value);
    fields.iter().fold(form, with)
}

async fn save(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let form = filled(browser, path, fields).await;
    browser.submit(&form).await
}

/// Returns the path of the record whose row contains `text`.
async fn path_of_record(browser: &mut Browser, text: &str) -> String {
    for id in browser.record_ids().await {
        let path = format!("/dns-records/{id}");
        if browser.get(&path).await.body.contains(text) {
            return path;
        }
    }
    panic!("no record with {text}");
}

async fn delete(browser: &mut Browser, path: &str) -> Page {
    let form = browser
        .get(&format!("{path}/delete"))
        .await
        .form("/dns-records");
    browser.submit(&form).await
}

#[tokio::test]
async fn an_srv_record_is_created_edited_and_deleted() {
    let env = TestEnv::new().await;
    let theirs = [
        Set::new(
            &format!("_sip._tcp.{ROOT}"),
            "SRV",
            60,
            ["0 0 5060 sip.school.example."],
        ),
        Set::new(
            &format!("_sip._udp.user1.{ROOT}"),
            "SRV",
            60,
            ["0 0 1 sip.school.example."],
        ),
    ];
    for set in &theirs {
        env.zone.put(set.clone()).unwrap();
    }
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let name = format!("_minecraft._tcp.play.user1.{ROOT}");

    let refused = save(
        &mut browser,
        NEW,
        &[
            ("subdomain", "play"),
            ("type", "SRV"),
            ("value", "192.0.2.1"),
        ],
    )
    .await;
    assert_eq!(refused.status, 422);
    for words in [
        "begins with the service and the protocol",
        "an SRV record points to a host name",
        "enter the port on which the server listens",
    ] {
        assert!(refused.body.contains(words), "{words}: {}", refused.body);
    }
    let game = [
        ("subdomain", "_minecraft._tcp.play"),
        ("type", "SRV"),
        ("priority", ""),
        ("weight", "5"),
        ("port", "25565"),
        ("value", "Server.Example.com"),
    ];
    let created = save(&mut browser, NEW, &game).await;
    assert_eq!(
        (created.status, created.location()),
        (303, "/dns-records"),
        "{}",
        created.body
    );
    env.shows(&name, "SRV", Some("10 5 25565 server.example.com."))
        .await;
    eventually("answered by the name servers", async || {
        let page = browser.clone().get("/dns-records").await.body;
        page.contains("data-state=\"answered\"")
    })
    .await;

    let path = path_of_record(&mut browser, "25565").await;
    let form = filled(&mut browser, &path, &[]).await;
    for (field, value) in [("priority", "10"), ("weight", "5"), ("port", "25565")] {
        assert_eq!(form.value(field), Some(value), "{field}");
    }
    assert_eq!(
        form.value("value"),
        Some("Server.Example.com"),
        "as it was typed"
    );
    assert_eq!(
        save(&mut browser, &path, &[("port", "25566")]).await.status,
        303
    );
    env.shows(&name, "SRV", Some("10 5 25566 server.example.com."))
        .await;
    // The same name may say that the service does not exist.
    assert_eq!(
        save(&mut browser, &path, &[("port", "0"), ("value", ".")])
            .await
            .status,
        303
    );
    env.shows(&name, "SRV", Some("10 5 0 .")).await;

    // A record at the name of an operator's RRset waits, and touches nothing.
    let blocked = [
        ("subdomain", "_sip._udp"),
        ("type", "SRV"),
        ("port", "5060"),
        ("value", "sip.example.com"),
    ];
    assert_eq!(save(&mut browser, NEW, &blocked).await.status, 303);
    eventually("refused for the operator's RRset", async || {
        let page = browser.clone().get("/dns-records").await.body;
        page.contains("data-state=\"refused\"")
    })
    .await;
    let own = path_of_record(&mut browser, "_sip._udp").await;
    assert_eq!(delete(&mut browser, &own).await.status, 303);
    assert_eq!(delete(&mut browser, &path).await.status, 303);
    env.shows(&name, "SRV", None).await;
    for set in &theirs {
        assert_eq!(env.zone.set(&set.name, "SRV").as_ref(), Some(set));
    }
    no_difference(&env).await;
}

#[tokio::test]
async fn a_caa_record_that_forbids_issuance_needs_a_confirmation() {
    let account_key = starchart_acme::keys::generate().unwrap();
    let env = TestEnv::new()
        .await
        .set("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", account_key.expose())
        .set(
            "KEY_ENCRYPTION_KEYS",
            "test:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
        );
    let root = Set::new(ROOT, "CAA", 60, [r#"0 issue "letsencrypt.org""#]);
    env.zone.put(root.clone()).unwrap();
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let base = format!("user1.{ROOT}");
    let reason = format!("do not allow letsencrypt.org to issue certificates for *.{base}");
    let caa = |value| [("subdomain", "@"), ("type", "CAA"), ("value", value)];

    // It shuts the authority out: the form asks, and a second submit saves.
    let asked = save(&mut browser, NEW, &caa("ca.example")).await;
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains(&reason), "{}", asked.body);
    assert_eq!(browser.record_ids().await.len(), 0);
    let other = asked.form(NEW).with("value", "other.example");
    let asked = browser.submit(&other).await;
    assert_eq!(asked.status, 422, "what was confirmed is another value");
    assert_eq!(browser.submit(&asked.form(NEW)).await.status, 303);
    env.shows(&base, "CAA", Some(r#"0 issue "other.example""#))
        .await;
    let page = browser.get("/certificate").await.body;
    assert!(page.contains(&reason), "{page}");

    // One that allows it needs no confirmation, nor does one beside it.
    let path = path_of_record(&mut browser, "other.example").await;
    let allowed = [("value", "letsencrypt.org")];
    assert_eq!(save(&mut browser, &path, &allowed).await.status, 303);
    assert!(!browser.get("/certificate").await.body.contains(&reason));
    assert_eq!(
        save(&mut browser, NEW, &caa("ca.example")).await.status,
        303
    );
    env.shows(
        &base,
        "CAA",
        Some(r#"0 issue "ca.example" | 0 issue "letsencrypt.org""#),
    )
    .await;

    // An edit or a deletion of the record that allowed it asks again.
    let report = [("tag", "iodef"), ("value", "mailto:a@b.example")];
    let asked = save(&mut browser, &path, &report).await;
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains(&reason), "{}", asked.body);
    let page = browser.get(&format!("{path}/delete")).await;
    assert!(page.body.contains(&reason), "{}", page.body);
    let id = path.rsplit('/').next().unwrap();
    let unasked = page.form("/dns-records").with("confirm", "");
    let asked = browser.submit(&unasked).await;
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains(&reason), "{}", asked.body);
    assert!(browser.record_ids().await.contains(&id.to_owned()));
    assert_eq!(
        browser.submit(&asked.form("/dns-records")).await.status,
        303
    );
    env.shows(&base, "CAA", Some(r#"0 issue "ca.example""#))
        .await;

    let last = path_of_record(&mut browser, "ca.example").await;
    assert_eq!(delete(&mut browser, &last).await.status, 303);
    env.shows(&base, "CAA", None).await;
    assert!(!browser.get("/certificate").await.body.contains(&reason));
    assert_eq!(env.zone.set(ROOT, "CAA").as_ref(), Some(&root));
    no_difference(&env).await;
}
