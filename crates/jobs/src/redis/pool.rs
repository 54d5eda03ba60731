//! Takes messages out of Redis: an apalis pool, and what keeps it alive.
//!
//! A pool of apalis 1.0 ends at the first error of Redis, at a message that it cannot decode, and
//! when Redis has forgotten it. So one pool is one *life*: when it ends, what it held is dropped,
//! everything is looked at instead (messages are only bells), and the next life begins under a new
//! name and on a new connection.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apalis::prelude::{
    BackendExt, Codec, Event, Monitor, MonitorError, WorkerBuilder, WorkerBuilderExt,
};
use apalis_redis::{Config, RedisStorage};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, pipe};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::quiet::Quiet;
use super::{Error, Link, PoolEnded, envelope, keys, trim};
use crate::Job;

/// An idle pool looks for messages so often.
const POLL: Duration = Duration::from_millis(100);
/// A pool that showed no life for so long is dropped.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// Between two lives: this, doubled up to the last.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long the last life gets to come to its end, and the one before to be cleared away.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Told of each message that arrives. Must be quick.
pub(crate) type Ring = Arc<dyn Fn(Job) + Send + Sync>;

/// Where messages are taken, and whom they wake.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) link: Link,
    pub(crate) config: Config,
    /// This process among all, new at every start.
    pub(crate) process: String,
    pub(crate) ring: Ring,
    /// How long finished messages are kept.
    pub(crate) keep: Duration,
}

/// Why a life ended.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}", in_one_line(.0))]
    Pool(#[from] MonitorError),
    #[error(transparent)]
    Redis(#[from] Error),
    #[error("no sign of life for {} s", SILENCE_LIMIT.as_secs())]
    Silent,
}

/// apalis writes a heading, and then a line for each worker.
fn in_one_line(error: &MonitorError) -> String {
    let text = error.to_string();
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    // What apalis says of itself in front of the cause.
    let causes: Vec<&str> = lines
        .map(|line| {
            line.split_once("PollNextError: ")
                .map_or(line, |(_, cause)| cause)
        })
        .collect();
    if causes.is_empty() {
        text
    } else {
        causes.join("; ")
    }
}

impl Pool {
    /// Takes messages until `stop`. An error means that a pool ended although nothing was wrong:
    /// then nothing can be relied on.
    pub(crate) async fn run(&self, stop: &CancellationToken) -> Result<(), PoolEnded> {
        let (mut quiet, mut pause) = (Quiet::default(), PAUSE);
        for life in 1_u64.. {
            let (name, pulse) = (format!("{}-{life}", self.process), Pulse::default());
            let ended = self.live(&name, &pulse, stop).await;
            let _ = timeout(END_LIMIT, self.clear(&name)).await;
            match ended {
                Ok(()) if stop.is_cancelled() => return Ok(()),
                Ok(()) => return Err(PoolEnded),
                Err(fault) if quiet.may_speak() => {
                    warn!(error = %fault, "REDIS_URL: wake-ups of other processes wait for the sweep")
                }
                Err(fault) => debug!(error = %fault, "a pool ended"),
            }
            if pulse.last().is_some() {
                // What it took and lost is not known: look at everything.
                Job::ALL.into_iter().for_each(|job| (self.ring)(job));
                pause = PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }

    /// One life.
    async fn live(&self, name: &str, pulse: &Pulse, stop: &CancellationToken) -> Result<(), Fault> {
        let redis = self.link.connection()?;
        let monitor = self.monitor(name, &redis, pulse);
        let context = monitor.context();
        let mut running = Box::pin(monitor.run());
        tokio::select! {
            ended = &mut running => Ok(ended?),
            () = pulse.stops() => Err(Fault::Silent),
            never = self.keep_trim(redis.clone()) => match never {},
            () = stop.cancelled() => {
                let _ = context.shutdown();
                // It takes no more messages, and those that it holds only ring.
                if timeout(END_LIMIT, running).await.is_err() {
                    debug!(pool = name, "the pool did not end in time");
                }
                Ok(())
            }
        }
    }

    fn monitor(&self, name: &str, redis: &ConnectionManager, pulse: &Pulse) -> Monitor {
        let (name, pulse) = (name.to_owned(), pulse.clone());
        let storage = RedisStorage::<Vec<u8>>::new(redis.clone()).with_config(self.config.clone());
        let (receiver, redis) = (self.clone(), redis.clone());
        let worker = move |_| {
            let (receiver, redis) = (receiver.clone(), redis.clone());
            WorkerBuilder::new(name.as_str())
                .backend(storage.clone().with_codec(AsItIs).poll_with_interval(POLL))
                .catch_panic()
                .build(move |message: Vec<u8>| {
                    let (receiver, redis) = (receiver.clone(), redis.clone());
                    async move { receiver.receive(&message, redis).await }
                })
        };
        Monitor::new().register(worker).on_event(move |_, event| {
            if matches!(event, Event::HeartBeat) {
                pulse.beat();
            }
        })
    }

    /// One message. Nothing that it says ends the pool.
    async fn receive(&self, message: &[u8], mut redis: ConnectionManager) {
        let job = match envelope::read(message) {
            Ok(job) => job,
            Err(reason) => return warn!(%reason, "a message in Redis was dropped"),
        };
        // First the mark, then the bell: whoever found the mark and sent nothing had written rows
        // before we look at them.
        if let Err(error) = redis.del::<_, ()>(keys::waiting(&self.config, job)).await {
            debug!(%error, "a mark stays until its time is over");
        }
        (self.ring)(job);
    }

    /// Takes a pool that ended out of Redis, with what it held: others would take it up, and
    /// perhaps end by it too.
    async fn clear(&self, name: &str) -> Result<(), Error> {
        let mut redis = self.link.connection()?;
        let mut clear = pipe();
        clear
            .del(keys::inflight(&self.config, name))
            .ignore()
            .del(keys::pool_metadata(&self.config, name))
            .ignore();
        clear.zrem(self.config.workers_set(), name).ignore();
        // What it held is not taken any more, so that nothing may say that it waits.
        for job in Job::ALL {
            clear.del(keys::waiting(&self.config, job)).ignore();
        }
        Ok(clear.exec_async(&mut redis).await?)
    }

    /// Removes finished messages for as long as the life lasts.
    async fn keep_trim(&self, mut redis: ConnectionManager) -> Infallible {
        loop {
            sleep(trim::every(self.keep)).await;
            match trim::trim(&mut redis, &self.config, self.keep).await {
                Ok(0) => {}
                Ok(removed) => debug!(removed, "finished messages were removed"),
                Err(error) => debug!(%error, "finished messages were not removed"),
            }
        }
    }
}

/// When a pool last said that it lives.
#[derive(Debug, Clone, Default)]
struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    fn beat(&self) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none() {
            info!("wake-ups of other processes arrive through Redis");
        }
        *last = Some(Instant::now());
    }

    fn last(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when there was no beat for [`SILENCE_LIMIT`].
    async fn stops(&self) {
        let start = Instant::now();
        while self.last().unwrap_or(start).elapsed() < SILENCE_LIMIT {
            sleep(keys::HEARTBEAT).await;
        }
    }
}

/// Hands the octets of a message on as they are: a message that apalis cannot decode would end the
/// pool.
#[derive(Debug, Clone, Copy)]
struct AsItIs;

impl Codec<Vec<u8>> for AsItIs {
    type Error = Infallible;
    type Compact = Vec<u8>;

    fn encode(&self, message: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(message.clone())
    }

    fn decode(&self, message: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(message.clone())
    }
}

/// Sends a message, unless one of the same job waits or nobody takes any.
pub(crate) async fn push(
    redis: &mut ConnectionManager,
    config: &Config,
    job: Job,
) -> Result<(), PushError> {
    /// So many messages wait only when nobody works; who comes reads the rows.
    const WAITING_MAX: u64 = 100;
    let mut count = pipe();
    count
        .llen(config.active_jobs_list())
        .zcard(config.scheduled_jobs_set());
    let (active, scheduled): (u64, u64) = count.query_async(redis).await?;
    if active + scheduled >= WAITING_MAX {
        return Ok(());
    }
    let id = keys::new_id();
    let task = apalis::prelude::TaskBuilder::new(envelope::write(job)?)
        .task_id(apalis::prelude::TaskId::from_string(&id))
        .idempotency_key(job.as_str())
        .build();
    apalis_redis::queries::push_tasks(redis, config, &[task]).await?;
    // It was scheduled for this second of this machine's clock; others go by theirs, so let it be
    // due by all.
    redis::cmd("ZADD")
        .arg(config.scheduled_jobs_set())
        .arg("XX")
        .arg(0)
        .arg(&id)
        .exec_async(redis)
        .await?;
    Ok(())
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Apalis(#[from] apalis_redis::Error),
    #[error(transparent)]
    Message(#[from] serde_json::Error),
}
