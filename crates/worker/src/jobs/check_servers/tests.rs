#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use starchart_dns::propagation::Propagation;

use super::*;
use crate::jobs::mail::Mail;
use crate::tests::World;
use crate::tests::mail_server::{MailServer, mailer};

/// What is changed in a process all of whose servers work.
type Change = fn(&mut World);

#[tokio::test]
async fn each_server_is_tried_and_a_failure_is_tried_again_soon() {
    let server = MailServer::start().await;
    for (change, works) in [
        ((|_| {}) as Change, true),
        (|world| world.context.mailer = None, true),
        (|world| world.context.authority = None, true),
        // Nothing listens there.
        (|world| world.context.mailer = Some(mailer(1)), false),
        (
            |world| {
                let hosts = vec!["ns1.invalid:53".to_owned()];
                world.context.propagation = Arc::new(Propagation::new(hosts));
            },
            false,
        ),
        (
            |world| {
                let hosts = vec!["127.0.0.1:1".to_owned()];
                world.context.propagation = Arc::new(Propagation::new(hosts));
            },
            false,
        ),
    ] {
        let mut world = World::new().await;
        world.context.mailer = Some(server.mailer());
        change(&mut world);
        let job = CheckServers::default();
        match world.run(&job).await {
            Outcome::Done => assert!(works),
            Outcome::Again(after) => assert!(!works && after <= RETRY_AFTER, "{after:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_mail_server_is_left_alone_after_a_failed_check() {
    let mut world = World::new().await;
    world.context.mailer = Some(mailer(1));
    let job = CheckServers::default();
    world.run(&job).await;
    let wait = world.context.mailer.as_ref().unwrap().back_off();
    assert!(wait.is_some());
    assert!(matches!(world.run(&Mail).await, Outcome::Again(_)));
    assert!(matches!(world.run(&job).await, Outcome::Again(_)));
    let later = world.context.mailer.as_ref().unwrap().back_off();
    assert!(later <= wait, "not tried again: {later:?} after {wait:?}");
}
