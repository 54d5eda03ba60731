//! What an admin sees: users, health items and the audit trail.

use super::*;

on_both!(
    users_are_found_by_mail_name_user_name_and_domain,
    health_items_are_listed_and_retried,
    the_trail_is_read_page_by_page,
);

async fn users_are_found_by_mail_name_user_name_and_domain(world: &World) {
    let (_, right) = admin(world, "user3", 3).await;
    let mut who = identity("john.smith");
    who.display_name = "Galileo 100% Galilei".to_owned();
    who.email = "G.Galilei_1@starchart.com".to_owned();
    who.groups = Groups::default();
    let found = users::sign_in(&world.store, &who).await.unwrap();
    let user = world.user("john.smith2").await;
    users::claim_label(
        &world.store,
        found.id,
        &starchart_domain::names::Label::parse("stars").unwrap(),
    )
    .await
    .unwrap();
    let find = async |text: &str| -> Vec<String> {
        let page = admin::search_users(&world.store, &right, text, 0)
            .await
            .unwrap();
        page.rows.into_iter().map(|row| row.user.username).collect()
    };
    for text in ["g.galilei", "GALILEO", "galilei_1@", "00% g", "tar"] {
        assert!(
            find(text).await.contains(&"john.smith".to_owned()),
            "{text}"
        );
    }
    for text in ["lei_1@s", "100%", "% ga"] {
        assert_eq!(find(text).await, ["john.smith"], "{text}");
    }
    for text in [
        "lei_2",
        "%%%",
        "___",
        "galileo_",
        "g%galilei",
        "!!!",
        "\\\\\\",
        "'; --",
        "g.galilei_1@starchart.comx",
    ] {
        assert_eq!(find(text).await, [""; 0], "{text}");
    }
    assert_eq!(find("john.smith").await, ["john.smith", "john.smith2"]);
    world
        .run(&format!(
            "UPDATE users SET display_name = 'Özge Ünal' WHERE id = {}",
            user.id
        ))
        .await
        .unwrap();
    for text in ["Özge Ü", "Ünal", "ge Ü"] {
        assert_eq!(find(text).await, ["john.smith2"], "{text}");
    }

    world.create_www(&user).await;
    furnish(world, &user).await;
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            user.id
        ))
        .await
        .unwrap();
    let row = admin::search_users(&world.store, &right, "smith2", 0)
        .await
        .unwrap()
        .rows
        .remove(0);
    assert!(
        row.suspended
            && row.records == 1
            && matches!(row.certificate, CertificateStatus::Issued { .. }),
        "{row:?}"
    );
    world
        .run("UPDATE certificates SET state = 'deleted'")
        .await
        .unwrap();
    let status = async || {
        admin::search_users(&world.store, &right, "smith2", 0)
            .await
            .unwrap()
            .rows
            .remove(0)
            .certificate
    };
    assert_eq!(status().await, CertificateStatus::Pending);
    world
        .run("UPDATE certificate_orders SET step = 'failed', finished_at = 1")
        .await
        .unwrap();
    assert_eq!(status().await, CertificateStatus::Failed);

    for n in 0..PAGE_ROWS {
        users::sign_in(&world.store, &identity(&format!("many{n}")))
            .await
            .unwrap();
    }
    let pages = join_all(
        (0..3).map(|page| admin::search_users(&world.store, &right, "starchart.com", page)),
    )
    .await;
    let sizes: Vec<_> = pages
        .iter()
        .map(|page| page.as_ref().unwrap().rows.len())
        .collect();
    assert_eq!(sizes, [20, 3, 0]);
    assert!(pages.iter().all(|page| page.as_ref().unwrap().total == 23));
    let mut all: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page.unwrap().rows)
        .map(|row| row.user.id)
        .collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 23, "nobody stands on two pages");
}

async fn health_items_are_listed_and_retried(world: &World) {
    let user = world.user("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    let look = async || {
        admin::list_health_items(&world.store, &right)
            .await
            .unwrap()
    };
    let nothing = look().await;
    assert_eq!(
        (
            nothing.unpublished,
            nothing.oldest_unpublished_ms,
            nothing.refused_total,
            nothing.mails.failed
        ),
        (0, None, 0, 0)
    );
    assert!(
        nothing.refused.is_empty() && nothing.stuck_orders.is_empty() && nothing.paused.is_none()
    );

    let record = world.create_www(&user).await;
    world
        .create(&user, "new", "A", "192.168.1.1")
        .await
        .unwrap();
    furnish(world, &user).await;
    let far = "refused_generation = generation, refusal = 'a foreign set', next_attempt_at = \
               9000000000000";
    world
        .run(&format!(
            "UPDATE names SET {far} WHERE fqdn = '{}'",
            record.name
        ))
        .await
        .unwrap();
    world
        .run("UPDATE outbox SET state = 'failed', refusal = '550 no such user'")
        .await
        .unwrap();
    world
        .run(
            "UPDATE certificates SET revocation_requested_at = 1 WHERE state = 'active' \
             OR not_after = 1",
        )
        .await
        .unwrap();
    let seen = look().await;
    assert_eq!(
        (
            seen.unpublished,
            seen.refused_total,
            seen.mails.failed,
            seen.pending_revocations
        ),
        (1, 1, 1, 1)
    );
    assert!(seen.oldest_unpublished_ms.is_some());
    let refused = &seen.refused[0];
    assert_eq!(
        (
            &refused.fqdn,
            refused.username.as_str(),
            refused.reason.as_str()
        ),
        (&record.name, "user1", "a foreign set")
    );
    assert_eq!(seen.failed_mails[0].refusal, "550 no such user");
    assert_eq!(
        (
            seen.stuck_orders[0].username.as_str(),
            seen.stuck_orders[0].step.as_str()
        ),
        ("user1", "publishing")
    );

    // A young one that cannot get on is shown before it fails.
    for (counts, shown) in [
        ("starts = 3, failures = 4", 0),
        ("starts = 4, failures = 0", 1),
        ("starts = 0, failures = 5", 1),
    ] {
        let now = world.store.now().await.unwrap().as_millis();
        world
            .run(&format!(
                "UPDATE certificate_orders SET created_at = {now}, {counts}"
            ))
            .await
            .unwrap();
        assert_eq!(look().await.stuck_orders.len(), shown, "{counts}");
    }

    assert!(
        admin::retry_name(&world.store, &right, &record.name, "request")
            .await
            .unwrap()
    );
    assert!(
        !admin::retry_name(&world.store, &right, &user.fqdn("new"), "request")
            .await
            .unwrap()
    );
    let due = world.unpublished().await;
    assert!(due.iter().any(|due| due.name == record.name), "{due:?}");
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'name.retry'")
            .await,
        1
    );
}

async fn the_trail_is_read_page_by_page(world: &World) {
    let user = world.user("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    for n in 0..60 {
        world
            .create(&user, &format!("host-{n}"), "A", "192.168.1.1")
            .await
            .unwrap();
    }
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    let read = async |user: &str, action: &str, object: &str, before| {
        let filter = TrailFilter {
            user: user.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
        };
        admin::list_trail(&world.store, &right, &filter, before)
            .await
            .unwrap()
    };
    let first = read("", "", "", None).await;
    assert_eq!(
        (first.lines.len(), first.lines[0].action.as_str()),
        (50, "impersonation.start")
    );
    assert_eq!(
        (
            first.lines[0].actor.as_deref(),
            first.lines[0].on_behalf_of.as_deref()
        ),
        (Some("user3"), Some("user1"))
    );
    world
        .create(&user, "meanwhile", "A", "192.168.1.1")
        .await
        .unwrap();
    let second = read("", "", "", first.older).await;
    assert_eq!(
        (second.lines.len(), second.older),
        (11, None),
        "what came meanwhile moves no page"
    );
    assert_eq!(second.lines[10].object, user.fqdn("host-0"));
    assert_eq!(read("USER1", "", "", None).await.lines.len(), 50);
    assert_eq!(read("user3", "", "", None).await.lines.len(), 1);
    assert_eq!(
        read("user1", "impersonation", "", None).await.lines.len(),
        1,
        "in whose account counts too"
    );
    assert_eq!(
        read("", "record.create", "HOST-7.", None).await.lines.len(),
        1
    );
    for (user, action, object) in [
        ("nobody", "", ""),
        ("\u{7}", "", ""),
        ("", "record%", ""),
        ("", "", "host_7"),
    ] {
        assert_eq!(
            read(user, action, object, None).await.lines,
            [],
            "{user} {action} {object}"
        );
    }
}
