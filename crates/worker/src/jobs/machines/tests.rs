#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_domain::machine::MachineName;
use starchart_domain::token::{Networks, NewToken, TokenId, TokenRights, TokenSecret};
use starchart_store::machines::Fetch;
use starchart_store::tokens;

use super::*;
use crate::tests::{DAY_MS, TestUser, World};

async fn token(world: &World, user: &TestUser) -> TokenId {
    let new = NewToken {
        name: "My server".to_owned(),
        rights: TokenRights::default(),
        networks: Networks::default(),
        expires_at: world.store().now().await.unwrap().plus(365 * DAY_MS),
        idle_ms: None,
    };
    let (secret, audit) = (TokenSecret::from_random(&[7; 32]), user.audit_context());
    let created = tokens::create(world.store(), user.id, &new, &secret, &audit).await;
    created.unwrap().id
}

async fn mails(world: &World) -> i64 {
    let queued = "SELECT COUNT(*) FROM outbox WHERE kind = 'machine_stopped'";
    world.number(queued).await
}

#[tokio::test]
async fn a_machine_that_stops_causes_one_mail_until_it_is_seen_again() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    let certificate = world.issue_certificate(&user).await;
    let life_ms = certificate.not_after.since(certificate.not_before);
    let token = token(&world, &user).await;
    let fetch = async |name: &str| {
        let machine = MachineName::new(name);
        let fetch = Fetch {
            owner: user.id,
            token,
            machine: &machine,
            certificate: certificate.id,
        };
        machines::record_fetch(world.store(), fetch).await;
    };
    // By hand, on one day only.
    fetch("laptop").await;
    fetch("web1").await;
    fetch("web2").await;
    world.later(DAY_MS);
    fetch("web1").await;
    fetch("web2").await;
    world.later(life_ms / 8);
    fetch("web2").await;
    world.run(&Machines).await;
    assert_eq!(mails(&world).await, 0);
    world.woken().await;
    world.later(life_ms / 8 + SLOT_MS);
    world.run(&Machines).await;
    assert_eq!(mails(&world).await, 1, "web1 has stopped");
    assert_eq!(world.woken().await, [WakeUp::Mail]);
    world.later(life_ms / 8 + SLOT_MS);
    world.run(&Machines).await;
    assert_eq!(mails(&world).await, 2, "web2 has stopped; web1 was told of");
    world.later(DAY_MS);
    world.run(&Machines).await;
    assert_eq!(mails(&world).await, 2);
    fetch("web1").await;
    world.later(life_ms / 4 + SLOT_MS);
    world.run(&Machines).await;
    assert_eq!(
        mails(&world).await,
        3,
        "it was seen again, and has stopped again"
    );
    let named = "SELECT COUNT(*) FROM outbox WHERE kind = 'machine_stopped' \
                 AND detail LIKE '%web1%' AND detail NOT LIKE '%web2%' \
                 AND detail NOT LIKE '%laptop%'";
    assert_eq!(world.number(named).await, 2);
}
