//! Starts a server process, waits for the database, and shuts down in order.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use anyhow::Context as _;
use starchart_dns::provider::Provider;
use starchart_domain::error::error_chain;
use starchart_jobs::{PoolEnded, Queue};
use starchart_mail::Mailer;
use starchart_saml::ServiceProvider;
use starchart_settings::Settings;
use starchart_store::{ConnectError, Error, SchemaState, Store, import};
use starchart_web::{App, Readiness};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::http::Health;
use crate::metrics::Metrics;
use crate::role::Role;
use crate::wire::Certificates;

/// The interval of log messages while waiting.
const WAIT: Duration = Duration::from_secs(10);
/// The interval of connection attempts to the database.
const RETRY: Duration = Duration::from_secs(1);
/// The time limit for open requests and running jobs after the drain. With the maximum DRAIN_S of
/// 30 s, the process ends within 45 s.
const FINISH: Duration = Duration::from_secs(12);

/// The parts of a server process.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) role: Role,
    pub(crate) saml: Arc<ServiceProvider>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) certificates: Certificates,
    pub(crate) mailer: Option<Arc<Mailer>>,
    pub(crate) queue: Arc<dyn Queue>,
    /// Receives the served address when the process is ready.
    pub(crate) ready: Option<oneshot::Sender<SocketAddr>>,
}

/// Opens the port that the setting `name` configures.
fn open(name: &str, host: Ipv4Addr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port)).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                "another process uses it: stop that one, or choose another port"
            }
            ErrorKind::PermissionDenied => {
                "ports below 1024 need privileges: choose another port behind the proxy"
            }
            _ => "choose another port",
        };
        anyhow::anyhow!("{name}: port {port} cannot be opened ({error}); {advice}")
    })
}

/// Runs the process until a signal, then shuts it down.
pub(crate) async fn serve(service: Service) -> anyhow::Result<ExitCode> {
    let stop = crate::stop::on_signal()?;
    let drain = service.settings.process.drain;
    let (front, mut running) = open_ports(&service)?;
    let shutdown = Shutdown::default();
    if let Some(store) = ready_store(&service.settings, &stop).await? {
        compare_clocks(&store).await;
        start_work(service, store, &front, &shutdown, &mut running);
    }
    tokio::select! {
        () = stop.cancelled() => {}
        error = running.wait_for_failure() => return Err(error),
    }
    info!(drain_s = drain.as_secs(), "stopping: not ready any more");
    front.health.readiness.drain();
    tokio::time::sleep(drain).await;
    let finish = shutdown.finish(&front.handle, running);
    if tokio::time::timeout(FINISH, finish).await.is_err() {
        warn!("shutdown timed out; unfinished work continues after the next start");
    }
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The HTTP side of the process, which runs before the database is connected.
struct Front {
    address: SocketAddr,
    app: Data<App>,
    health: Health,
    handle: ServerHandle,
}

/// Starts the server of the role and the one for metrics. The port answers at once; pages that need
/// the database answer 503 until it is connected.
fn open_ports(service: &Service) -> anyhow::Result<(Front, Running)> {
    let settings = &service.settings;
    let host = listen_host(settings);
    let listener = open("PORT", host, settings.app.port)?;
    let address = listener.local_addr()?;
    let readiness = Arc::new(Readiness::default());
    let health = Health {
        readiness: Arc::clone(&readiness),
        store: Arc::default(),
    };
    let counters = crate::wire::counters(settings)?;
    let app = crate::wire::web(
        settings,
        service.provider.capabilities().name,
        &service.certificates,
        Arc::clone(&service.saml),
        Arc::clone(&service.queue),
        Arc::clone(&counters),
        readiness,
    );
    let metrics_server = match settings.app.metrics_port {
        Some(port) => {
            let listener = open("METRICS_PORT", host, port)?;
            info!(port = listener.local_addr()?.port(), "serving metrics");
            let metrics = Metrics::new(health.clone(), app.metrics.clone(), counters);
            Some(tokio::spawn(crate::metrics::serve(listener, metrics)?))
        }
        None => None,
    };
    let server = match service.role {
        Role::Worker => crate::http::health_only(listener, health.clone())?,
        Role::All | Role::Web => {
            starchart_web::server(app.clone(), listener, None, FINISH.as_secs())?
        }
    };
    let front = Front {
        address,
        app,
        health,
        handle: server.handle(),
    };
    let running = Running {
        server: tokio::spawn(server),
        metrics_server,
        wake_up_relay: None,
        work: None,
    };
    Ok((front, running))
}

/// Returns the address to listen on. In development only this machine may connect; containers reach
/// host.docker.internal.
fn listen_host(settings: &Settings) -> Ipv4Addr {
    let is_public = settings.environment.is_production()
        || settings.app.url.host_str() == Some("host.docker.internal");
    if is_public {
        Ipv4Addr::UNSPECIFIED
    } else {
        Ipv4Addr::LOCALHOST
    }
}

/// Gives the database to the pages, starts the relay of wake-ups and the jobs of the role, and
/// reports that the process is ready.
fn start_work(
    service: Service,
    store: Store,
    front: &Front,
    shutdown: &Shutdown,
    running: &mut Running,
) {
    let Service {
        settings,
        role,
        provider,
        certificates,
        mailer,
        queue,
        ready,
        ..
    } = service;
    front.app.attach_store(store.clone());
    let _ = front.health.store.set(store.clone());
    front.health.readiness.begin();
    let relayed = Arc::clone(&queue);
    let fetch = shutdown.work.clone();
    let end = shutdown.relay.clone();
    running.wake_up_relay = Some(tokio::spawn(async move { relayed.relay(fetch, end).await }));
    if role != Role::Web {
        let context = crate::wire::worker(
            &settings,
            store,
            provider,
            &certificates,
            mailer,
            queue,
            shutdown.work.clone(),
        );
        running.work = Some(tokio::spawn(starchart_worker::run(context)));
    }
    let port = front.address.port();
    info!(url = %settings.app.url, port, "ready");
    if let Some(ready) = ready {
        let _ = ready.send(front.address);
    }
}

/// The tokens that end the parts of the process in order.
#[derive(Default)]
struct Shutdown {
    /// Ends the jobs, and the receiving of wake-ups.
    work: CancellationToken,
    /// Ends the sending of wake-ups, once no job and no page runs.
    relay: CancellationToken,
}

impl Shutdown {
    /// Ends the jobs, the server and the relay of wake-ups, and waits for them.
    async fn finish(self, server: &ServerHandle, running: Running) {
        self.work.cancel();
        server.stop(true).await;
        if let Some(work) = running.work {
            let _ = work.await;
        }
        self.relay.cancel();
        if let Some(relay) = running.wake_up_relay {
            let _ = relay.await;
        }
    }
}

/// The background tasks of the process.
struct Running {
    server: JoinHandle<std::io::Result<()>>,
    metrics_server: Option<JoinHandle<std::io::Result<()>>>,
    wake_up_relay: Option<JoinHandle<Result<(), PoolEnded>>>,
    work: Option<JoinHandle<()>>,
}

impl Running {
    /// Waits until a task ends, and returns that as an error. A process without its server, jobs or
    /// wake-ups is broken and has to exit.
    async fn wait_for_failure(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = &mut self.server => anyhow::anyhow!("the server ended early: {ended:?}"),
            ended = ends(&mut self.metrics_server) => {
                anyhow::anyhow!("METRICS_PORT: the server ended by itself: {ended:?}")
            }
            ended = ends(&mut self.wake_up_relay) => match ended {
                Ok(Err(ended)) => anyhow::Error::new(ended).context("REDIS_URL"),
                other => anyhow::anyhow!("REDIS_URL: receiving wake-ups ended early: {other:?}"),
            },
            ended = ends(&mut self.work) => anyhow::anyhow!("the background work ended early: \
                {ended:?}"),
        }
    }
}

/// Waits for the end of a task; forever when there is none.
async fn ends<T>(part: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match part {
        Some(part) => part.await,
        None => std::future::pending().await,
    }
}

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

/// Connects to the database and prepares its schema. Returns `None` when stopped meanwhile.
async fn ready_store(
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
    Ok(Some(store))
}

/// Connects to the database, waiting while it is unreachable. Returns `None` when stopped
/// meanwhile.
pub(crate) async fn connect(
    settings: &Settings,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let options = crate::wire::connect_options(settings);
    let mut logged = None::<tokio::time::Instant>;
    loop {
        match Store::connect(&options).await {
            Ok(store) => return Ok(Some(store)),
            Err(ConnectError::Unreachable(reason)) => {
                if logged.is_none_or(|at| at.elapsed() >= WAIT) {
                    warn!(error = %reason, "DATABASE_URL: waiting for the database");
                    logged = Some(tokio::time::Instant::now());
                }
            }
            Err(error) => return Err(anyhow::Error::new(error).context("DATABASE_URL")),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

/// Migrates, or waits until another process has. Returns false when stopped meanwhile.
async fn schema_fits(
    store: &Store,
    auto_migrate: bool,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    loop {
        match store.schema().await {
            Ok(SchemaState::Fits) => return Ok(true),
            Ok(SchemaState::Pending(count)) if auto_migrate => {
                info!(count, "migrating the schema");
                tokio::select! {
                    migrated = store.migrate() => migrated.context("the schema cannot be \
                        migrated")?,
                    () = stop.cancelled() => return Ok(false),
                };
                continue;
            }
            Ok(SchemaState::HalfWiped) if auto_migrate => {
                warn!("finishing an interrupted wipe");
                let finished = tokio::select! {
                    finished = store.migrate() => finished.context("the wipe cannot be finished")?,
                    () = stop.cancelled() => return Ok(false),
                };
                // `None`: another process has finished it.
                if let Some(tables) = finished.wiped {
                    for table in &tables {
                        warn!(table, "dropped and recreated");
                    }
                    warn!("the wipe is finished: the zone was not changed, publishing is paused");
                }
                continue;
            }
            Ok(SchemaState::HalfWiped) => {
                warn!(
                    "a wipe was begun and is not finished, and AUTO_MIGRATE=0: run `starchart \
                     migrate`"
                );
            }
            Ok(SchemaState::Pending(count)) => {
                warn!(
                    count,
                    "migrations are pending and AUTO_MIGRATE=0: run `starchart migrate`"
                );
            }
            Ok(SchemaState::PreRelease) => {
                return Err(anyhow::Error::new(Error::PreReleaseSchema).context("DATABASE_URL"));
            }
            Ok(SchemaState::Newer(names)) => {
                // Later migrations only add, so that an older program works during an update and
                // after a rollback.
                warn!(?names, "the schema is newer than this program");
                return Ok(true);
            }
            Err(error) => warn!(error = error_chain(&error), "waiting for the database"),
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        let forever = || tokio::spawn(std::future::pending());
        Running {
            server: forever(),
            metrics_server: None,
            wake_up_relay: Some(tokio::spawn(std::future::pending())),
            work: None,
        }
    }

    #[tokio::test]
    async fn the_process_fails_when_the_redis_pool_ends() {
        let mut running = running();
        running.wake_up_relay = Some(tokio::spawn(async { Err(PoolEnded) }));
        assert_eq!(
            format!("{:#}", running.wait_for_failure().await),
            "REDIS_URL: the worker pool that receives wake-ups from Redis ended unexpectedly"
        );
        running.wake_up_relay = Some(tokio::spawn(async { panic!("a bug") }));
        assert!(
            running
                .wait_for_failure()
                .await
                .to_string()
                .starts_with("REDIS_URL: receiving wake-ups ended early")
        );
    }

    #[tokio::test]
    async fn running_tasks_do_not_fail_the_process() {
        let broken = tokio::time::timeout(Duration::from_millis(50), async {
            running().wait_for_failure().await
        })
        .await;
        assert!(broken.is_err());
    }
}
