//! Hostile SAML responses, posted over HTTP to a running server: each is refused without creating a
//! session or fetching a URL, and memory does not grow.

use std::net::TcpListener;

use starchart_saml::issuer::{AuthnRequest, Issuer, Response, SamlIdentity, SignedParts};

use crate::app::{App, TestEnv};
use crate::browser::{SESSION, identity, path_of};
use crate::raw::exchange;
use crate::sign_in::encode;

/// The most memory that one hostile response may use, in KiB.
const GROWTH_KIB: u64 = 20 * 1024;

const UNREADABLE: &str = "could not be read";
const SIGNATURE: &str = "is not signed with a key that we know";
const NOT_FOR_US: &str = "is for another application";
const CLOCK: &str = "is not valid at this time";
const SAID_NO: &str = "did not let you in";
const UNCLEAR: &str = "did not say clearly who you are";
const ENCRYPTED: &str = "is encrypted";
const EXPIRED: &str = "took too long, or was started in another browser";

/// A description, the text of the refusal, and the change that makes a valid response hostile.
type Bend = (&'static str, &'static str, Box<dyn Fn(&mut Response)>);

/// A running server, and the user whom the hostile responses assert.
struct Stage {
    env: TestEnv,
    app: App,
    who: SamlIdentity,
}

impl Stage {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let app = env.start().await;
        Self {
            env,
            app,
            who: identity("user1", &["admins"]),
        }
    }

    /// Begins a sign-in in a new browser, posts the response that `make` creates from a valid one,
    /// and expects a refusal with the text `words`.
    async fn refused(
        &self,
        what: &str,
        words: &str,
        make: impl FnOnce(Response, &AuthnRequest) -> String,
    ) {
        let sql = "SELECT COUNT(*) FROM audit_trail WHERE action = 'session.refused'";
        let lines = || {
            self.app
                .log_lines()
                .iter()
                .filter(|line| line["message"] == "sign-in refused")
                .count()
        };
        let before = (self.env.db.number(sql).await, lines());
        let mut browser = self.app.browser();
        let (seen, relay_state) = browser.ask_to_sign_in("/").await;
        let xml = make(self.env.honest(&seen, &self.who), &seen);
        let page = browser.post_response(&encode(&xml), &relay_state).await;
        assert_eq!(page.status, 403, "{what}: {}", page.body);
        assert!(page.body.contains(words), "{what}: {words}: {}", page.body);
        assert!(
            page.body.contains(page.header("x-request-id")),
            "{what}: the number to tell us"
        );
        assert!(
            page.set_cookies()
                .iter()
                .all(|line| !line.starts_with(SESSION)),
            "{what}: {:?}",
            page.set_cookies()
        );
        assert!(!browser.is_signed_in().await, "{what}");
        assert_eq!(
            (self.env.db.number(sql).await, lines()),
            (before.0 + 1, before.1 + 1),
            "{what}: one line, with its reason"
        );
        assert_eq!(
            self.env.db.number("SELECT COUNT(*) FROM users").await,
            0,
            "{what}: nobody is signed in"
        );
        assert_eq!(
            self.env
                .db
                .number("SELECT COUNT(*) FROM login_results")
                .await,
            0,
            "{what}"
        );
    }

    /// Expects the same after `bend` has changed a valid response before it is signed with the
    /// right key.
    async fn refused_signed(&self, what: &str, words: &str, bend: impl Fn(&mut Response)) {
        for sign in [
            SignedParts::Assertion,
            SignedParts::Response,
            SignedParts::Both,
        ] {
            self.refused(
                &format!("{what}, signed {sign:?}"),
                words,
                |mut response, _| {
                    response.sign = sign;
                    bend(&mut response);
                    response.sign(&self.env.idp).unwrap()
                },
            )
            .await;
        }
    }

    /// Checks that a valid response still signs in.
    async fn an_honest_one_signs_in(&self) {
        let home = self.app.browser().sign_in(&self.env.idp, &self.who).await;
        assert_eq!(home.status, 200, "{}", home.body);
        assert_eq!(self.env.db.number("SELECT COUNT(*) FROM users").await, 1);
    }
}

/// Returns the first element `name` with its tags.
fn cut<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = xml.find(&format!("<{name}")).unwrap();
    let end_tag = format!("</{name}>");
    let length = xml[start..].find(&end_tag).unwrap() + end_tag.len();
    &xml[start..start + length]
}

#[tokio::test]
async fn only_a_response_signed_with_the_right_key_signs_in() {
    let stage = Stage::new().await;
    let idp = &stage.env.idp;
    let stranger = Issuer::generate(idp.entity_id()).unwrap();
    stage
        .refused("unsigned", SIGNATURE, |mut response, _| {
            response.sign = SignedParts::Nothing;
            response.sign(idp).unwrap()
        })
        .await;
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        stage
            .refused("another key", SIGNATURE, |mut response, _| {
                response.sign = sign;
                response.sign(&stranger).unwrap()
            })
            .await;
        stage
            .refused(
                "another key that shows our certificate",
                SIGNATURE,
                |mut response, _| {
                    response.sign = sign;
                    let theirs = stranger.certificate_base64().unwrap();
                    let ours = idp.certificate_base64().unwrap();
                    response.sign(&stranger).unwrap().replace(&theirs, &ours)
                },
            )
            .await;
        for (from, to) in [
            (">user1<", ">user2<"),
            (">Name of user1<", ">Somebody<"),
            ("mycustomdomain-admins", "mycustomdomain-x"),
        ] {
            stage
                .refused("tampered", SIGNATURE, |mut response, _| {
                    response.sign = sign;
                    let signed = response.sign(idp).unwrap();
                    assert!(signed.contains(from));
                    signed.replace(from, to)
                })
                .await;
        }
    }
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn a_response_with_a_changed_statement_is_refused() {
    let stage = Stage::new().await;
    let other = || Some("https://other.example/login/callback".to_owned());
    let bends: Vec<Bend> = vec![
        ("no audience", NOT_FOR_US, Box::new(|r| r.audiences.clear())),
        (
            "another audience",
            NOT_FOR_US,
            Box::new(|r| r.audiences = vec![vec!["https://other.example/sp".to_owned()]]),
        ),
        (
            "one of two audiences fails",
            NOT_FOR_US,
            Box::new(|r| r.audiences.push(vec!["https://other.example".to_owned()])),
        ),
        (
            "another recipient",
            NOT_FOR_US,
            Box::new(move |r| r.recipient = other()),
        ),
        ("no recipient", NOT_FOR_US, Box::new(|r| r.recipient = None)),
        (
            "another destination",
            NOT_FOR_US,
            Box::new(move |r| r.destination = other()),
        ),
        (
            "no destination",
            NOT_FOR_US,
            Box::new(|r| r.destination = None),
        ),
        (
            "another issuer",
            NOT_FOR_US,
            Box::new(|r| r.issuer = Some("https://other.example".to_owned())),
        ),
        (
            "an unknown request",
            EXPIRED,
            Box::new(|r| {
                let unknown = Some("_never-asked".to_owned());
                (r.in_response_to, r.confirmation_in_response_to) = (unknown.clone(), unknown);
            }),
        ),
        (
            "two requests",
            NOT_FOR_US,
            Box::new(|r| r.confirmation_in_response_to = Some("_other".to_owned())),
        ),
        (
            "no conditions",
            UNREADABLE,
            Box::new(|r| r.conditions = false),
        ),
        ("no end", UNREADABLE, Box::new(|r| r.not_on_or_after = None)),
        (
            "over",
            CLOCK,
            Box::new(|r| {
                (r.not_before, r.not_on_or_after) =
                    (Some(r.issued - 900_000), Some(r.issued - 600_000))
            }),
        ),
        (
            "not yet",
            CLOCK,
            Box::new(|r| {
                (r.not_before, r.not_on_or_after) =
                    (Some(r.issued + 600_000), Some(r.issued + 900_000))
            }),
        ),
        ("from tomorrow", CLOCK, Box::new(|r| r.issued += 86_400_000)),
        (
            "confirmed too long ago",
            CLOCK,
            Box::new(|r| r.confirmation_not_on_or_after = Some(r.issued - 600_000)),
        ),
        ("no status", UNREADABLE, Box::new(|r| r.status = None)),
        (
            "a refusal",
            SAID_NO,
            Box::new(|r| *r = r.clone().with_status("Responder")),
        ),
        (
            "not bearer",
            UNREADABLE,
            Box::new(|r| r.method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".to_owned()),
        ),
        (
            "no statement",
            UNREADABLE,
            Box::new(|r| r.authn_statement = false),
        ),
        (
            "two users",
            UNCLEAR,
            Box::new(|r| r.attributes[0].1.push("admin".to_owned())),
        ),
        (
            "the user twice",
            UNCLEAR,
            Box::new(|r| {
                r.attributes
                    .push(("sAMAccountName".to_owned(), vec!["admin".to_owned()]))
            }),
        ),
        (
            "no user",
            UNCLEAR,
            Box::new(|r| drop(r.attributes.remove(0))),
        ),
        (
            "a blank at the end",
            UNCLEAR,
            Box::new(|r| r.attributes[0].1 = vec!["user1 ".to_owned()]),
        ),
        (
            "SHA-1",
            SIGNATURE,
            Box::new(|r| r.digest_method = "http://www.w3.org/2000/09/xmldsig#sha1".to_owned()),
        ),
    ];
    for (what, words, bend) in &bends {
        stage.refused_signed(what, words, bend).await;
    }
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn ambiguous_xml_is_refused() {
    let stage = Stage::new().await;
    let root = "<samlp:Response ";
    let value = ">user1</saml:AttributeValue>";
    let edits = [
        (
            "a comment in the user",
            value,
            ">user1<!-- x --></saml:AttributeValue>".to_owned(),
            UNREADABLE,
        ),
        (
            "a comment in the name",
            "persistent\">user1",
            "persistent\">user1<!-- x -->".to_owned(),
            UNREADABLE,
        ),
        (
            "a section",
            value,
            "><![CDATA[user1]]></saml:AttributeValue>".to_owned(),
            UNREADABLE,
        ),
        (
            "an instruction",
            root,
            format!("<?php x?>{root}"),
            UNREADABLE,
        ),
        (
            "a document type",
            root,
            format!("<!DOCTYPE x>{root}"),
            UNREADABLE,
        ),
        (
            "an entity",
            root,
            format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>{root}"),
            UNREADABLE,
        ),
        (
            "a second root",
            "</samlp:Response>",
            "</samlp:Response><x/>".to_owned(),
            UNREADABLE,
        ),
        ("no end", "</samlp:Response>", String::new(), UNREADABLE),
    ];
    for (what, from, to, words) in &edits {
        // A change before and a change after the signature.
        stage
            .refused(what, words, |response, _| {
                let signed = response.sign(&stage.env.idp).unwrap();
                assert!(signed.contains(from), "{what}");
                signed.replacen(from, to, 1)
            })
            .await;
    }
    stage
        .refused(
            "a comment that was signed",
            UNREADABLE,
            |mut response, _| {
                response.assertion_edits.push((
                    value.to_owned(),
                    ">us<!-- x -->er1</saml:AttributeValue>".to_owned(),
                ));
                response.sign(&stage.env.idp).unwrap()
            },
        )
        .await;
    stage
        .refused("encrypted", ENCRYPTED, |mut response, _| {
            response.sign = SignedParts::Response;
            let signed = response.sign(&stage.env.idp).unwrap();
            let assertion = cut(&signed, "saml:Assertion").to_owned();
            signed.replace(
                &assertion,
                "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>",
            )
        })
        .await;
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn signature_wrapping_is_refused() {
    let stage = Stage::new().await;
    let idp = &stage.env.idp;
    let parts = |mut response: Response| {
        response.sign = SignedParts::Assertion;
        let whole = response.sign(idp).unwrap();
        let assertion = cut(&whole, "saml:Assertion").to_owned();
        let evil = assertion
            .replace(cut(&whole, "ds:Signature"), "")
            .replace(&response.assertion_id, "_evil");
        let evil = evil.replace(">user1<", ">admin<");
        (whole, assertion, evil)
    };
    stage
        .refused(
            "XSW3: evil before the signed one",
            UNREADABLE,
            |response, _| {
                let (whole, assertion, evil) = parts(response);
                whole.replace(&assertion, &format!("{evil}{assertion}"))
            },
        )
        .await;
    stage
        .refused("evil after the signed one", UNREADABLE, |response, _| {
            let (whole, assertion, evil) = parts(response);
            whole.replace(&assertion, &format!("{assertion}{evil}"))
        })
        .await;
    stage
        .refused(
            "XSW4: the signed one inside the evil one",
            UNREADABLE,
            |response, _| {
                let (whole, assertion, evil) = parts(response);
                whole.replace(
                    &assertion,
                    &evil.replace(
                        "</saml:Assertion>",
                        &format!("{assertion}</saml:Assertion>"),
                    ),
                )
            },
        )
        .await;
    stage
        .refused(
            "XSW8: the signed one in an Object of the evil one's signature",
            SIGNATURE,
            |response, _| {
                let (whole, assertion, evil) = parts(response);
                let signature = cut(&assertion, "ds:Signature").to_owned();
                let signed = assertion.replace(&signature, "");
                let object = signature.replace(
                    "</ds:Signature>",
                    &format!("<ds:Object>{signed}</ds:Object></ds:Signature>"),
                );
                whole.replace(
                    &assertion,
                    &evil.replace("<saml:Subject>", &format!("{object}<saml:Subject>")),
                )
            },
        )
        .await;
    stage
        .refused(
            "XSW1: the signed response inside its signature in an evil one",
            SIGNATURE,
            |mut response, _| {
                response.sign = SignedParts::Response;
                let whole = response.sign(idp).unwrap();
                let signature = cut(&whole, "ds:Signature").to_owned();
                let original = whole.replace(&signature, "");
                let evil = original
                    .replace(&response.id, "_evil")
                    .replace(&response.assertion_id, "_evil2")
                    .replace(">user1<", ">admin<");
                let around =
                    signature.replace("</ds:Signature>", &format!("{original}</ds:Signature>"));
                evil.replace("<samlp:Status>", &format!("{around}<samlp:Status>"))
            },
        )
        .await;
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn a_signature_reference_to_another_document_is_not_followed() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let http = format!("http://{}/x", listener.local_addr().unwrap());
    stage.app.browser().get("/login").await;
    let before = stage.app.resident_kib();
    for uri in [
        http.as_str(),
        "file:///dev/zero",
        "file:///etc/hostname",
        "",
        "#other",
        "#xpointer(/)",
    ] {
        for sign in [SignedParts::Assertion, SignedParts::Response] {
            stage
                .refused(
                    &format!("a reference to {uri:?}"),
                    SIGNATURE,
                    |mut response, _| {
                        response.sign = sign;
                        let signed = response.sign(&stage.env.idp).unwrap();
                        let id = if sign == SignedParts::Assertion {
                            &response.assertion_id
                        } else {
                            &response.id
                        };
                        let from = format!("URI=\"#{id}\"");
                        let to = format!("URI=\"{uri}\"");
                        assert!(signed.contains(&from), "{signed}");
                        signed.replace(&from, &to)
                    },
                )
                .await;
        }
    }
    let enveloped =
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                 <ds:XPath>count(//. | //@* | //namespace::*) &gt; count(//.)</ds:XPath>\
                 </ds:Transform>";
    let xslt = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>";
    let base64 = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"/>";
    for transform in [xpath, xslt, base64, ""] {
        stage
            .refused("another transform", SIGNATURE, |response, _| {
                let signed = response.sign(&stage.env.idp).unwrap();
                assert!(signed.contains(enveloped), "{signed}");
                signed.replace(enveloped, transform)
            })
            .await;
    }
    let retrieval = format!("<ds:RetrievalMethod URI=\"{http}\"/></ds:KeyInfo>");
    stage
        .refused("a key from elsewhere", SIGNATURE, |response, _| {
            response
                .sign(&stage.env.idp)
                .unwrap()
                .replace("</ds:KeyInfo>", &retrieval)
        })
        .await;
    assert!(listener.accept().is_err(), "no URL is fetched");
    let after = stage.app.resident_kib();
    assert!(after < before + GROWTH_KIB, "{before} KiB, then {after}");
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn an_oversized_response_is_refused_without_reading_it() {
    let stage = Stage::new().await;
    let port = stage.app.port;
    let head = "POST /login/callback HTTP/1.1\r\nHost: names.school.example\r\n\
                X-Forwarded-Proto: https\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    stage.app.browser().get("/login").await;
    let before = stage.app.resident_kib();
    let declared = exchange(
        port,
        format!("{head}Content-Length: 157286400\r\n\r\n"),
        Vec::new(),
        0,
    )
    .await;
    assert_eq!(declared.status(), 413, "{}", declared.text());
    // The server answers before the body is sent. If the body has no declared length and does not
    // end, the server answers and closes the connection while more is sent.
    let mut piece = b"10000\r\n".to_vec();
    piece.extend_from_slice(&[b'a'; 65_536]);
    piece.extend_from_slice(b"\r\n");
    let chunked = || {
        tokio::spawn(exchange(
            port,
            format!("{head}Transfer-Encoding: chunked\r\n\r\n"),
            piece.clone(),
            usize::MAX,
        ))
    };
    for one in (0..4).map(|_| chunked()).collect::<Vec<_>>() {
        let one = one.await.unwrap();
        assert_eq!(one.status(), 413, "{}", one.text());
    }
    // The largest body that is read; then it is refused.
    let huge = stage
        .app
        .browser()
        .post_response(&"A".repeat(500_000), "")
        .await;
    assert!((400..500).contains(&huge.status), "{}", huge.status);
    let after = stage.app.resident_kib();
    assert!(after < before + GROWTH_KIB, "{before} KiB, then {after}");
    assert_eq!(stage.env.db.number("SELECT COUNT(*) FROM users").await, 0);
    stage.an_honest_one_signs_in().await;
}

#[tokio::test]
async fn an_honest_sign_in_succeeds_during_200_hostile_responses() {
    let stage = Stage::new().await;
    let mut browser = stage.app.browser();
    let (seen, relay_state) = browser.ask_to_sign_in("/").await;
    let hostile = encode(
        &stage
            .env
            .honest(&seen, &stage.who)
            .sign(&stage.env.idp)
            .unwrap()
            .replace(">user1<", ">admin<"),
    );
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (mut attacker, hostile, relay_state) =
                (stage.app.browser(), hostile.clone(), relay_state.clone());
            tokio::spawn(async move { attacker.post_response(&hostile, &relay_state).await.status })
        })
        .collect();
    let page = stage.app.browser().get("/login").await;
    assert_eq!(page.status, 200);
    for task in tasks {
        let status = task.await.unwrap();
        assert!(matches!(status, 403 | 503), "{status}");
    }
    let answered = browser
        .post_response(
            &stage.env.idp.respond(&seen, &stage.who).unwrap(),
            &relay_state,
        )
        .await;
    assert_eq!(
        browser.get(&path_of(answered.location())).await.location(),
        "/",
        "the request is still good"
    );
}

#[tokio::test]
async fn the_start_fails_without_a_signing_certificate() {
    let env = TestEnv::new().await;
    let honest = env
        .idp
        .metadata_xml("https://idp.school.example/sso", None)
        .unwrap();
    let key = cut(&honest, "md:KeyDescriptor").to_owned();
    let certificate = env.idp.certificate_base64().unwrap();
    let mut env = env;
    for (what, metadata) in [
        ("no key at all", honest.replace(&key, "")),
        (
            "a key for encryption only",
            honest.replace("use=\"signing\"", "use=\"encryption\""),
        ),
        ("a broken certificate", honest.replace(&certificate, "AAAA")),
        ("an empty certificate", honest.replace(&certificate, "")),
        ("no XML", "hello".to_owned()),
    ] {
        env = env.with_idp_metadata(&metadata);
        let mut app = env.launch("run");
        let status = app.server.wait_for_exit().await;
        let log = app.server.log();
        assert!(!status.success(), "{what}: {log}");
        assert!(log.contains("SAML_IDP_METADATA_PATH"), "{what}: {log}");
    }
}
