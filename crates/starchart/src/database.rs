//! The database of a server process: waits for it at the start, prepares its schema, and watches it
//! afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use starchart_domain::error::error_chain;
use starchart_domain::outage::{OutageLog, back_off};
use starchart_settings::Settings;
use starchart_store::{ConnectError, Error, SchemaState, Store, import};
use starchart_worker::Outages;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The delay between two attempts to use the database at the start, doubled up to the maximum.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// The delay between two looks at a schema that an operator or another process has to migrate.
const WAIT: Duration = Duration::from_secs(10);
/// The pause between two trials of the database by the running process.
const WATCH_INTERVAL: Duration = Duration::from_secs(3);
/// The parts of the program that are logged.
const START: &str = "start";
const WATCH: &str = "watch";

/// Warns when this machine's clock and the database's differ, because sign-ins then fail.
async fn compare_clocks(store: &Store) {
    if let Ok(database) = store.now().await {
        let off_s = database.since(crate::wire::clock()).abs() / 1_000;
        if off_s > 30 {
            warn!(
                off_s,
                "this machine's clock and the database's differ: set both by NTP, or sign-ins \
                 will be refused"
            );
        }
    }
}

/// Connects to the database, waiting while it is unreachable, and prepares its schema. Returns
/// `None` when stopped meanwhile.
///
/// # Errors
/// Waiting is useless: DATABASE_URL, a right of its user, or another setting must be mended.
pub(crate) async fn prepare(
    settings: &Settings,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let Some(store) = connect(settings, stop).await? else {
        return Ok(None);
    };
    if settings.process.wipe && !crate::wipe::by_flag(&store, settings, stop).await? {
        return Ok(None);
    }
    if !schema_fits(&store, settings.database.auto_migrate, stop).await? {
        return Ok(None);
    }
    // Any other outage passes, and the watch logs it.
    if let Err(error @ Error::Denied(_)) = store.check_access().await {
        return Err(anyhow::Error::new(error).context("DATABASE_URL"));
    }
    // Only a start without the flag that came this far re-arms it: a failed start may be rolled
    // back to a configuration with the flag.
    if !settings.process.wipe {
        match store.rearm_wipe().await {
            Ok(true) => {
                info!("DANGER_DATABASE_WIPE_REINITIALIZE was removed; setting it again wipes again")
            }
            Ok(false) => {}
            Err(error) => {
                warn!(
                    error = error_chain(&error),
                    "DANGER_DATABASE_WIPE_REINITIALIZE cannot be re-armed before the next start"
                )
            }
        }
    }
    // Publishing has to wait for a pending import, which knows the owners of RRsets in the zone.
    if let Some(reason) = import::pause_if_pending(&store).await? {
        warn!(reason, "publishing is paused");
    }
    compare_clocks(&store).await;
    Ok(Some(store))
}

/// Connects to the database, waiting while it is unreachable. Returns `None` when stopped
/// meanwhile.
pub(crate) async fn connect(
    settings: &Settings,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let options = crate::wire::connect_options(settings);
    let wait = Wait::default();
    loop {
        let retry_after = match Store::connect(&options).await {
            Ok(store) => {
                wait.ended();
                return Ok(Some(store));
            }
            Err(ConnectError::Unreachable(reason)) => wait.log(reason.to_string()),
            Err(error) => return Err(anyhow::Error::new(error).context("DATABASE_URL")),
        };
        tokio::select! {
            () = tokio::time::sleep(retry_after) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

/// What is logged while a start waits for the database.
#[derive(Default)]
pub(crate) struct Wait(OutageLog);

impl Wait {
    /// Logs why, at most once a minute, and returns the delay before the next attempt.
    pub(crate) fn log(&self, error: String) -> Duration {
        let failure = self.0.failed(START, &error, Instant::now());
        if failure.is_news {
            warn!(error, "DATABASE_URL: waiting for the database");
        }
        back_off(failure.in_a_row, RETRY, RETRY_MAX, rand::random())
    }

    /// Logs the end, if there was a wait.
    pub(crate) fn ended(&self) {
        if let Some(outage) = self.0.worked(START, Instant::now()) {
            let after_s = outage.as_secs();
            info!(after_s, "DATABASE_URL: the database can be used");
        }
    }
}

/// Checks every few seconds whether the database can be used, and logs each outage, until `stop` is
/// cancelled. So an outage is logged also by a process that runs no jobs and gets no requests.
pub(crate) async fn watch(store: Store, outages: Arc<Outages>, stop: CancellationToken) {
    loop {
        let outcome = tokio::select! {
            outcome = store.check_access() => outcome,
            () = stop.cancelled() => return,
        };
        match outcome {
            Ok(()) => outages.database_works(WATCH),
            // Locks in the way are no outage.
            Err(Error::Busy(_)) => {}
            Err(error) => {
                outages.database_failed(WATCH, &error);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Migrates, or waits until another process has. Returns false when stopped meanwhile.
async fn schema_fits(
    store: &Store,
    auto_migrate: bool,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let wait = Wait::default();
    let schema = OutageLog::default();
    loop {
        let step = match store.schema().await {
            Ok(state) => next_step(store, state, auto_migrate, &schema, stop).await,
            Err(error @ Error::Denied(_)) => Err(error),
            // Another process may be wiping the tables.
            Err(error) => Ok(Step::Wait(wait.log(error_chain(&error)))),
        };
        let retry_after = match step {
            Ok(Step::Fits) => {
                wait.ended();
                return Ok(true);
            }
            Ok(Step::Again) => continue,
            Ok(Step::Stopped) => return Ok(false),
            Ok(Step::Wait(retry_after)) => retry_after,
            Err(error @ (Error::Denied(_) | Error::PreReleaseSchema)) => {
                return Err(anyhow::Error::new(error).context("DATABASE_URL"));
            }
            Err(error) if error.is_temporary() => wait.log(error_chain(&error)),
            Err(error) => {
                let context = "the schema cannot be migrated";
                return Err(anyhow::Error::new(error).context(context));
            }
        };
        tokio::select! {
            () = tokio::time::sleep(retry_after) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

/// What follows a look at the schema.
enum Step {
    Fits,
    /// Look again at once.
    Again,
    /// Look again later: an operator or another process has to act.
    Wait(Duration),
    Stopped,
}

async fn next_step(
    store: &Store,
    state: SchemaState,
    auto_migrate: bool,
    log: &OutageLog,
    stop: &CancellationToken,
) -> Result<Step, Error> {
    let is_news = |cause| log.failed(START, cause, Instant::now()).is_news;
    match state {
        SchemaState::Fits => return Ok(Step::Fits),
        SchemaState::PreRelease => return Err(Error::PreReleaseSchema),
        SchemaState::Newer(names) => {
            // Later migrations only add, so that an older program works during an update and
            // after a rollback.
            warn!(?names, "the schema is newer than this program");
            return Ok(Step::Fits);
        }
        SchemaState::Pending(count) if !auto_migrate => {
            if is_news("pending") {
                warn!(
                    count,
                    "migrations are pending and AUTO_MIGRATE=0: run `starchart migrate`"
                );
            }
            return Ok(Step::Wait(WAIT));
        }
        SchemaState::HalfWiped if !auto_migrate => {
            if is_news("half wiped") {
                warn!(
                    "a wipe was begun and is not finished, and AUTO_MIGRATE=0: run `starchart \
                     migrate`"
                );
            }
            return Ok(Step::Wait(WAIT));
        }
        SchemaState::Pending(count) => info!(count, "migrating the schema"),
        SchemaState::HalfWiped => warn!("finishing an interrupted wipe"),
    }
    let migrated = tokio::select! {
        migrated = store.migrate() => migrated?,
        () = stop.cancelled() => return Ok(Step::Stopped),
    };
    // `None`: there was no wipe, or another process has finished it.
    if let Some(tables) = migrated.wiped {
        for table in &tables {
            warn!(table, "dropped and recreated");
        }
        warn!("the wipe is finished: the zone was not changed, publishing is paused");
    }
    Ok(Step::Again)
}
