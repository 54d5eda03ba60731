//! `starchart export`: a user's records as a zone file.

use crate::app::{ROOT, TestEnv};
use crate::truth::{signed_in, verb};

#[tokio::test]
async fn the_records_of_a_user_are_printed_as_a_zone_file() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    assert_eq!(browser.create("@", "TXT", "a \"b\"").await.status, 303);
    signed_in(&env, &app, "user2").await;

    let own = verb(&env, &["export", "--user", "user1"]).await;
    assert_eq!(own.code, 0, "{}", own.all);
    let origin = format!("$ORIGIN user1.{ROOT}.");
    let lines: Vec<&str> = own
        .out
        .lines()
        .filter(|line| !line.starts_with(';'))
        .collect();
    assert_eq!(
        lines,
        [
            origin.as_str(),
            "",
            r#"@ 300 IN TXT "a \"b\"""#,
            "",
            "www 300 IN A 192.168.1.1",
        ]
    );
    let other = verb(&env, &["export", "--user", "user2"]).await;
    assert!(!other.out.contains(" IN "), "{}", other.all);
    let nobody = verb(&env, &["export", "--user", "nobody"]).await;
    assert_eq!(nobody.code, 1, "{}", nobody.all);
    assert!(
        nobody
            .all
            .contains("no user has the name or the label nobody"),
        "{}",
        nobody.all
    );
}
