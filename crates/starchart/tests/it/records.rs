//! A user's records, from the form to the name server.

use std::time::Duration;

use reqwest::Method;

use starchart_testkit::wait::{equal, eventually};

use crate::app::{APP_URL, ROOT, TestEnv};
use crate::browser::{Browser, Page, asked, identity, path_of};
use crate::pages;
use crate::truth::{no_difference, signed_in};

#[tokio::test]
async fn a_name_is_created_changed_and_deleted_in_the_zone() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let home = browser
        .sign_in(&env.idp, &identity("user1", &["students"]))
        .await;
    assert_eq!(home.status, 200, "{}", home.body);
    let name = format!("www.user1.{ROOT}");

    let created = browser.create("www", "A", "192.168.1.1").await;
    assert_eq!(
        (created.status, created.location()),
        (303, "/dns-records"),
        "{}",
        created.body
    );
    let value = |rtype: &str| {
        env.zone
            .set(&name, rtype)
            .map(|set| set.values.into_iter().collect::<Vec<_>>().join(" "))
    };
    eventually("created in the zone", async || {
        equal(value("A").as_deref(), Some("192.168.1.1"))
    })
    .await;

    let id = browser.record_ids().await.remove(0);
    let path = format!("/dns-records/{id}");
    let form = browser
        .get(&path)
        .await
        .form(&path)
        .with("type", "CNAME")
        .with("value", "pages.example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    eventually("changed in the zone", async || {
        equal(value("CNAME").as_deref(), Some("pages.example.com."))
    })
    .await;
    assert_eq!(value("A"), None);
    assert_eq!(
        browser.record_ids().await,
        std::slice::from_ref(&id),
        "a bookmark holds after a change of type"
    );

    let page = browser.get(&format!("/dns-records/{id}/delete")).await;
    let form = page.form("/dns-records");
    assert_eq!(browser.submit(&form).await.status, 303);
    eventually("gone from the zone", async || equal(value("CNAME"), None)).await;
}

impl TestEnv {
    /// Returns the values of an RRset in the zone, sorted and joined by ` | `.
    fn shown(&self, name: &str, rtype: &str) -> Option<String> {
        self.zone
            .set(name, rtype)
            .map(|set| set.values.into_iter().collect::<Vec<_>>().join(" | "))
    }

    /// Waits until the RRset in the zone is `wanted`.
    pub async fn shows(&self, name: &str, rtype: &str, wanted: Option<&str>) {
        let holds = async || self.shown(name, rtype).as_deref() == wanted;
        eventually(&format!("{name} {rtype} is {wanted:?}"), holds).await;
    }

    /// Creates records, given as name, type, value and what the zone then shows, and looks at the
    /// form of each.
    async fn takes(&self, browser: &mut Browser, cases: &[(&str, &str, &str, &str)]) {
        for (name, rtype, value, shown) in cases.iter().copied() {
            let created = browser.create(name, rtype, value).await;
            assert_eq!(
                (created.status, created.location()),
                (303, "/dns-records"),
                "{name}: {}",
                created.body
            );
            let fqdn = if name == "@" {
                format!("user1.{ROOT}")
            } else {
                format!("{}.user1.{ROOT}", name.to_lowercase())
            };
            self.shows(&fqdn, rtype, Some(shown)).await;
            assert_eq!(self.zone.set(&fqdn, rtype).map(|set| set.ttl), Some(300));
            // The form shows the value as the user typed it.
            let id = self.db.number("SELECT MAX(id) FROM dns_records").await;
            let path = format!("/dns-records/{id}");
            let form = browser.get(&path).await.form(&path);
            assert_eq!(
                (form.value("value"), form.value("type")),
                (Some(value), Some(rtype))
            );
        }
    }
}

#[tokio::test]
async fn every_type_arrives_as_route53_holds_it() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let long = "x".repeat(300);
    let long_shown = format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45));
    let cases = [
        ("a", "A", "192.168.1.1", "192.168.1.1"),
        ("@", "A", "10.0.0.1", "10.0.0.1"),
        ("aaaa", "AAAA", "2001:0DB8:0:0::0001", "2001:db8::1"),
        ("CNAME", "CNAME", "Pages.Example.COM.", "pages.example.com."),
        ("_proof.c", "CNAME", "_x.example.com", "_x.example.com."),
        ("t1", "TXT", "plain words", "\"plain words\""),
        (
            "t2",
            "TXT",
            "smile 😀 €",
            "\"smile \\360\\237\\230\\200 \\342\\202\\254\"",
        ),
        (
            "t3",
            "TXT",
            "say \"yes\" \\ no \\342",
            "\"say \\\"yes\\\" \\\\ no \\\\342\"",
        ),
        ("t4", "TXT", long.as_str(), long_shown.as_str()),
        ("t5", "TXT", " blanks around ", "\" blanks around \""),
        ("_github", "TXT", "v=spf1 -all; <b>", "\"v=spf1 -all; <b>\""),
    ];
    env.takes(&mut browser, &cases).await;
    // Two mail servers at one name are one RRset; the default priority is 10. A dot with priority 0
    // says that there is no mail (RFC 7505).
    for (name, value, priority) in [
        ("mail", "mx1.example.com", "5"),
        ("mail", "mx2.example.com", ""),
        ("nomail", ".", "0"),
    ] {
        let form = browser
            .get("/dns-records/new")
            .await
            .form("/dns-records/new");
        let form = form
            .with("subdomain", name)
            .with("type", "MX")
            .with("value", value)
            .with("priority", priority);
        assert_eq!(browser.submit(&form).await.status, 303);
    }
    env.shows(
        &format!("mail.user1.{ROOT}"),
        "MX",
        Some("10 mx2.example.com. | 5 mx1.example.com."),
    )
    .await;
    env.shows(&format!("nomail.user1.{ROOT}"), "MX", Some("0 ."))
        .await;
    eventually("all answered", async || {
        let page = browser.clone().get("/dns-records").await.body;
        page.matches("data-state=\"answered\"").count() == cases.len() + 3
    })
    .await;
}

#[tokio::test]
async fn later_types_and_names_arrive_as_route53_holds_them() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let digits = "ab".repeat(32);
    let [digits_3, digits_4] = ["3 1 1", "4 2"].map(|head| format!("{head} {}", "AB".repeat(32)));
    let cases = [
        (
            "www",
            "HTTPS",
            "a.example.com alpn=h2,h3",
            "1 a.example.com. alpn=\"h2,h3\"",
        ),
        (
            "_dns.r",
            "SVCB",
            ". port=853 alpn=dot",
            "1 . alpn=\"dot\" port=853",
        ),
        // The provider lists digits in upper case.
        ("_25._tcp.mx", "TLSA", digits.as_str(), digits_3.as_str()),
        ("ssh", "SSHFP", digits.as_str(), digits_4.as_str()),
        // Wildcards, a challenge below the user's domain, mail policy.
        ("*", "A", "192.168.1.2", "192.168.1.2"),
        ("*.dev", "CNAME", "pages.example.com", "pages.example.com."),
        (
            "_acme-challenge.www",
            "CNAME",
            "x.flydns.net",
            "x.flydns.net.",
        ),
        ("_dmarc", "TXT", "v=DMARC1; p=none", "\"v=DMARC1; p=none\""),
        ("xn--bcher-kva", "A", "192.168.1.3", "192.168.1.3"),
    ];
    env.takes(&mut browser, &cases).await;
    eventually("all answered", async || {
        let page = browser.clone().get("/dns-records").await.body;
        page.matches("data-state=\"answered\"").count() == cases.len()
    })
    .await;
    no_difference(&env).await;
}

#[tokio::test]
async fn faults_are_shown_beside_the_input() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let own = format!("www.user1.{ROOT}");
    let name =
        "Record name is invalid or inappropriate (only alphanumerical character, -, and _ allowed)";
    let value = "Record value is invalid";
    let too_long = "😀".repeat(260);
    for (subdomain, rtype, typed, words) in [
        ("-www", "A", "192.0.2.1", name),
        ("w..w", "A", "192.0.2.1", name),
        ("a.*", "A", "192.0.2.1", name),
        ("_acme-challenge", "TXT", "x", name),
        ("_validation-persist", "TXT", "x", name),
        ("pаypal", "A", "192.0.2.1", "letters of several scripts"),
        ("www", "HTTPS", ". alpm=h2", "alpm is no parameter"),
        (own.as_str(), "A", "192.0.2.1", "leave out"),
        ("ab--c", "A", "192.0.2.1", "reserved for encoded names"),
        ("my-sh1t", "A", "192.0.2.1", "without the word “sh1t”"),
        ("<script>alert(1)</script>", "A", "192.0.2.1", name),
        ("www", "A", "300.1.1.1", value),
        ("www", "A", "127.0.0.1", "a loopback address"),
        ("www", "A", "169.254.169.254", "a link-local address"),
        (
            "www",
            "AAAA",
            "fe80::1%eth0",
            "this is a link-local address",
        ),
        ("www", "AAAA", "::ffff:10.0.0.1", value),
        ("www", "CNAME", "https://example.com/x", "without http://"),
        ("www", "CNAME", own.as_str(), "cannot point to its own name"),
        (
            "www",
            "MX",
            "192.0.2.1",
            "to a host name, not to an address",
        ),
        ("www", "CNAME", "www", "enter the whole name: www.user1."),
        ("www", "AAAA", "2001:db8::/64", "a whole network"),
        ("www", "MX", ".", "enter 0 under Priority"),
        ("www", "TXT", "", "enter a value"),
        ("www", "TXT", "line\nbreak", value),
        ("www", "TXT", too_long.as_str(), "characters too long"),
        ("www", "NS", "ns.example.com", "Choose a record type"),
        ("www", "", "192.0.2.1", "Choose a record type"),
    ] {
        let form = browser
            .get("/dns-records/new")
            .await
            .form("/dns-records/new");
        let form = form
            .with("subdomain", subdomain)
            .with("type", rtype)
            .with("value", typed)
            .with("course", "kept & seen");
        let refused = browser.submit(&form).await;
        assert_eq!(
            refused.status, 422,
            "{subdomain} {rtype} {typed:.40}: {}",
            refused.body
        );
        assert!(
            refused.body.contains(words),
            "{subdomain} {rtype} {typed:.40}: {words}: {}",
            refused.body
        );
        let again = refused.form("/dns-records/new");
        let kept = [
            again.value("subdomain"),
            again.value("value"),
            again.value("course"),
        ];
        // A browser removes line breaks from a text field; another client may send them.
        assert_eq!(kept, [Some(subdomain), Some(typed), Some("kept & seen")]);
        pages::no_inline_code(subdomain, &refused.body);
    }
    assert_eq!(env.db.number("SELECT COUNT(*) FROM dns_records").await, 0);
    assert_eq!(env.zone.counts().change, 0, "nothing was sent");
}

#[tokio::test]
async fn renewing_moves_the_date_and_does_not_touch_the_zone() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    browser.create("www", "A", "192.0.2.1").await;
    let id = browser.record_ids().await.remove(0);
    let date = |page: &Page| {
        page.body
            .split("<time datetime=\"")
            .nth(1)
            .unwrap()
            .get(..10)
            .unwrap()
            .to_owned()
    };
    let fresh = date(&browser.get("/dns-records").await);
    env.shows(&format!("www.user1.{ROOT}"), "A", Some("192.0.2.1"))
        .await;
    let watcher = browser.clone();
    let answered = async || {
        watcher
            .clone()
            .get("/dns-records")
            .await
            .body
            .contains("data-state=\"answered\"")
    };
    eventually("answered", answered).await;
    let changes = env.zone.counts().change;
    for method in [Method::POST, Method::PATCH] {
        env.db
            .run("UPDATE dns_records SET expires_at = expires_at - 30 * 86400000")
            .await;
        let page = browser.get("/dns-records").await;
        assert!(date(&page) < fresh, "{} {fresh}", date(&page));
        let fields = [
            ("id", id.as_str()),
            ("intent", "renew-dns-record"),
            ("csrf_token", &page.csrf_token()),
        ];
        let request = browser
            .request(method, "/dns-records")
            .header("Origin", APP_URL)
            .form(&fields);
        assert_eq!(browser.send(request).await.location(), "/dns-records");
        let page = browser.get("/dns-records").await;
        assert_eq!(date(&page), fresh);
        assert!(
            page.body.contains("has been successfully renewed"),
            "{}",
            page.body
        );
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(env.zone.counts().change, changes, "nothing was sent");
    assert!(answered().await, "and nothing looks as if it were");
}

#[tokio::test]
async fn the_record_of_another_user_answers_404() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let mut other = signed_in(&env, &app, "user2").await;
    owner.create("www", "A", "192.0.2.1").await;
    other.create("own", "A", "192.0.2.2").await;
    let id = owner.record_ids().await.remove(0);
    let own = other.record_ids().await.remove(0);
    // The answers show the user's own list, which must not change in between.
    eventually("the own record is answered", async || {
        let page = other.clone().get("/dns-records").await;
        page.body.contains("Answered by 1 of 1")
    })
    .await;
    let token = other.get("/dns-records/new").await.csrf_token();
    let answers = async |id: &str| {
        let mut other = other.clone();
        let mut answers = Vec::new();
        for path in ["", "/delete", "/lookup"] {
            answers.push(other.get(&format!("/dns-records/{id}{path}")).await);
        }
        let record = format!("/dns-records/{id}");
        let all = "/dns-records".to_owned();
        let token = ("csrf_token", token.as_str());
        let filled = vec![
            ("subdomain", "www"),
            ("type", "A"),
            ("value", "192.0.2.66"),
            token,
        ];
        let act = |intent| vec![("id", id), ("intent", intent), token];
        for (method, path, fields) in [
            (Method::POST, &record, filled.clone()),
            // A field that the original trusts more than the path.
            (
                Method::POST,
                &record,
                filled.into_iter().chain([("id", own.as_str())]).collect(),
            ),
            (Method::POST, &all, act("renew-dns-record")),
            (Method::POST, &all, act("delete-dns-record")),
            (Method::PATCH, &all, act("renew-dns-record")),
            (Method::DELETE, &all, act("delete-dns-record")),
            (Method::PATCH, &record, vec![token]),
            (Method::DELETE, &record, vec![token]),
            (Method::DELETE, &record, vec![("id", own.as_str()), token]),
        ] {
            let request = other
                .request(method, path)
                .header("Origin", APP_URL)
                .form(&fields);
            answers.push(other.send(request).await);
        }
        answers
    };
    let neutral = |page: &Page, id: &str| {
        let number = page.header("x-request-id").to_owned();
        // Every page masks the token differently.
        page.body
            .replace(&number, "")
            .replace(&page.csrf_token(), "")
            .replace(&format!("/{id}"), "")
    };
    let foreign = answers(&id).await;
    let absent = answers("999999999").await;
    for (n, (foreign, absent)) in foreign.iter().zip(&absent).enumerate() {
        assert_eq!(
            (foreign.status, absent.status),
            (404, 404),
            "{n}: {}",
            foreign.body
        );
        assert_eq!(
            neutral(foreign, &id),
            neutral(absent, "999999999"),
            "{n}: they look the same"
        );
    }
    for odd in ["-1", "0", "1x", "9223372036854775808", "%00", "1%2f"] {
        assert_eq!(
            other.get(&format!("/dns-records/{odd}")).await.status,
            404,
            "{odd}"
        );
    }
    let states = other.get("/dns-records/states").await.body;
    let ids = |text: &str| text.matches("\"id\":").count();
    assert!(ids(&states) == 1 && states.contains(&own), "{states}");
    assert_eq!(
        (owner.record_ids().await, other.record_ids().await),
        (vec![id], vec![own])
    );
    env.shows(&format!("www.user1.{ROOT}"), "A", Some("192.0.2.1"))
        .await;
    let ended = "SELECT COUNT(*) FROM record_history WHERE action <> 'create'";
    assert_eq!(env.db.number(ended).await, 0);
}

#[tokio::test]
async fn unknown_form_fields_are_refused() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    browser.create("www", "A", "192.0.2.1").await;
    let id = browser.record_ids().await.remove(0);
    let edit_path = format!("/dns-records/{id}");
    let token = browser.get("/dns-records/new").await.csrf_token();
    let record = format!("subdomain=new&type=A&value=192.0.2.9&csrf_token={token}");
    let act = format!("id={id}&intent=delete-dns-record&csrf_token={token}");
    for (path, body) in [
        ("/dns-records/new", &record),
        (edit_path.as_str(), &record),
        ("/dns-records", &act),
    ] {
        for (extra, status) in [
            ("username=user2", 422),
            ("user_id=2", 422),
            ("owner_id=2", 422),
            ("expires_at=99999999999999", 422),
            ("TTL=1", 422),
            ("rrset_ttl=1", 422),
            ("is_admin=1", 422),
            ("fqdn=www.user2.starchart.example", 422),
            ("Type=CNAME", 422),
            ("csrf_token=x", 400),
            (body.split('&').next().unwrap(), 400),
            ("%69ntent=renew-dns-record&intent=renew-dns-record", 400),
        ] {
            let request = browser
                .request(Method::POST, path)
                .header("Origin", APP_URL);
            let request = request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(format!("{body}&{extra}"));
            let refused = browser.send(request).await;
            assert_eq!(
                refused.status, status,
                "{path} with {extra}: {}",
                refused.body
            );
        }
        for kind in [
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
        ] {
            let request = browser
                .request(Method::POST, path)
                .header("Origin", APP_URL)
                .header("Content-Type", kind);
            let refused = browser.send(request.body(body.clone())).await;
            assert!(
                (400..500).contains(&refused.status),
                "{path} as {kind}: {}",
                refused.status
            );
        }
    }
    assert_eq!(browser.record_ids().await, [id]);
    env.shows(&format!("www.user1.{ROOT}"), "A", Some("192.0.2.1"))
        .await;
}

#[tokio::test]
async fn user_input_is_escaped() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let corpus = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</textarea></title></script><svg/onload=alert(1)>",
        "javascript:alert(1)//",
        "{{7*7}}${7*7}<%= 7*7 %>",
        "&lt;script&gt;&#60;b&#62;",
        "<!--<a href=\"javascript:alert(1)\">-->",
    ];
    let mut who = identity("user1", &["students"]);
    for (n, hostile) in corpus.into_iter().enumerate() {
        (who.display_name, who.email) = (hostile.to_owned(), format!("{n}@school.example"));
        let mut browser = app.browser();
        browser.sign_in(&env.idp, &who).await;
        let name = format!("x{n}");
        let form = browser
            .get("/dns-records/new")
            .await
            .form("/dns-records/new");
        let filled = ["value", "ports", "course", "description"]
            .into_iter()
            .fold(form, |form, name| form.with(name, hostile));
        let bent = filled
            .clone()
            .with("subdomain", hostile)
            .with("type", hostile);
        let refused = browser.submit(&bent).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        let saved = browser
            .submit(&filled.with("subdomain", &name).with("type", "TXT"))
            .await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let id = env.db.number("SELECT MAX(id) FROM dns_records").await;
        let mut seen = vec![refused];
        for path in ["/", "/dns-records", "/dns-records/instructions", "/nowhere"]
            .map(str::to_owned)
            .into_iter()
            .chain(["", "/delete", "/lookup"].map(|page| format!("/dns-records/{id}{page}")))
        {
            seen.push(browser.get(&path).await);
        }
        for page in &seen {
            if hostile.contains(['<', '"', '\'']) {
                assert!(!page.body.contains(hostile), "{hostile}: {}", page.body);
            }
            pages::no_inline_code(hostile, &page.body);
        }
        // The input is on the page, escaped.
        let path = format!("/dns-records/{id}");
        let form = browser.get(&path).await.form(&path);
        for name in ["value", "ports", "course", "description"] {
            assert_eq!(form.value(name), Some(hostile));
        }
        let shown = starchart_testkit::html::unescape(&browser.get("/dns-records").await.body);
        assert!(
            shown.matches(hostile).count() >= 5,
            "value, notes and display name: {hostile}"
        );
    }
}

#[tokio::test]
async fn a_stale_form_is_shown_again_and_changes_nothing() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let who = identity("user1", &["students"]);
    let mut browser = signed_in(&env, &app, "user1").await;
    browser.create("old", "A", "192.0.2.1").await;
    let id = browser.record_ids().await.remove(0);
    let edit_path = format!("/dns-records/{id}");
    let new = browser
        .get("/dns-records/new")
        .await
        .form("/dns-records/new");
    let old = browser.get(&edit_path).await.form(&edit_path);
    for (form, name) in [(new, "late"), (old, "later")] {
        let form = form
            .with("subdomain", name)
            .with("type", "TXT")
            .with("value", "<typed> \"twice\" & kept 😀");
        env.db
            .run("UPDATE sessions SET ended_at = created_at")
            .await;
        let sent = browser.submit(&form).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let (seen, relay_state) = asked(&sent);
        let answered = browser
            .post_response(&env.idp.respond(&seen, &who).unwrap(), &relay_state)
            .await;
        let shown = browser.get(&path_of(answered.location())).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert!(shown.body.contains("Your form was kept."), "{}", shown.body);
        let kept = shown.form(&form.action);
        for field in ["subdomain", "type", "value"] {
            assert_eq!(kept.value(field), form.value(field));
        }
        assert_ne!(kept.value("csrf_token"), form.value("csrf_token"));
        let made = format!("SELECT COUNT(*) FROM dns_records WHERE fqdn = '{name}.user1.{ROOT}'");
        assert_eq!(env.db.number(&made).await, 0, "it is not obeyed");
        let saved = browser.submit(&kept).await;
        assert_eq!(
            (saved.status, saved.location()),
            (303, "/dns-records"),
            "{}",
            saved.body
        );
        assert_eq!(env.db.number(&made).await, 1);
    }
    // The next user of the same browser does not see the input.
    for path in ["/dns-records/new", &edit_path] {
        let form = browser.get(path).await.form(path).with("value", "mine");
        env.db
            .run("UPDATE sessions SET ended_at = created_at")
            .await;
        let (seen, relay_state) = asked(&browser.submit(&form).await);
        let answered = browser
            .post_response(
                &env.idp.respond(&seen, &identity("user2", &[])).unwrap(),
                &relay_state,
            )
            .await;
        let page = browser.get(&path_of(answered.location())).await;
        assert_eq!(
            (page.status, page.location()),
            (303, "/dns-records"),
            "{}",
            page.body
        );
        browser = signed_in(&env, &app, "user1").await;
    }
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM dns_records WHERE input = 'mine'")
            .await,
        0
    );
}
