//! What is kept of records that are no more, and that texts come back as they went in.

use starchart_store::records;
use starchart_store::trail::AuditContext;

use crate::world::World;

on_both!(
    edits_and_deletions_are_kept,
    each_write_leaves_its_line_with_both_names,
    texts_come_back_byte_for_byte,
    equal_but_for_trailing_space_or_case_is_different,
);

async fn edits_and_deletions_are_kept(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    world
        .edit(&user, record.id, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    world.delete(&user, record.id).await.unwrap();
    let kept = async |action: &str, content: &str| {
        let sql = format!(
            "SELECT COUNT(*) FROM record_history WHERE record_id = {} AND user_id = {} \
             AND action = '{action}' AND presentation = '{content}' AND at > 0",
            record.id, user.id
        );
        world.number(&sql).await
    };
    assert_eq!(kept("edit", "192.168.1.1").await, 1);
    assert_eq!(kept("delete", "192.168.1.2").await, 1);
    assert_eq!(kept("create", "192.168.1.1").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM record_history").await, 3);
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 0);
}

async fn each_write_leaves_its_line_with_both_names(world: &World) {
    let user = world.user("user1").await;
    let admin = world.user("user3").await;
    let record = world.create_www(&user).await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap_err();
    let helping = AuditContext {
        actor: admin.id,
        on_behalf_of: Some(user.id),
        token: None,
        request_id: "help",
    };
    records::edit(
        &world.store,
        user.id,
        record.id,
        &user.record("www", "A", "192.168.1.2"),
        &helping,
    )
    .await
    .unwrap();
    records::renew(&world.store, user.id, record.id, &user.context)
        .await
        .unwrap();
    records::delete(&world.store, user.id, record.id, &helping)
        .await
        .unwrap();
    records::delete(&world.store, user.id, record.id, &helping)
        .await
        .unwrap_err();
    let lines = async |action: &str, actor: i64, on_behalf_of: &str| {
        let sql = format!(
            "SELECT COUNT(*) FROM audit_trail WHERE action = '{action}' AND actor_id = {actor} \
             AND on_behalf_of {on_behalf_of} AND object = '{}' AND detail = 'A #{}'",
            record.name, record.id
        );
        world.number(&sql).await
    };
    let for_user = format!("= {}", user.id);
    assert_eq!(lines("record.create", user.id.0, "IS NULL").await, 1);
    assert_eq!(lines("record.edit", admin.id.0, &for_user).await, 1);
    assert_eq!(lines("record.renew", user.id.0, "IS NULL").await, 1);
    assert_eq!(lines("record.delete", admin.id.0, &for_user).await, 1);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM audit_trail").await,
        4,
        "what was refused left none"
    );
    let by_admin = format!(
        "SELECT COUNT(*) FROM record_history WHERE actor_id = {}",
        admin.id
    );
    assert_eq!(world.number(&by_admin).await, 2);
}

async fn texts_come_back_byte_for_byte(world: &World) {
    let user = world.user("user1").await;
    for (n, text) in [
        "🦀 crab ",
        "trailing  ",
        " leading",
        "quote\" back\\slash",
        "ﬁ ß İ",
        "a\u{301} á",
    ]
    .iter()
    .enumerate()
    {
        let record = world
            .create(&user, &format!("t{n}"), "TXT", text)
            .await
            .unwrap();
        let read = records::get(&world.store, user.id, record.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.input, *text);
        assert_eq!(
            read.presentation,
            user.record("t", "TXT", text).value.presentation()
        );
    }
}

async fn equal_but_for_trailing_space_or_case_is_different(world: &World) {
    let user = world.user("user1").await;
    for text in ["proof", "proof ", "Proof", "próof", "proof\u{200d}"] {
        world
            .create(&user, "www", "TXT", text)
            .await
            .unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
    }
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 5);
}
