//! Looks records up for their owners: at every name server of the zone and at public resolvers.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use starchart_dns::lookup::{Asked, LookupAnswer, look_up};
use starchart_dns::propagation::{NameServer, Reply};
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::Error;
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::lookups::{self, Answer, DueLookup, ServerAnswer, ServerKind};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::with_lease::LeaseTerms;

/// The maximum of RRsets in one run.
const MAX_LOOKUPS: u64 = 20;
/// The number of RRsets that are looked up concurrently.
const CONCURRENCY: usize = 4;
/// The delay before the next run when more are due, which spares the resolvers.
const NEXT_RUN: Duration = Duration::from_secs(1);

/// The delay before the next run when no server is known.
const WITHOUT_SERVERS: Duration = Duration::from_secs(60);

/// Looks up what is due.
pub(crate) struct Lookup;

impl Job for Lookup {
    const NAME: &'static str = "lookup";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Lookup);
    /// A run that waits for silent servers takes longer.
    const LEASE: Option<LeaseTerms> = Some(LeaseTerms::new(LeaseName::Lookup, 8_000));

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        let is_idle = lookups::list_due(&context.store, 1).await?.is_empty();
        Ok(if is_idle {
            Check::Skip(Outcome::Done)
        } else {
            Check::Due
        })
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let due = lookups::list_due(&context.store, MAX_LOOKUPS).await?;
        let is_full = due.len() as u64 == MAX_LOOKUPS;
        let name_servers = match context.propagation.servers(context.provider.as_ref()).await {
            Ok(servers) => {
                context.outages.provider_works(Self::NAME);
                servers.servers().to_vec()
            }
            Err(error) => {
                let message = "cannot find the zone's name servers, asking resolvers only";
                context.outages.provider_failed(Self::NAME, &error, message);
                Vec::new()
            }
        };
        let all = name_servers
            .iter()
            .map(|server| (Asked::NameServer, server));
        let resolvers = context.resolvers.iter();
        let all: Vec<(Asked, &NameServer)> = all
            .chain(resolvers.map(|server| (Asked::Resolver, server)))
            .collect();
        if all.is_empty() {
            // The rows stay due.
            return Ok(Outcome::Again(WITHOUT_SERVERS));
        }
        let mut answered = stream::iter(due)
            .map(|due| ask_all(due, &all))
            .buffer_unordered(CONCURRENCY);
        while let Some((due, answers)) = answered.next().await {
            lookups::record(&context.store, &due, &answers).await?;
        }
        Ok(if is_full {
            Outcome::Again(NEXT_RUN)
        } else {
            Outcome::Done
        })
    }
}

async fn ask_all(
    due: DueLookup,
    servers: &[(Asked, &NameServer)],
) -> (DueLookup, Vec<ServerAnswer>) {
    let (name, rtype) = (&due.fqdn, due.rtype);
    let answers = servers.iter().map(async |(asked, server)| {
        let LookupAnswer { reply, ttl_s } = look_up(server, *asked, name, rtype).await;
        ServerAnswer {
            server: server.name.clone(),
            kind: match asked {
                Asked::NameServer => ServerKind::NameServer,
                Asked::Resolver => ServerKind::Resolver,
            },
            answer: match reply {
                Reply::Values(values) => {
                    Answer::Values(values.iter().map(ToString::to_string).collect())
                }
                Reply::Unusable(why) | Reply::Silent(why) => Answer::Failed(why),
            },
            ttl_s,
        }
    });
    let answers = join_all(answers).await;
    (due, answers)
}

#[cfg(test)]
mod tests;
