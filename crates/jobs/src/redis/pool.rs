//! Receives messages from Redis with an apalis worker pool, which is restarted when it ends.
//!
//! A pool of apalis 1.0 ends at the first error of Redis, at a message that it cannot decode, and
//! when Redis no longer knows it. Then the messages that it held are dropped, every job is woken
//! instead (I4), and a new pool starts under a new name on a new connection.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apalis::prelude::{
    BackendExt, Codec, Event, Monitor, MonitorError, WorkerBuilder, WorkerBuilderExt,
};
use apalis_redis::{Config, RedisStorage};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, pipe};
use starchart_domain::error::error_chain;
use starchart_domain::outage::{OutageLog, back_off};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Error, PoolEnded, RedisClient, cleanup, envelope, keys};
use crate::WakeUp;

/// How often an idle pool polls for messages.
const POLL: Duration = Duration::from_millis(100);
/// How long a pool may be without a heartbeat before it is replaced.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);
/// The delay before a new pool starts, doubled up to the maximum after each failure.
const RESTART_DELAY: Duration = Duration::from_millis(200);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(5);
/// The part of the program that an [`OutageLog`] of receiving names.
const RECEIVING: &str = "receiving";
/// How long a pool may take to stop, and its keys to be deleted.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Called with the job of each received message. Must not block.
pub(crate) type OnMessage = Arc<dyn Fn(WakeUp) + Send + Sync>;

/// Receives messages and wakes jobs.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) client: RedisClient,
    pub(crate) config: Config,
    /// A name that is unique to this process and this start.
    pub(crate) process: String,
    pub(crate) on_message: OnMessage,
    /// How long finished messages are kept.
    pub(crate) keep: Duration,
}

/// Why a pool ended.
#[derive(Debug, thiserror::Error)]
enum PoolError {
    /// Without the error of apalis as its source, which names the pool: the cause is the same for
    /// the next pool.
    #[error("{0}")]
    Pool(String),
    #[error(transparent)]
    Redis(#[from] Error),
    #[error("no heartbeat for {} s", HEARTBEAT_TIMEOUT.as_secs())]
    Silent,
}

/// Formats an error of apalis, which is a heading and a line for each worker, as one line.
fn in_one_line(error: &MonitorError) -> String {
    let text = error.to_string();
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    // apalis puts the name of its own error in front of the cause.
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
    /// Receives messages until `stop` is cancelled.
    ///
    /// # Errors
    /// A pool ended without a fault, which should not happen.
    pub(crate) async fn run(&self, stop: &CancellationToken) -> Result<(), PoolEnded> {
        let outage = Arc::new(OutageLog::default());
        for number in 1_u64.. {
            let name = format!("{}-{number}", self.process);
            let heartbeat = Heartbeat::new(number == 1, Arc::clone(&outage));
            let ended = self.run_once(&name, &heartbeat, stop).await;
            let _ = timeout(SHUTDOWN_TIMEOUT, self.clear(&name)).await;
            let error = match ended {
                Ok(()) if stop.is_cancelled() => return Ok(()),
                Ok(()) => return Err(PoolEnded),
                Err(fault) => error_chain(&fault),
            };
            let failure = outage.failed(RECEIVING, &error, Instant::now());
            if failure.is_news {
                warn!(
                    error,
                    "REDIS_URL: wake-ups of other processes wait for the sweep"
                );
            } else {
                debug!(error, "a pool ended");
            }
            if heartbeat.last().is_some() {
                // The messages that it held are unknown, so wake every job.
                WakeUp::ALL.iter().for_each(|job| (self.on_message)(*job));
            }
            let (first, max) = (RESTART_DELAY, RESTART_DELAY_MAX);
            tokio::select! {
                () = sleep(back_off(failure.in_a_row, first, max, rand::random())) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
        Ok(())
    }

    /// Runs one pool until it ends, fails or is stopped.
    async fn run_once(
        &self,
        name: &str,
        heartbeat: &Heartbeat,
        stop: &CancellationToken,
    ) -> Result<(), PoolError> {
        let redis = self.client.connection()?;
        let monitor = self.monitor(name, &redis, heartbeat);
        let context = monitor.context();
        let mut running = Box::pin(monitor.run());
        tokio::select! {
            ended = &mut running => {
                ended.map_err(|error| PoolError::Pool(in_one_line(&error)))
            }
            () = heartbeat.lost() => Err(PoolError::Silent),
            never = self.run_cleanup(redis.clone()) => match never {},
            () = stop.cancelled() => {
                let _ = context.shutdown();
                // It takes no more messages; those that it holds are handled in an instant.
                if timeout(SHUTDOWN_TIMEOUT, running).await.is_err() {
                    debug!(pool = name, "the pool did not end in time");
                }
                Ok(())
            }
        }
    }

    fn monitor(&self, name: &str, redis: &ConnectionManager, heartbeat: &Heartbeat) -> Monitor {
        let name = name.to_owned();
        let heartbeat = heartbeat.clone();
        let storage = RedisStorage::<Vec<u8>>::new(redis.clone()).with_config(self.config.clone());
        let receiver = self.clone();
        let redis = redis.clone();
        let worker = move |_| {
            let receiver = receiver.clone();
            let redis = redis.clone();
            WorkerBuilder::new(name.as_str())
                .backend(
                    storage
                        .clone()
                        .with_codec(RawBytes)
                        .poll_with_interval(POLL),
                )
                .catch_panic()
                .build(move |message: Vec<u8>| {
                    let receiver = receiver.clone();
                    let redis = redis.clone();
                    async move { receiver.receive(&message, redis).await }
                })
        };
        Monitor::new().register(worker).on_event(move |_, event| {
            if matches!(event, Event::HeartBeat) {
                heartbeat.record();
            }
        })
    }

    /// Handles one message. No content of a message may end the pool.
    async fn receive(&self, message: &[u8], mut redis: ConnectionManager) {
        let job = match envelope::read(message) {
            Ok(job) => job,
            Err(reason) => return warn!(%reason, "a message in Redis was dropped"),
        };
        // Delete the mark before waking the job: a process that found the mark and sent nothing
        // had committed its rows before, so that the job reads them.
        if let Err(error) = redis
            .del::<_, ()>(keys::pending_mark(&self.config, job))
            .await
        {
            debug!(
                error = error_chain(&error),
                "a pending mark was not deleted and expires by \
                itself"
            );
        }
        (self.on_message)(job);
    }

    /// Deletes an ended pool and the messages that it held from Redis, because they could end
    /// another pool too.
    async fn clear(&self, name: &str) -> Result<(), Error> {
        let mut redis = self.client.connection()?;
        let mut clear = pipe();
        clear
            .del(keys::inflight(&self.config, name))
            .ignore()
            .del(keys::worker_metadata(&self.config, name))
            .ignore();
        clear.zrem(self.config.workers_set(), name).ignore();
        // The messages that it held are lost, so no job has a pending message.
        for &job in WakeUp::ALL {
            clear.del(keys::pending_mark(&self.config, job)).ignore();
        }
        Ok(clear.exec_async(&mut redis).await?)
    }

    /// Deletes finished messages regularly.
    async fn run_cleanup(&self, mut redis: ConnectionManager) -> Infallible {
        loop {
            sleep(cleanup::interval(self.keep)).await;
            match cleanup::remove_finished(&mut redis, &self.config, self.keep).await {
                Ok(0) => {}
                Ok(removed) => debug!(removed, "finished messages were deleted"),
                Err(error) => debug!(
                    error = error_chain(&error),
                    "finished messages were not \
                    deleted"
                ),
            }
        }
    }
}

/// The time of the last heartbeat of a pool.
#[derive(Debug, Clone)]
struct Heartbeat {
    last: Arc<Mutex<Option<Instant>>>,
    /// Whether this is the first pool of the process.
    is_first: bool,
    outage: Arc<OutageLog>,
}

impl Heartbeat {
    fn new(is_first: bool, outage: Arc<OutageLog>) -> Self {
        Self {
            last: Arc::default(),
            is_first,
            outage,
        }
    }

    fn record(&self) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none() {
            let outage = self.outage.worked(RECEIVING, now);
            if outage.is_some() || self.is_first {
                let after_s = outage.map(|outage| outage.as_secs());
                info!(after_s, "wake-ups of other processes arrive through Redis");
            }
        }
        *last = Some(now);
    }

    fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when there was no heartbeat for [`HEARTBEAT_TIMEOUT`].
    async fn lost(&self) {
        let start = Instant::now();
        while self.last().unwrap_or(start).elapsed() < HEARTBEAT_TIMEOUT {
            sleep(keys::HEARTBEAT).await;
        }
    }
}

/// A codec that passes the bytes of a message on, because a message that apalis cannot decode would
/// end the pool.
#[derive(Debug, Clone, Copy)]
struct RawBytes;

impl Codec<Vec<u8>> for RawBytes {
    type Error = Infallible;
    type Compact = Vec<u8>;

    fn encode(&self, message: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(message.clone())
    }

    fn decode(&self, message: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(message.clone())
    }
}

/// Sends a message, unless one of the same job is pending or no process receives any.
pub(crate) async fn push(
    redis: &mut ConnectionManager,
    config: &Config,
    job: WakeUp,
) -> Result<(), PushError> {
    /// More messages are pending only while no worker runs; one that starts reads the rows.
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
    // It is scheduled by this machine's clock. Make it due for machines whose clock is behind.
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
