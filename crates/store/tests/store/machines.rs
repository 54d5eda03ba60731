//! Machines that fetch a certificate: their rows, their limit, and those that have stopped.

use starchart_domain::machine::{MACHINES_MAX, MachineName};
use starchart_domain::token::{Networks, NewToken, TokenId, TokenRights, TokenSecret};
use starchart_store::machines::{self, Fetch, Machine, MachineCounts};
use starchart_store::{admin, housekeeping, tokens};

use crate::world::{DAY_MS, TestUser, World};

on_both!(
    a_machine_has_one_row_that_is_written_once_a_minute,
    machines_are_the_owners_and_go_with_their_token,
    the_machine_not_seen_for_longest_makes_room,
    machines_that_stop_are_counted_and_told_of,
);

const MINUTE_MS: i64 = 60_000;

async fn token(world: &World, user: &TestUser, of: u8) -> TokenId {
    let new = NewToken {
        name: format!("server {of}"),
        rights: TokenRights::default(),
        networks: Networks::default(),
        expires_at: world.store.now().await.unwrap().plus(300 * DAY_MS),
        idle_ms: None,
    };
    let secret = TokenSecret::from_random(&[of; 32]);
    let created = tokens::create(&world.store, user.id, &new, &secret, &user.context).await;
    created.unwrap().id
}

impl World {
    async fn fetch(&self, user: &TestUser, token: TokenId, name: &str, certificate: i64) {
        let machine = MachineName::new(name);
        let fetch = Fetch {
            owner: user.id,
            token,
            machine: &machine,
            certificate,
        };
        machines::record_fetch(&self.store, fetch).await;
    }

    async fn machines(&self, user: &TestUser) -> Vec<Machine> {
        machines::list(&self.store, user.id).await.unwrap()
    }
}

fn names(machines: &[Machine]) -> Vec<&str> {
    machines
        .iter()
        .map(|machine| machine.name.as_str())
        .collect()
}

async fn a_machine_has_one_row_that_is_written_once_a_minute(world: &World) {
    let user = world.user("user1").await;
    let token = token(world, &user, 1).await;
    world.fetch(&user, token, "web1", 1).await;
    let [first] = &world.machines(&user).await[..] else {
        panic!("one machine");
    };
    assert_eq!((&*first.name, &*first.token_name), ("web1", "server 1"));
    assert_eq!((first.token, first.certificate), (token, 1));
    assert_eq!(first.last_seen, first.first_seen);
    world.later(MINUTE_MS / 2);
    world.fetch(&user, token, "web1", 1).await;
    let again = world.machines(&user).await;
    assert_eq!(again, std::slice::from_ref(first), "not written");
    world.fetch(&user, token, "web1", 2).await;
    let [renewed] = &world.machines(&user).await[..] else {
        panic!("one machine");
    };
    assert_eq!((renewed.id, renewed.certificate), (first.id, 2));
    assert!(renewed.last_seen > first.last_seen);
    world.later(2 * MINUTE_MS);
    world.fetch(&user, token, "web1", 2).await;
    assert!(world.machines(&user).await[0].last_seen > renewed.last_seen);
    world.fetch(&user, token, "WEB1", 2).await;
    let other_token = self::token(world, &user, 2).await;
    world.fetch(&user, other_token, "web1", 2).await;
    assert_eq!(
        world.machines(&user).await.len(),
        3,
        "names are bytes, by token"
    );
}

async fn machines_are_the_owners_and_go_with_their_token(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let [one, two] = [token(world, &user, 1).await, token(world, &user, 2).await];
    let theirs = token(world, &other, 3).await;
    for (owner, token, name) in [
        (&user, one, "web1"),
        (&user, two, "web2"),
        (&user, two, "web3"),
        (&other, theirs, "web4"),
    ] {
        world.fetch(owner, token, name, 1).await;
        world.later(1);
    }
    let all = world.machines(&user).await;
    assert_eq!(names(&all), ["web3", "web2", "web1"]);
    let id = world.machines(&other).await[0].id;
    let removed = machines::remove(&world.store, user.id, id, &user.context).await;
    assert_eq!(removed.unwrap(), None, "of another user");
    let removed = machines::remove(&world.store, user.id, all[0].id, &user.context).await;
    assert_eq!(removed.unwrap().as_deref(), Some("web3"));
    let trail = "SELECT COUNT(*) FROM audit_trail WHERE action = 'machine.remove'";
    assert_eq!(world.number(trail).await, 1);
    tokens::end(&world.store, user.id, two, &user.context)
        .await
        .unwrap();
    assert_eq!(
        names(&world.machines(&user).await),
        ["web1"],
        "their token has ended"
    );
    world.fetch(&user, two, "web2", 1).await;
    assert_eq!(
        world.machines(&user).await.len(),
        1,
        "a request that was under way"
    );
    // A token that expires is deleted later, and its machines with it.
    world.later(331 * DAY_MS);
    housekeeping::purge(&world.store).await.unwrap();
    assert_eq!(world.machines(&user).await, []);
    assert_eq!(world.number("SELECT COUNT(*) FROM tokens").await, 0);
}

async fn the_machine_not_seen_for_longest_makes_room(world: &World) {
    let user = world.user("user1").await;
    let token = token(world, &user, 1).await;
    for n in 0..=MACHINES_MAX {
        world.fetch(&user, token, &format!("web{n}"), 1).await;
        world.later(1);
    }
    let all = world.machines(&user).await;
    assert_eq!(all.len(), MACHINES_MAX as usize);
    let newest = format!("web{MACHINES_MAX}");
    assert!(names(&all).contains(&&*newest) && !names(&all).contains(&"web0"));
}

async fn machines_that_stop_are_counted_and_told_of(world: &World) {
    let (_, right) = crate::admin::admin(world, "user3", 3).await;
    let user = world.user("user1").await;
    world.certificate(&user, 40).await;
    let active = "SELECT MAX(id) FROM certificates WHERE state = 'active'";
    let certificate = world.number(active).await;
    let life = "SELECT MAX(not_after - not_before) FROM certificates WHERE state = 'active'";
    let life_ms = world.number(life).await;
    let token = token(world, &user, 1).await;
    let counts = async || {
        let counts = admin::count_machines(&world.store, &right).await.unwrap();
        (counts.regular, counts.stopped)
    };
    world.fetch(&user, token, "once", certificate).await;
    world.fetch(&user, token, "web1", certificate).await;
    assert_eq!(counts().await, (0, 0));
    world.later(DAY_MS);
    world.fetch(&user, token, "web1", certificate).await;
    assert_eq!(counts().await, (1, 0));
    assert_eq!(machines::notify_stopped(&world.store, 10).await.unwrap(), 0);
    world.later(life_ms / 4 + 1_000);
    assert_eq!(counts().await, (1, 1));
    assert_eq!(machines::notify_stopped(&world.store, 10).await.unwrap(), 1);
    assert_eq!(machines::notify_stopped(&world.store, 10).await.unwrap(), 0);
    let detail = "SELECT COUNT(*) FROM outbox WHERE kind = 'machine_stopped' \
                  AND detail LIKE '%web1%' AND detail NOT LIKE '%once%' \
                  AND detail NOT LIKE '%reason%'";
    assert_eq!(world.number(detail).await, 1);
    assert_eq!(counts().await, (1, 1), "it is still about to break");
    // After the certificate has expired, another mail says so.
    world
        .run("UPDATE machines SET notified_at = NULL")
        .await
        .unwrap();
    world
        .run("UPDATE certificates SET not_after = 1")
        .await
        .unwrap();
    assert_eq!(machines::notify_stopped(&world.store, 10).await.unwrap(), 0);
    let counted = machines::count(&world.store).await.unwrap();
    assert_eq!(
        counted,
        MachineCounts {
            regular: 1,
            stopped: 0
        }
    );
}
