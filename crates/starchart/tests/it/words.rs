//! The lists of words and labels: the operator's files and the admins' entries, on every process.

use std::fs;

use starchart_testkit::html::forms;
use starchart_testkit::wait::eventually;

use crate::admin::admin;
use crate::app::{ROOT, TestEnv};
use crate::browser::{Browser, Page, identity};
use crate::truth::{ended, signed_in};

const PATH: &str = "/admin/words";

/// Adds an entry with the form of its list.
async fn add(admin: &mut Browser, kind: &str, word: &str) -> Page {
    let page = admin.get(PATH).await;
    let mut all = forms(&page.body).into_iter();
    let form = all.find(|form| form.value("kind") == Some(kind)).unwrap();
    admin.submit(&form.with("word", word)).await
}

#[tokio::test]
async fn entries_hold_on_every_process_within_seconds() {
    let env = TestEnv::new()
        .await
        .set("SUPPORT_CONTACT", "help@school.example");
    let one = env.start().await;
    let two = env.start().await;
    let mut admin = admin(&env, &one).await;
    let mut user = signed_in(&env, &two, "user1").await;
    assert_eq!(user.create("my-darn", "A", "192.0.2.1").await.status, 303);

    assert_eq!(add(&mut admin, "reserved", "library").await.status, 303);
    let asked = add(&mut admin, "refused", "darn").await;
    assert_eq!(asked.status, 409, "{}", asked.body);
    assert!(asked.body.contains("1 record of 1 user has “darn”"));
    let confirm = forms(&asked.body).into_iter();
    let mut confirm = confirm.filter(|form| form.value("confirm") == Some("darn"));
    let done = admin.submit(&confirm.next().unwrap()).await;
    assert_eq!((done.status, done.location()), (303, PATH));

    // The other process reads it within a second.
    let told = "without the word “darn”; if it is harmless where you use it, ask help@school";
    let mut number = 0;
    let refused = eventually("the word is refused", async || {
        number += 1;
        let page = user
            .create(&format!("darn-{number}"), "A", "192.0.2.1")
            .await;
        (page.status == 422).then_some(page)
    })
    .await;
    assert!(refused.body.contains(told), "{}", refused.body);
    let row = user.row(&format!("my-darn.user1.{ROOT}"), "A").await;
    let row = row.expect("an existing record stays");
    // It keeps its name, and no other record gets it.
    assert_eq!(user.edit(&row.id, "A", "192.0.2.2").await.status, 303);
    let second = user.create("my-darn", "A", "192.0.2.3").await;
    assert_eq!(second.status, 422, "{}", second.body);
    let page = admin.get(PATH).await;
    assert!(page.body.contains(&format!("my-darn.user1.{ROOT}")));

    // What was added before is known there as well.
    let mut newcomer = two.browser();
    newcomer.sign_in(&env.idp, &identity("library", &[])).await;
    let page = newcomer.get("/label").await;
    assert!(
        page.body.contains("is reserved for the service"),
        "{}",
        page.body
    );
    let added = "SELECT COUNT(*) FROM audit_trail WHERE action = 'word.add'";
    assert_eq!(env.db.number(added).await, 2);
}

#[tokio::test]
async fn the_operators_files_replace_the_lists_of_the_program() {
    let env = TestEnv::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refused-words.txt");
    fs::write(&file, "# Ours\nugly\n").unwrap();
    let path = folder.path().display().to_string();
    let env = env.set("WORD_LISTS_PATH", &path);
    let app = env.start().await;
    let mut user = signed_in(&env, &app, "user1").await;
    for (name, status) in [("ugly-2", 422), ("shit", 303), ("ugliness", 303)] {
        let page = user.create(name, "A", "192.0.2.1").await;
        assert_eq!(page.status, status, "{name}: {}", page.body);
    }
    let mut admin = admin(&env, &app).await;
    let page = admin.get(PATH).await;
    let told = "1 entry from the operator's refused-words.txt (WORD_LISTS_PATH).";
    assert!(
        page.body.contains(&told.replace('\'', "&#39;")),
        "{}",
        page.body
    );

    fs::write(&file, "ugly\ntwo words\n").unwrap();
    let checked = ended(env.command(&["check-config"])).await;
    assert_eq!(checked.code, 2, "{}", checked.all);
    let told = format!(
        "WORD_LISTS_PATH: the file {} is wrong: line 2: “two",
        file.display()
    );
    assert!(checked.all.contains(&told), "{}", checked.all);
}
