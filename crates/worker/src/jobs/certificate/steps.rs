//! Advances one order from its stored step until it has to wait.
//! `domain::certificate::next_step` decides the next action; each step is saved before the next
//! request to the authority.

mod retry;

use std::time::Duration;

use starchart_acme::authority::{
    Authority, AuthorityError, Order, OrderStatus, ReplacedCertificate,
};
use starchart_acme::keys;
use starchart_dns::propagation::{Reply, ServerAnswers};
use starchart_domain::certificate::{
    CHALLENGE_TYPE, FailureReason, NextStep, Observations, ObservedOrder, OrderStep,
    certificate_names, challenge_name, clamped_retry_ms, next_step, poll_ms,
};
use starchart_domain::time::Timestamp;
use starchart_domain::txt;
use starchart_jobs::WakeUp;
use starchart_store::Error;
use starchart_store::certificates::budget::{self, Turn};
use starchart_store::certificates::orders::{self, ClaimedOrder, CreatedOrder, Postponement};
use starchart_store::certificates::renewals;
use tracing::{info, warn};

use crate::Context;
use crate::authority::{read_chain, with_timeout};
use crate::job::Job as _;
use crate::jobs::certificate::Certificate;

/// The maximum of steps in one run, in case they make no progress.
const MAX_STEPS: u32 = 30;
/// The delay after an answer that does not fit the order's state, in milliseconds.
const UNEXPECTED_STATE_MS: i64 = 1_000;
/// A wait of at least this time, in milliseconds, is explained to the user.
const EXPLAINED_WAIT_MS: i64 = 30_000;

/// Whether the order continues now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

/// Stops after the claim is lost; another process may continue the order.
const fn continue_if(held: bool) -> Flow {
    if held { Flow::Continue } else { Flow::Stop }
}

/// A pending order that is advanced.
struct OrderRun<'a> {
    context: &'a Context,
    authority: &'a dyn Authority,
    work: ClaimedOrder,
    seen: Observations,
    /// How long the authority asked to wait when the order was read (Retry-After).
    requested_wait: Option<Duration>,
    /// The challenge values of the pending authorizations, after the order was read.
    values: Vec<String>,
    now: Timestamp,
}

/// Advances the order until it has to wait, and releases the claim.
pub(super) async fn advance(
    context: &Context,
    authority: &dyn Authority,
    work: ClaimedOrder,
) -> Result<(), Error> {
    let now = context.store.now().await?;
    let mut run = OrderRun {
        context,
        authority,
        work,
        seen: Observations::default(),
        requested_wait: None,
        values: Vec::new(),
        now,
    };
    for _ in 0..MAX_STEPS {
        if context.stop.is_cancelled() {
            break;
        }
        run.now = context.store.now().await?;
        let next = next_step(&run.work.facts, &run.seen, run.now);
        if run.take(next).await? == Flow::Stop {
            return Ok(());
        }
    }
    let for_ms = if context.stop.is_cancelled() {
        0
    } else {
        UNEXPECTED_STATE_MS
    };
    orders::postpone(
        &context.store,
        &run.work.claim,
        &Postponement {
            for_ms,
            ..Postponement::default()
        },
    )
    .await
    .map(drop)
}

impl OrderRun<'_> {
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
            NextStep::Reopen => self.restart().await,
            NextStep::Fail(reason) => self.fail(&reason).await,
            NextStep::Abandon => self.abandon().await,
            NextStep::Nothing => Ok(Flow::Stop),
        }
    }

    /// Updates the order after a step was saved.
    fn moved_to(&mut self, step: OrderStep, held: bool) -> Flow {
        let facts = &mut self.work.facts;
        facts.step = step;
        facts.step_since = self.now;
        facts.starts = 1;
        self.work.failures = 0;
        self.context.outages.authority_works(Certificate::NAME);
        info!(%step, held, "order advanced");
        continue_if(held)
    }

    fn url(&self) -> &str {
        self.work.url.as_deref().unwrap_or_default()
    }

    async fn open(&mut self) -> Result<Flow, Error> {
        let (store, claim) = (&self.context.store, &self.work.claim);
        match budget::take_turn(store, claim, &self.context.issuance).await? {
            Turn::Now => {}
            Turn::Later { until } => return self.wait_for_turn(until).await,
            Turn::Lost => return Ok(Flow::Stop),
        }
        let renewed = renewals::find_renewed(store, claim).await?;
        let replaced = renewed.as_ref().map(|renewed| ReplacedCertificate {
            certificate: &renewed.certificate,
            account: renewed.account.as_deref(),
        });
        let names = certificate_names(&claim.domain);
        let order = match with_timeout(self.authority.new_order(&names, replaced)).await {
            Ok(order) => order,
            Err(error) => return self.retry_or_fail(error).await,
        };
        let created = CreatedOrder {
            url: &order.url,
            account: &order.account,
            is_replacement: order.is_replacement,
        };
        let held = orders::save_created(store, claim, created).await?;
        self.work.url = Some(order.url);
        self.work.facts.has_url = true;
        self.work.facts.openings += 1;
        Ok(self.moved_to(OrderStep::Ordered, held))
    }

    /// Waits until the issuance budget has something for the order.
    async fn wait_for_turn(&self, until: Timestamp) -> Result<Flow, Error> {
        let problem = "The certificate authority gives out a limited number of certificates, and \
                       your request waits for its turn. It keeps its place.";
        self.pause(Postponement {
            for_ms: until.since(self.now).max(UNEXPECTED_STATE_MS),
            problem: Some(problem.to_owned()),
            show_retry_time: true,
            ..Postponement::default()
        })
        .await
    }

    async fn read_order(&mut self) -> Result<Flow, Error> {
        match with_timeout(self.authority.fetch_order(self.url())).await {
            Ok(order) => Ok(self.see(order)),
            Err(AuthorityError::Gone(detail)) => {
                warn!(detail, "authority does not know the order any more");
                self.seen.order = Some(ObservedOrder::Gone);
                Ok(Flow::Continue)
            }
            Err(error) => self.retry_or_fail(error).await,
        }
    }

    fn see(&mut self, order: Order) -> Flow {
        let Order {
            status,
            pending,
            problem,
            retry_after,
        } = order;
        self.requested_wait = retry_after;
        self.seen.order = Some(match status {
            OrderStatus::Pending => ObservedOrder::Pending(pending.len()),
            OrderStatus::Ready => ObservedOrder::Ready,
            OrderStatus::Processing => ObservedOrder::Processing,
            OrderStatus::Valid => ObservedOrder::Valid,
            OrderStatus::Invalid => ObservedOrder::Invalid(problem),
        });
        let expected_name = challenge_name(&self.work.claim.domain);
        if let Some(other) = pending
            .iter()
            .find(|authorization| authorization.fqdn != expected_name)
        {
            // Never publish a challenge at another user's name.
            let detail = format!(
                "the authority asks for a challenge at {}, but only {expected_name} is possible",
                other.fqdn
            );
            self.seen.order = Some(ObservedOrder::Invalid(Some(detail)));
        }
        self.values = pending
            .into_iter()
            .map(|authorization| authorization.value)
            .collect();
        Flow::Continue
    }

    async fn publish(&mut self) -> Result<Flow, Error> {
        let held =
            orders::save_challenge_values(&self.context.store, &self.work.claim, &self.values)
                .await?;
        self.context.queue.wake(WakeUp::Publish);
        self.seen = Observations::default();
        Ok(self.moved_to(OrderStep::Publishing, held))
    }

    async fn read_zone(&mut self) -> Result<Flow, Error> {
        match orders::challenge_progress(&self.context.store, &self.work.claim).await? {
            Some((zone, values)) => {
                self.seen.zone = Some(zone);
                self.values = values;
                Ok(Flow::Continue)
            }
            // The challenges are deleted only when the order ends.
            None => Ok(Flow::Stop),
        }
    }

    async fn ask_servers(&mut self) -> Result<Flow, Error> {
        let servers = match self
            .context
            .propagation
            .servers(self.context.provider.as_ref())
            .await
        {
            Ok(servers) => servers,
            Err(error) => {
                let message = "cannot find the zone's name servers, retrying";
                let outages = &self.context.outages;
                outages.provider_failed(Certificate::NAME, &error, message);
                return self.wait(None).await;
            }
        };
        self.context.outages.provider_works(Certificate::NAME);
        let values = self.values.iter().map(|value| txt::encode(value)).collect();
        let answers = servers
            .query(
                &challenge_name(&self.work.claim.domain),
                CHALLENGE_TYPE,
                &values,
            )
            .await;
        self.seen.all_silent = Some(all_silent(&answers));
        Ok(Flow::Continue)
    }

    async fn validate(&mut self, unchecked: bool) -> Result<Flow, Error> {
        if unchecked {
            warn!("no name server answers, so validation starts unchecked");
        }
        let requested = match with_timeout(self.authority.respond_to_challenges(self.url())).await {
            Ok(requested) => requested,
            // The challenge is not in a state that permits validation; the order is read next.
            Err(AuthorityError::Gone(_)) => None,
            Err(error) => return self.retry_or_fail(error).await,
        };
        let held =
            orders::mark_validating(&self.context.store, &self.work.claim, unchecked).await?;
        self.seen = Observations::default();
        let flow = self.moved_to(OrderStep::Validating, held);
        self.wait_before_reading(flow, requested).await
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
            return self.restart().await;
        };
        match with_timeout(self.authority.finalize(self.url(), &csr)).await {
            Ok(requested) => {
                let flow = self.note_finalizing().await?;
                self.wait_before_reading(flow, requested).await
            }
            Err(error) => self.retry_or_fail(error).await,
        }
    }

    async fn note_finalizing(&mut self) -> Result<Flow, Error> {
        let held = orders::mark_finalizing(&self.context.store, &self.work.claim).await?;
        self.seen = Observations::default();
        Ok(self.moved_to(OrderStep::Finalizing, held))
    }

    async fn fetch(&mut self) -> Result<Flow, Error> {
        let store = &self.context.store;
        let pem = match with_timeout(self.authority.download_chain(self.url())).await {
            Ok(pem) => pem,
            Err(error) => return self.retry_or_fail(error).await,
        };
        let Some(key) = orders::load_key(store, &self.work.claim).await? else {
            return self.restart().await;
        };
        let issued = match read_chain(&pem) {
            Ok(issued) => issued,
            Err(error) => {
                return self
                    .retry_or_fail(AuthorityError::unavailable(error.to_string()))
                    .await;
            }
        };
        if !keys::matches_certificate(&key, &issued.certificate).unwrap_or(false) {
            warn!("the issued certificate is for another key, restarting the order");
            return self.restart().await;
        }
        if orders::issue(store, &self.work.claim, &issued).await? {
            info!(
                domain = self.work.claim.domain,
                until = issued.not_after.rfc3339(),
                "certificate issued"
            );
        }
        self.wake_after_end();
        Ok(Flow::Stop)
    }

    async fn restart(&mut self) -> Result<Flow, Error> {
        let held = orders::restart(&self.context.store, &self.work.claim).await?;
        self.context.queue.wake(WakeUp::Publish);
        self.seen = Observations::default();
        self.work.url = None;
        self.work.facts.has_url = false;
        self.work.facts.has_key = false;
        Ok(self.moved_to(OrderStep::Requested, held))
    }

    async fn fail(&mut self, reason: &FailureReason) -> Result<Flow, Error> {
        warn!(domain = self.work.claim.domain, ?reason, "order failed");
        orders::fail(&self.context.store, &self.work.claim, reason).await?;
        self.wake_after_end();
        Ok(Flow::Stop)
    }

    async fn abandon(&mut self) -> Result<Flow, Error> {
        orders::abandon(&self.context.store, &self.work.claim).await?;
        self.wake_after_end();
        Ok(Flow::Stop)
    }

    fn wake_after_end(&self) {
        self.context.queue.wake(WakeUp::Publish);
        self.context.queue.wake(WakeUp::Mail);
    }

    async fn wait(&mut self, problem: Option<String>) -> Result<Flow, Error> {
        let usual = poll_ms(
            self.now.since(self.work.facts.step_since),
            self.work.facts.automatic,
        );
        if self.seen.order.is_some() {
            return self.wait_for_authority(usual, self.requested_wait).await;
        }
        self.pause(Postponement {
            for_ms: usual,
            problem,
            ..Postponement::default()
        })
        .await
    }

    /// Waits if the authority asked for it when it accepted a request about the order.
    async fn wait_before_reading(
        &self,
        flow: Flow,
        requested: Option<Duration>,
    ) -> Result<Flow, Error> {
        match (flow, requested) {
            (Flow::Continue, Some(_)) => self.wait_for_authority(0, requested).await,
            _ => Ok(flow),
        }
    }

    /// Waits until the order is read again: `usual` milliseconds, or as long as the authority asks.
    async fn wait_for_authority(
        &self,
        usual: i64,
        requested: Option<Duration>,
    ) -> Result<Flow, Error> {
        let asked = requested.map(millis).filter(|asked| *asked > usual);
        let for_ms = clamped_retry_ms(self.work.facts.created_at, self.now, usual, asked);
        let is_explained = asked.is_some() && for_ms >= EXPLAINED_WAIT_MS;
        self.pause(Postponement {
            for_ms,
            problem: is_explained.then(|| {
                "The certificate authority is at work and asks to look again later.".to_owned()
            }),
            failed: Some(false),
            show_retry_time: is_explained,
            requested_by_ca: asked.is_some(),
        })
        .await
    }

    async fn pause(&self, pause: Postponement) -> Result<Flow, Error> {
        orders::postpone(&self.context.store, &self.work.claim, &pause).await?;
        Ok(Flow::Stop)
    }
}

/// Converts to milliseconds, saturating; `clamped_retry_ms` limits the result.
fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// Returns whether no server answered at all, or there is no server to ask.
fn all_silent(answers: &ServerAnswers) -> bool {
    answers.matching == 0
        && answers.lagging.iter().all(|lag| {
            lag.replies
                .iter()
                .all(|reply| matches!(reply, Reply::Silent(_)))
        })
}
