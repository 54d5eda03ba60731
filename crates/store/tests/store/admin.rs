//! What only admins do: finding people, being in their place, deleting them, reading the trail.

use futures_util::future::join_all;
use starchart_domain::user::{Groups, UserId};
use starchart_store::admin::{
    self, Admin, AdminError, CertificateStatus, FRESH_MS, PAGE_ROWS, TrailFilter,
};
use starchart_store::sessions::{self, IMPERSONATION_MS, Session};
use starchart_store::{Store, records, users};

use crate::world::{Person, World, identity};

on_both!(
    only_a_live_session_of_an_admin_gives_the_right,
    another_admin_oneself_the_gone_and_newcomers_are_nobody_to_impersonate,
    impersonation_turns_the_token_and_ends_by_time,
    impersonation_ends_with_the_right_to_it,
    a_sign_in_of_the_morning_touches_no_account,
    a_deleted_person_leaves_a_tombstone_and_nothing_else,
    a_deletion_and_writes_at_once_leave_nothing_behind,
    people_are_found_by_mail_name_user_name_and_domain,
    what_needs_attention_is_said_and_tried_again,
    the_trail_is_read_page_by_page,
);

/// Signs somebody in who is an admin; the token is made of the number.
async fn admin(world: &World, name: &str, token: u8) -> (Person, Admin) {
    let person = world.person(name).await;
    promote(world, person.id, true).await;
    sessions::create(&world.store, person.id, [token; 32], None, None)
        .await
        .unwrap();
    let right = session(&world.store, token).await.unwrap().admin().unwrap();
    (person, right)
}

async fn promote(world: &World, who: UserId, is_admin: bool) {
    world
        .run(&format!(
            "UPDATE users SET is_admin = {} WHERE id = {who}",
            u8::from(is_admin)
        ))
        .await
        .unwrap();
}

async fn session(store: &Store, token: u8) -> Option<Session> {
    sessions::find(store, [token; 32]).await.unwrap()
}

async fn impersonate(
    world: &World,
    right: &Admin,
    who: UserId,
    old: u8,
    new: u8,
) -> Result<users::User, AdminError> {
    admin::impersonate(&world.store, right, who, [old; 32], [new; 32], "request").await
}

async fn only_a_live_session_of_an_admin_gives_the_right(world: &World) {
    let user = world.person("user1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    assert_eq!(session(&world.store, 1).await.unwrap().admin(), None);
    let (_, right) = admin(world, "user3", 3).await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    assert_eq!(
        session(&world.store, 4).await.unwrap().admin(),
        None,
        "not while impersonating"
    );
    // The right was given before, and is gone.
    promote(world, right.id(), false).await;
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(
        matches!(deleted, Err(AdminError::NoLongerAdmin)),
        "{deleted:?}"
    );
}

async fn another_admin_oneself_the_gone_and_newcomers_are_nobody_to_impersonate(world: &World) {
    let (me, right) = admin(world, "user3", 3).await;
    let (other, _) = admin(world, "han.solo", 4).await;
    let newcomer = users::sign_in(&world.store, &identity("user4"))
        .await
        .unwrap()
        .id;
    let (suspended, deleted) = (
        world.person("user5").await.id,
        world.person("user6").await.id,
    );
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {suspended}"
        ))
        .await
        .unwrap();
    world
        .run(&format!(
            "UPDATE users SET deleted_at = 1 WHERE id = {deleted}"
        ))
        .await
        .unwrap();
    let mut refusals = Vec::new();
    for who in [me.id, other.id, newcomer, suspended, deleted, UserId(4_711)] {
        refusals.push(
            impersonate(world, &right, who, 3, 9)
                .await
                .unwrap_err()
                .to_string(),
        );
    }
    let nobody = "no such user";
    assert_eq!(
        refusals[..3],
        [
            "that is your own account",
            "that is an admin",
            "no domain was chosen yet"
        ]
    );
    assert_eq!(refusals[3..], [nobody, nobody, nobody]);
    let still = session(&world.store, 3).await.unwrap();
    assert!(still.impersonation.is_none() && session(&world.store, 9).await.is_none());
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_trail").await, 0);
}

async fn impersonation_turns_the_token_and_ends_by_time(world: &World) {
    let user = world.person("user1").await;
    let (me, right) = admin(world, "user3", 3).await;
    let other_process = world.another().await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    assert_eq!(
        session(&other_process, 3).await,
        None,
        "the old token is nobody's"
    );
    let seen = session(&other_process, 4).await.unwrap();
    assert_eq!((seen.user.id, seen.signed_in().id), (user.id, me.id));
    let left = seen
        .impersonation
        .unwrap()
        .until
        .since(world.store.now().await.unwrap());
    assert!(
        (IMPERSONATION_MS - 60_000..=IMPERSONATION_MS).contains(&left),
        "{left}"
    );
    assert!(
        !admin::stop_impersonating(&world.store, [3; 32], [9; 32], "request")
            .await
            .unwrap(),
        "by a token of before"
    );
    assert!(
        admin::stop_impersonating(&world.store, [4; 32], [5; 32], "request")
            .await
            .unwrap()
    );
    assert!(
        !admin::stop_impersonating(&world.store, [5; 32], [6; 32], "request")
            .await
            .unwrap(),
        "nobody is"
    );
    assert_eq!(session(&other_process, 4).await, None);
    assert_eq!(
        session(&other_process, 5).await.unwrap().admin(),
        Some(right.clone())
    );

    impersonate(world, &right, user.id, 5, 6).await.unwrap();
    world.store.set_clock_offset(IMPERSONATION_MS - 60_000);
    assert_eq!(session(&world.store, 6).await.unwrap().user.id, user.id);
    world.store.set_clock_offset(IMPERSONATION_MS + 1_000);
    let own = session(&world.store, 6).await.unwrap();
    assert_eq!(
        (own.user.id, own.impersonated_before),
        (me.id, Some(user.id)),
        "the session is the admin's again"
    );
    assert_eq!(
        session(&other_process, 6)
            .await
            .unwrap()
            .impersonated_before,
        Some(user.id),
        "a page of then is known as that"
    );
    assert!(
        admin::stop_impersonating(&world.store, [6; 32], [7; 32], "request")
            .await
            .unwrap()
    );
    impersonate(world, &right, user.id, 7, 8).await.unwrap();
    sessions::end(&world.store, [8; 32], "signing out")
        .await
        .unwrap();
    sessions::end(&world.store, [8; 32], "again").await.unwrap();
    // Each end once: the admin's click, the time, the sign-out.
    for (action, count) in [("impersonation.start", 3), ("impersonation.end", 3)] {
        let lines = format!(
            "SELECT COUNT(*) FROM audit_trail WHERE action = '{action}' AND actor_id = {} \
             AND on_behalf_of = {} AND object = 'user1'",
            me.id, user.id
        );
        assert_eq!(world.number(&lines).await, count, "{action}");
    }
}

async fn impersonation_ends_with_the_right_to_it(world: &World) {
    let user = world.person("user1").await;
    let (me, right) = admin(world, "user3", 3).await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    let shown = async || {
        session(&world.store, 4)
            .await
            .map(|session| session.user.id)
    };
    for (on, off) in [
        (
            format!("is_admin = 0 WHERE id = {}", me.id),
            format!("is_admin = 1 WHERE id = {}", me.id),
        ),
        (
            format!("is_admin = 1 WHERE id = {}", user.id),
            format!("is_admin = 0 WHERE id = {}", user.id),
        ),
        (
            format!("suspended_at = 1 WHERE id = {}", user.id),
            format!("suspended_at = NULL WHERE id = {}", user.id),
        ),
        (
            format!("deleted_at = 1 WHERE id = {}", user.id),
            format!("deleted_at = NULL WHERE id = {}", user.id),
        ),
    ] {
        assert_eq!(shown().await, Some(user.id));
        world.run(&format!("UPDATE users SET {on}")).await.unwrap();
        assert_eq!(shown().await, Some(me.id), "{on}");
        world.run(&format!("UPDATE users SET {off}")).await.unwrap();
        assert_eq!(shown().await, Some(me.id), "over is over");
        impersonate(world, &right, user.id, 4, 4).await.unwrap();
    }
    let ends = "SELECT COUNT(*) FROM audit_trail WHERE action = 'impersonation.end' \
                AND detail = 'no longer allowed'";
    assert_eq!(world.number(ends).await, 4, "each is in the trail, once");
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            me.id
        ))
        .await
        .unwrap();
    assert_eq!(
        shown().await,
        None,
        "an admin who is suspended is out altogether"
    );
}

async fn a_sign_in_of_the_morning_touches_no_account(world: &World) {
    let user = world.person("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    world.store.set_clock_offset(FRESH_MS + 60_000);
    assert!(matches!(
        impersonate(world, &right, user.id, 3, 4).await,
        Err(AdminError::SignInAgain)
    ));
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(
        matches!(deleted, Err(AdminError::SignInAgain)),
        "{deleted:?}"
    );
    assert!(users::get(&world.store, user.id).await.unwrap().is_some());
}

/// A certificate in use, an older one, an order under way with its challenge, a mail.
async fn furnish(world: &World, user: &Person) {
    let id = user.id;
    let name = format!("_acme-challenge.{}", user.base);
    let soon = world
        .store
        .now()
        .await
        .unwrap()
        .plus(86_400_000)
        .as_millis();
    for (state, until) in [("active", soon), ("replaced", soon), ("replaced", 1)] {
        let sql = format!(
            "INSERT INTO certificates (user_id, domain, state, certificate, chain, key_id, \
             key_nonce, key_ciphertext, not_before, not_after, created_at) \
             VALUES ({id}, 'd', '{state}', 'c', 'c', 'k', 'n', 'secret', 0, {until}, 0)"
        );
        world.run(&sql).await.unwrap();
    }
    let statements = [
        format!(
            "INSERT INTO certificate_orders (user_id, domain, step, key_id, key_ciphertext, \
             next_step_at, created_at, updated_at) VALUES ({id}, 'd', 'publishing', 'k', \
             'secret', 0, 0, 0)"
        ),
        format!(
            "INSERT INTO names (fqdn, user_id, class, generation, applied_generation, created_at, \
             updated_at) VALUES ('{name}', {id}, 'other', 1, 1, 0, 0)"
        ),
        format!(
            "INSERT INTO challenge_values (fqdn, order_id, value, created_at) \
             SELECT '{name}', id, 'proof', 0 FROM certificate_orders WHERE user_id = {id}"
        ),
        format!(
            "INSERT INTO outbox (kind, topic, day, user_id, recipient, detail, message_id, \
             next_attempt_at, created_at) VALUES ('record_expiring', 'user:{id}', '2026-01-01', \
             {id}, 'x@example.com', '', 'm{id}', 0, 0)"
        ),
    ];
    for statement in statements {
        world.run(&statement).await.unwrap();
    }
}

async fn a_deleted_person_leaves_a_tombstone_and_nothing_else(world: &World) {
    let user = world.person("user1").await;
    let other = world.person("user2").await;
    let ((me, right), (second, second_right)) = (
        admin(world, "user3", 3).await,
        admin(world, "han.solo", 4).await,
    );
    for (who, name, kind, value) in [
        (&user, "www", "A", "192.168.1.1"),
        (&user, "www", "TXT", "text"),
        (&user, "alias", "CNAME", "example.com"),
        (&other, "www", "A", "192.168.1.9"),
    ] {
        world.create(who, name, kind, value).await.unwrap();
    }
    furnish(world, &user).await;
    furnish(world, &other).await;
    let lease = world.lease().await;
    world.publish(&lease, &user.fqdn("www"), "C1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    sessions::create(&world.store, other.id, [2; 32], None, None)
        .await
        .unwrap();
    impersonate(world, &second_right, user.id, 4, 5)
        .await
        .unwrap();

    let ahead = admin::preview_deletion(&world.store, &right, user.id)
        .await
        .unwrap();
    assert_eq!(
        (
            ahead.records,
            ahead.certificates,
            ahead.order,
            ahead.sessions,
            ahead.mails
        ),
        (3, 2, true, 1, 1)
    );
    assert!(!ahead.suspended);
    let refused = admin::delete_user(&world.store, &right, me.id, "request").await;
    assert!(matches!(refused, Err(AdminError::Oneself)), "{refused:?}");
    let done = admin::delete_user(&world.store, &right, user.id, "request")
        .await
        .unwrap();
    assert_eq!(
        (
            done.records,
            done.certificates,
            done.orders,
            done.sessions,
            done.mails
        ),
        (3, 2, 1, 1, 1)
    );
    let again = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(matches!(again, Err(AdminError::NotFound)), "{again:?}");

    let count = async |what: &str, of: &Person| {
        let (table, also) = what.split_once(' ').unwrap_or((what, ""));
        world
            .number(&format!(
                "SELECT COUNT(*) FROM {table} WHERE user_id = {} {also}",
                of.id
            ))
            .await
    };
    let ended = "AND reason = 'user-deleted'";
    assert_eq!(
        count(
            &format!("record_history {ended} AND actor_id = {}", me.id),
            &user
        )
        .await,
        3
    );
    for (what, left) in [
        ("dns_records", 0),
        ("names AND is_unpublished = 0", 0),
        ("names", 3),
        ("certificates AND state = 'active'", 0),
        ("certificates AND key_id IS NOT NULL", 0),
        ("certificates AND revocation_requested_at > 0", 2),
        (
            "certificate_orders AND step = 'abandoned' AND finished_at > 0 \
             AND key_ciphertext IS NULL AND fence = 1",
            1,
        ),
        ("outbox", 0),
        ("sessions AND ended_at IS NULL", 0),
    ] {
        assert_eq!(count(what, &user).await, left, "{what}");
    }
    for (what, left) in [
        ("dns_records", 1),
        (
            "certificates AND state = 'active' AND revocation_requested_at IS NULL \
             AND key_id IS NOT NULL",
            1,
        ),
        (
            "certificate_orders AND finished_at IS NULL AND key_id IS NOT NULL",
            1,
        ),
        ("outbox", 1),
        ("sessions AND ended_at IS NULL", 1),
    ] {
        assert_eq!(count(what, &other).await, left, "another person's {what}");
    }
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        1,
        "another person's"
    );
    assert_eq!(
        session(&world.store, 5).await.unwrap().user.id,
        second.id,
        "who was in their place is not any more"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM sessions WHERE impersonated_id IS NOT NULL")
            .await,
        0
    );
    let gone = world.outcome(&user.fqdn("www")).await;
    assert!(
        gone.sets.len() == 2 && gone.sets.iter().all(|(_, body)| body.is_none()),
        "{gone:?}"
    );
    let line = "SELECT COUNT(*) FROM audit_trail WHERE action = 'user.delete' \
                AND object = 'user1' AND detail LIKE '3 records, 2 %'";
    assert_eq!(world.number(line).await, 1);
    assert_eq!(
        world
            .number(
                "SELECT COUNT(*) FROM users WHERE email = '' AND display_name = '' \
                 AND deleted_at > 0"
            )
            .await,
        1
    );
    assert_eq!(
        admin::count_totals(&world.store, &right)
            .await
            .unwrap()
            .users,
        3
    );

    // Deletion is no ban.
    let back = users::sign_in(&world.store, &identity("user1"))
        .await
        .unwrap();
    assert_eq!(
        (back.id, back.label.unwrap().to_string()),
        (user.id, "user1".to_owned())
    );
    assert_eq!(records::list(&world.store, user.id).await.unwrap(), []);
    assert_eq!(
        session(&world.store, 1).await,
        None,
        "sessions of before stay ended"
    );
    world
        .create(&user, "www", "CNAME", "example.com")
        .await
        .unwrap();
}

async fn a_deletion_and_writes_at_once_leave_nothing_behind(world: &World) {
    let user = world.person("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    let other = world.another().await;
    let new: Vec<_> = (0..12)
        .map(|n| user.record(&format!("h{n}"), "A", "192.168.1.1"))
        .collect();
    let creates = join_all(
        new.iter()
            .map(|new| records::create(&other, user.id, new, None, &user.act)),
    );
    let (made, deleted) = tokio::join!(
        creates,
        admin::delete_user(&world.store, &right, user.id, "request")
    );
    let made = made.iter().filter(|made| made.is_ok()).count();
    assert_eq!(
        usize::try_from(deleted.unwrap().records).unwrap(),
        made,
        "each came before or was refused"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 0);
}

async fn people_are_found_by_mail_name_user_name_and_domain(world: &World) {
    let (_, right) = admin(world, "user3", 3).await;
    let mut who = identity("john.smith");
    who.display_name = "Galileo 100% Galilei".to_owned();
    who.email = "G.Galilei_1@starchart.com".to_owned();
    who.groups = Groups::default();
    let found = users::sign_in(&world.store, &who).await.unwrap();
    let person = world.person("john.smith2").await;
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
            person.id
        ))
        .await
        .unwrap();
    for text in ["Özge Ü", "Ünal", "ge Ü"] {
        assert_eq!(find(text).await, ["john.smith2"], "{text}");
    }

    world
        .create(&person, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    furnish(world, &person).await;
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            person.id
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

async fn what_needs_attention_is_said_and_tried_again(world: &World) {
    let user = world.person("user1").await;
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

    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
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
    let due = starchart_store::zone::list_unpublished(&world.store, 10)
        .await
        .unwrap();
    assert!(due.iter().any(|name| name.fqdn == record.name), "{due:?}");
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'name.retry'")
            .await,
        1
    );
}

async fn the_trail_is_read_page_by_page(world: &World) {
    let user = world.person("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    for n in 0..60 {
        world
            .create(&user, &format!("host-{n}"), "A", "192.168.1.1")
            .await
            .unwrap();
    }
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    let read = async |person: &str, action: &str, object: &str, before| {
        let filter = TrailFilter {
            user: person.to_owned(),
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
    for (person, action, object) in [
        ("nobody", "", ""),
        ("\u{7}", "", ""),
        ("", "record%", ""),
        ("", "", "host_7"),
    ] {
        assert_eq!(
            read(person, action, object, None).await.lines,
            [],
            "{person} {action} {object}"
        );
    }
}
