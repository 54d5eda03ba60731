//! The lists of words and labels on the admin page, and what they do to other pages.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_domain::words::{ListKind, NameLists};

use super::test_app::{Browser, Reply, TestApp};

const PATH: &str = "/admin/words";

async fn add(admin: &mut Browser<'_>, kind: &str, word: &str) -> Reply {
    let fields = [("intent", "add-word"), ("kind", kind), ("word", word)];
    admin.post(PATH, &fields).await
}

async fn create(browser: &mut Browser<'_>, name: &str) -> Reply {
    let fields = [("subdomain", name), ("type", "A"), ("value", "8.8.8.8")];
    browser.post("/dns-records/new", &fields).await
}

/// The list, the entry, and the entry that is added or a part of the answer.
#[actix_web::test]
async fn an_entry_is_added_or_answered() {
    let test_app = TestApp::new().await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    for (kind, word, expected) in [
        (
            "refused",
            " Darn ",
            Ok("“darn” is refused in new names from now on."),
        ),
        (
            "refused",
            "DARN",
            Err("“darn” is already among the refused words below."),
        ),
        ("refused", "d4rn", Err("“d4rn” has digits")),
        ("refused", "", Err("Enter a word.")),
        ("refused", "   ", Err("Enter a word.")),
        ("refused", "two words", Err("enter one word at a time.")),
        ("refused", "<b>x</b>", Err("No name contains “&#60;”")),
        (
            "refused",
            "shit",
            Err("“shit” is already on the list that comes with the program."),
        ),
        (
            "allowed",
            "darn",
            Err("“darn” is already among the refused words below."),
        ),
        (
            "allowed",
            "not-so-darn",
            Ok("“not-so-darn” is allowed from now on."),
        ),
        (
            "allowed",
            "not-so-darn",
            Err("“not-so-darn” is already allowed."),
        ),
        (
            "allowed",
            "moby-dick",
            Err("“moby-dick” is already allowed."),
        ),
        (
            "allowed",
            "chair",
            Err("No word of “chair” is refused, so there is nothing"),
        ),
        (
            "allowed",
            "moby dick",
            Err("join the words of a phrase with -: moby-dick"),
        ),
        (
            "allowed",
            "bastard",
            Ok("“bastard” is allowed from now on."),
        ),
        (
            "refused",
            "bastard",
            Err("“bastard” is already among the allowed words below."),
        ),
        (
            "reserved",
            "Library",
            Ok("“library” is reserved from now on."),
        ),
        (
            "reserved",
            "library",
            Err("“library” is already among the reserved labels"),
        ),
        (
            "reserved",
            "www",
            Err("“www” is already on the list that comes with the program."),
        ),
        (
            "reserved",
            "ns7",
            Err("“ns7” is already on the list that comes with the program."),
        ),
        ("reserved", "_dmarc", Err("“_dmarc” is no label")),
        ("reserved", "darn", Ok("“darn” is reserved from now on.")),
    ] {
        let reply = add(&mut admin, kind, word).await;
        match expected {
            Ok(done) => {
                assert_eq!(reply.location(), PATH, "{kind} {word}: {}", reply.body);
                let page = admin.get(PATH).await.body;
                assert!(page.contains(done), "{kind} {word}: {page}");
            }
            Err(part) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                assert_eq!(reply.status, status, "{kind} {word}");
                assert!(reply.body.contains(part), "{kind} {word}: {}", reply.body);
            }
        }
    }
    // The form that was refused shows what was typed.
    let refused = add(&mut admin, "refused", "two words").await.body;
    assert!(refused.contains("name=\"word\" type=\"text\" value=\"two words\""));
    for (name, fields) in [
        (
            "a list that is none",
            [("intent", "add-word"), ("kind", "other")],
        ),
        ("no word", [("intent", "add-word"), ("kind", "refused")]),
        ("no entry", [("intent", "remove-word"), ("item", "x")]),
        ("no intent", [("intent", ""), ("kind", "refused")]),
    ] {
        let reply = admin.post(PATH, &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
    let trail = admin.get("/admin/trail?action=word").await.body;
    assert_eq!(trail.matches(">word.add<").count(), 5, "{trail}");
}

#[actix_web::test]
async fn a_refused_word_names_whom_to_ask_and_existing_records_stay() {
    let test_app = TestApp::new().await;
    let mut user = Browser::signed_in(&test_app, "user1").await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    assert_eq!(
        create(&mut user, "my-darn").await.location(),
        "/dns-records"
    );

    let asked = add(&mut admin, "refused", "darn").await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    assert!(
        asked
            .body
            .contains("1 record of 1 user has “darn” in the name. What is there stays")
    );
    assert!(asked.body.contains("Refuse “darn” in new names</button>"));
    assert_eq!(
        create(&mut user, "darn").await.location(),
        "/dns-records",
        "not yet"
    );
    let fields = [
        ("intent", "add-word"),
        ("kind", "refused"),
        ("word", "darn"),
        ("confirm", "darn"),
    ];
    assert_eq!(admin.post(PATH, &fields).await.location(), PATH);

    let refused = create(&mut user, "darn-2").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = "without the word “darn”; if it is harmless where you use it, ask help@example.edu";
    assert!(refused.body.contains(told), "{}", refused.body);
    // Machines' names pass.
    assert_eq!(create(&mut user, "darned").await.location(), "/dns-records");

    let page = admin.get(PATH).await.body;
    let count = NameLists::built_in().entries(ListKind::Refused).len();
    for part in [
        "2 records have a name that would be refused now.",
        "<a href=\"/admin/words?word=darn#in-use\">2 records</a>",
        "href=\"/admin?searchText=my-darn.user1.starchart.com\"",
        &format!("{count} entries from refused-words.txt, which comes with the program."),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let of_word = admin.get("/admin/words?word=shit").await.body;
    assert!(of_word.contains("No record has a name that would be refused now for “shit”"));

    let item = page.split("name=\"item\" value=\"").nth(1).unwrap();
    let item = item.split('"').next().unwrap();
    let remove = [("intent", "remove-word"), ("item", item)];
    assert_eq!(admin.post(PATH, &remove).await.location(), PATH);
    assert!(admin.get(PATH).await.body.contains("“darn” was removed."));
    assert_eq!(admin.post(PATH, &remove).await.location(), PATH);
    let again = admin.get(PATH).await.body;
    assert!(again.contains("This entry was removed already."));
    assert!(again.contains("No record has a name that would be refused now."));
}

#[actix_web::test]
async fn a_reserved_label_is_offered_to_nobody_and_its_holder_keeps_it() {
    let test_app = TestApp::new().await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    Browser::signed_in(&test_app, "user1").await;
    for label in ["user1", "library"] {
        assert_eq!(add(&mut admin, "reserved", label).await.location(), PATH);
    }
    let page = admin.get(PATH).await.body;
    assert!(page.contains("href=\"/admin/trail?user=user1\">user1</a>"));
    let mut holder = Browser::signed_in(&test_app, "user1").await;
    assert_eq!(holder.get("/dns-records").await.status, StatusCode::OK);
    let mut newcomer = Browser::signed_in(&test_app, "library").await;
    let choice = newcomer.get("/label").await.body;
    assert!(choice.contains("is reserved for the service"), "{choice}");
    assert!(!choice.contains("value=\"library\"") && choice.contains("value=\"library2\""));
}

#[actix_web::test]
async fn a_name_is_tried() {
    let test_app = TestApp::new().await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    let tried = admin.get("/admin/words?name=my-sh1t").await;
    assert_eq!(tried.status, StatusCode::OK);
    let told = "Refused: “sh1t” is read as “shit”, which is on the list that comes with";
    assert!(tried.body.contains(told), "{}", tried.body);
    assert!(tried.body.contains("value=\"my-sh1t\""));
    let none = admin.get("/admin/words?name=").await.body;
    assert!(!none.contains("id=\"tried\""));
}
