//! Starts a server process and shuts it down in order.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use starchart_dns::provider::Provider;
use starchart_jobs::{PoolEnded, Queue};
use starchart_mail::Mailer;
use starchart_saml::ServiceProvider;
use starchart_settings::Settings;
use starchart_store::Store;
use starchart_web::{App, Readiness};
use starchart_worker::Outages;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::database;
use crate::http::Health;
use crate::metrics::Metrics;
use crate::role::Role;
use crate::wire::Certificates;

/// The time limit for open requests and running jobs after the drain. With the maximum DRAIN_S of
/// 30 s, the process ends within 45 s.
const FINISH: Duration = Duration::from_secs(12);

/// How often the counts of API tokens' requests are stored.
const USAGE_EVERY: Duration = Duration::from_secs(60);

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
    if let Some(store) = database::prepare(&service.settings, &stop).await? {
        start_work(service, store, &front, &shutdown, &mut running);
    }
    tokio::select! {
        () = stop.cancelled() => {}
        error = running.wait_for_failure() => return Err(error),
    }
    info!(drain_s = drain.as_secs(), "stopping: not ready any more");
    front.health.readiness.drain();
    tokio::time::sleep(drain).await;
    let finish = shutdown.finish(&front, running);
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
        database_watch: None,
        usage: None,
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
    let outages = Arc::<Outages>::default();
    let watch = database::watch(store.clone(), Arc::clone(&outages), shutdown.work.clone());
    running.database_watch = Some(tokio::spawn(watch));
    if role != Role::Worker {
        let usage = store_usage(front.app.clone(), shutdown.work.clone());
        running.usage = Some(tokio::spawn(usage));
    }
    if role != Role::Web {
        let stop = shutdown.work.clone();
        let context = starchart_worker::Context {
            outages,
            ..crate::wire::worker(
                &settings,
                store,
                provider,
                &certificates,
                mailer,
                queue,
                stop,
            )
        };
        running.work = Some(tokio::spawn(starchart_worker::run(context)));
    }
    let port = front.address.port();
    info!(url = %settings.app.url, port, "ready");
    if let Some(ready) = ready {
        let _ = ready.send(front.address);
    }
}

/// Stores the counts of API tokens' requests from time to time.
async fn store_usage(app: Data<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(USAGE_EVERY) => app.store_token_usage().await,
        }
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
    async fn finish(self, front: &Front, running: Running) {
        self.work.cancel();
        front.handle.stop(true).await;
        let Running {
            work,
            database_watch,
            usage,
            wake_up_relay,
            ..
        } = running;
        for task in [work, database_watch, usage].into_iter().flatten() {
            let _ = task.await;
        }
        front.app.store_token_usage().await;
        self.relay.cancel();
        if let Some(relay) = wake_up_relay {
            let _ = relay.await;
        }
    }
}

/// The background tasks of the process.
struct Running {
    server: JoinHandle<std::io::Result<()>>,
    metrics_server: Option<JoinHandle<std::io::Result<()>>>,
    wake_up_relay: Option<JoinHandle<Result<(), PoolEnded>>>,
    database_watch: Option<JoinHandle<()>>,
    usage: Option<JoinHandle<()>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        let forever = || tokio::spawn(std::future::pending());
        Running {
            server: forever(),
            metrics_server: None,
            wake_up_relay: Some(tokio::spawn(std::future::pending())),
            database_watch: None,
            usage: None,
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
