//! Labels under the root domain: every user has one, and no two users share one.

use starchart_testkit::html::Form;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, identity};

/// Signs in a user who must choose a label; returns the form and the offered labels.
async fn sign_in_without_label(
    env: &TestEnv,
    app: &App,
    username: &str,
) -> (Browser, Form, Vec<String>) {
    let mut browser = app.browser();
    let page = browser
        .sign_in(&env.idp, &identity(username, &["students"]))
        .await;
    assert_eq!(page.status, 200, "{username}: {}", page.body);
    assert!(
        page.body.contains("Choose your domain"),
        "{username}: {}",
        page.body
    );
    assert_eq!(
        browser.get("/dns-records").await.location(),
        "/label?redirectTo=/dns-records",
        "nothing else before that"
    );
    let page = browser.get("/label").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let offered: Vec<String> = page
        .body
        .split("name=\"label\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert!(!offered.is_empty(), "{}", page.body);
    (browser, page.form("/label"), offered)
}

async fn own_domain(browser: &mut Browser) -> String {
    let page = browser.get("/dns-records").await;
    let rest = page
        .body
        .split("Names under <span class=\"literal\">")
        .nth(1)
        .unwrap_or_else(|| panic!("{}", page.body));
    rest.split('<').next().unwrap().to_owned()
}

/// Creates the same name for both users and checks that each sees only their own.
async fn see_only_their_own(one: &mut Browser, other: &mut Browser) {
    let domains = [own_domain(one).await, own_domain(other).await];
    assert_ne!(domains[0], domains[1]);
    for (browser, address) in [(&mut *one, "192.0.2.1"), (&mut *other, "192.0.2.2")] {
        let created = browser.create("www", "A", address).await;
        assert_eq!(created.status, 303, "{}", created.body);
        browser.get("/dns-records").await;
    }
    for (browser, own, foreign) in [
        (&mut *one, "192.0.2.1", "192.0.2.2"),
        (&mut *other, "192.0.2.2", "192.0.2.1"),
    ] {
        let page = browser.get("/dns-records").await;
        assert!(
            page.body.contains(own) && !page.body.contains(foreign),
            "{}",
            page.body
        );
        assert_eq!(browser.record_ids().await.len(), 1);
    }
}

#[tokio::test]
async fn usernames_that_differ_by_an_accent_are_different_users() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut plain = app.browser();
    plain
        .sign_in(&env.idp, &identity("jose", &["students"]))
        .await;
    assert_eq!(own_domain(&mut plain).await, format!("jose.{ROOT}"));

    let (mut accented, form, offered) = sign_in_without_label(&env, &app, "josé").await;
    assert!(
        !offered.contains(&"jose".to_owned()) && offered.contains(&"jose2".to_owned()),
        "{offered:?}"
    );
    // Taken, reserved, invalid and not offered labels are refused.
    for refused in [
        "jose", "www", "ns1", "admin", "-x", "josé", "x.y", "", "somebody",
    ] {
        let page = accented.submit(&form.clone().with("label", refused)).await;
        assert_eq!(page.status, 422, "{refused:?}: {}", page.body);
        assert!(
            page.body.contains("name=\"label\""),
            "the choice is shown again"
        );
    }
    // White space that was pasted along does not count.
    let chosen = accented
        .submit(&form.clone().with("label", " jose2\t"))
        .await;
    assert_eq!(
        (chosen.status, chosen.location()),
        (303, "/"),
        "{}",
        chosen.body
    );
    // The label cannot be changed.
    let again = accented.submit(&form.with("label", "jose3")).await;
    assert_eq!((again.status, again.location()), (303, "/"));
    assert_eq!(own_domain(&mut accented).await, format!("jose2.{ROOT}"));

    see_only_their_own(&mut plain, &mut accented).await;
    // Upper case is the same user; the next sign-in finds the same domain.
    let mut shouting = app.browser();
    shouting.sign_in(&env.idp, &identity("JOSE", &[])).await;
    assert_eq!(own_domain(&mut shouting).await, format!("jose.{ROOT}"));
    assert_eq!(env.db.number("SELECT COUNT(*) FROM users").await, 2);
    assert_eq!(
        env.db
            .number("SELECT COUNT(DISTINCT label) FROM users")
            .await,
        2
    );
}

#[tokio::test]
async fn usernames_that_differ_by_a_dot_are_different_users() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut dotted = app.browser();
    dotted
        .sign_in(&env.idp, &identity("john.smith", &["students"]))
        .await;
    assert_eq!(own_domain(&mut dotted).await, format!("johnsmith.{ROOT}"));
    let (mut joined, form, offered) = sign_in_without_label(&env, &app, "johnsmith").await;
    assert!(!offered.contains(&"johnsmith".to_owned()), "{offered:?}");
    let chosen = joined.submit(&form.with("label", &offered[0])).await;
    assert_eq!(chosen.status, 303, "{}", chosen.body);
    see_only_their_own(&mut dotted, &mut joined).await;
    // The id of another user's record answers as an unknown id does.
    let foreign = dotted.record_ids().await.remove(0);
    assert_eq!(
        joined.get(&format!("/dns-records/{foreign}")).await.status,
        404
    );
}

#[tokio::test]
async fn reserved_usernames_are_offered_another_label() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    for (username, words) in [
        ("www", "is reserved for the service"),
        ("postmaster", "is reserved for the service"),
        ("ns2", "is reserved for the service"),
        ("xn--bcher-kva", "is not a valid name in the DNS"),
        ("-dash-", "is not a valid name in the DNS"),
        ("Пётр", "is not a valid name in the DNS"),
    ] {
        let (mut browser, form, offered) = sign_in_without_label(&env, &app, username).await;
        let page = browser.get("/label").await;
        assert!(page.body.contains(words), "{username}: {}", page.body);
        assert!(offered.iter().all(|label| label != username), "{offered:?}");
        assert_eq!(
            browser
                .submit(&form.with("label", &offered[0]))
                .await
                .status,
            303
        );
        assert_eq!(
            own_domain(&mut browser).await,
            format!("{}.{ROOT}", offered[0])
        );
    }
}

#[tokio::test]
async fn only_one_of_two_users_gets_a_label() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let other = env.start().await;
    let mut first = app.browser();
    first.sign_in(&env.idp, &identity("johnsmith", &[])).await;
    let (one, form_one, offered) = sign_in_without_label(&env, &app, "john.smith").await;
    let (two, form_two, also_offered) = sign_in_without_label(&env, &other, "j.ohnsmith").await;
    let wanted = "johnsmith2";
    assert!(
        offered.iter().any(|l| l == wanted) && also_offered.iter().any(|l| l == wanted),
        "{offered:?} {also_offered:?}"
    );
    let form_one = form_one.with("label", wanted);
    let form_two = form_two.with("label", wanted);
    let mut a = one.clone();
    let mut b = two.clone();
    let (a, b) = tokio::join!(a.submit(&form_one), b.submit(&form_two));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422], "{} {}", a.body, b.body);
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM users WHERE label = 'johnsmith2'")
            .await,
        1
    );
    let (mut loser, page) = if a.status == 422 { (one, a) } else { (two, b) };
    assert!(
        page.body.contains("This domain was taken a moment ago"),
        "{}",
        page.body
    );
    let form = page.form("/label");
    let next = form.value("label").unwrap().to_owned();
    assert_ne!(next, wanted, "what is taken is not offered again");
    assert_eq!(loser.submit(&form).await.status, 303);
    assert_eq!(own_domain(&mut loser).await, format!("{next}.{ROOT}"));
}

#[tokio::test]
async fn only_one_of_two_simultaneous_users_gets_a_label() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let who = ["ann.lee", "annlee"].map(|username| identity(username, &[]));
    let mut a = app.browser();
    let mut b = app.browser();
    let (a, b) = tokio::join!(a.sign_in(&env.idp, &who[0]), b.sign_in(&env.idp, &who[1]));
    let chooses = [&a, &b].map(|page| page.body.contains("Choose your domain"));
    assert!(
        chooses == [true, false] || chooses == [false, true],
        "one is home, the other chooses: {chooses:?}"
    );
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM users WHERE label IS NOT NULL")
            .await,
        1
    );
}
