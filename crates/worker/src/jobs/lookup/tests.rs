#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;

use starchart_domain::record::RecordType;

use super::*;
use crate::jobs::track::Track;
use crate::tests::World;

fn server(name: &str, address: SocketAddr) -> NameServer {
    NameServer {
        name: name.to_owned(),
        addresses: vec![address],
    }
}

async fn answers(world: &World, name: &str) -> Vec<ServerAnswer> {
    let found = lookups::find(world.store(), name, RecordType::A).await;
    found.unwrap().unwrap().answers
}

#[tokio::test]
async fn name_servers_and_resolvers_are_asked_on_request_and_after_a_change() {
    let mut world = World::new().await;
    let address = world.name_server;
    // The server stands for a resolver as well; nothing listens at the other.
    world.context.resolvers = vec![
        server("resolver1", address),
        server("resolver2", "127.0.0.1:1".parse().unwrap()),
    ];
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    let name = user.fqdn("www");
    assert_eq!(world.run(&Lookup).await, Outcome::Done, "nothing is due");

    let is_due = lookups::request(world.store(), &name, RecordType::A).await;
    assert!(is_due.unwrap());
    assert_eq!(world.run(&Lookup).await, Outcome::Done);
    let none = Answer::Values(Vec::new());
    let seen = answers(&world, &name).await;
    assert_eq!(
        (seen.len(), &seen[0].answer, &seen[1].answer),
        (3, &none, &none)
    );
    assert!(matches!(seen[2].answer, Answer::Failed(_)), "{seen:?}");
    assert_eq!(seen[0].kind, ServerKind::NameServer);
    assert_eq!(
        (seen[1].server.as_str(), seen[1].kind),
        ("resolver1", ServerKind::Resolver)
    );

    world.publish().await;
    world.later(60_000);
    assert_eq!(world.run(&Track).await, Outcome::Done);
    assert_eq!(world.run(&Lookup).await, Outcome::Done);
    let seen = answers(&world, &name).await;
    let saved = Answer::Values(vec!["192.0.2.1".to_owned()]);
    assert_eq!((&seen[0].answer, seen[0].ttl_s), (&saved, Some(300)));
    assert_eq!(seen[1].answer, saved);
}
