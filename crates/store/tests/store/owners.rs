//! Owners (I8): a user sees and changes only rows of their own.

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use starchart_domain::certificate::FailureReason;
use starchart_domain::user::UserId;
use starchart_store::admin::{self, DeletionPreview};
use starchart_store::certificates::{self, Overview, orders};
use starchart_store::client_challenges::{self, ChallengeChange};
use starchart_store::records::{self, Record, RecordError};
use starchart_store::sessions;

use crate::admin::{admin, furnish, impersonate};
use crate::client_challenges::value;
use crate::world::{DAY_MS, TestUser, World};

on_both!(
    a_user_without_rows_sees_none,
    what_a_user_does_changes_no_row_of_another,
    a_name_with_records_of_another_user_is_taken,
);

/// A user who has something of everything, also an admin's session that impersonates them.
async fn neighbour(world: &World) -> TestUser {
    let other = world.user("user2").await;
    for value in ["192.168.1.8", "192.168.1.9"] {
        world.create(&other, "www", "A", value).await.unwrap();
    }
    furnish(world, &other).await;
    // The order is of today and not due.
    let now = world.store.now().await.unwrap().as_millis();
    let times = format!("created_at = {now}, next_step_at = {}", now + DAY_MS);
    let update = format!("UPDATE certificate_orders SET {times}");
    world.run(&update).await.unwrap();
    sessions::create(&world.store, other.id, [2; 32], None, None)
        .await
        .unwrap();
    let (_, right) = admin(world, "han.solo", 8).await;
    impersonate(world, &right, other.id, 8, 9).await.unwrap();
    other
}

async fn a_user_without_rows_sees_none(world: &World) {
    let other = neighbour(world).await;
    let (_, right) = admin(world, "user3", 3).await;
    let user = world.user("user1").await.id;
    let store = &world.store;
    let theirs = records::list(store, other.id).await.unwrap()[0].id;
    assert_eq!(records::list(store, user).await.unwrap(), []);
    assert_eq!(records::get(store, user, theirs).await.unwrap(), None);
    assert_eq!(records::count(store, user).await.unwrap(), 0);
    let answers = client_challenges::list(store, user).await;
    assert_eq!(answers.unwrap(), []);
    let overview = certificates::load_overview(store, user).await.unwrap();
    assert_eq!(overview, Overview::default());
    assert!(!certificates::has_any(store, user).await.unwrap());
    let now = store.now().await.unwrap();
    let next = certificates::next_request_at(store, user, 1, now).await;
    assert_eq!(next.unwrap(), None);
    let active = "SELECT id FROM certificates WHERE state = 'active'";
    let key = certificates::load_private_key(store, user, world.number(active).await).await;
    assert_eq!(key.unwrap(), None);
    let ahead = admin::preview_deletion(store, &right, user).await.unwrap();
    let nothing = DeletionPreview {
        records: 0,
        certificates: 0,
        order: false,
        sessions: 0,
        mails: 0,
        tokens: 0,
        suspended: false,
    };
    assert_eq!(ahead, nothing);
}

/// Every table with rows of a user, and the condition that selects them.
const TABLES: [(&str, &str); 14] = [
    ("users", "id = OWNER"),
    ("names", "user_id = OWNER"),
    ("dns_records", "user_id = OWNER"),
    ("record_history", "user_id = OWNER"),
    ("certificates", "user_id = OWNER"),
    ("certificate_orders", "user_id = OWNER"),
    (
        "challenge_values",
        "order_id IN (SELECT id FROM certificate_orders WHERE user_id = OWNER)",
    ),
    ("client_challenges", "user_id = OWNER"),
    ("outbox", "user_id = OWNER"),
    ("tokens", "user_id = OWNER"),
    (
        "token_usage",
        "token_id IN (SELECT id FROM tokens WHERE user_id = OWNER)",
    ),
    ("machines", "user_id = OWNER"),
    ("sessions", "user_id = OWNER"),
    ("sessions", "impersonated_id = OWNER"),
];

/// A copy of every row of one user, to be compared with the rows later.
struct Copy<'a> {
    world: &'a World,
    owner: UserId,
}

impl<'a> Copy<'a> {
    async fn of(world: &'a World, owner: UserId) -> Self {
        let copy = Self { world, owner };
        for (n, rows) in copy.selections().enumerate() {
            let create = format!("CREATE TABLE copy_{n} AS {rows}");
            world.run(&create).await.unwrap();
        }
        copy
    }

    fn selections(&self) -> impl Iterator<Item = String> {
        let owner = self.owner.to_string();
        TABLES.iter().map(move |(table, condition)| {
            let condition = condition.replace("OWNER", &owner);
            format!("SELECT * FROM {table} WHERE {condition}")
        })
    }

    async fn is_unchanged_after(&self, what: &str) {
        let count = async |rows: &str| {
            let count = format!("SELECT COUNT(*) FROM ({rows}) AS found");
            self.world.number(&count).await
        };
        for (n, rows) in self.selections().enumerate() {
            let before = format!("SELECT * FROM copy_{n}");
            let changed = count(&format!("{rows} EXCEPT {before}")).await;
            let difference = (changed, count(&rows).await - count(&before).await);
            assert_eq!(difference, (0, 0), "{what}: {rows}");
        }
    }
}

async fn what_a_user_does_changes_no_row_of_another(world: &World) {
    let other = neighbour(world).await;
    let user = world.user("user1").await;
    let (me, right) = admin(world, "user3", 3).await;
    let store = &world.store;
    let record = world.create(&user, "www", "A", "192.168.1.1").await;
    let record = record.unwrap();
    // The admin has another session too.
    for (token, who) in [(1, user.id), (7, me.id)] {
        let created = sessions::create(store, who, [token; 32], None, None).await;
        created.unwrap();
    }
    let copy = Copy::of(world, other.id).await;
    let actions: [(&str, LocalBoxFuture<'_, ()>); 9] = [
        (
            "records at the limit, edited, moved, renewed",
            change_records(world, &user, &record).boxed_local(),
        ),
        (
            "challenges are answered",
            async {
                for change in [
                    ChallengeChange::Add(&value(1)),
                    ChallengeChange::Roll(&value(2)),
                    ChallengeChange::Replace(&[]),
                ] {
                    world.answer(&user, "www", change).await.unwrap();
                }
            }
            .boxed_local(),
        ),
        ("an order fails", fail_order(world, &user).boxed_local()),
        (
            "a certificate is issued",
            issue_certificate(world, &user).boxed_local(),
        ),
        (
            "a certificate is deleted",
            async {
                let deleted = certificates::delete(store, user.id, &user.context).await;
                assert!(deleted.unwrap());
            }
            .boxed_local(),
        ),
        (
            "a session ends",
            async { sessions::end(store, [1; 32], "request").await.unwrap() }.boxed_local(),
        ),
        (
            "an admin impersonates the user",
            async { drop(impersonate(world, &right, user.id, 3, 4).await.unwrap()) }.boxed_local(),
        ),
        (
            "an admin stops",
            async {
                let stopped = admin::stop_impersonating(store, [4; 32], [5; 32], "request").await;
                assert!(stopped.unwrap());
            }
            .boxed_local(),
        ),
        (
            "the user is deleted",
            async {
                let deleted = admin::delete_user(store, &right, user.id, "request").await;
                assert_eq!(deleted.unwrap().records, 1);
            }
            .boxed_local(),
        ),
    ];
    for (what, action) in actions {
        action.await;
        copy.is_unchanged_after(what).await;
    }
}

/// Creates, edits, renews and deletes records; one is left.
async fn change_records(world: &World, user: &TestUser, first: &Record) {
    let store = &world.store;
    let new = user.record("www", "TXT", "text");
    let second = records::create(store, user.id, &new, Some(2), &user.context);
    let second = second.await.unwrap();
    for to in [
        user.record("www", "A", "192.168.1.2"),
        user.record("moved", "A", "192.168.1.2"),
    ] {
        let edited = records::edit(store, user.id, first.id, &to, &user.context).await;
        edited.unwrap();
    }
    world.renew(user, first.id).await.unwrap();
    let deleted = records::delete(store, user.id, second.id, &user.context).await;
    deleted.unwrap();
}

async fn fail_order(world: &World, user: &TestUser) {
    request_certificate(world, user, 1).await;
    let claim = world.key_saved().await;
    let failed = orders::fail(&world.store, &claim, &FailureReason::Refused("no".into())).await;
    assert!(failed.unwrap());
}

async fn issue_certificate(world: &World, user: &TestUser) {
    request_certificate(world, user, 2).await;
    let claim = world.key_saved().await;
    world.finish(&claim, 90).await;
}

async fn request_certificate(world: &World, user: &TestUser, daily: u32) {
    let domain = user.base.as_str();
    let requested =
        certificates::request(&world.store, user.id, domain, daily, &user.context).await;
    requested.unwrap();
}

async fn a_name_with_records_of_another_user_is_taken(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    world
        .create(&other, "www", "A", "192.168.1.9")
        .await
        .unwrap();
    let shared = user.fqdn("shared");
    // An import may leave records of one user below the domain of another.
    let insert_record = async |owner: UserId, value: &str| {
        let columns = "class, type, ttl, created_at, updated_at, expires_at";
        let insert = format!(
            "INSERT INTO dns_records (fqdn, user_id, input, presentation, value_hash, {columns}) \
             SELECT '{shared}', {owner}, '{value}', '{value}', '{value}', {columns} \
             FROM dns_records WHERE fqdn = '{}'",
            other.fqdn("www")
        );
        world.run(&insert).await.unwrap();
    };
    let name = format!(
        "INSERT INTO names (fqdn, user_id, class, created_at, updated_at) \
         VALUES ('{shared}', {}, 'other', 0, 0)",
        other.id
    );
    world.run(&name).await.unwrap();
    insert_record(other.id, "192.168.1.9").await;
    let taken = world.create(&user, "shared", "A", "192.168.1.1").await;
    assert!(matches!(taken, Err(RecordError::NameTaken)), "{taken:?}");
    insert_record(user.id, "192.168.1.2").await;
    world
        .create(&user, "shared", "A", "192.168.1.1")
        .await
        .unwrap();
}
