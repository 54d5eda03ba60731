//! One order, from where its rows say it is to where it has to wait.
//! `domain::certificate::next_step` decides; here it is done, and saved before the next call.

use std::time::Duration;

use starchart_acme::authority::{Authority, AuthorityError, Order, OrderStatus};
use starchart_acme::{chain, keys};
use starchart_dns::propagation::{Reply, ServerAnswers};
use starchart_domain::certificate::{
    FailureReason, NextStep, Observations, ObservedOrder, OrderStep, back_off_ms,
    certificate_names, challenge_name, clamped_retry_ms, next_step, poll_ms,
};
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;
use starchart_domain::txt;
use starchart_jobs::Job;
use starchart_store::Error;
use starchart_store::certificates::orders::{self, ClaimedOrder, IssuedCertificate, Postponement};
use tracing::{info, warn};

use crate::Context;

/// A call to the authority that takes longer is given up; it is asked again.
const CALL: Duration = Duration::from_secs(30);
/// Steps in one walk; more are no progress.
const STEPS: u32 = 30;
/// A limit whose end was not told, in milliseconds.
const LIMITED_MS: i64 = 60 * 60 * 1_000;
/// An account that cannot be used is tried again after this at the earliest, in milliseconds.
const ACCOUNT_MS: i64 = 60_000;
/// After an answer that did not fit the order's state, in milliseconds.
const PUZZLED_MS: i64 = 1_000;

/// Whether the walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Rest,
}

/// A claim that was lost ends the walk: somebody else goes on, or nobody.
const fn on_if(held: bool) -> Flow {
    if held { Flow::On } else { Flow::Rest }
}

/// An order on its walk.
struct Walk<'a> {
    context: &'a Context,
    authority: &'a dyn Authority,
    work: ClaimedOrder,
    seen: Observations,
    /// The values of the pending authorizations, once the order was read.
    values: Vec<String>,
    now: Timestamp,
}

/// Takes the order as far as it goes, and gives the claim back.
pub(super) async fn walk(
    context: &Context,
    authority: &dyn Authority,
    work: ClaimedOrder,
) -> Result<(), Error> {
    let now = context.store.now().await?;
    let mut walk = Walk {
        context,
        authority,
        work,
        seen: Observations::default(),
        values: Vec::new(),
        now,
    };
    for _ in 0..STEPS {
        if context.stop.is_cancelled() {
            break;
        }
        walk.now = context.store.now().await?;
        let next = next_step(&walk.work.facts, &walk.seen, walk.now);
        if walk.take(next).await? == Flow::Rest {
            return Ok(());
        }
    }
    let for_ms = if context.stop.is_cancelled() {
        0
    } else {
        PUZZLED_MS
    };
    orders::postpone(
        &context.store,
        &walk.work.claim,
        &Postponement {
            for_ms,
            ..Postponement::default()
        },
    )
    .await
    .map(drop)
}

impl Walk<'_> {
    async fn take(&mut self, next: NextStep) -> Result<Flow, Error> {
        match next {
            NextStep::Open => self.open().await,
            NextStep::ReadOrder => self.read_order().await,
            NextStep::Publish => self.publish().await,
            NextStep::ReadZone => self.read_zone().await,
            NextStep::AskServers => self.ask_servers().await,
            NextStep::Validate { unchecked } => self.validate(unchecked).await,
            NextStep::SaveKey => self.save_key().await,
            NextStep::Finalize => self.finalize().await,
            NextStep::NoteFinalizing => self.note_finalizing().await,
            NextStep::Fetch => self.fetch().await,
            NextStep::Wait(problem) => self.wait(problem).await,
            NextStep::Reopen => self.anew().await,
            NextStep::Fail(reason) => self.fail(&reason).await,
            NextStep::Abandon => self.abandon().await,
            NextStep::Nothing => Ok(Flow::Rest),
        }
    }

    /// The step is saved: what follows reads from here.
    fn moved_to(&mut self, step: OrderStep, held: bool) -> Flow {
        let facts = &mut self.work.facts;
        (facts.step, facts.step_since, facts.starts) = (step, self.now, 1);
        self.work.failures = 0;
        info!(%step, held, "an order moved");
        on_if(held)
    }

    fn url(&self) -> &str {
        self.work.url.as_deref().unwrap_or_default()
    }

    async fn open(&mut self) -> Result<Flow, Error> {
        let url = match within(
            self.authority
                .new_order(&certificate_names(&self.work.claim.domain)),
        )
        .await
        {
            Ok(url) => url,
            Err(error) => return self.trouble(error).await,
        };
        let held = orders::save_order_url(&self.context.store, &self.work.claim, &url).await?;
        self.work.url = Some(url);
        self.work.facts.has_url = true;
        self.work.facts.openings += 1;
        Ok(self.moved_to(OrderStep::Ordered, held))
    }

    async fn read_order(&mut self) -> Result<Flow, Error> {
        match within(self.authority.fetch_order(self.url())).await {
            Ok(order) => Ok(self.see(order)),
            Err(AuthorityError::Gone(detail)) => {
                warn!(detail, "the authority does not know an order any more");
                self.seen.order = Some(ObservedOrder::Gone);
                Ok(Flow::On)
            }
            Err(error) => self.trouble(error).await,
        }
    }

    fn see(&mut self, order: Order) -> Flow {
        let Order {
            status,
            pending,
            problem,
        } = order;
        self.seen.order = Some(match status {
            OrderStatus::Pending => ObservedOrder::Pending(pending.len()),
            OrderStatus::Ready => ObservedOrder::Ready,
            OrderStatus::Processing => ObservedOrder::Processing,
            OrderStatus::Valid => ObservedOrder::Valid,
            OrderStatus::Invalid => ObservedOrder::Invalid(problem),
        });
        let place = challenge_name(&self.work.claim.domain);
        if let Some(other) = pending
            .iter()
            .find(|authorization| authorization.fqdn != place)
        {
            // Never anybody else's name, whatever the authority says.
            let detail = format!(
                "it wants a proof at {}, where only {place} is possible",
                other.fqdn
            );
            self.seen.order = Some(ObservedOrder::Invalid(Some(detail)));
        }
        self.values = pending
            .into_iter()
            .map(|authorization| authorization.value)
            .collect();
        Flow::On
    }

    async fn publish(&mut self) -> Result<Flow, Error> {
        let held =
            orders::save_challenge_values(&self.context.store, &self.work.claim, &self.values)
                .await?;
        self.context.queue.wake(Job::Publish);
        self.seen = Observations::default();
        Ok(self.moved_to(OrderStep::Publishing, held))
    }

    async fn read_zone(&mut self) -> Result<Flow, Error> {
        match orders::challenge_progress(&self.context.store, &self.work.claim).await? {
            Some((zone, values)) => {
                self.seen.zone = Some(zone);
                self.values = values;
                Ok(Flow::On)
            }
            // Somebody took them away, which only an end does.
            None => Ok(Flow::Rest),
        }
    }

    async fn ask_servers(&mut self) -> Result<Flow, Error> {
        let servers = match self
            .context
            .propagation
            .servers(self.context.zone.as_ref())
            .await
        {
            Ok(servers) => servers,
            Err(error) => {
                warn!(error = %error, "the zone's name servers are not known");
                return self.wait(None).await;
            }
        };
        let values = self.values.iter().map(|value| txt::encode(value)).collect();
        let answers = servers
            .query(
                &challenge_name(&self.work.claim.domain),
                RecordType::Txt,
                &values,
            )
            .await;
        self.seen.all_silent = Some(all_silent(&answers));
        Ok(Flow::On)
    }

    async fn validate(&mut self, unchecked: bool) -> Result<Flow, Error> {
        if unchecked {
            warn!("no name server can be asked: going on unchecked");
        }
        match within(self.authority.respond_to_challenges(self.url())).await {
            // Not in a state that allows it: what it is in is read next.
            Ok(()) | Err(AuthorityError::Gone(_)) => {}
            Err(error) => return self.trouble(error).await,
        }
        let held =
            orders::mark_validating(&self.context.store, &self.work.claim, unchecked).await?;
        self.seen = Observations::default();
        Ok(self.moved_to(OrderStep::Validating, held))
    }

    async fn save_key(&mut self) -> Result<Flow, Error> {
        let domain = &self.work.claim.domain;
        let made = keys::generate().and_then(|key| {
            keys::create_csr(&key, &certificate_names(domain)).map(|csr| (key, csr))
        });
        let (key, csr) = match made {
            Ok(made) => made,
            Err(error) => return self.fail(&FailureReason::Refused(error.to_string())).await,
        };
        let held = orders::save_key(&self.context.store, &self.work.claim, &key, &csr).await?;
        self.work.facts.has_key = true;
        Ok(self.moved_to(OrderStep::KeySaved, held))
    }

    async fn finalize(&mut self) -> Result<Flow, Error> {
        let Some(csr) = orders::load_csr(&self.context.store, &self.work.claim).await? else {
            return self.anew().await;
        };
        if let Err(error) = within(self.authority.finalize(self.url(), &csr)).await {
            return self.trouble(error).await;
        }
        self.note_finalizing().await
    }

    async fn note_finalizing(&mut self) -> Result<Flow, Error> {
        let held = orders::mark_finalizing(&self.context.store, &self.work.claim).await?;
        self.seen = Observations::default();
        Ok(self.moved_to(OrderStep::Finalizing, held))
    }

    async fn fetch(&mut self) -> Result<Flow, Error> {
        let store = &self.context.store;
        let pem = match within(self.authority.download_chain(self.url())).await {
            Ok(pem) => pem,
            Err(error) => return self.trouble(error).await,
        };
        let Some(key) = orders::load_key(store, &self.work.claim).await? else {
            return self.anew().await;
        };
        let issued = match read_chain(&pem) {
            Ok(issued) => issued,
            Err(error) => {
                return self
                    .trouble(AuthorityError::unavailable(error.to_string()))
                    .await;
            }
        };
        if !keys::matches_certificate(&key, &issued.certificate).unwrap_or(false) {
            warn!("the authority's certificate is for another key: beginning anew");
            return self.anew().await;
        }
        if orders::issue(store, &self.work.claim, &issued).await? {
            info!(
                domain = self.work.claim.domain,
                until = issued.not_after.rfc3339(),
                "a certificate was issued"
            );
        }
        self.wake_after_end();
        Ok(Flow::Rest)
    }

    async fn anew(&mut self) -> Result<Flow, Error> {
        let held = orders::restart(&self.context.store, &self.work.claim).await?;
        self.context.queue.wake(Job::Publish);
        self.seen = Observations::default();
        (
            self.work.url,
            self.work.facts.has_url,
            self.work.facts.has_key,
        ) = (None, false, false);
        Ok(self.moved_to(OrderStep::Requested, held))
    }

    async fn fail(&mut self, reason: &FailureReason) -> Result<Flow, Error> {
        warn!(domain = self.work.claim.domain, ?reason, "an order failed");
        orders::fail(&self.context.store, &self.work.claim, &reason.words()).await?;
        self.wake_after_end();
        Ok(Flow::Rest)
    }

    async fn abandon(&mut self) -> Result<Flow, Error> {
        orders::abandon(&self.context.store, &self.work.claim).await?;
        self.wake_after_end();
        Ok(Flow::Rest)
    }

    fn wake_after_end(&self) {
        self.context.queue.wake(Job::Publish);
        self.context.queue.wake(Job::Mail);
    }

    async fn wait(&mut self, problem: Option<String>) -> Result<Flow, Error> {
        let for_ms = poll_ms(
            self.now.since(self.work.facts.step_since),
            self.work.automatic,
        );
        let failed = self.seen.order.is_some().then_some(false);
        self.rest(Postponement {
            for_ms,
            problem,
            failed,
            ..Postponement::default()
        })
        .await
    }

    async fn rest(&self, pause: Postponement) -> Result<Flow, Error> {
        orders::postpone(&self.context.store, &self.work.claim, &pause).await?;
        Ok(Flow::Rest)
    }

    /// The authority did not do it.
    async fn trouble(&mut self, error: AuthorityError) -> Result<Flow, Error> {
        if let AuthorityError::Refused(detail) = error {
            return self.fail(&FailureReason::Refused(detail)).await;
        }
        let wait = back_off_ms(self.work.failures + 1, self.work.automatic);
        warn!(error = %error, "the certificate authority did not help");
        let (usual, asked, problem) = match error {
            AuthorityError::RateLimited {
                retry_after,
                detail,
            } => {
                let asked = retry_after.map_or(LIMITED_MS, millis);
                (
                    wait,
                    Some(asked),
                    format!("The certificate authority takes no more requests for now: {detail}"),
                )
            }
            AuthorityError::Account(_) => {
                let words = "The certificate authority does not accept our account; the administrators have to mend that.";
                (wait.max(ACCOUNT_MS), None, words.to_owned())
            }
            AuthorityError::Gone(_) => (
                wait.max(PUZZLED_MS),
                None,
                "The certificate authority is busy with the order.".to_owned(),
            ),
            AuthorityError::Unavailable { retry_after, .. } => {
                let words =
                    "The certificate authority does not answer at the moment. We keep trying.";
                (wait, retry_after.map(millis), words.to_owned())
            }
            // Taken above.
            AuthorityError::Refused(detail) => (wait, None, detail),
        };
        let for_ms = clamped_retry_ms(self.work.facts.created_at, self.now, usual, asked);
        let pause = Postponement {
            for_ms,
            problem: Some(problem),
            failed: Some(true),
            show_retry_time: true,
            requested_by_ca: asked.is_some(),
        };
        self.rest(pause).await
    }
}

/// Far too long stays far too long: `clamped_retry_ms` cuts it.
fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// Whether not one server said anything. None to ask: nobody can.
fn all_silent(answers: &ServerAnswers) -> bool {
    answers.matching == 0
        && answers.lagging.iter().all(|lag| {
            lag.replies
                .iter()
                .all(|reply| matches!(reply, Reply::Silent(_)))
        })
}

/// What the rows keep of a chain.
pub(super) fn read_chain(pem: &str) -> Result<IssuedCertificate, chain::ChainError> {
    let chain = chain::split(pem)?;
    Ok(IssuedCertificate {
        certificate: chain.certificate,
        chain: chain.intermediates,
        not_before: chain.leaf.not_before,
        not_after: chain.leaf.not_after,
    })
}

/// A call that does not come back is one that was not answered.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, AuthorityError>>,
) -> Result<T, AuthorityError> {
    let late = |_| AuthorityError::unavailable(format!("no answer within {} s", CALL.as_secs()));
    tokio::time::timeout(CALL, call)
        .await
        .map_err(late)
        .flatten()
}
